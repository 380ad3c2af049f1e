//! What a graph's nodes do: one enum, one variant for each op, shapes resolved.

use crate::error::ShapeError;
pub use crate::ops::{
    conv2d::Conv2D,
    conv2d_filter_gradient::Conv2DFilterGradient,
    conv2d_transpose::Conv2DTranspose,
    elementwise::{Binary, BinaryOp, Function, Unary, UnaryGradient},
    gemm::Gemm,
    histogram::{Histogram, Lookup, bin},
    movement::{Assign, Broadcast, Cast, Concat, Pad, Reshape, Slice, Transpose},
    normalization::{BatchNorm, LayerNorm},
    optimizer_step::{OptimizerStep, Rule},
    pool2d::{Pool2D, Pool2DGradient, PoolKind},
    random::RandomUniform,
    reduce::{Reduce, ReduceKind},
    resize::{Interpolation, Resize, ResizeGradient},
    softmax::Softmax,
    warp::{FillMode, Warp},
};
use crate::tensor::DType;

/// One operation with its attributes. An op never knows which layer it came from, and padding is explicit.
///
/// Every `match` on it is exhaustive: a backend that lacks an op does not compile.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Convolution; depthwise where `groups` equals the input's channels.
    Conv2D(Conv2D),
    /// Gradient of a convolution by its filter.
    Conv2DFilterGradient(Conv2DFilterGradient),
    /// Transposed convolution.
    Conv2DTranspose(Conv2DTranspose),
    /// Maximum or average over windows.
    Pool2D(Pool2D),
    /// Gradient of pooling by its input.
    Pool2DGradient(Pool2DGradient),
    /// Sum or mean along axes.
    Reduce(Reduce),
    /// Matrix product.
    Gemm(Gemm),
    /// A function of each element.
    Unary(Unary),
    /// Gradient of a function of each element by its argument.
    UnaryGradient(UnaryGradient),
    /// A function of two elements, broadcasting.
    Binary(Binary),
    /// Batch normalisation with given statistics.
    BatchNorm(BatchNorm),
    /// Layer normalisation over trailing axes.
    LayerNorm(LayerNorm),
    /// Softmax or its logarithm.
    Softmax(Softmax),
    /// Uniform random numbers of a seed.
    RandomUniform(RandomUniform),
    /// Resampling of the spatial axes.
    Resize(Resize),
    /// Gradient of resampling by its input.
    ResizeGradient(ResizeGradient),
    /// Pictures seen through projective maps.
    Warp(Warp),
    /// Pixels counted by value.
    Histogram(Histogram),
    /// A table's entry for each pixel.
    Lookup(Lookup),
    /// A constant border.
    Pad(Pad),
    /// A box cut out.
    Slice(Slice),
    /// A permutation of axes.
    Transpose(Transpose),
    /// Values side by side.
    Concat(Concat),
    /// Another shape over the same elements.
    Reshape(Reshape),
    /// Elements repeated along axes.
    Broadcast(Broadcast),
    /// Another element type.
    Cast(Cast),
    /// New elements for a variable.
    Assign(Assign),
    /// A weight and its optimizer's state after one step.
    OptimizerStep(OptimizerStep),
}

