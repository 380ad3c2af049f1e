//! What a training tells while it goes on.

use cnn_train::callback::Logs;

/// How far a training has come, for a progress bar.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A step is done.
    Step {
        /// The epoch, counted from 0.
        epoch: usize,
        /// The batch of the epoch, counted from 0.
        batch: usize,
        /// Batches of the epoch.
        batches: usize,
        /// Examples of the batch.
        examples: usize,
        /// The loss of this batch alone.
        loss: f64,
        /// Whether the weights were changed: with mixed precision a step whose gradients are not finite is left out.
        done: bool,
        /// The means so far of the epoch.
        logs: &'a Logs,
    },
    /// A batch of the validation is done.
    Validation {
        /// The batch, counted from 0.
        batch: usize,
        /// Batches of the validation.
        batches: usize,
    },
    /// The features of a batch are computed, before the first step ([`Fit::cache_features`](super::Fit::cache_features)).
    Features {
        /// The batch, counted from 0.
        batch: usize,
        /// Batches of all data.
        batches: usize,
        /// Bytes that all features take.
        bytes: u64,
    },
    /// The features would take too much memory, so the frozen part is computed anew in each step.
    FeaturesNotKept {
        /// Bytes that all features would take.
        bytes: u64,
        /// The most that they may take.
        limit: u64,
    },
    /// A step of a search for a learning rate is done ([`Trainer::find_learning_rate_with`](super::Trainer::find_learning_rate_with)).
    Search {
        /// The step, counted from 0.
        step: usize,
        /// Steps of the search, if the loss does not end it before.
        steps: usize,
        /// The learning rate of this step.
        learning_rate: f64,
        /// The loss of this batch alone, before the step.
        loss: f64,
    },
    /// An epoch is done, its validation too.
    Epoch {
        /// The epoch, counted from 0.
        epoch: usize,
        /// All numbers of the epoch.
        logs: &'a Logs,
    },
}
