//! Training: a [`Trainer`] is a network in training on a device, [`Fit`] says how it goes over a data set.

mod checkpoint;
mod fit;
mod targets;
mod trainer;

pub use cnn_core::op::Rule;
pub use cnn_train::callback::{self, Callback, EarlyStopping, History, Logs, ModelCheckpoint, ReduceLrOnPlateau};
pub use cnn_train::metric::{self, Accuracy, ConfusionMatrix, Metric};
pub use cnn_train::schedule::{self, Schedule};
pub use cnn_train::{GradientError, Loss, Optimizer, TrainError, one_hot};
pub use fit::{Fit, Fitted, Progress};
pub use trainer::{Stepped, Trainer, Training};
