//! What augmentations are made of: short names for ops.

use super::{Augmentation, Factor};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::layers::Lowering;
use crate::op::{BinaryOp, Conv2D, Function, Op, Pool2D, PoolKind, Slice, Warp};
use crate::shape::Padding2D;
use crate::tensor::Tensor;

/// What a tool gives.
pub(super) type Made = Result<ValueId, ShapeError>;

/// |x|
pub(super) const ABS: Function = Function::Relu { max_value: f32::INFINITY, negative_slope: -1.0, threshold: 0.0 };
/// The map that changes nothing.
pub(super) const IDENTITY: [f64; 8] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
/// Far below any difference of pixels, and far above what float32 flushes.
pub(super) const TINY: f64 = 1e-20;

/// Height, width and channels of pictures with a batch, and the batch first.
pub(super) fn dims(cx: &Lowering<'_>, x: ValueId) -> [usize; 4] {
    let shape = cx.shape(x);
    [0, 1, 2, 3].map(|axis| shape[axis])
}

/// Numbers drawn evenly.
pub(super) fn uniform(cx: &mut Lowering<'_>, shape: Vec<usize>, factor: Factor) -> Made {
    let drawn = cx.random(shape)?;
    affine(cx, drawn, factor.high - factor.low, factor.low)
}

/// `scale · x + offset`
pub(super) fn affine(cx: &mut Lowering<'_>, x: ValueId, scale: f64, offset: f64) -> Made {
    if (scale, offset) == (1.0, 0.0) {
        return Ok(x);
    }
    cx.unary(Function::Affine { scale: scale as f32, offset: offset as f32 }, x)
}

/// `op(x, number)`
pub(super) fn with_number(cx: &mut Lowering<'_>, op: BinaryOp, x: ValueId, number: f64) -> Made {
    let number = cx.constant(Tensor::scalar(number as f32));
    cx.binary(op, x, number)
}

/// Numbers drawn from the normal distribution of mean 0 and deviation 1, by Box and Muller's `√(-2·log(1 - u))·cos(2π·v)`.
pub(super) fn normal(cx: &mut Lowering<'_>, shape: Vec<usize>) -> Made {
    let u = uniform(cx, shape.clone(), Factor { low: 1.0, high: 0.0 })?;
    let log = cx.unary(Function::Log, u)?;
    let square = affine(cx, log, -2.0, 0.0)?;
    // A logarithm of 1 may err to above 0.
    let square = clip(cx, square, [0.0, f64::INFINITY])?;
    let radius = cx.unary(Function::Sqrt, square)?;
    let cos = direction(cx, shape)?;
    cx.binary(BinaryOp::Multiply, radius, cos)
}

/// The cosine of an angle drawn from the full turn.
fn direction(cx: &mut Lowering<'_>, shape: Vec<usize>) -> Made {
    let angle = uniform(cx, shape, Factor { low: 0.0, high: std::f64::consts::TAU })?;
    cx.unary(Function::Cos, angle)
}

/// Numbers drawn from the distribution Beta(α, α), by Devroye's formula for one that is symmetric (Random variate generation
/// in one line of code, 1996): `(1 + c·√((1 - q) / (q + (1 - q)·c²))) / 2` with `q = (1 - u)^(1/α)` and `c = cos(2π·v)`.
pub(super) fn beta(cx: &mut Lowering<'_>, shape: Vec<usize>, alpha: ValueId) -> Made {
    let u = uniform(cx, shape.clone(), Factor { low: 1.0, high: 0.0 })?;
    let log = cx.unary(Function::Log, u)?;
    let exponent = cx.binary(BinaryOp::Divide, log, alpha)?;
    let q = cx.unary(Function::Exponential, exponent)?;
    // A logarithm of 1 may err to above 0.
    let q = clip(cx, q, [0.0, 1.0])?;
    let c = direction(cx, shape)?;
    let rest = affine(cx, q, -1.0, 1.0)?;
    let square = cx.binary(BinaryOp::Multiply, c, c)?;
    let divisor = cx.binary(BinaryOp::Multiply, rest, square)?;
    let divisor = cx.binary(BinaryOp::Add, q, divisor)?;
    let divisor = with_number(cx, BinaryOp::Maximum, divisor, TINY)?;
    let ratio = cx.binary(BinaryOp::Divide, rest, divisor)?;
    let root = cx.unary(Function::Sqrt, ratio)?;
    let distance = cx.binary(BinaryOp::Multiply, c, root)?;
    // Rounding may take it beyond an end.
    let between = affine(cx, distance, 0.5, 0.5)?;
    clip(cx, between, [0.0, 1.0])
}

