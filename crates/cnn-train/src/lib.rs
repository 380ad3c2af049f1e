//! Training: gradients as graph, losses, optimizers, learning-rate schedules, metrics and callbacks.
//!
//! No GPU, no threads: what comes out is graph that any executor runs, and numbers.

mod gradient;
mod loss;
mod optimizer;
mod step;

pub use gradient::{GradientError, differentiate};
pub use loss::{Loss, one_hot};
pub use optimizer::Optimizer;
pub use step::{Feed, SAMPLE_WEIGHTS, SETTINGS, Step, TARGETS, TrainError, initial_state};
