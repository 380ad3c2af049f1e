//! The CPU path that a user runs on without a GPU: float32, all cores, sums by the `gemm` crate.
//!
//! [`Program`] runs a plan again and again over [`CpuWeights`]; [`evaluate`] is one op. The result of every op lies
//! inside the bounds that [`reference`](crate::reference) derives for it.

mod conv2d;
mod conv2d_filter_gradient;
mod conv2d_transpose;
mod elementwise;
mod gemm;
mod histogram;
mod linear;
mod movement;
mod normalization;
mod optimizer_step;
mod pool2d;
mod program;
mod random;
mod real;
mod reduce;
mod resize;
mod scratch;
mod softmax;
mod vectors;
mod walk;
mod warp;
mod weights;
mod window;

use cnn_core::op::Op;
use cnn_core::{ShapeError, Tensor};

pub use program::Program;
pub use weights::CpuWeights;

/// Elements that one task takes where each costs little: enough to be worth waking a thread, few enough for the cache.
const CHUNK: usize = 1 << 15;

/// What a kernel reads: elements, row-major, under a shape.
#[derive(Debug, Clone, Copy)]
struct View<'a> {
    shape: &'a [usize],
    data: &'a [f32],
}

impl<'a> View<'a> {
    /// The shape's four axes: of NHWC, or of a filter.
    fn dims4(&self) -> [usize; 4] {
        [self.shape[0], self.shape[1], self.shape[2], self.shape[3]]
    }
}

impl<'a> From<&'a Tensor> for View<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Self { shape: tensor.shape(), data: tensor.data() }
    }
}

/// The output of `op` in float32.
///
/// ```
/// use cnn_core::{Op, Tensor, op::{Function, Unary}};
/// let x = Tensor::new(vec![3], vec![-1.0, 0.0, 2.0])?;
/// let relu = Op::Unary(Unary { function: Function::RELU });
/// assert_eq!(cnn_cpu::fast::evaluate(&relu, &[&x])?.data(), [0.0, 0.0, 2.0]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
///
/// # Errors
/// If the op cannot take inputs of these shapes; a graph's nodes always can.
pub fn evaluate(op: &Op, inputs: &[&Tensor]) -> Result<Tensor, ShapeError> {
    let inputs: Vec<View> = inputs.iter().map(|&input| View::from(input)).collect();
    let shape = op.output_shape(&inputs.iter().map(|input| input.shape).collect::<Vec<_>>())?;
    let mut y = Tensor::full(shape.clone(), 0.0);
    compute(op, &inputs, &shape, y.data_mut());
    Ok(y)
}

/// Writes every element of the output, whose shape is `shape`.
fn compute(op: &Op, inputs: &[View], shape: &[usize], y: &mut [f32]) {
    if y.is_empty() {
        return;
    }
    match op {
        Op::Conv2D(op) => conv2d::conv2d(op, inputs, shape, y),
        Op::Conv2DFilterGradient(op) => conv2d_filter_gradient::filter_gradient(op, inputs, shape, y),
        Op::Conv2DTranspose(op) => conv2d_transpose::conv2d_transpose(op, inputs, shape, y),
        Op::Pool2D(op) => pool2d::pool(op, inputs[0], shape, y),
        Op::Pool2DGradient(op) => pool2d::gradient(op, inputs, shape, y),
        Op::Reduce(op) => reduce::reduce(op, inputs[0], y),
        Op::Gemm(op) => gemm::gemm(op, inputs, y),
        Op::Unary(op) => elementwise::unary(op, inputs[0], y),
        Op::UnaryGradient(op) => elementwise::unary_gradient(op, inputs[0], inputs[1], y),
        Op::Binary(op) => elementwise::binary(op, inputs[0], inputs[1], shape, y),
        Op::BatchNorm(op) => normalization::batch_norm(op, inputs, y),
        Op::LayerNorm(op) => normalization::layer_norm(op, inputs, y),
        Op::Softmax(op) => softmax::softmax(op, inputs[0], y),
        Op::RandomUniform(op) => random::uniform(op, inputs[0], y),
        Op::Resize(op) => resize::resize(op, inputs[0], y),
        Op::ResizeGradient(op) => resize::gradient(op, inputs[0], shape, y),
        Op::Warp(op) => warp::warp(op, inputs[0], inputs[1], inputs.get(2).copied(), y),
        Op::Histogram(op) => histogram::histogram(op, inputs[0], y),
        Op::Lookup(op) => histogram::lookup(op, inputs[0], inputs[1], y),
        Op::Pad(op) => movement::pad(op, inputs[0], shape, y),
        Op::Slice(op) => movement::slice(op, inputs[0], shape, y),
        Op::Transpose(op) => movement::transpose(op, inputs[0], shape, y),
        Op::Concat(op) => movement::concat(op, inputs, shape, y),
        Op::Broadcast(op) => movement::broadcast(op, inputs[0], y),
        Op::Assign(op) => y.copy_from_slice(&inputs[1].data[op.first..][..y.len()]),
        Op::OptimizerStep(op) => optimizer_step::step(op, inputs, y.chunks_exact_mut(inputs[1].data.len()).collect()),
        Op::Reshape(_) => y.copy_from_slice(inputs[0].data),
        Op::Cast(op) => movement::cast(op, inputs[0], y),
    }
}
