//! The error of reading and writing files.

use cnn_core::weights::WeightsError;
use cnn_core::{ModelError, ShapeError};

/// A file could not be read or written. It prints as the file's name, what is wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct IoError {
    /// The file, as the caller named it.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The operating system refused to read the file.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// The operating system refused to write the file; what stood there before is untouched.
    #[error("cannot be written: {0}; nothing was changed")]
    Write(std::io::Error),
    /// The first bytes belong to no format that is read here.
    #[error("is {found}, not {wanted}")]
    UnknownFormat {
        /// What the first bytes say.
        found: String,
        /// The formats that can be read at this place.
        wanted: &'static str,
    },
    /// The bytes break the rules of their format: truncated, damaged or hostile.
    #[error("is not a whole {format} file: {reason}; download or write it again")]
    Damaged {
        /// The format's name.
        format: &'static str,
        /// Which rule is broken.
        reason: String,
    },
    /// The file is sound but uses something that is not supported.
    #[error("{what} is not supported; {remedy}")]
    Unsupported {
        /// What is used, and by which tensor or layer.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// An archive of arrays without one that is wanted.
    #[error("has no {what}; its arrays are {known}; {remedy}")]
    Lacks {
        /// The array or arrays.
        what: String,
        /// The arrays that are there.
        known: String,
        /// What to do about it.
        remedy: String,
    },
    /// A layer class in a configuration that is not known.
    #[error("{place}: unknown layer class '{class}'; known are {}", .known.join(", "))]
    UnknownLayer {
        /// Where in the configuration it stands.
        place: String,
        /// The class as written.
        class: String,
        /// The classes that can be read.
        known: &'static [&'static str],
    },
    /// An argument of a layer that is missing, unknown or has a value that cannot be taken, or a wiring that is none.
    #[error("{place}: {reason}")]
    Config {
        /// Where in the configuration it stands: the models around it, the layer's name and class.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// The layers of a configuration do not make a model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The file's tensors are not those of the model, or not all of them are numbers.
    #[error("{}", show(.weights, .conflicts))]
    Weights {
        /// What is missing, extra, of another shape, or not finite. Tensors that only the file knows stand there under
        /// their place in the file.
        weights: Box<WeightsError>,
        /// Layers for which names, order and shapes in the file contradict each other.
        conflicts: Vec<String>,
    },
    /// The file holds weights but no configuration, so it is no model.
    #[error("holds weights alone, no model; name the model they belong to and give this file as its weights")]
    WeightsAlone,
}

fn show(weights: &WeightsError, conflicts: &[String]) -> String {
    let mut text = weights.to_string();
    for conflict in conflicts {
        text += "\n  ";
        text += conflict;
    }
    text
}

impl From<ShapeError> for Problem {
    fn from(error: ShapeError) -> Self {
        Problem::Model(error.into())
    }
}

impl Problem {
    /// The error of the file called `file`.
    pub fn in_file(self, file: &str) -> IoError {
        IoError { file: file.to_owned(), problem: self }
    }

    pub(crate) fn damaged(format: &'static str, reason: impl ToString) -> Self {
        Problem::Damaged { format, reason: reason.to_string() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem::Unsupported { what: what.into(), remedy: remedy.into() }
    }

    pub(crate) fn config(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Problem::Config { place: place.into(), reason: reason.into() }
    }
}
