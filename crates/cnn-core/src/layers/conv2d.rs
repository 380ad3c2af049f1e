//! Convolution.

use super::common::{IntoPair, known, one, picture, positive, setters, slide};
use super::weight::{activity_setter, weight_setters};
use super::{
    Activation, Constraint, Initializer, Kind, Lowering, Padding, Regularizer, SymbolicShape, WeightOptions, WeightSpec,
};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{self, Epilogue, Op};

/// Keras's `Conv2D`: x `[N, H, W, C]` to `[N, OH, OW, filters]`.
///
/// Weights: `kernel` `[KH, KW, C / groups, filters]`, and `bias` `[filters]` where `use_bias`.
///
/// ```
/// use cnn_core::layers::{Activation, Conv2D, Layer, Padding};
/// let conv = Conv2D::new(3, 3).strides(3).padding(Padding::Same).activation(Activation::Relu);
/// let shape = vec![None, Some(28), Some(28), Some(3)];
/// let output = Layer::from(conv).output_shapes(&[shape]).unwrap();
/// assert_eq!(output, [[None, Some(10), Some(10), Some(3)]]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2D {
    /// Number of output channels.
    pub filters: usize,
    /// Height and width of the window.
    pub kernel_size: [usize; 2],
    /// Steps of the window.
    pub strides: [usize; 2],
    /// Zeros around the picture.
    pub padding: Padding,
    /// Distance of the window's taps.
    pub dilation_rate: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// What is applied last.
    pub activation: Activation,
    /// Whether a bias is added.
    pub use_bias: bool,
    /// Of the weight `kernel`.
    pub kernel: WeightOptions,
    /// Of the weight `bias`.
    pub bias: WeightOptions,
    /// What the loss has for the output.
    pub activity_regularizer: Option<Regularizer>,
}

impl Conv2D {
    /// Strides 1, padding valid, no dilation, one group, linear, with bias.
    pub fn new(filters: usize, kernel_size: impl IntoPair) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into_pair(),
            strides: [1, 1],
            padding: Padding::Valid,
            dilation_rate: [1, 1],
            groups: 1,
            activation: Activation::Linear,
            use_bias: true,
            kernel: Initializer::GLOROT_UNIFORM.into(),
            bias: Initializer::ZEROS.into(),
            activity_regularizer: None,
        }
    }

    /// Sets the number of groups.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }
}

setters!(Conv2D);
weight_setters!(Conv2D {
    kernel: kernel_initializer kernel_regularizer kernel_constraint,
    bias: bias_initializer bias_regularizer bias_constraint,
});
activity_setter!(Conv2D);

impl Kind for Conv2D {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        positive("filters and groups", &[self.filters, self.groups])?;
        positive("a kernel_size", &self.kernel_size)?;
        positive("strides", &self.strides)?;
        positive("a dilation_rate", &self.dilation_rate)?;
        let [n, h, w, _] = picture(inputs)?;
        let channels = known(one(inputs)?, 3)?;
        if !channels.is_multiple_of(self.groups) || !self.filters.is_multiple_of(self.groups) {
            return Err(format!(
                "expects numbers of channels and of filters ({}) divisible by its {} groups",
                self.filters, self.groups
            ));
        }
        let [h, w] = slide([h, w], self.kernel_size, self.strides, self.dilation_rate, self.padding)?;
        Ok(vec![n, h, w, Some(self.filters)])
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let channels = known(one(inputs)?, 3)?;
        let [kh, kw] = self.kernel_size;
        let shape = vec![kh, kw, channels / self.groups, self.filters];
        let mut weights = vec![WeightSpec::new("kernel", shape, &self.kernel)];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", vec![self.filters], &self.bias));
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let filter = cx.weight("kernel")?;
        let x = convolve(cx, inputs[0], filter, self.strides, self.padding, self.dilation_rate, self.groups)?;
        cx.bias_and_activation(x, self.use_bias, self.activation)
    }
}

/// Adds a convolution of x with `filter` `[KH, KW, C / groups, F]`, padding resolved.
pub(super) fn convolve(
    cx: &mut Lowering<'_>,
    x: ValueId,
    filter: ValueId,
    strides: [usize; 2],
    padding: Padding,
    dilation_rate: [usize; 2],
    groups: usize,
) -> Result<ValueId, ShapeError> {
    let (&[_, h, w, _], &[kh, kw, _, _]) =
        (cx.graph.value(x).shape.as_slice(), cx.graph.value(filter).shape.as_slice())
    else {
        return Err(cx.refuse("expects an input and a filter of rank 4", &[x, filter]));
    };
    let padding = padding.resolve([h, w], [kh, kw], strides, dilation_rate);
    let op = op::Conv2D { strides, padding, dilation_rate, groups, epilogue: Epilogue::default() };
    cx.push(Op::Conv2D(op), &[x, filter])
}