impl Op {
    /// The op's name, as the field writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Conv2D(_) => "Conv2D",
            Op::Conv2DFilterGradient(_) => "Conv2DFilterGradient",
            Op::Conv2DTranspose(_) => "Conv2DTranspose",
            Op::Pool2D(_) => "Pool2D",
            Op::Pool2DGradient(_) => "Pool2DGradient",
            Op::Reduce(_) => "Reduce",
            Op::Gemm(_) => "Gemm",
            Op::Unary(_) => "Unary",
            Op::UnaryGradient(_) => "UnaryGradient",
            Op::Binary(_) => "Binary",
            Op::BatchNorm(_) => "BatchNorm",
            Op::LayerNorm(_) => "LayerNorm",
            Op::Softmax(_) => "Softmax",
            Op::RandomUniform(_) => "RandomUniform",
            Op::Resize(_) => "Resize",
            Op::ResizeGradient(_) => "ResizeGradient",
            Op::Warp(_) => "Warp",
            Op::Histogram(_) => "Histogram",
            Op::Lookup(_) => "Lookup",
            Op::Pad(_) => "Pad",
            Op::Slice(_) => "Slice",
            Op::Transpose(_) => "Transpose",
            Op::Concat(_) => "Concat",
            Op::Reshape(_) => "Reshape",
            Op::Broadcast(_) => "Broadcast",
            Op::Cast(_) => "Cast",
            Op::Assign(_) => "Assign",
            Op::OptimizerStep(_) => "OptimizerStep",
        }
    }

    /// The shape of the output for inputs of the given shapes.
    ///
    /// # Errors
    /// If the op cannot take these shapes; the error names the op, the caller adds the layer.
    pub fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, ShapeError> {
        let shape = match self {
            Op::Conv2D(op) => op.output_shape(inputs),
            Op::Conv2DFilterGradient(op) => op.output_shape(inputs),
            Op::Conv2DTranspose(op) => op.output_shape(inputs),
            Op::Pool2D(op) => op.output_shape(inputs),
            Op::Pool2DGradient(op) => op.output_shape(inputs),
            Op::Reduce(op) => op.output_shape(inputs),
            Op::Gemm(op) => op.output_shape(inputs),
            Op::Unary(op) => op.output_shape(inputs),
            Op::UnaryGradient(op) => op.output_shape(inputs),
            Op::Binary(op) => op.output_shape(inputs),
            Op::BatchNorm(op) => op.output_shape(inputs),
            Op::LayerNorm(op) => op.output_shape(inputs),
            Op::Softmax(op) => op.output_shape(inputs),
            Op::RandomUniform(op) => op.output_shape(inputs),
            Op::Resize(op) => op.output_shape(inputs),
            Op::ResizeGradient(op) => op.output_shape(inputs),
            Op::Warp(op) => op.output_shape(inputs),
            Op::Histogram(op) => op.output_shape(inputs),
            Op::Lookup(op) => op.output_shape(inputs),
            Op::Pad(op) => op.output_shape(inputs),
            Op::Slice(op) => op.output_shape(inputs),
            Op::Transpose(op) => op.output_shape(inputs),
            Op::Concat(op) => op.output_shape(inputs),
            Op::Reshape(op) => op.output_shape(inputs),
            Op::Broadcast(op) => op.output_shape(inputs),
            Op::Cast(op) => op.output_shape(inputs),
            Op::Assign(op) => op.output_shape(inputs),
            Op::OptimizerStep(op) => op.output_shape(inputs),
        };
        shape.map_err(|wanted| ShapeError::new(self.name(), wanted, inputs))
    }

    /// The element type of the output; all ops but [`Cast`] keep their first input's.
    pub fn output_dtype(&self, inputs: &[DType]) -> DType {
        match self {
            Op::Cast(cast) => cast.to,
            _ => inputs.first().copied().unwrap_or_default(),
        }
    }
}

/// What a linear op does to each output element before it is stored: `clamp(y + bias + residual)`.
///
/// The inputs stand behind the op's own, in this order, those that are present. Only clamps are fused (ReLU, ReLU6, none):
/// a kernel with hundreds of accumulators holds the code of its epilogue once for each of them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Epilogue {
    /// Whether a bias, one element for each output channel, is an input.
    pub bias: bool,
    /// Whether a residual of the output's shape is an input.
    pub residual: bool,
    /// What is applied last.
    pub clamp: Clamp,
}

/// `min(max(x, low), high)`, NaN kept. The default lets everything pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    /// The smallest result.
    pub low: f32,
    /// The largest result.
    pub high: f32,
}

impl Default for Clamp {
    fn default() -> Self {
        Self { low: f32::NEG_INFINITY, high: f32::INFINITY }
    }
}

impl Epilogue {
    /// How many inputs it adds to the op's own.
    pub fn input_count(&self) -> usize {
        usize::from(self.bias) + usize::from(self.residual)
    }

    /// The epilogue's inputs, cut from all of the op's: (bias, residual).
    pub fn split<'a, T>(&self, own: usize, inputs: &'a [T]) -> (Option<&'a T>, Option<&'a T>) {
        let bias = if self.bias { inputs.get(own) } else { None };
        let residual = if self.residual { inputs.get(own + usize::from(self.bias)) } else { None };
        (bias, residual)
    }

    /// Checks the shapes of bias and residual, which stand from `own` on in `inputs`, against the output's.
    pub(crate) fn check(&self, own: usize, inputs: &[&[usize]], output: &[usize]) -> Result<(), String> {
        if inputs.len() != own + self.input_count() {
            return Err(format!("expects {} inputs", own + self.input_count()));
        }
        let (bias, residual) = self.split(own, inputs);
        if bias.is_some_and(|&shape| shape != &output[output.len() - 1..]) {
            return Err(format!("expects a bias of shape {:?}", &output[output.len() - 1..]));
        }
        if residual.is_some_and(|&shape| shape != output) {
            return Err(format!("expects a residual of shape {output:?}"));
        }
        Ok(())
    }
}
