//! Convolution: `y[n,i,j,f] = Σ x[n, i·s - p + a·d, j·s - p + b·d, g·C + c] · w[a,b,c,f]`.

use super::{Shape, nhwc};
use crate::op::Epilogue;
use crate::shape::{Padding2D, output_size};

/// Convolution of x `[N, H, W, C]` with a filter `[KH, KW, C / groups, F]`, and an [`Epilogue`]; output `[N, OH, OW, F]`.
///
/// Output channel f belongs to group `f / (F / groups)`. A depthwise filter of Keras, `[KH, KW, C, M]`, is in memory the
/// filter `[KH, KW, 1, C·M]` of `groups = C`.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2D {
    /// Steps of the window, rows and columns.
    pub strides: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding2D,
    /// Distance of the filter's taps, rows and columns.
    pub dilation_rate: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Bias, residual and activation.
    pub epilogue: Epilogue,
}

impl Default for Conv2D {
    fn default() -> Self {
        Self {
            strides: [1, 1],
            padding: Padding2D::default(),
            dilation_rate: [1, 1],
            groups: 1,
            epilogue: Epilogue::default(),
        }
    }
}

impl Conv2D {
    /// Number of the op's own inputs, before the epilogue's.
    pub const OWN_INPUTS: usize = 2;

    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x, filter, ..] = inputs else { return Err("expects an input and a filter".into()) };
        let [n, h, w, c] = nhwc(x)?;
        let [kh, kw, filter_c, f] =
            nhwc(filter).map_err(|_| "expects a filter of rank 4 (height, width, input channels, filters)")?;
        if self.groups == 0 || c != filter_c * self.groups {
            return Err(format!("expects {} input channels", filter_c * self.groups));
        }
        if f % self.groups != 0 {
            return Err(format!("expects a number of filters divisible by its {} groups", self.groups));
        }
        let p = &self.padding;
        let oh = output_size(h, kh, self.strides[0], self.dilation_rate[0], p.top + p.bottom);
        let ow = output_size(w, kw, self.strides[1], self.dilation_rate[1], p.left + p.right);
        let (Some(oh), Some(ow)) = (oh, ow) else {
            return Err(format!(
                "expects an input at least as large as its window of {kh}x{kw} (dilation {:?}, padding {p:?})",
                self.dilation_rate
            ));
        };
        let output = vec![n, oh, ow, f];
        self.epilogue.check(Self::OWN_INPUTS, inputs, &output)?;
        Ok(output)
    }
}
