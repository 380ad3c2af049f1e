//! Keras, safetensors and npy files to and from models and weights.
//!
//! Everything works on bytes in memory, so that it works in a browser; [`files`] alone knows the file system. Nothing
//! here panics on a damaged or hostile file: each error is an [`IoError`] that names the file, what is wrong with it,
//! and what to do.
//!
//! ```
//! use cnn_core::layers::{Activation, Conv2D, Flatten};
//! use cnn_core::{Sequential, Weights};
//!
//! let model = Sequential::new("tiny")
//!     .input([8, 8, 1])?
//!     .add(Conv2D::new(4, 3).activation(Activation::Relu))?
//!     .add(Flatten)?
//!     .model()?;
//! let weights = Weights::initialize(&model, 1);
//!
//! // A `.keras` file is a model with its weights; its format is found by its first bytes.
//! let bytes = cnn_io::write(&model, &weights, cnn_io::Format::Keras)?;
//! let loaded = cnn_io::read_model(&bytes, "tiny.keras")?;
//! assert_eq!((&loaded.model, &loaded.weights), (&model, &weights));
//!
//! // Weights alone, for a model that is there already.
//! let bytes = cnn_io::write(&model, &weights, cnn_io::Format::WeightsH5)?;
//! assert_eq!(cnn_io::read_weights(&bytes, &model, "tiny.weights.h5")?, weights);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
pub mod error;
pub mod files;
pub mod hdf5;
pub mod keras;
pub mod npy;
pub mod npz;
pub mod safetensors;
mod weights;

use std::borrow::Cow;
use std::io::{Read, Seek};
use std::sync::Arc;

use cnn_core::{Model, WeightSource, Weights};

pub use error::{IoError, Problem};
pub use weights::{Matching, Skipped};

use weights::Mismatch;

/// A model from a file.
#[derive(Debug, Clone)]
pub struct LoadedModel {
    /// The layers.
    pub model: Model,
    /// Their weights.
    pub weights: Weights,
    /// What was found in the file but not kept, such as how a model was compiled, for a person to read.
    pub notes: Vec<String>,
}

/// A format to write in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Keras 3's `.keras`: model and weights.
    Keras,
    /// Whole-model `.h5`: model and weights.
    LegacyH5,
    /// Keras 3's `.weights.h5`: weights.
    WeightsH5,
    /// Legacy `.h5`: weights.
    LegacyWeightsH5,
    /// safetensors: weights under their paths.
    Safetensors(safetensors::Float),
}

/// Reads a `.keras` or whole-model `.h5` file, of Keras 2 or 3; which of them it is, its first bytes say.
///
/// Give a `Vec` where you can: an `.h5` file is then read in place. `name` is the file's name for the message.
///
/// # Errors
/// If the file is damaged, a layer or argument in its configuration is not known, it is no whole model, or its weights
/// are not all there and finite.
pub fn read_model<'a>(bytes: impl Into<Cow<'a, [u8]>>, name: &str) -> Result<LoadedModel, IoError> {
    let bytes = bytes.into();
    let wanted = "a .keras or whole-model .h5 file";
    let read = || match sniff(&bytes) {
        Kind::Zip => keras::read_archive(&bytes),
        Kind::Hdf5 => {
            let root = hdf5::open(bytes.into_owned())?;
            if keras::is_keras3(&root)? {
                return Err(Problem::WeightsAlone);
            }
            let contents = keras::legacy_contents(root)?;
            contents.ok_or_else(|| not_of_keras(wanted))?.model()
        }
        Kind::Safetensors => Err(Problem::WeightsAlone),
        Kind::Other(found) => Err(unknown(found, wanted)),
    };
    read().map_err(|problem| problem.in_file(name))
}

/// Reads the weights of `model` from a `.weights.h5`, `.h5` (weights or whole model, Keras 2 or 3), `.keras` or
/// safetensors file; which of them it is, its first bytes say.
///
/// They bind as Keras binds them: see [`keras`] and [`safetensors`].
///
/// # Errors
/// If the file is damaged, or its weights are not exactly this model's, each of its shape and finite; the error lists
/// everything that is wrong.
pub fn read_weights<'a>(bytes: impl Into<Cow<'a, [u8]>>, model: &Model, name: &str) -> Result<Weights, IoError> {
    Ok(read_matching(bytes.into(), model, name, Mismatch::Refuse)?.weights)
}

