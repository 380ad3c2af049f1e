//! Keras, safetensors and npy files to and from models and weights.
//!
//! Everything works on bytes in memory, so that it works in a browser; [`files`] alone knows the file system. Nothing
//! here panics on a damaged or hostile file: each error is an [`IoError`] that names the file, what is wrong with it,
//! and what to do.

pub mod error;
pub mod files;
pub mod hdf5;
pub mod npy;
pub mod safetensors;

pub use error::{IoError, Mismatch, Problem};
