//! The error of folders, arrays, data sets and plain picture functions.

use std::path::PathBuf;

use cnn_core::ShapeError;

use crate::error::PictureError;

/// Training data cannot be had as wanted. It prints as what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A picture that cannot be decoded or resized.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A tensor of a shape that a function does not take.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The operating system refused to read a file or folder.
    #[error("{}: cannot be read: {reason}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// There is no folder of that name.
    #[error("{}: {found}; give the folder that holds one folder of pictures for each class", .path.display())]
    NoFolder {
        /// The name given.
        path: PathBuf,
        /// Whether it is not there or is a file.
        found: &'static str,
    },
    /// A folder without folders in it, where labels come from their names.
    #[error(
        "{}: holds no folders, whose names would be the classes, but {pictures} pictures; make a folder for each class, \
         or take them without labels", .path.display()
    )]
    NoClasses {
        /// The folder.
        path: PathBuf,
        /// Pictures that lie in it directly.
        pictures: usize,
    },
    /// Not one picture.
    #[error("{}: there is no picture in {searched}; files ending in {} are taken", .path.display(), .endings.join(", "))]
    NoPictures {
        /// The folder.
        path: PathBuf,
        /// Where was looked.
        searched: String,
        /// The endings of files that are taken.
        endings: &'static [&'static str],
    },
    /// A class was asked for that has no folder.
    #[error("{}: has no folder for class '{class}'; its folders are {}", .path.display(), .folders.join(", "))]
    UnknownClass {
        /// The folder.
        path: PathBuf,
        /// The class.
        class: String,
        /// The folders that are there.
        folders: Vec<String>,
    },
    /// Binary labels need two classes.
    #[error(
        "labels of 0 and 1 need exactly two classes, but there are {}: {}; ask for integer labels",
        .classes.len(), .classes.join(", ")
    )]
    NotTwoClasses {
        /// The classes.
        classes: Vec<String>,
    },
    /// An argument that cannot be taken.
    #[error("{what}: {reason}")]
    Argument {
        /// The function or option.
        what: &'static str,
        /// What is wrong with it and what can be taken.
        reason: String,
    },
    /// A part of a division would hold nothing.
    #[error(
        "{fraction} of {samples} samples leaves {part} samples for validation; give more samples or another fraction"
    )]
    EmptyPart {
        /// The fraction for validation.
        fraction: f64,
        /// Samples in all.
        samples: usize,
        /// Samples for validation: none or all.
        part: usize,
    },
    /// Arrays that should have one entry for each sample.
    #[error("{what} has {got} entries, but there are {samples} samples; they belong together one by one")]
    Lengths {
        /// The labels or the weights.
        what: &'static str,
        /// Its entries.
        got: usize,
        /// Samples.
        samples: usize,
    },
    /// A label that is no class.
    #[error("label {value} of sample {sample} is no class: with {classes} classes, labels are the integers 0 to {}", .classes - 1)]
    Label {
        /// The sample, from 0.
        sample: usize,
        /// The label.
        value: f32,
        /// The number of classes.
        classes: usize,
    },
    /// NaN or infinite values.
    #[error(
        "{what}: {count} values are NaN or infinite, the first in sample {sample}; replace them or leave the samples out"
    )]
    NotFinite {
        /// The array.
        what: &'static str,
        /// How many.
        count: usize,
        /// The first sample that has one, from 0.
        sample: usize,
    },
    /// Samples of one batch that differ in shape.
    #[error(
        "sample {sample} of the data set has shape {got:?}, but the first of its batch has {first:?}; bring them to one size"
    )]
    UnequalShapes {
        /// The sample.
        sample: usize,
        /// Its shape.
        got: Vec<usize>,
        /// The first one's.
        first: Vec<usize>,
    },
    /// What a caller's own function says.
    #[error("{0}")]
    Function(String),
    /// The operating system gives no thread for decoding.
    #[error("no thread for reading ahead: {0}; ask for less at once, or set prefetch to 0")]
    Threads(String),
}

impl DataError {
    /// An error of a caller's own function for [`Dataset::map`](crate::Dataset::map).
    pub fn function(reason: impl ToString) -> Self {
        DataError::Function(reason.to_string())
    }

    pub(crate) fn argument(what: &'static str, reason: impl Into<String>) -> Self {
        DataError::Argument { what, reason: reason.into() }
    }
}
