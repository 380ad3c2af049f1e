//! What augmentations are made of: short names for ops.

use super::Factor;
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

/// Values in the range `from`, brought to the range `to`.
pub(super) fn rescaled(cx: &mut Lowering<'_>, x: ValueId, from: [f64; 2], to: [f64; 2]) -> Made {
    let scale = (to[1] - to[0]) / (from[1] - from[0]);
    affine(cx, x, scale, to[0] - scale * from[0])
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