/// Opens the weights of `model` in any file that [`read_weights`] takes. Of an HDF5 file each tensor is read when it is
/// asked for, and not kept, so that nobody has to hold them all; a file of another format is read whole.
///
/// ```
/// use std::io::Cursor;
/// use cnn_core::layers::Dense;
/// use cnn_core::{Sequential, WeightSource, Weights};
///
/// let model = Sequential::new("m").input([4])?.add(Dense::new(8))?.model()?;
/// let weights = Weights::initialize(&model, 1);
/// let bytes = cnn_io::write(&model, &weights, cnn_io::Format::WeightsH5)?;
/// let open = cnn_io::open_weights(Cursor::new(bytes), &model, "m.weights.h5")?;
/// assert_eq!(open.tensor("dense/kernel")?.as_ref(), weights.get("dense/kernel"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`read_weights`]: that all is there and finite is looked at here.
pub fn open_weights(
    mut file: impl Read + Seek + Send + Sync + 'static,
    model: &Model,
    name: &str,
) -> Result<Arc<dyn WeightSource>, IoError> {
    /// How much of a file tells its format.
    const START: u64 = 4096;
    let wrong = |error| Problem::Read(error).in_file(name);
    let mut bytes = Vec::new();
    (&mut file).take(START).read_to_end(&mut bytes).map_err(wrong)?;
    if !hdf5::sniff(&bytes) {
        file.read_to_end(&mut bytes).map_err(wrong)?;
        return Ok(Arc::new(read_weights(bytes, model, name)?));
    }
    let open = || keras::find_weights(hdf5::open_seekable(file)?, model, Mismatch::Refuse)?.open(model, name);
    Ok(Arc::new(open().map_err(|problem| problem.in_file(name))?))
}

/// Reads those weights of `model` that fit, from any file that [`read_weights`] takes, and lists what was skipped: Keras's
/// `load_weights(skip_mismatch=True)`.
///
/// What may be skipped is what Keras skips. In a legacy `.h5` file that is a tensor of another shape; layers and their
/// numbers of tensors have to be the model's, since layers bind by their order there. In a `.weights.h5` or `.keras` file
/// it is a layer, from the first tensor on that does not fit, or all of it if it has another number of them. In a
/// safetensors file it is any tensor.
///
/// # Errors
/// If the file is damaged, it is not clear what belongs where, or what fits is not finite.
///
/// ```
/// use cnn_core::layers::Dense;
/// use cnn_core::{ModelError, Sequential, Weights};
///
/// let classifier = |classes| -> Result<_, ModelError> {
///     Sequential::new("m").input([4])?.add(Dense::new(8))?.add(Dense::new(classes))?.model()
/// };
/// let (ten, three) = (classifier(10)?, classifier(3)?);
/// let bytes = cnn_io::write(&ten, &Weights::initialize(&ten, 1), cnn_io::Format::LegacyWeightsH5)?;
/// let matching = cnn_io::read_matching_weights(&bytes, &three, "ten.h5")?;
/// assert_eq!((matching.weights.len(), matching.skipped.len()), (2, 2));
/// assert!(matching.skipped[1].to_string().ends_with("should be [3], is [10]"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_matching_weights<'a>(
    bytes: impl Into<Cow<'a, [u8]>>,
    model: &Model,
    name: &str,
) -> Result<Matching, IoError> {
    read_matching(bytes.into(), model, name, Mismatch::Skip)
}

fn read_matching(bytes: Cow<'_, [u8]>, model: &Model, name: &str, mismatch: Mismatch) -> Result<Matching, IoError> {
    let read = || match sniff(&bytes) {
        Kind::Zip => keras::read_archive_weights(&bytes, model, mismatch),
        Kind::Hdf5 => keras::read_weights(hdf5::open(bytes.into_owned())?, model, mismatch),
        Kind::Safetensors => safetensors::read_weights(&bytes, model, mismatch),
        Kind::Other(found) => Err(unknown(found, WEIGHTS_WANTED)),
    };
    read().map_err(|problem| problem.in_file(name))
}

/// The bytes of a file with `model` (where the format holds one) and its weights.
///
/// # Errors
/// If `weights` are not this model's, or the format has no form for a layer.
pub fn write(model: &Model, weights: &Weights, format: Format) -> Result<Vec<u8>, Problem> {
    match format {
        Format::Keras => keras::write_keras(model, weights),
        Format::LegacyH5 => keras::write_legacy_model(model, weights),
        Format::WeightsH5 => keras::write_weights(model, weights),
        Format::LegacyWeightsH5 => keras::write_legacy_weights(model, weights),
        Format::Safetensors(float) => safetensors::write_weights(model, weights, float),
    }
}

enum Kind {
    Zip,
    Hdf5,
    Safetensors,
    Other(&'static str),
}

fn sniff(bytes: &[u8]) -> Kind {
    const KNOWN: [(&[u8], &str); 5] = [
        (npy::MAGIC, "a .npy array"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"{", "a JSON text without weights"),
        (b"version https://git-lfs", "a pointer to a file in Git LFS, not yet fetched"),
    ];
    if bytes.starts_with(keras::ARCHIVE_MAGIC) {
        Kind::Zip
    } else if hdf5::sniff(bytes) {
        Kind::Hdf5
    } else if safetensors::sniff(bytes) {
        Kind::Safetensors
    } else if bytes.is_empty() {
        Kind::Other("empty")
    } else {
        let known = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic));
        Kind::Other(known.map_or("of a format that its first bytes do not tell", |(_, found)| found))
    }
}

/// What files weights are read from.
pub(crate) const WEIGHTS_WANTED: &str = "a .weights.h5, .h5, .keras or .safetensors file";

pub(crate) fn not_of_keras(wanted: &'static str) -> Problem {
    unknown("an HDF5 file that Keras did not write", wanted)
}

fn unknown(found: &str, wanted: &'static str) -> Problem {
    Problem::UnknownFormat { found: found.to_owned(), wanted }
}
