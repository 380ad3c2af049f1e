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
    /// A sheet that is too large for a picture file.
    #[error(
        "contact sheet: it would be {width} x {height} pixels, over 268 million; use fewer pictures or a smaller scale"
    )]
    TooLarge {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The picture could not be written as PNG.
    #[error("contact sheet: cannot be written as PNG: {0}")]
    Encode(#[from] image::ImageError),
}
