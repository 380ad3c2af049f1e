//! Transposed convolution.

use super::common::{IntoPair, at_most_largest, known, one, picture, positive, setters};
use super::weight::{activity_setter, weight_setters};
use super::{
    Activation, Constraint, Initializer, Kind, Lowering, Padding, Regularizer, SymbolicShape, WeightOptions, WeightSpec,
};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{self, Epilogue, Op};
use crate::shape::dilated;

/// Keras's `Conv2DTranspose`: x `[N, H, W, C]` to `[N, OH, OW, filters]`, for a dilated window k, stride s and input n:
///
/// | padding | `output_padding` o | output |
/// |---|---|---|
/// | valid | none | `(n - 1) · s + max(k, s)` |
/// | valid | given | `(n - 1) · s + k + o` |
/// | same | none | `n · s` |
/// | same | given | `(n - 1) · s + k mod 2 + o` |
///
/// Weights: `kernel` `[KH, KW, filters, C]`, and `bias` where `use_bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2DTranspose {
    /// Number of output channels.
    pub filters: usize,
    /// Height and width of the window.
    pub kernel_size: [usize; 2],
    /// Distance of the input's pixels in the output.
    pub strides: [usize; 2],
    /// `Valid` or `Same`.
    pub padding: Padding,
    /// Rows and columns more at the bottom and right; less than the strides.
    pub output_padding: Option<[usize; 2]>,
    /// Distance of the window's taps.
    pub dilation_rate: [usize; 2],
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

impl Conv2DTranspose {
    /// Strides 1, padding valid, no dilation, linear, with bias.
    pub fn new(filters: usize, kernel_size: impl IntoPair) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into_pair(),
            strides: [1, 1],
            padding: Padding::Valid,
            output_padding: None,
            dilation_rate: [1, 1],
            activation: Activation::Linear,
            use_bias: true,
            kernel: Initializer::GLOROT_UNIFORM.into(),
            bias: Initializer::ZEROS.into(),
            activity_regularizer: None,
        }
    }

    /// Sets the rows and columns more at the bottom and right.
    pub fn output_padding(mut self, output_padding: impl IntoPair) -> Self {
        self.output_padding = Some(output_padding.into_pair());
        self
    }

    /// The size of the output along an axis (0: rows, 1: columns) of n input pixels.
    fn size(&self, n: usize, axis: usize) -> Result<usize, String> {
        let (stride, window) = (self.strides[axis], dilated(self.kernel_size[axis], self.dilation_rate[axis]));
        let base = n.saturating_sub(1) * stride;
        match (self.padding, self.output_padding.map(|o| o[axis])) {
            (Padding::Valid, None) => Ok(base + window.max(stride)),
            (Padding::Valid, Some(o)) => Ok(base + window + o),
            (Padding::Same, None) => Ok(n * stride),
            (Padding::Same, Some(o)) if window % 2 + o > 0 => Ok(base + window % 2 + o),
            (Padding::Same, Some(_)) => {
                Err("needs an output_padding of at least 1 with an even window and padding same".into())
            }
            (Padding::Explicit(_), _) => Err("needs padding valid or same".into()),
        }
    }

    /// Rows or columns that the padding cuts off before the output begins: TensorFlow's "same" of the convolution
    /// whose gradient this is.
    fn before(&self, n: usize, axis: usize) -> Result<usize, String> {
        let window = dilated(self.kernel_size[axis], self.dilation_rate[axis]);
        let full = n.saturating_sub(1) * self.strides[axis] + window;
        match self.padding {
            Padding::Same => Ok(full.saturating_sub(self.size(n, axis)?) / 2),
            Padding::Valid | Padding::Explicit(_) => Ok(0),
        }
    }
}

setters!(Conv2DTranspose);
weight_setters!(Conv2DTranspose {
    kernel: kernel_initializer kernel_regularizer kernel_constraint,
    bias: bias_initializer bias_regularizer bias_constraint,
});
activity_setter!(Conv2DTranspose);

impl Kind for Conv2DTranspose {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        positive("filters", &[self.filters])?;
        positive("a kernel_size", &self.kernel_size)?;
        positive("strides", &self.strides)?;
        positive("a dilation_rate", &self.dilation_rate)?;
        if let Some(o) = self.output_padding {
            at_most_largest("an output_padding", &o)?;
            if o[0] >= self.strides[0] || o[1] >= self.strides[1] {
                return Err(format!("needs an output_padding less than its strides {:?}, not {o:?},", self.strides));
            }
        }
        let [n, h, w, _] = picture(inputs)?;
        known(one(inputs)?, 3)?;
        let h = h.map(|h| self.size(h, 0)).transpose()?;
        let w = w.map(|w| self.size(w, 1)).transpose()?;
        Ok(vec![n, h, w, Some(self.filters)])
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let channels = known(one(inputs)?, 3)?;
        let [kh, kw] = self.kernel_size;
        let shape = vec![kh, kw, self.filters, channels];
        let mut weights = vec![WeightSpec::new("kernel", shape, &self.kernel)];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", vec![self.filters], &self.bias));
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let &[_, h, w, _] = cx.graph.value(inputs[0]).shape.as_slice() else {
            return Err(cx.refuse("expects an input of rank 4", inputs));
        };
        let refuse = |wanted: String| ShapeError::new(&cx.path, wanted, &[&cx.graph.value(inputs[0]).shape]);
        let op = op::Conv2DTranspose {
            strides: self.strides,
            dilation_rate: self.dilation_rate,
            before: [self.before(h, 0).map_err(refuse)?, self.before(w, 1).map_err(refuse)?],
            output_size: [self.size(h, 0).map_err(refuse)?, self.size(w, 1).map_err(refuse)?],
            groups: 1,
            epilogue: Epilogue::default(),
        };
        let filter = cx.weight("kernel")?;
        let x = cx.push(Op::Conv2DTranspose(op), &[inputs[0], filter])?;
        cx.bias_and_activation(x, self.use_bias, self.activation)
    }
}
