//! Pictures into tensors: decoding PNG and JPEG, resizing, batches.
//!
//! A picture goes the way that Keras's `load_img` and `img_to_array` take it, and comes out as the same numbers: first to
//! the wanted channels, then to the wanted size, then to float32 from 0 to 255. [`decode`] says where it differs.
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
//! Nothing here reads files: bytes come from the caller.

mod decode;
mod error;
mod header;
mod picture;
mod resize;

pub use decode::{DecodeOptions, decode};
pub use error::{PictureError, PictureProblem};
pub use picture::{Channels, Picture, batch};
pub use resize::Interpolation;
