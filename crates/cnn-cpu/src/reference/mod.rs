//! The definition of every op: plain loops in float64, and the error a float32 implementation may make.
//!
//! Values are never rounded between ops. [`value`] is one op, [`run`] a graph, [`evaluate`] one op with the bound of each
//! element; [`accuracy`] says where the bounds come from and in which steps kernels compute.

pub mod accuracy;
mod array;
mod conv2d;
mod conv2d_filter_gradient;
mod conv2d_transpose;
mod elementwise;
mod gemm;
mod histogram;
mod linear;
mod movement;
mod normalization;
pub(crate) mod optimizer_step;
mod pool2d;
mod random;
mod reduce;
mod resize;
mod run;
mod softmax;
#[cfg(test)]
mod tests;
pub(crate) mod turns;
mod warp;

use cnn_core::op::Op;
use cnn_core::{DType, ShapeError};

use accuracy::{Approx, Real};
pub use array::Array;
pub use elementwise::{apply, slope};
pub use run::{Stepped, run, step};

/// An op's output, and how far from it an implementation may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The exact values, but for float64's own rounding.
    pub value: Array,
    /// The greatest absolute error of each element: infinity where nothing is promised.
    pub bound: Array,
}

/// The element of an implementation's output that is worst by its bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// Its row-major index.
    pub index: usize,
    /// Its error over its bound: it lies outside where this exceeds 1 (or is not a number).
    pub ratio: f64,
}

impl Evaluated {
    /// Where `got`, an implementation's output, is worst by the bound; `None` for an output without elements.
    ///
    /// An element that equals the value (or is not a number where the value is none) has ratio 0, and so has one without
    /// a bound. One that is not a number where the value is has an infinite ratio, as has one that is missing.
    ///
    /// ```
    /// use cnn_core::{DType, Op, Tensor, op::{Function, Unary}};
    /// use cnn_cpu::reference::{Array, evaluate};
    /// let x = Array::from(&Tensor::new(vec![2], vec![0.5, 2.0]).unwrap());
    /// let op = Op::Unary(Unary { function: Function::Exponential });
    /// let reference = evaluate(&op, &[&x], DType::F32).unwrap();
    /// assert!(reference.worst(&[0.5f32.exp(), 2f32.exp()]).unwrap().ratio <= 1.0);
    /// assert!(reference.worst(&[0.5f32.exp(), 7.38]).unwrap().ratio > 1.0);
    /// ```
    pub fn worst(&self, got: &[f32]) -> Option<Worst> {
        let ratio = |index: usize| {
            let (value, bound) = (self.value.data[index], self.bound.data[index]);
            let Some(&got) = got.get(index) else { return f64::INFINITY };
            let (got, error) = (f64::from(got), (f64::from(got) - value).abs());
            match () {
                () if got == value || got.is_nan() && value.is_nan() || bound == f64::INFINITY => 0.0,
                () if error.is_nan() || bound == 0.0 => f64::INFINITY,
                () => error / bound,
            }
        };
        let all = (0..self.value.data.len()).map(|index| Worst { index, ratio: ratio(index) });
        all.reduce(|worst, next| if next.ratio > worst.ratio { next } else { worst })
    }
}

/// The output of `op` in float64.
///
/// # Errors
/// If the op cannot take inputs of these shapes; a graph's nodes always can.
pub fn value(op: &Op, inputs: &[&Array]) -> Result<Array, ShapeError> {
    let shape = output_shape(op, inputs)?;
    let data = compute::<f64>(op, inputs, &shape);
    Ok(Array { shape, data })
}

/// The output of `op` in float64, and the bound of each element for an implementation in float32 that stores it as
/// `output`. The inputs are taken as exact: they are what the implementation read, already rounded to its element type.
///
/// # Errors
/// If the op cannot take inputs of these shapes; a graph's nodes always can.
pub fn evaluate(op: &Op, inputs: &[&Array], output: DType) -> Result<Evaluated, ShapeError> {
    let shape = output_shape(op, inputs)?;
    let (value, bound) =
        compute::<Approx>(op, inputs, &shape).into_iter().map(|y| (y.value, y.stored_error(output))).unzip();
    Ok(Evaluated { value: Array { shape: shape.clone(), data: value }, bound: Array { shape, data: bound } })
}

fn output_shape(op: &Op, inputs: &[&Array]) -> Result<Vec<usize>, ShapeError> {
    op.output_shape(&inputs.iter().map(|input| input.shape.as_slice()).collect::<Vec<_>>())
}

/// The output's elements, whose shape is `shape`.
fn compute<R: Real>(op: &Op, inputs: &[&Array], shape: &[usize]) -> Vec<R> {
    match op {
        Op::Conv2D(op) => conv2d::conv2d(op, inputs, shape),
        Op::Conv2DFilterGradient(op) => conv2d_filter_gradient::filter_gradient(op, inputs, shape),
        Op::Conv2DTranspose(op) => conv2d_transpose::conv2d_transpose(op, inputs, shape),
        Op::Pool2D(op) => pool2d::pool(op, inputs[0], shape),
        Op::Pool2DGradient(op) => pool2d::gradient(op, inputs, shape),
        Op::Reduce(op) => reduce::reduce(op, inputs[0]),
        Op::Gemm(op) => gemm::gemm(op, inputs, shape),
        Op::Unary(op) => elementwise::unary(op, inputs[0]),
        Op::UnaryGradient(op) => elementwise::unary_gradient(op, inputs[0], inputs[1]),
        Op::Binary(op) => elementwise::binary(op, inputs[0], inputs[1], shape),
        Op::BatchNorm(op) => normalization::batch_norm(op, inputs),
        Op::LayerNorm(op) => normalization::layer_norm(op, inputs),
        Op::Softmax(op) => softmax::softmax(op, inputs[0]),
        Op::RandomUniform(op) => moved(random::uniform(op, inputs[0], shape)),
        Op::Resize(op) => resize::resize(op, inputs[0]),
        Op::ResizeGradient(op) => resize::gradient(op, inputs[0], shape),
        Op::Warp(op) => warp::warp(op, inputs[0], inputs[1], inputs.get(2).copied()),
        Op::Histogram(op) => moved(histogram::histogram(op, inputs[0])),
        Op::Lookup(op) => moved(histogram::lookup(op, inputs[0], inputs[1])),
        Op::Pad(op) => moved(movement::pad(op, inputs[0], shape)),
        Op::Slice(op) => moved(movement::slice(op, inputs[0], shape)),
        Op::Transpose(op) => moved(movement::transpose(op, inputs[0], shape)),
        Op::Concat(op) => moved(movement::concat(op, inputs, shape)),
        Op::Broadcast(op) => moved(movement::broadcast(op, inputs[0])),
        Op::Assign(op) => moved(movement::assign(op, inputs[1], shape)),
        Op::OptimizerStep(op) => optimizer_step::step(op, inputs),
        // Neither changes a number: a Cast's rounding is part of storing the output.
        Op::Reshape(_) | Op::Cast(_) => moved(inputs[0].data.clone()),
    }
}

/// Elements that were moved as they are.
fn moved<R: Real>(values: Vec<f64>) -> Vec<R> {
    let count = values.len();
    R::with_errors(values, || vec![0.0; count])
}
