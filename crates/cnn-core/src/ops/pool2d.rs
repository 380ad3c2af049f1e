//! Pooling: the maximum or the average over windows.

use super::{Shape, exactly, nhwc};
use crate::shape::{Padding2D, output_size};

/// What pooling takes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest element inside the picture.
    Max,
    /// The mean of the elements inside the picture: padding is not counted, as in TensorFlow.
    Average,
}

/// Pooling of x `[N, H, W, C]` to `[N, OH, OW, C]`. Every window covers at least one pixel of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool2D {
    /// Maximum or average.
    pub kind: PoolKind,
    /// Height and width of the window.
    pub pool_size: [usize; 2],
    /// Steps of the window, rows and columns.
    pub strides: [usize; 2],
    /// Pixels around the input, which neither maximum nor average sees.
    pub padding: Padding2D,
}

impl Pool2D {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        let [n, h, w, c] = nhwc(x)?;
        let ([kh, kw], p) = (self.pool_size, &self.padding);
        if p.top >= kh || p.bottom >= kh || p.left >= kw || p.right >= kw {
            return Err(format!("expects padding smaller than its window of {kh}x{kw}"));
        }
        let oh = output_size(h, kh, self.strides[0], 1, p.top + p.bottom);
        let ow = output_size(w, kw, self.strides[1], 1, p.left + p.right);
        match (oh, ow) {
            (Some(oh), Some(ow)) if h > 0 && w > 0 => Ok(vec![n, oh, ow, c]),
            _ => Err(format!("expects an input at least as large as its window of {kh}x{kw}")),
        }
    }
}
