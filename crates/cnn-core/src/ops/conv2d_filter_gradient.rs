//! The gradient of a convolution by its filter: `dw[a,b,c,f] = Σ x[n, i·s - p + a·d, j·s - p + b·d, g·C + c] · dy[n,i,j,f]`.

use super::{Shape, exactly, nhwc};
use crate::shape::{Padding2D, output_size};

/// From x `[N, H, W, C]` of a [`Conv2D`](super::conv2d::Conv2D) and the gradient dy `[N, OH, OW, F]` of its output the
/// gradient of its filter, `[KH, KW, C / groups, F]`.
///
/// ```
/// use cnn_core::op::{Conv2DFilterGradient, Op};
/// use cnn_core::shape::Padding2D;
/// let op = Conv2DFilterGradient {
///     kernel_size: [3, 3],
///     strides: [2, 2],
///     padding: Padding2D { top: 0, bottom: 1, left: 0, right: 1 },
///     dilation_rate: [1, 1],
///     groups: 1,
/// };
/// let dw = Op::Conv2DFilterGradient(op).output_shape(&[&[8, 28, 28, 16], &[8, 14, 14, 32]])?;
/// assert_eq!(dw, [3, 3, 16, 32]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv2DFilterGradient {
    /// The filter's rows and columns.
    pub kernel_size: [usize; 2],
    /// Steps of the window, rows and columns.
    pub strides: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding2D,
    /// Distance of the filter's taps, rows and columns.
    pub dilation_rate: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl Conv2DFilterGradient {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x, dy] = exactly(inputs)?;
        let ([n, h, w, c], [_, _, _, f]) = (nhwc(x)?, nhwc(dy)?);
        if self.groups == 0 || c % self.groups != 0 || f % self.groups != 0 {
            return Err(format!("expects channels and filters divisible by its {} groups", self.groups));
        }
        let ([kh, kw], p) = (self.kernel_size, &self.padding);
        let oh = output_size(h, kh, self.strides[0], self.dilation_rate[0], p.top + p.bottom);
        let ow = output_size(w, kw, self.strides[1], self.dilation_rate[1], p.left + p.right);
        match (oh, ow) {
            (Some(oh), Some(ow)) if dy == [n, oh, ow, f] => Ok(vec![kh, kw, c / self.groups, f]),
            (Some(oh), Some(ow)) => Err(format!("expects a gradient of shape [{n}, {oh}, {ow}, F]")),
            _ => Err(format!("expects an input at least as large as its window of {kh}x{kw}")),
        }
    }
}
