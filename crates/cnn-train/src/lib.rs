//! Training: gradients as graph, losses, optimizers, learning-rate schedules, metrics and callbacks.
//!
//! No GPU, no threads: what comes out is graph that any executor runs, and numbers.

mod gradient;

pub use gradient::{GradientError, differentiate};
