//! Transposed convolution: the gradient of a convolution by its input, used as a layer.

use super::{Shape, nhwc};
use crate::op::Epilogue;

/// Transposed convolution of x `[N, H, W, C]` with a filter `[KH, KW, F / groups, C]`; output `[N, OH, OW, F]`.
///
/// `y[n, oy, ox, f] = Σ x[n, iy, ix, c] · w[a, b, f % (F / groups), c]` over all taps with `iy·s + a·d - before = oy`
/// (columns alike) and the channels c of the group `f / (F / groups)`. It is the gradient of a
/// [`Conv2D`](super::conv2d::Conv2D) by its input, the filter being the same in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2DTranspose {
    /// Distance of the input's pixels in the output, rows and columns.
    pub strides: [usize; 2],
    /// Distance of the filter's taps, rows and columns.
    pub dilation_rate: [usize; 2],
    /// Rows and columns cut off at the top and left of the full product.
    pub before: [usize; 2],
    /// Height and width of the output; what no tap reaches is 0.
    pub output_size: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Bias, residual and activation.
    pub epilogue: Epilogue,
}

impl Conv2DTranspose {
    /// Number of the op's own inputs, before the epilogue's.
    pub const OWN_INPUTS: usize = 2;

    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x, filter, ..] = inputs else { return Err("expects an input and a filter".into()) };
        let [n, _, _, c] = nhwc(x)?;
        let [kh, kw, group_f, filter_c] =
            nhwc(filter).map_err(|_| "expects a filter of rank 4 (height, width, filters, input channels)")?;
        if c != filter_c {
            return Err(format!("expects {filter_c} input channels"));
        }
        if self.groups == 0 || c % self.groups != 0 {
            return Err(format!("expects input channels divisible by its {} groups", self.groups));
        }
        if kh == 0 || kw == 0 || self.strides.contains(&0) || self.dilation_rate.contains(&0) {
            return Err("expects a window, strides and a dilation rate of at least 1".into());
        }
        let output = vec![n, self.output_size[0], self.output_size[1], group_f * self.groups];
        self.epilogue.check(Self::OWN_INPUTS, inputs, &output)?;
        Ok(output)
    }
}
