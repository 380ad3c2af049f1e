//! Training: a [`Trainer`] is a network in training on a device.

mod trainer;

pub use cnn_train::{GradientError, Loss, Optimizer, TrainError, one_hot};
pub use trainer::{Stepped, Trainer, Training};
