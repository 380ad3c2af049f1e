//! Training: gradients as graph, losses, optimizers, learning-rate schedules, metrics and callbacks.
//!
//! No GPU, no threads: what comes out is graph that any executor runs, and numbers. Files are written by two callbacks,
//! [`callback::CsvLogger`] and [`callback::TensorBoard`], alone.

pub mod callback;
mod gradient;
mod loss;
pub mod metric;
mod optimizer;
mod regularization;
pub mod schedule;
mod send;
pub mod state;
mod step;
mod training;
mod update;
mod variables;

pub use gradient::{GradientError, differentiate};
pub use loss::{Loss, one_hot};
pub use optimizer::{Optimizer, Settings};
pub use send::MaybeSend;
pub use step::{Feed, SAMPLE_WEIGHTS, Step, TARGETS, TrainError, feed, judge};
pub use training::{LossScale, Training};
pub use variables::{initial_state, overwrite_with_averages};
