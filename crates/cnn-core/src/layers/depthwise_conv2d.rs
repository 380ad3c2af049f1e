//! Depthwise convolution: each channel has filters of its own (Chollet, arXiv 1610.02357).

use super::common::{IntoPair, known, one, picture, positive, setters, slide};
use super::conv2d::convolve;
use super::weight::{activity_setter, weight_setters};
use super::{
    Activation, Constraint, Initializer, Kind, Lowering, Padding, Regularizer, SymbolicShape, WeightOptions, WeightSpec,
};
use crate::error::ShapeError;
use crate::graph::ValueId;

/// Keras's `DepthwiseConv2D`: x `[N, H, W, C]` to `[N, OH, OW, C · depth_multiplier]`.
///
/// Weights: `kernel` `[KH, KW, C, depth_multiplier]`, and `bias` where `use_bias`. Output channel `c · M + m` is channel c
/// under filter m.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthwiseConv2D {
    /// Height and width of the window.
    pub kernel_size: [usize; 2],
    /// Steps of the window.
    pub strides: [usize; 2],
    /// Zeros around the picture.
    pub padding: Padding,
    /// Number of filters of each channel.
    pub depth_multiplier: usize,
    /// Distance of the window's taps.
    pub dilation_rate: [usize; 2],
    /// What is applied last.
    pub activation: Activation,
    /// Whether a bias is added.
    pub use_bias: bool,
    /// Of the depthwise filters.
    pub depthwise: WeightOptions,
    /// Of the weight `bias`.
    pub bias: WeightOptions,
    /// What the loss has for the output.
    pub activity_regularizer: Option<Regularizer>,
}

impl DepthwiseConv2D {
    /// Strides 1, padding valid, one filter for each channel, no dilation, linear, with bias.
    pub fn new(kernel_size: impl IntoPair) -> Self {
        Self {
            kernel_size: kernel_size.into_pair(),
            strides: [1, 1],
            padding: Padding::Valid,
            depth_multiplier: 1,
            dilation_rate: [1, 1],
            activation: Activation::Linear,
            use_bias: true,
            depthwise: Initializer::GLOROT_UNIFORM.into(),
            bias: Initializer::ZEROS.into(),
            activity_regularizer: None,
        }
    }

    /// Sets the number of filters of each channel.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = depth_multiplier;
        self
    }
}

setters!(DepthwiseConv2D);
weight_setters!(DepthwiseConv2D {
    depthwise: depthwise_initializer depthwise_regularizer depthwise_constraint,
    bias: bias_initializer bias_regularizer bias_constraint,
});
activity_setter!(DepthwiseConv2D);

impl Kind for DepthwiseConv2D {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        positive("a depth_multiplier", &[self.depth_multiplier])?;
        positive("a kernel_size", &self.kernel_size)?;
        positive("strides", &self.strides)?;
        positive("a dilation_rate", &self.dilation_rate)?;
        let [n, h, w, _] = picture(inputs)?;
        let channels = known(one(inputs)?, 3)?;
        let [h, w] = slide([h, w], self.kernel_size, self.strides, self.dilation_rate, self.padding)?;
        Ok(vec![n, h, w, Some(channels * self.depth_multiplier)])
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let channels = known(one(inputs)?, 3)?;
        let [kh, kw] = self.kernel_size;
        let shape = vec![kh, kw, channels, self.depth_multiplier];
        let mut weights = vec![WeightSpec::new("kernel", shape, &self.depthwise)];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", vec![channels * self.depth_multiplier], &self.bias));
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let filter = cx.weight("kernel")?;
        let x = depthwise(cx, inputs[0], filter, self.strides, self.padding, self.dilation_rate)?;
        cx.bias_and_activation(x, self.use_bias, self.activation)
    }
}

/// Adds a convolution by a depthwise filter `[KH, KW, C, M]`, which in memory is `[KH, KW, 1, C·M]` in C groups.
pub(super) fn depthwise(
    cx: &mut Lowering<'_>,
    x: ValueId,
    filter: ValueId,
    strides: [usize; 2],
    padding: Padding,
    dilation_rate: [usize; 2],
) -> Result<ValueId, ShapeError> {
    let &[kh, kw, c, m] = cx.graph.value(filter).shape.as_slice() else {
        return Err(cx.refuse("expects a filter of rank 4", &[filter]));
    };
    let filter = cx.reshape(filter, vec![kh, kw, 1, c * m])?;
    convolve(cx, x, filter, strides, padding, dilation_rate, c)
}
