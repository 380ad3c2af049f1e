//! Transposed convolution: the gradient of a convolution by its input, used as a layer.

use super::{Shape, nhwc};
use crate::op::Epilogue;

/// Transposed convolution of x `[N, H, W, C]` with a filter `[KH, KW, F, C]`; output `[N, OH, OW, F]`.
///
/// `y[n, oy, ox, f] = Σ x[n, iy, ix, c] · w[a, b, f, c]` over all taps with `iy·s + a·d - before = oy` (columns alike).
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
    /// Bias, residual and activation.
    pub epilogue: Epilogue,
}

impl Conv2DTranspose {
    /// Number of the op's own inputs, before the epilogue's.
    pub const OWN_INPUTS: usize = 2;

    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x, filter, ..] = inputs else { return Err("expects an input and a filter".into()) };
        let [n, _, _, c] = nhwc(x)?;
        let [kh, kw, f, filter_c] =
            nhwc(filter).map_err(|_| "expects a filter of rank 4 (height, width, filters, input channels)")?;
        if c != filter_c {
            return Err(format!("expects {filter_c} input channels"));
        }
        if kh == 0 || kw == 0 || self.strides.contains(&0) || self.dilation_rate.contains(&0) {
            return Err("expects a window, strides and a dilation rate of at least 1".into());
        }
        let output = vec![n, self.output_size[0], self.output_size[1], f];
        self.epilogue.check(Self::OWN_INPUTS, inputs, &output)?;
        Ok(output)
    }
}
