//! Pictures and arrays into tensors: decoding PNG, JPEG, GIF, BMP and WebP, resizing, data sets of batches, plain functions on
//! pictures.
//!
//! A picture goes the way that Keras's `load_img` and `img_to_array` take it, and comes out as the same numbers: first
//! to the wanted channels, then to the wanted size, then to float32 from 0 to 255. [`decode`] says where it differs.
//!
//! ```
//! # fn read(bytes: &[u8]) -> Result<cnn_core::Tensor, cnn_data::PictureError> {
//! use cnn_data::{Channels, DecodeOptions, Interpolation, decode};
//! let picture = decode(bytes, "cat.jpg", &DecodeOptions::default())?;
//! let small = picture.convert(Channels::Rgb).resize(224, 224, Interpolation::Nearest)?;
//! Ok(small.to_tensor(Channels::Rgb)) // [1, 224, 224, 3]
//! # }
//! ```
//!
//! Training takes its batches from a [`Dataset`], which an [`ImageDirectory`] or arrays in memory make. Its pictures go
//! the way that Keras's `image_dataset_from_directory` takes them: [`Picture::resize_to_tensor`].
//!
//! [`ImageDirectory`] alone lists and reads files; everything else takes bytes and arrays from the caller.

mod adjust;
mod arrays;
mod batches;
mod classes;
mod data_error;
mod dataset;
mod decode;
mod directory;
mod error;
mod functions;
mod header;
mod order;
mod picture;
mod prefetch;
mod resample;
mod resize;
mod source;

pub use adjust::{adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation, rgb_to_grayscale};
pub use batches::Batches;
pub use data_error::DataError;
pub use dataset::{Batch, Dataset, Note};
pub use decode::{DecodeOptions, decode};
pub use directory::{Broken, ImageDirectory};
pub use error::{PictureError, PictureProblem};
pub use functions::{central_crop, crop, flip_left_right, flip_up_down, pad_to_bounding_box, rot90};
pub use picture::{Channels, Picture, batch};
pub use resample::{Fit, ResizeMethod, resize};
pub use resize::Interpolation;
pub use source::{Example, LabelMode};
