//! The error of drawing.

use cnn_core::ShapeError;

/// Something cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// Pictures of a shape that cannot be drawn.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A picture that a batch does not hold.
    #[error("contact sheet: picture {index} of a batch of {count}; pictures are counted from 0")]
    NoSuchPicture {
        /// The picture asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A sheet without a picture.
    #[error("contact sheet: there is no picture on it; add at least one")]
    Empty,
    /// A drawing that is too large for a picture file.
    #[error("a drawing of {width} x {height} pixels, over 268 million; draw less of it, or smaller")]
    TooLarge {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The picture could not be written as PNG.
    #[error("contact sheet: cannot be written as PNG: {0}")]
    Encode(#[from] image::ImageError),
    /// A model of too many layers.
    #[error(
        "a model of more than {limit} layers cannot be drawn; draw a part of it, or without the layers of nested models"
    )]
    TooManyLayers {
        /// The most that can be drawn.
        limit: usize,
    },
    /// There is no font to write with.
    #[error("there is no font on this machine to write the layers' names with; install one, or draw the model as SVG")]
    NoFont,
    /// A drawing could not be made a PNG file.
    #[error("the drawing cannot be made a PNG file: {reason}; draw it as SVG")]
    Render {
        /// Why not.
        reason: String,
    },
    /// A chart of nothing.
    #[error("{what}: there is nothing to draw; {remedy}")]
    NothingToDraw {
        /// The chart.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A confusion matrix of another size than its classes make.
    #[error("confusion matrix: {classes} classes make {} counts, not {counts}", classes * classes)]
    Counts {
        /// The number of names.
        classes: usize,
        /// The number of counts given.
        counts: usize,
    },
    /// A chart could not be drawn.
    #[error("the chart cannot be drawn: {reason}")]
    Chart {
        /// Why not.
        reason: String,
    },
}
