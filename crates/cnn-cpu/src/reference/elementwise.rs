//! Functions of one element and of two: their definitions.

use cnn_core::op::{Binary, BinaryOp, Function, Unary, UnaryGradient};

use super::accuracy::Real;
use super::array::{Array, broadcast_strides, offsets};

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
        Function::Log => x.ln(),
        Function::Sin => x.sin(),
        Function::Cos => x.cos(),
        Function::Floor => x.floor(),
        Function::Mish => x * softplus(x).tanh(),
        Function::Sqrt => x.sqrt(),
        Function::InverseSqrt => 1.0 / x.sqrt(),
        Function::Affine { scale, offset } => f64::from(scale) * x + f64::from(offset),
    }
}

/// `function'(x)` in float64; at a kink as TensorFlow has it. Not a number gives not a number.
pub fn slope(function: &Function, x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    match *function {
        Function::Linear => 1.0,
        Function::Relu { max_value, negative_slope, threshold } => match x {
            _ if x > f64::from(threshold) => f64::from(u8::from(x < f64::from(max_value))),
            _ => f64::from(negative_slope),
        },
        Function::Elu { alpha } => elu_slope(f64::from(alpha), x),
        Function::Selu => SELU_SCALE * elu_slope(SELU_ALPHA, x),
        Function::Gelu => {
            let normal = (-0.5 * x * x).exp() * FRAC_1_SQRT_2PI;
            0.5 * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)) + x * normal
        }
        Function::GeluTanh => {
            let tanh = (SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)).tanh();
            let inner = SQRT_2_OVER_PI * (1.0 + 3.0 * 0.044715 * x * x);
            0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * inner
        }
        Function::Sigmoid => sigmoid(x) * sigmoid(-x),
        Function::HardSigmoid => hard_sigmoid_slope(x),
        Function::Tanh => x.cosh().powi(-2),
        Function::Silu => sigmoid(x) * (1.0 + x * sigmoid(-x)),
        Function::HardSilu => (x / 6.0 + 0.5).clamp(0.0, 1.0) + x * hard_sigmoid_slope(x),
        Function::Softplus => sigmoid(x),
        Function::Softsign => (1.0 + x.abs()).powi(-2),
        Function::Exponential => x.exp(),
        Function::Log => 1.0 / x,
        Function::Sin => x.cos(),
        Function::Cos => -x.sin(),
        Function::Floor => 0.0,
        Function::Mish => {
            let tanh = softplus(x).tanh();
            tanh + x * softplus(x).cosh().powi(-2) * sigmoid(x)
        }
        Function::Sqrt => 0.5 / x.sqrt(),
        Function::InverseSqrt => -0.5 / (x * x.sqrt()),
        Function::Affine { scale, .. } => f64::from(scale),
    }
}

fn elu_slope(alpha: f64, x: f64) -> f64 {
    if x > 0.0 { 1.0 } else { alpha * x.exp() }
}

fn hard_sigmoid_slope(x: f64) -> f64 {
    if x.abs() < 3.0 { 1.0 / 6.0 } else { 0.0 }
}

/// 1 / √(2π)
pub(super) const FRAC_1_SQRT_2PI: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2 / 2.0;
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

/// The slope of a function at each element, times dy.
pub(super) fn unary_gradient<R: Real>(op: &UnaryGradient, x: &Array, dy: &Array) -> Vec<R> {
    let pairs = x.data.iter().zip(&dy.data);
    pairs.map(|(&x, &dy)| R::exact(x).slope(&op.function) * R::exact(dy)).collect()
}

/// A function of two elements, broadcasting to `shape`.
pub(super) fn binary<R: Real>(op: &Binary, a: &Array, b: &Array, shape: &[usize]) -> Vec<R> {
    let at = |from: &[usize]| offsets(shape, &broadcast_strides(from, shape.len()), 0);
    let (a_at, b_at) = (at(&a.shape), at(&b.shape));
    let pairs = a_at.into_iter().zip(b_at).map(|(i, j)| (R::exact(a.data[i]), R::exact(b.data[j])));
    pairs.map(|(a, b)| combine(op.op, a, b).activate(&op.activation)).collect()
}

/// `op(a, b)`. Not a number in either gives not a number, as in NumPy, but where numbers are compared.
fn combine<R: Real>(op: BinaryOp, a: R, b: R) -> R {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide => a / b,
        BinaryOp::Maximum => a.max(b),
        BinaryOp::Minimum => a.min(b),
        BinaryOp::GreaterEqual => a.greater_equal(b),
        BinaryOp::Prelu => a.branch(0.0, |a| a * b, |a| a),
    }
}
