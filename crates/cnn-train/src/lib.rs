//! Training: gradients as graph, losses, optimizers, learning-rate schedules, metrics and callbacks.
//!
//! No GPU, no threads: what comes out is graph that any executor runs, and numbers.

pub mod callback;
pub mod initializer;
pub mod metric;
mod names;
pub mod schedule;
pub mod state;
