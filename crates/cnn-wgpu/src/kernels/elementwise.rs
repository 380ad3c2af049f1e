//! Kernels of [`cnn_core::op::Unary`] and [`cnn_core::op::Binary`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Binary, BinaryOp, Function, Unary, UnaryGradient};

use super::axes::{MAX_RANK, broadcast_steps, merged};
use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// The constant `FUNCTION` of `shaders/shared/function.wgsl`, and the function's arguments:
///
/// | function | arguments |
/// |---|---|
/// | Relu | where it saturates (or infinity), threshold, slope below it |
/// | Elu | alpha |
/// | Affine | factor, summand |
pub(super) fn function(function: Function) -> (u32, [f32; 4]) {
    let none = [0.0; 4];
    match function {
        Function::Linear => (0, none),
        // On its own, because 0 times -infinity is not 0.
        Function::Relu { max_value, negative_slope: 0.0, threshold } => (1, [max_value, threshold, 0.0, 0.0]),
        Function::Relu { max_value, negative_slope, threshold } => (2, [max_value, threshold, negative_slope, 0.0]),
        Function::Elu { alpha } => (3, [alpha, 0.0, 0.0, 0.0]),
        Function::Selu => (4, none),
        Function::Gelu => (5, none),
        Function::GeluTanh => (6, none),
        Function::Sigmoid => (7, none),
        Function::HardSigmoid => (8, none),
        Function::Tanh => (9, none),
        Function::Silu => (10, none),
        Function::HardSilu => (11, none),
        Function::Softplus => (12, none),
        Function::Softsign => (13, none),
        Function::Exponential => (14, none),
        Function::Mish => (15, none),
        Function::Sqrt => (16, none),
        Function::InverseSqrt => (17, none),
        Function::Affine { scale, offset } => (18, [scale, offset, 0.0, 0.0]),
        Function::Log => (19, none),
        Function::Sin => (20, none),
        Function::Cos => (21, none),
        Function::Floor => (22, none),
    }
}

/// `Params` of `shaders/unary.wgsl` and `shaders/unary_gradient.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct UnaryParams {
    /// Of the function.
    pub arguments: [f32; 4],
    /// Elements of the output, in lanes.
    pub count: u32,
    /// Nothing.
    pub pad: [u32; 3],
}

/// `Params` of `shaders/binary.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct BinaryParams {
    /// Of the function.
    pub arguments: [f32; 4],
    /// Elements of the output, in lanes.
    pub count: u32,
    /// Axes in use, at least 1.
    pub rank: u32,
    /// Nothing.
    pub pad: [u32; 2],
    /// Size of the output, step in a, step in b and 0, of each axis, in lanes.
    pub axes: [[u32; 4]; MAX_RANK],
}

/// All ways to apply a function to each element.
pub fn unary(op: &Unary, problem: &Problem) -> Vec<Candidate> {
    each("unary", op.function, vec![0], problem)
}

/// All ways to make the gradient of that.
pub fn unary_gradient(op: &UnaryGradient, problem: &Problem) -> Vec<Candidate> {
    each("unary_gradient", op.function, vec![0, 1], problem)
}

fn each(shader: &'static str, applied: Function, reads: Vec<usize>, problem: &Problem) -> Vec<Candidate> {
    let lanes = lanes(&[problem.len()]);
    let count = problem.len() / lanes;
    let (code, arguments) = function(applied);
    let mut variant = variant(problem, lanes);
    variant.constants.push(("FUNCTION", code));
    let params = UnaryParams { arguments, count: count as u32, pad: [0; 3] };
    let workgroups = count.div_ceil(INVOCATIONS);
    let kernel = Kernel::new(shader, variant, &params, reads, workgroups, problem.capabilities);
    vec![Candidate::one(shader, kernel)]
}

/// An axis of the output, with the steps of both operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    size: usize,
    a: usize,
    b: usize,
}

