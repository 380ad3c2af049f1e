//! The 40 models of `keras.applications`: layer names, order, configuration and weight shapes equal Keras 3's.
//!
//! One file for each paper; [`ROWS`] lists the models, and [`find`] looks one up.
//!
//! ```
//! use cnn_zoo::{Arguments, find};
//!
//! let row = find("resnet50")?;
//! let model = row.build(&Arguments::default())?;
//! assert_eq!(model.count_params().total(), 25_636_712);
//!
//! let headless = Arguments::default().include_top(false).input_shape([128, 128, 3]);
//! let model = find("InceptionV3")?.build(&headless)?;
//! assert_eq!(model.output_shapes(), [[None, Some(2), Some(2), Some(2048)]]);
//! # Ok::<(), cnn_zoo::ZooError>(())
//! ```

mod arguments;
mod common;
mod convnext;
mod densenet;
mod efficientnet;
mod efficientnet_v2;
mod imagenet;
mod inception_resnet_v2;
mod inception_v3;
mod mobilenet;
mod mobilenet_v2;
mod mobilenet_v3;
mod nasnet;
mod preprocess;
mod resnet;
mod resnet_v2;
mod rows;
mod squeeze_excite;
mod vgg;
mod weight_files;
mod xception;

pub use arguments::{Arguments, Pooling, ZooError};
pub use imagenet::{Class, Prediction, decode_predictions, imagenet_classes, top};
pub use preprocess::Preprocess;
pub use rows::{ROWS, Row, find};
pub use weight_files::WeightFile;
