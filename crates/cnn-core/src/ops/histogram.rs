//! Counting pixels by their value, and a new value for each.

use super::{Shape, exactly, nhwc};

/// The place among `bins` of a number: its whole part, but at least 0 and at most the last.
pub fn bin(x: f64, bins: usize) -> usize {
    (x as usize).min(bins - 1)
}

/// How many pixels of each picture x `[N, H, W, C]` lie in each bin, `[N, bins, C]`: a pixel's whole part is its bin, what lies
/// outside counts in the first or the last.
///
/// ```
/// use cnn_core::op::{Histogram, Op};
/// let op = Op::Histogram(Histogram { bins: 256 });
/// assert_eq!(op.output_shape(&[&[8, 32, 32, 3]])?, [8, 256, 3]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram {
    /// How many bins, from 1 to [`Histogram::MOST_BINS`].
    pub bins: usize,
}

impl Histogram {
    /// As many as lie in half of the memory that every WebGPU device gives a workgroup.
    pub const MOST_BINS: usize = 2048;

    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        let [n, _, _, c] = nhwc(x)?;
        if self.bins == 0 || self.bins > Self::MOST_BINS {
            return Err(format!("needs 1 to {} bins, not {},", Self::MOST_BINS, self.bins));
        }
        Ok(vec![n, self.bins, c])
    }
}

/// For each pixel of x `[N, H, W, C]` what a table `[bins, C]` holds for its bin, as [`Histogram`] finds it, and its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup;

impl Lookup {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x, table] = exactly(inputs)?;
        let [_, _, _, c] = nhwc(x)?;
        match *table {
            [bins, channels] if bins > 0 && channels == c => Ok(x.to_vec()),
            _ => Err(format!("expects a table of at least one row of {c} channels")),
        }
    }
}
