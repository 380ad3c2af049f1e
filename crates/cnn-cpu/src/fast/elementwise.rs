//! Functions of one element and of two.

use cnn_core::op::{Binary, BinaryOp, Function, Unary};
use rayon::prelude::*;

use super::vectors::vectorised;
use super::walk::{Walk, strides};
use super::{CHUNK, View};
use crate::reference::accuracy::{Real, formula};

/// A function of each element.
pub(super) fn unary(op: &Unary, x: View, y: &mut [f32]) {
    y.par_chunks_mut(CHUNK).zip(x.data.par_chunks(CHUNK)).for_each(|(y, x)| {
        y.copy_from_slice(x);
        activate(&op.function, y);
    });
}

/// A function of two elements, broadcasting to `shape`.
pub(super) fn binary(op: &Binary, a: View, b: View, shape: &[usize], y: &mut [f32]) {
    let (a_steps, b_steps) = (broadcast(a.shape, shape), broadcast(b.shape, shape));
    Walk::new(shape, [&a_steps, &b_steps]).for_each_run(y, |y, at, steps| {
        let (a, b) = (Run::new(a.data, at[0], steps[0], y.len()), Run::new(b.data, at[1], steps[1], y.len()));
        match op.op {
            BinaryOp::Add => combine(y, a, b, |a, b| a + b),
            BinaryOp::Subtract => combine(y, a, b, |a, b| a - b),
            BinaryOp::Multiply => combine(y, a, b, |a, b| a * b),
            BinaryOp::Divide => combine(y, a, b, |a, b| a / b),
            BinaryOp::Maximum => combine(y, a, b, Real::max),
            BinaryOp::Minimum => combine(y, a, b, Real::min),
            BinaryOp::Prelu => combine(y, a, b, |a, b| a.branch(0.0, |a| a * b, |a| a)),
        }
        activate(&op.activation, y);
    });
}

/// An input's elements along a run of the output.
enum Run<'a> {
    /// One for each.
    Each(&'a [f32]),
    /// One for all.
    Same(f32),
}

impl<'a> Run<'a> {
    fn new(data: &'a [f32], at: usize, step: usize, len: usize) -> Self {
        if step == 0 { Self::Same(data[at]) } else { Self::Each(&data[at..][..len]) }
    }
}

/// `y = f(a, b)`
#[inline(always)]
fn combine(y: &mut [f32], a: Run, b: Run, f: impl Fn(f32, f32) -> f32) {
    match (a, b) {
        (Run::Each(a), Run::Each(b)) => y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = f(a, b)),
        (Run::Each(a), Run::Same(b)) => y.iter_mut().zip(a).for_each(|(y, &a)| *y = f(a, b)),
        (Run::Same(a), Run::Each(b)) => y.iter_mut().zip(b).for_each(|(y, &b)| *y = f(a, b)),
        (Run::Same(a), Run::Same(b)) => y.fill(f(a, b)),
    }
}

/// The steps along the axes of `shape` of an array of shape `from`: an axis of size 1 stretches.
fn broadcast(from: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut steps = vec![0; shape.len() - from.len()];
    steps.extend(strides(from).iter().zip(from).map(|(&stride, &size)| if size == 1 { 0 } else { stride }));
    steps
}

/// `y = function(y)`. Each arm is a loop of its own: with the function known, the compiler makes vectors of it.
pub(super) fn activate(function: &Function, y: &mut [f32]) {
    match *function {
        Function::Linear => {}
        Function::Relu { max_value, negative_slope, threshold } => {
            map(y, Function::Relu { max_value, negative_slope, threshold });
        }
        Function::Elu { alpha } => map(y, Function::Elu { alpha }),
        Function::Selu => map(y, Function::Selu),
        Function::Gelu => map(y, Function::Gelu),
        Function::GeluTanh => map(y, Function::GeluTanh),
        Function::Sigmoid => map(y, Function::Sigmoid),
        Function::HardSigmoid => map(y, Function::HardSigmoid),
        Function::Tanh => map(y, Function::Tanh),
        Function::Silu => map(y, Function::Silu),
        Function::HardSilu => map(y, Function::HardSilu),
        Function::Softplus => map(y, Function::Softplus),
        Function::Softsign => map(y, Function::Softsign),
        Function::Exponential => map(y, Function::Exponential),
        Function::Mish => map(y, Function::Mish),
        Function::Sqrt => map(y, Function::Sqrt),
        Function::InverseSqrt => map(y, Function::InverseSqrt),
        Function::Affine { scale, offset } => map(y, Function::Affine { scale, offset }),
    }
}

#[inline(always)]
fn map(y: &mut [f32], function: Function) {
    vectorised(
        #[inline(always)]
        || {
            for y in y {
                *y = formula(&function, *y);
            }
        },
    );
}
