//! Functions of one element and of two.

use cnn_core::op::{Binary, BinaryOp, Function, Unary, UnaryGradient};
use rayon::prelude::*;

use super::vectors::vectorised;
use super::walk::{Walk, broadcast_strides};
use super::{CHUNK, View};
use crate::reference::accuracy::Real;

/// A function of each element.
pub(super) fn unary(op: &Unary, x: View, y: &mut [f32]) {
    y.par_chunks_mut(CHUNK).zip(x.data.par_chunks(CHUNK)).for_each(|(y, x)| {
        y.copy_from_slice(x);
        activate(&op.function, y);
    });
}

/// The slope of a function at each element, times dy.
pub(super) fn unary_gradient(op: &UnaryGradient, x: View, dy: View, y: &mut [f32]) {
    let elements = y.par_chunks_mut(CHUNK).zip(x.data.par_chunks(CHUNK)).zip(dy.data.par_chunks(CHUNK));
    elements.for_each(|((y, x), dy)| {
        y.copy_from_slice(x);
        each(
            &op.function,
            y,
            #[inline(always)]
            |x, function| x.slope(function),
        );
        y.iter_mut().zip(dy).for_each(|(y, dy)| *y *= dy);
    });
}

/// A function of two elements, broadcasting to `shape`.
pub(super) fn binary(op: &Binary, a: View, b: View, shape: &[usize], y: &mut [f32]) {
    let (a_steps, b_steps) = (broadcast_strides(a.shape, shape.len()), broadcast_strides(b.shape, shape.len()));
    Walk::new(shape, [&a_steps, &b_steps]).for_each_run(y, |y, at, steps| {
        let (a, b) = (Run::new(a.data, at[0], steps[0], y.len()), Run::new(b.data, at[1], steps[1], y.len()));
        match op.op {
            BinaryOp::Add => combine(y, a, b, |a, b| a + b),
            BinaryOp::Subtract => combine(y, a, b, |a, b| a - b),
            BinaryOp::Multiply => combine(y, a, b, |a, b| a * b),
            BinaryOp::Divide => combine(y, a, b, |a, b| a / b),
            BinaryOp::Maximum => combine(y, a, b, Real::max),
            BinaryOp::Minimum => combine(y, a, b, Real::min),
            BinaryOp::GreaterEqual => combine(y, a, b, Real::greater_equal),
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
    vectorised(
        #[inline(always)]
        || combine_inlined(y, a, b, f),
    );
}

#[inline(always)]
fn combine_inlined(y: &mut [f32], a: Run, b: Run, f: impl Fn(f32, f32) -> f32) {
    match (a, b) {
        (Run::Each(a), Run::Each(b)) => y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = f(a, b)),
        (Run::Each(a), Run::Same(b)) => y.iter_mut().zip(a).for_each(|(y, &a)| *y = f(a, b)),
        (Run::Same(a), Run::Each(b)) => y.iter_mut().zip(b).for_each(|(y, &b)| *y = f(a, b)),
        (Run::Same(a), Run::Same(b)) => y.fill(f(a, b)),
    }
}

/// `y = function(y)`
pub(super) fn activate(function: &Function, y: &mut [f32]) {
    each(
        function,
        y,
        #[inline(always)]
        |x, function| x.activate(function),
    );
}

/// `y = f(y, function)`. Only an `f` that is inlined becomes vectors: a method by its name is called for every element.
#[inline(always)]
fn each(function: &Function, y: &mut [f32], f: impl Fn(f32, &Function) -> f32) {
    vectorised(
        #[inline(always)]
        || each_inlined(function, y, f),
    );
}

/// Each arm is a loop of its own: with the function known, the compiler makes vectors of it.
#[inline(always)]
fn each_inlined(function: &Function, y: &mut [f32], f: impl Fn(f32, &Function) -> f32) {
    match *function {
        Function::Linear => map(y, Function::Linear, f),
        Function::Relu { max_value, negative_slope, threshold } => {
            map(y, Function::Relu { max_value, negative_slope, threshold }, f);
        }
        Function::Elu { alpha } => map(y, Function::Elu { alpha }, f),
        Function::Selu => map(y, Function::Selu, f),
        Function::Gelu => map(y, Function::Gelu, f),
        Function::GeluTanh => map(y, Function::GeluTanh, f),
        Function::Sigmoid => map(y, Function::Sigmoid, f),
        Function::HardSigmoid => map(y, Function::HardSigmoid, f),
        Function::Tanh => map(y, Function::Tanh, f),
        Function::Silu => map(y, Function::Silu, f),
        Function::HardSilu => map(y, Function::HardSilu, f),
        Function::Softplus => map(y, Function::Softplus, f),
        Function::Softsign => map(y, Function::Softsign, f),
        Function::Exponential => map(y, Function::Exponential, f),
        Function::Log => map(y, Function::Log, f),
        Function::Sin => map(y, Function::Sin, f),
        Function::Cos => map(y, Function::Cos, f),
        Function::Floor => map(y, Function::Floor, f),
        Function::Mish => map(y, Function::Mish, f),
        Function::Sqrt => map(y, Function::Sqrt, f),
        Function::InverseSqrt => map(y, Function::InverseSqrt, f),
        Function::Affine { scale, offset } => map(y, Function::Affine { scale, offset }, f),
    }
}

#[inline(always)]
fn map(y: &mut [f32], function: Function, f: impl Fn(f32, &Function) -> f32) {
    for y in y {
        *y = f(*y, &function);
    }
}
