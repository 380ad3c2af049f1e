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

/// From x `[N, H, W, C]` of a [`Pool2D`] and the gradient dy `[N, OH, OW, C]` of its output the gradient of x.
///
/// The maximum hands dy to the first pixel of the window, row by row, that holds it, as TensorFlow does; the average hands
/// each pixel inside the picture its share. An average reads of x its shape alone, which is an attribute: its one input is
/// dy. Inputs of a maximum: x and dy.
///
/// ```
/// use cnn_core::op::{Op, Pool2D, Pool2DGradient, PoolKind};
/// use cnn_core::shape::Padding2D;
/// let pool = Pool2D { kind: PoolKind::Max, pool_size: [2, 2], strides: [2, 2], padding: Padding2D::default() };
/// let op = Op::Pool2DGradient(Pool2DGradient { pool, input_size: [28, 28] });
/// assert_eq!(op.output_shape(&[&[8, 28, 28, 16], &[8, 14, 14, 16]])?, [8, 28, 28, 16]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pool2DGradient {
    /// The pooling.
    pub pool: Pool2D,
    /// Height and width of x.
    pub input_size: [usize; 2],
}

impl Pool2DGradient {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let dy = match (self.pool.kind, inputs) {
            (PoolKind::Max, [_, dy]) | (PoolKind::Average, [dy]) => dy,
            (PoolKind::Max, _) => return Err("expects an input and a gradient".into()),
            (PoolKind::Average, _) => return Err("expects a gradient".into()),
        };
        let [n, _, _, c] = nhwc(dy)?;
        let x = [n, self.input_size[0], self.input_size[1], c];
        let wanted = self.pool.output_shape(&[&x])?;
        if wanted != *dy {
            return Err(format!("expects a gradient of shape {wanted:?}"));
        }
        if self.pool.kind == PoolKind::Max && *inputs[0] != x {
            return Err(format!("expects an input of shape {x:?}"));
        }
        Ok(x.to_vec())
    }
}
