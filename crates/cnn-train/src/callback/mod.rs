//! What happens around epochs and batches: Keras's callbacks, and a trait for one's own.
//!
//! Source: the documentation of `keras.callbacks`. A callback sees numbers and asks a [`Control`] for what the trainer
//! has to do; it holds no model.

mod control;
mod csv_logger;
mod early_stopping;
mod event;
mod history;
mod learning_rate_scheduler;
mod logs;
mod model_checkpoint;
mod monitor;
mod python;
mod reduce_lr_on_plateau;
mod template;
mod tensor_board;

pub use control::{Control, Request, What};
pub use csv_logger::CsvLogger;
pub use early_stopping::EarlyStopping;
pub use history::History;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use logs::Logs;
pub use model_checkpoint::{ModelCheckpoint, SaveFrequency};
pub use monitor::Mode;
pub use reduce_lr_on_plateau::ReduceLrOnPlateau;
pub use tensor_board::TensorBoard;

use std::path::{Path, PathBuf};

use crate::send::MaybeSend;
use crate::state::{State, StateError};

/// Something that is told of every step of a training. Every method but `name` has a body that does nothing.
///
/// Epochs are counted from 0 over the whole training, batches from 0 in every epoch. Logs are the means so far of the
/// epoch (those of validation begin with `val_`); what a callback writes there is seen by those after it. An error ends
/// the training.
///
/// ```
/// use cnn_train::callback::{Callback, CallbackError, Control, Logs};
///
/// struct StopAt(f64);
///
/// impl Callback for StopAt {
///     fn name(&self) -> &str {
///         "stop_at"
///     }
///
///     fn on_epoch_end(&mut self, _: usize, logs: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
///         if logs.get("loss").is_some_and(|loss| loss < self.0) {
///             control.stop();
///         }
///         Ok(())
///     }
/// }
///
/// let mut control = Control::new(0.01);
/// StopAt(0.5).on_epoch_end(0, &mut Logs::from([("loss", 0.25)]), &mut control)?;
/// assert!(control.stops());
/// # Ok::<(), CallbackError>(())
/// ```
pub trait Callback: MaybeSend {
    /// The name that its state has in a checkpoint; it has to differ from those of the other callbacks of a training.
    fn name(&self) -> &str;

    /// Before the first batch of a training that begins.
    ///
    /// # Errors
    /// The callback's own, as with all that follow.
    fn on_train_begin(&mut self, _control: &mut Control) -> Result<(), CallbackError> {
        Ok(())
    }

    /// In place of `on_train_begin`, where a training goes on from a checkpoint that has this state. A callback without
    /// a state begins as ever.
    ///
    /// # Errors
    /// If the state is not one of its own.
    fn on_train_resume(&mut self, _state: &State, control: &mut Control) -> Result<(), CallbackError> {
        self.on_train_begin(control)
    }

    /// After the last batch, also where a callback stopped the training.
    ///
    /// # Errors
    /// The callback's own.
    fn on_train_end(&mut self, _logs: &mut Logs, _control: &mut Control) -> Result<(), CallbackError> {
        Ok(())
    }

    /// Before the first batch of an epoch.
    ///
    /// # Errors
    /// The callback's own.
    fn on_epoch_begin(&mut self, _epoch: usize, _control: &mut Control) -> Result<(), CallbackError> {
        Ok(())
    }

    /// After the last batch of an epoch and its validation.
    ///
    /// # Errors
    /// The callback's own.
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &mut Logs, _control: &mut Control) -> Result<(), CallbackError> {
        Ok(())
    }

    /// Before a batch.
    ///
    /// # Errors
    /// The callback's own.
    fn on_train_batch_begin(&mut self, _batch: usize, _control: &mut Control) -> Result<(), CallbackError> {
        Ok(())
    }

    /// After a batch.
    ///
    /// # Errors
    /// The callback's own.
    fn on_train_batch_end(
        &mut self,
        _batch: usize,
        _logs: &mut Logs,
        _control: &mut Control,
    ) -> Result<(), CallbackError> {
        Ok(())
    }

    /// What it has to remember so that a training goes on from a checkpoint as if it had never stopped.
    fn state(&self) -> State {
        State::new()
    }
}

/// A callback cannot do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The monitored number is not in the logs. Keras warns here and goes on without the callback.
    #[error("{callback}: there is no '{monitor}' in the logs; there are {}", .available.join(", "))]
    Missing {
        /// The callback's name.
        callback: String,
        /// What it monitors.
        monitor: String,
        /// What is in the logs.
        available: Vec<String>,
    },
    /// Nothing says whether the monitored number should grow or shrink.
    #[error("{callback}: nothing says whether '{monitor}' is better large or small; choose Mode::Min or Mode::Max")]
    Direction {
        /// The callback's name.
        callback: String,
        /// What it monitors.
        monitor: String,
    },
    /// An argument that the callback does not have.
    #[error("{callback}: {argument} is {value}, but has to be {wanted}")]
    Argument {
        /// The callback's name.
        callback: String,
        /// The argument's name in Keras.
        argument: &'static str,
        /// What was given.
        value: String,
        /// What can be given.
        wanted: &'static str,
    },
    /// The path of a checkpoint cannot be made of its template.
    #[error("the path '{template}': {problem}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be written.
    #[error("{callback}: {} cannot be written: {error}", .path.display())]
    File {
        /// The callback's name.
        callback: String,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// A checkpoint has the state of another callback.
    #[error(transparent)]
    State(#[from] StateError),
    /// For callbacks of one's own.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl CallbackError {
    /// For `map_err`: the operating system's error with a file.
    fn file(callback: &str, path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |error| CallbackError::File { callback: callback.to_owned(), path: path.to_owned(), error }
    }
}