/// All ways to combine two operands.
pub fn binary(op: &Binary, problem: &Problem) -> Vec<Candidate> {
    let mut axes = broadcast_axes(problem.inputs[0], problem.inputs[1], problem.output);
    let (last, outer) = axes.split_last_mut().expect("there is one axis at least");
    let mut sizes = vec![last.size];
    sizes.extend(outer.iter().flat_map(|axis| [axis.a, axis.b]));
    let lanes = if last.a == 1 && last.b == 1 { lanes(&sizes) } else { 1 };
    last.size /= lanes;
    for axis in outer {
        axis.a /= lanes;
        axis.b /= lanes;
    }
    let mut table = [[0; 4]; MAX_RANK];
    for (row, axis) in table.iter_mut().zip(&axes) {
        *row = [axis.size as u32, axis.a as u32, axis.b as u32, 0];
    }
    let count = problem.len() / lanes;
    let (code, arguments) = function(op.activation);
    let mut variant = variant(problem, lanes);
    variant.constants.extend([("OP", op_code(op.op)), ("FUNCTION", code)]);
    let params = BinaryParams { arguments, count: count as u32, rank: axes.len() as u32, pad: [0; 2], axes: table };
    let workgroups = count.div_ceil(INVOCATIONS);
    let kernel = Kernel::new("binary", variant, &params, vec![0, 1], workgroups, problem.capabilities);
    vec![Candidate::one("binary", kernel)]
}

/// The constant `OP` of `shaders/binary.wgsl`.
fn op_code(op: BinaryOp) -> u32 {
    match op {
        BinaryOp::Add => 0,
        BinaryOp::Subtract => 1,
        BinaryOp::Multiply => 2,
        BinaryOp::Divide => 3,
        BinaryOp::Maximum => 4,
        BinaryOp::Minimum => 5,
        BinaryOp::Prelu => 6,
        BinaryOp::GreaterEqual => 7,
    }
}

/// The axes of the output, as few as possible but one at least.
fn broadcast_axes(a: &[usize], b: &[usize], output: &[usize]) -> Vec<Axis> {
    let (a, b) = (broadcast_steps(a, output.len()), broadcast_steps(b, output.len()));
    let axes: Vec<Axis> = output.iter().zip(a).zip(b).map(|((&size, a), b)| Axis { size, a, b }).collect();
    let merge = |outer: Axis, inner: Axis| {
        let fits = outer.a == inner.a * inner.size && outer.b == inner.b * inner.size;
        fits.then_some(Axis { size: outer.size * inner.size, ..inner })
    };
    let merged = merged(&axes, |axis| axis.size == 1, merge);
    if merged.is_empty() { vec![Axis { size: 1, a: 1, b: 1 }] } else { merged }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_merged_as_far_as_broadcasting_allows() {
        let axis = |size, a, b| Axis { size, a, b };
        for (a, b, output, expected) in [
            (&[2, 3, 4][..], &[2, 3, 4][..], &[2, 3, 4][..], vec![axis(24, 1, 1)]),
            (&[2, 3, 4], &[4], &[2, 3, 4], vec![axis(6, 4, 0), axis(4, 1, 1)]),
            (&[2, 5, 3, 4], &[2, 1, 1, 4], &[2, 5, 3, 4], vec![axis(2, 60, 4), axis(15, 4, 0), axis(4, 1, 1)]),
            (&[1], &[2, 3], &[2, 3], vec![axis(6, 0, 1)]),
            (&[2, 1, 3], &[4, 1], &[2, 4, 3], vec![axis(2, 3, 0), axis(4, 0, 1), axis(3, 1, 0)]),
            (&[], &[], &[], vec![axis(1, 1, 1)]),
            (&[1, 1], &[1], &[1, 1], vec![axis(1, 1, 1)]),
        ] {
            assert_eq!(broadcast_axes(a, b, output), expected, "{a:?} {b:?}");
        }
    }
}