/// 1 where a < b, else 0.
pub(super) fn less(cx: &mut Lowering<'_>, a: ValueId, b: ValueId) -> Made {
    let not = cx.binary(BinaryOp::GreaterEqual, a, b)?;
    affine(cx, not, -1.0, 1.0)
}

/// `chosen` where the mask is 1, `other` where it is 0.
pub(super) fn select(cx: &mut Lowering<'_>, mask: ValueId, chosen: ValueId, other: ValueId) -> Made {
    let difference = cx.binary(BinaryOp::Subtract, chosen, other)?;
    let difference = cx.binary(BinaryOp::Multiply, difference, mask)?;
    cx.binary(BinaryOp::Add, other, difference)
}

/// 1 for pictures, `[n, 1, 1, 1]`, that a chance drawn from `factor` hits, else 0.
pub(super) fn hit(cx: &mut Lowering<'_>, n: usize, factor: Factor) -> Made {
    let chance = uniform(cx, vec![n, 1, 1, 1], factor)?;
    let drawn = cx.random(vec![n, 1, 1, 1])?;
    less(cx, drawn, chance)
}

/// `min(max(x, low), high)`
pub(super) fn clip(cx: &mut Lowering<'_>, x: ValueId, [low, high]: [f64; 2]) -> Made {
    if low == 0.0 {
        // A function of one element, which passes may add to the op before it.
        let max_value = high as f32;
        return cx.unary(Function::Relu { max_value, negative_slope: 0.0, threshold: 0.0 }, x);
    }
    let x = with_number(cx, BinaryOp::Maximum, x, low)?;
    with_number(cx, BinaryOp::Minimum, x, high)
}

/// Values in the range `from`, brought to the range `to`. The lower end is taken off first, as Keras does it: in one step with
/// the scale, bytes that were brought to -1 to 1 would not all be whole again.
pub(super) fn rescaled(cx: &mut Lowering<'_>, x: ValueId, from: [f64; 2], to: [f64; 2]) -> Made {
    let above = affine(cx, x, 1.0, -from[0])?;
    affine(cx, above, (to[1] - to[0]) / (from[1] - from[0]), to[0])
}

/// An error unless it is a range.
pub(super) fn check_range([low, high]: [f64; 2]) -> Result<(), String> {
    if low < high { Ok(()) } else { Err(format!("needs a value range that ascends, not {low} to {high},")) }
}

/// An error unless pictures have red, green and blue.
pub(super) fn check_rgb([_, _, channels]: [Option<usize>; 3]) -> Result<(), String> {
    if matches!(channels, None | Some(3)) { Ok(()) } else { Err("expects pictures of 3 channels".into()) }
}

/// The pictures x seen through maps whose eight numbers are the sum of `constant` and of each term's row times its value, one
/// for each picture, `[N, 1]`.
pub(super) fn warp(
    cx: &mut Lowering<'_>,
    x: ValueId,
    constant: [f64; 8],
    terms: &[(ValueId, [f64; 8])],
    op: Warp,
) -> Made {
    let n = dims(cx, x)[0];
    let mut maps = cx.constant(Tensor::from_fn(vec![n, 8], |i| constant[i % 8] as f32));
    for (value, row) in terms {
        let row = cx.constant(Tensor::from_fn(vec![1, 8], |i| row[i] as f32));
        let term = cx.binary(BinaryOp::Multiply, *value, row)?;
        maps = cx.binary(BinaryOp::Add, maps, term)?;
    }
    cx.push(Op::Warp(op), &[x, maps])
}

