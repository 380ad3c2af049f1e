//! The error of everything that is done with pictures.

/// Something cannot be done with a picture. It prints as the picture's name, what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct PictureError {
    /// The picture's file, as the caller named it.
    pub file: String,
    /// What is wrong.
    pub problem: PictureProblem,
}

/// What is wrong with a picture, or with what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureProblem {
    /// There is not one byte.
    #[error("is empty; download or copy it again")]
    Empty,
    /// The first bytes belong to no format of pictures.
    #[error("is no picture: {found}; give a PNG, JPEG, GIF, BMP or WebP file")]
    NotAPicture {
        /// What the first bytes are.
        found: String,
    },
    /// A picture of a format that is not read.
    #[error("is {format}, which is not read here; convert it to PNG or JPEG")]
    UnsupportedFormat {
        /// The format, with its article.
        format: &'static str,
    },
    /// A file of a format that is read, but which uses something rare.
    #[error("is a {format} file with {what}, which is not read here; save it again as an ordinary PNG or JPEG")]
    UnsupportedFeature {
        /// Its format.
        format: &'static str,
        /// What it uses.
        what: String,
    },
    /// The file ends before the picture does.
    #[error("is a {format} file that ends after {bytes} bytes, before the picture does; download or copy it again")]
    Truncated {
        /// Its format.
        format: &'static str,
        /// The file's length.
        bytes: usize,
    },
    /// The bytes break the rules of their format.
    #[error("is a damaged {format} file: {reason}; download or copy it again")]
    Damaged {
        /// Its format.
        format: &'static str,
        /// Which rule is broken.
        reason: String,
    },
    /// A picture without a pixel.
    #[error("is a picture of {height} rows and {width} columns, so without a pixel; write it again")]
    NoPixels {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// A picture beyond the limits.
    #[error(
        "has {height} rows and {width} columns; at most {max_side} on a side and {max_pixels} pixels in all are read; \
         scale it down, or raise the limits"
    )]
    TooLarge {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
        /// The limit for rows and for columns.
        max_side: u32,
        /// The limit for rows times columns.
        max_pixels: u64,
    },
    /// The memory for the pixels is not to be had.
    #[error("needs {bytes} bytes of memory for its pixels, which are not to be had; scale it down")]
    Memory {
        /// Bytes asked for at once.
        bytes: u64,
    },
    /// A size that no picture can be brought to.
    #[error("cannot be resized to {height} rows and {width} columns: {reason}")]
    Target {
        /// Rows wanted.
        height: usize,
        /// Columns wanted.
        width: usize,
        /// Why not.
        reason: String,
    },
    /// Pixels in memory that are not as many as their picture needs.
    #[error("has {got} values for {height} x {width} pixels of {channels}; {wanted} are wanted")]
    Pixels {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels of each pixel.
        channels: usize,
        /// Values given.
        got: usize,
        /// Values wanted.
        wanted: usize,
    },
    /// Pictures of several sizes in one batch.
    #[error(
        "has {height} rows and {width} columns, but the first picture of the batch, {first}, has {first_height} and \
         {first_width}; resize them to one size"
    )]
    UnequalSizes {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// The first picture's name.
        first: String,
        /// The first picture's rows.
        first_height: usize,
        /// The first picture's columns.
        first_width: usize,
    },
    /// A batch of nothing.
    #[error("holds no picture; give at least one")]
    EmptyBatch,
}

impl PictureProblem {
    /// The error of the file called `file`.
    pub fn in_file(self, file: &str) -> PictureError {
        PictureError { file: file.to_owned(), problem: self }
    }
}
