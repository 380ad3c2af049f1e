//! The error of reading and writing files.

use cnn_core::ShapeError;

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
    /// A layer class in a configuration that is not known.
    #[error("{place}: unknown layer class {class:?}; known are {}", .known.join(", "))]
    UnknownLayer {
        /// Where in the configuration it stands.
        place: String,
        /// The class as written.
        class: String,
        /// The classes that can be read.
        known: Vec<&'static str>,
    },
    /// An argument of a layer in a configuration that is missing, unknown or has a value that cannot be taken.
    #[error("{place}: {reason}")]
    Config {
        /// Where in the configuration it stands, with the layer's name and class.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A layer refused the shapes it was given while the model was built.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// The file's tensors are not those of the model.
    #[error("{}", list(.0))]
    Weights(Vec<Mismatch>),
    /// The file holds weights but no configuration, so it is no model.
    #[error("holds weights alone, no model; name the model they belong to and give this file as its weights")]
    WeightsAlone,
}

/// One way in which a file's tensors differ from a model's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The model has a weight that the file lacks.
    #[error("missing {weight} {shape:?}")]
    Missing {
        /// The weight's path in the model.
        weight: String,
        /// The shape it has there.
        shape: Vec<usize>,
    },
    /// The file has a tensor that the model does not know.
    #[error("extra {tensor} {shape:?}")]
    Extra {
        /// Where the tensor stands in the file.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Both have it, in different shapes.
    #[error("{weight} wants {wanted:?}, but {tensor} is {got:?}")]
    Shape {
        /// The weight's path in the model.
        weight: String,
        /// Where the tensor stands in the file.
        tensor: String,
        /// The model's shape.
        wanted: Vec<usize>,
        /// The file's shape.
        got: Vec<usize>,
    },
    /// Names, order and shapes in the file contradict each other, so that it is not clear what belongs where.
    #[error("{layer}: {reason}")]
    Conflict {
        /// The layer in the model.
        layer: String,
        /// The contradiction.
        reason: String,
    },
}

/// The line that heads a list of mismatches, and at most 40 of them.
fn list(mismatches: &[Mismatch]) -> String {
    const SHOWN: usize = 40;
    let mut text = String::from("the weights are not this model's");
    for mismatch in mismatches.iter().take(SHOWN) {
        text += &format!("\n  {mismatch}");
    }
    if mismatches.len() > SHOWN {
        text += &format!("\n  and {} more", mismatches.len() - SHOWN);
    }
    text + "\nload the file into the model it was saved from"
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
}
