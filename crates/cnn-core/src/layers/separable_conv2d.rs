//! Depthwise separable convolution (Chollet, arXiv 1610.02357).

use super::common::{IntoPair, known, one, picture, positive, setters, slide};
use super::conv2d::convolve;
use super::depthwise_conv2d::depthwise;
use super::weight::{activity_setter, weight_setters};
use super::{
    Activation, Constraint, Initializer, Kind, Lowering, Padding, Regularizer, SymbolicShape, WeightOptions, WeightSpec,
};
use crate::error::ShapeError;
use crate::graph::ValueId;

/// Keras's `SeparableConv2D`: a depthwise convolution, then one of 1×1; x `[N, H, W, C]` to `[N, OH, OW, filters]`.
///
/// Weights: `depthwise_kernel` `[KH, KW, C, M]` with M the `depth_multiplier`, `pointwise_kernel` `[1, 1, C·M, filters]`,
/// and `bias` where `use_bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparableConv2D {
    /// Number of output channels.
    pub filters: usize,
    /// Height and width of the depthwise window.
    pub kernel_size: [usize; 2],
    /// Steps of the window.
    pub strides: [usize; 2],
    /// Zeros around the picture.
    pub padding: Padding,
    /// Distance of the window's taps.
    pub dilation_rate: [usize; 2],
    /// Number of depthwise filters of each channel.
    pub depth_multiplier: usize,
    /// What is applied last.
    pub activation: Activation,
    /// Whether a bias is added.
    pub use_bias: bool,
    /// Of the depthwise filters.
    pub depthwise: WeightOptions,
    /// Of the pointwise filters.
    pub pointwise: WeightOptions,
    /// Of the weight `bias`.
    pub bias: WeightOptions,
    /// What the loss has for the output.
    pub activity_regularizer: Option<Regularizer>,
}

impl SeparableConv2D {
    /// Strides 1, padding valid, no dilation, one filter for each channel, linear, with bias.
    pub fn new(filters: usize, kernel_size: impl IntoPair) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into_pair(),
            strides: [1, 1],
            padding: Padding::Valid,
            dilation_rate: [1, 1],
            depth_multiplier: 1,
            activation: Activation::Linear,
            use_bias: true,
            depthwise: Initializer::GLOROT_UNIFORM.into(),
            pointwise: Initializer::GLOROT_UNIFORM.into(),
            bias: Initializer::ZEROS.into(),
            activity_regularizer: None,
        }
    }

    /// Sets the number of depthwise filters of each channel.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = depth_multiplier;
        self
    }
}

setters!(SeparableConv2D);
weight_setters!(SeparableConv2D {
    depthwise: depthwise_initializer depthwise_regularizer depthwise_constraint,
    pointwise: pointwise_initializer pointwise_regularizer pointwise_constraint,
    bias: bias_initializer bias_regularizer bias_constraint,
});
activity_setter!(SeparableConv2D);

impl Kind for SeparableConv2D {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        positive("filters and a depth_multiplier", &[self.filters, self.depth_multiplier])?;
        positive("a kernel_size", &self.kernel_size)?;
        positive("strides", &self.strides)?;
        positive("a dilation_rate", &self.dilation_rate)?;
        let [n, h, w, _] = picture(inputs)?;
        known(one(inputs)?, 3)?;
        let [h, w] = slide([h, w], self.kernel_size, self.strides, self.dilation_rate, self.padding)?;
        Ok(vec![n, h, w, Some(self.filters)])
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let channels = known(one(inputs)?, 3)?;
        let [kh, kw] = self.kernel_size;
        let depthwise = vec![kh, kw, channels, self.depth_multiplier];
        let pointwise = vec![1, 1, channels * self.depth_multiplier, self.filters];
        let mut weights = vec![
            WeightSpec::new("depthwise_kernel", depthwise, &self.depthwise),
            WeightSpec::new("pointwise_kernel", pointwise, &self.pointwise),
        ];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", vec![self.filters], &self.bias));
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let filter = cx.weight("depthwise_kernel")?;
        let x = depthwise(cx, inputs[0], filter, self.strides, self.padding, self.dilation_rate)?;
        let filter = cx.weight("pointwise_kernel")?;
        let x = convolve(cx, x, filter, [1, 1], Padding::Valid, [1, 1], 1)?;
        cx.bias_and_activation(x, self.use_bias, self.activation)
    }
}