/// The pictures x with pixels moved by `[N, H, W, 2]`, across and down.
pub(super) fn warp_moved(cx: &mut Lowering<'_>, x: ValueId, moves: ValueId, op: Warp) -> Made {
    let maps = cx.constant(Tensor::from_fn(vec![dims(cx, x)[0], 8], |i| IDENTITY[i % 8] as f32));
    cx.push(Op::Warp(op), &[x, maps, moves])
}

/// Each pixel's channels times a matrix: row i says what channel i gives to each channel of the output.
pub(super) fn mixed(cx: &mut Lowering<'_>, x: ValueId, matrix: [[f64; 3]; 3]) -> Made {
    let filter = cx.constant(Tensor::from_fn(vec![1, 1, 3, 3], |i| matrix[i / 3][i % 3] as f32));
    cx.push(Op::Conv2D(Conv2D::default()), &[x, filter])
}

/// The grey of each pixel in all its channels: 0.2989 red, 0.587 green, 0.114 blue.
pub(super) fn grey(cx: &mut Lowering<'_>, x: ValueId) -> Made {
    match dims(cx, x)[3] {
        3 => mixed(cx, x, [[0.2989; 3], [0.5870; 3], [0.1140; 3]]),
        _ => Ok(x),
    }
}

/// The largest channel of each pixel, `[N, H, W, 1]`.
pub(super) fn largest_channel(cx: &mut Lowering<'_>, x: ValueId) -> Made {
    let [n, h, w, c] = dims(cx, x);
    let rows = cx.reshape(x, vec![n, h * w, c, 1])?;
    let largest = largest(cx, rows, [1, c])?;
    cx.reshape(largest, vec![n, h, w, 1])
}

/// The largest of each window of that height and width, side by side.
pub(super) fn largest(cx: &mut Lowering<'_>, x: ValueId, window: [usize; 2]) -> Made {
    let padding = Padding2D::default();
    let op = Pool2D { kind: PoolKind::Max, pool_size: window, strides: window, padding };
    cx.push(Op::Pool2D(op), &[x])
}

/// One channel, `[N, H, W, 1]`.
pub(super) fn channel(cx: &mut Lowering<'_>, x: ValueId, index: usize) -> Made {
    let [n, h, w, _] = dims(cx, x);
    cx.push(Op::Slice(Slice { begin: vec![0, 0, 0, index], size: vec![n, h, w, 1] }), &[x])
}

/// The number of that index of a list of numbers `[count, 1, 1, 1]`.
pub(super) fn item(cx: &mut Lowering<'_>, list: ValueId, index: usize) -> Made {
    cx.push(Op::Slice(Slice { begin: vec![index, 0, 0, 0], size: vec![1; 4] }), &[list])
}

/// x changed by the part whose number is drawn, `[1, 1, 1, 1]`, and x itself if none is. All are computed, and one is taken.
pub(super) fn one_of(cx: &mut Lowering<'_>, x: ValueId, parts: &[Box<dyn Augmentation>], drawn: ValueId) -> Made {
    let mut taken = x;
    for (own, part) in parts.iter().enumerate() {
        let from = with_number(cx, BinaryOp::GreaterEqual, drawn, own as f64)?;
        let beyond = with_number(cx, BinaryOp::GreaterEqual, drawn, own as f64 + 1.0)?;
        let chosen = cx.binary(BinaryOp::Subtract, from, beyond)?;
        let changed = part.augment(cx, x)?;
        taken = select(cx, chosen, changed, taken)?;
    }
    Ok(taken)
}
