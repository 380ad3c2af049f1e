//! Functions of one element and of two: their definitions.

use cnn_core::op::{Binary, BinaryOp, Function, Unary};

use super::accuracy::Real;
use super::array::{Array, offsets, strides};

/// `function(x)`, as Keras defines it (`keras.activations`), in float64. Not a number gives not a number.
pub fn apply(function: &Function, x: f64) -> f64 {
    match *function {
        Function::Linear => x,
        Function::Relu { max_value, negative_slope, threshold } => {
            let (max_value, slope, threshold) = (f64::from(max_value), f64::from(negative_slope), f64::from(threshold));
            if x > threshold { x.min(max_value) } else { slope * (x - threshold) }
        }
        Function::Elu { alpha } => elu(f64::from(alpha), x),
        Function::Selu => SELU_SCALE * elu(SELU_ALPHA, x),
        Function::Gelu => 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)),
        Function::GeluTanh => 0.5 * x * (1.0 + (SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)).tanh()),
        Function::Sigmoid => sigmoid(x),
        Function::HardSigmoid => (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Function::Tanh => x.tanh(),
        Function::Silu => x * sigmoid(x),
        Function::HardSilu => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Function::Softplus => softplus(x),
        Function::Softsign => x / (1.0 + x.abs()),
        Function::Exponential => x.exp(),
        Function::Mish => x * softplus(x).tanh(),
        Function::Sqrt => x.sqrt(),
        Function::InverseSqrt => 1.0 / x.sqrt(),
        Function::Affine { scale, offset } => f64::from(scale) * x + f64::from(offset),
    }
}

/// λ of Klambauer et al., arXiv 1706.02515.
pub(super) const SELU_SCALE: f64 = 1.0507009873554805;
/// α of the same.
pub(super) const SELU_ALPHA: f64 = 1.6732632423543772;
/// √(2/π)
pub(super) const SQRT_2_OVER_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

fn elu(alpha: f64, x: f64) -> f64 {
    if x > 0.0 { x } else { alpha * x.exp_m1() }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    // log(1 + exp(x)), where exp(x) may overflow.
    if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
}

/// A function of each element.
pub(super) fn unary<R: Real>(op: &Unary, x: &Array) -> Vec<R> {
    x.data.iter().map(|&x| R::exact(x).activate(&op.function)).collect()
}

/// A function of two elements, broadcasting to `shape`.
pub(super) fn binary<R: Real>(op: &Binary, a: &Array, b: &Array, shape: &[usize]) -> Vec<R> {
    let (a_at, b_at) = (broadcast_offsets(&a.shape, shape), broadcast_offsets(&b.shape, shape));
    let pairs = a_at.into_iter().zip(b_at).map(|(i, j)| (R::exact(a.data[i]), R::exact(b.data[j])));
    pairs.map(|(a, b)| combine(op.op, a, b).activate(&op.activation)).collect()
}

/// `op(a, b)`. Not a number in either gives not a number, as in NumPy.
fn combine<R: Real>(op: BinaryOp, a: R, b: R) -> R {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide => a / b,
        BinaryOp::Maximum => a.max(b),
        BinaryOp::Minimum => a.min(b),
        BinaryOp::Prelu => a.branch(0.0, |a| a * b, |a| a),
    }
}

/// For each element of `shape`, where the array of shape `from` has it: an axis of size 1 stretches.
fn broadcast_offsets(from: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut steps = vec![0; shape.len() - from.len()];
    steps.extend(strides(from).iter().zip(from).map(|(&stride, &size)| if size == 1 { 0 } else { stride }));
    offsets(shape, &steps, 0)
}
