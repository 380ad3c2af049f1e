//! Training: a [`Trainer`] is a network in training on a device, [`Fit`] says how it goes over a data set.
//!
//! ```no_run
//! use cnn::data::ImageDirectory;
//! use cnn::training::{Accuracy, EarlyStopping, Fit, Loss, Optimizer, Trainer, Training};
//! use cnn::{Device, Network};
//!
//! async fn train(device: &Device, network: &Network) -> Result<Network, cnn::Error> {
//!     let (training, validation) = ImageDirectory::new("flowers").image_size(180, 180).dataset()?.split(0.2)?;
//!     let compiled = Training::new(Loss::CROSSENTROPY, Optimizer::adam());
//!     let mut trainer = Trainer::new(device, network, compiled)?;
//!     let stopping = EarlyStopping::new("val_loss").patience(3).restore_best_weights(true);
//!     let fit = Fit::new(20).metric(Accuracy::new()).validation(&validation).callback(stopping);
//!     trainer.fit(&training, &mut fit.checkpoint("training.safetensors")).await?;
//!     trainer.network().await
//! }
//! ```

mod checkpoint;
mod evaluate;
mod features;
mod fine_tune;
mod fit;
mod learning_rates;
mod progress;
mod targets;
mod trainer;

pub use cnn_core::op::Rule;
pub use cnn_train::callback::{self, Callback, EarlyStopping, History, Logs, ModelCheckpoint, ReduceLrOnPlateau};
pub use cnn_train::metric::{self, Accuracy, ConfusionMatrix, Metric};
pub use cnn_train::schedule::{self, Schedule};
pub use cnn_train::{GradientError, Loss, LossScale, MaybeSend, Optimizer, TrainError, Training, one_hot};
pub use fine_tune::{FineTune, FineTuneError, FineTuned, fine_tune};
pub use fit::{Fit, Fitted};
pub use learning_rates::{FindLearningRate, LearningRates, LearningRatesError};
pub use progress::Progress;
pub use trainer::{Recomputation, Stepped, Trainer};
