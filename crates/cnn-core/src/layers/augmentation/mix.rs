//! Pictures mixed with others of their batch, and so are their labels.

use super::filter::within;
use super::tools::{Made, affine, beta, dims, less, select, uniform};
use super::{Augmentation, Factor, setters};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::layers::Lowering;
use crate::op::{BinaryOp, Function, Gemm, Op, Reduce, ReduceKind};
use crate::tensor::Tensor;

/// Pictures that are mixed.
pub(super) struct Mixed {
    /// The pictures.
    pub pictures: ValueId,
    /// How much of each example, along the second axis, is in each of the new ones, `[N, N]`. Rows add up to 1.
    pub shares: ValueId,
}

/// An augmentation that mixes pictures.
pub(super) trait Mixing: Augmentation {
    /// The pictures x `[N, H, W, C]`, mixed.
    fn mix(&self, cx: &mut Lowering<'_>, x: ValueId) -> Result<Mixed, ShapeError>;
}

/// Keras's `MixUp` (Zhang et al., arXiv 1710.09412): each picture a weighted mean of itself and another of the batch.
///
/// In a [`Pipeline`](super::Pipeline) labels are mixed alike; as a layer of a model it sees pictures alone.
///
/// ```
/// use cnn_core::layers::MixUp;
/// assert_eq!(MixUp::new(0.4).alpha, 0.4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixUp {
    /// The share of a picture itself is drawn from the distribution Beta(α, α): at least 0.001, the smaller the less they mix.
    pub alpha: f64,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(MixUp: seed);

impl Default for MixUp {
    fn default() -> Self {
        Self::new(0.2)
    }
}

impl MixUp {
    /// Of that α.
    pub fn new(alpha: f64) -> Self {
        Self { alpha, seed: None }
    }
}

impl Mixing for MixUp {
    fn mix(&self, cx: &mut Lowering<'_>, x: ValueId) -> Result<Mixed, ShapeError> {
        let n = dims(cx, x)[0];
        let permutation = permutation(cx, n)?;
        let alpha = cx.constant(Tensor::scalar(self.alpha as f32));
        let own = beta(cx, vec![n, 1], alpha)?;
        let shares = shares(cx, own, permutation)?;
        Ok(Mixed { pictures: product(cx, shares, x)?, shares })
    }
}

impl Augmentation for MixUp {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_alpha(self.alpha, 1e-3)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        self.mix(cx, x).map(|mixed| mixed.pictures)
    }
}

/// An error unless α is from `least` on.
pub(super) fn check_alpha(alpha: f64, least: f64) -> Result<(), String> {
    if alpha >= least && alpha.is_finite() {
        return Ok(());
    }
    Err(format!("needs an alpha of at least {least}, not {alpha},"))
}

/// Keras's `CutMix` (Yun et al., arXiv 1905.04899): a rectangle of each picture filled with what is there in another of the
/// batch.
///
/// In a [`Pipeline`](super::Pipeline) labels are mixed as the areas are; as a layer of a model it sees pictures alone.
///
/// ```
/// use cnn_core::layers::{CutMix, Factor};
/// assert_eq!(CutMix::new(0.8).factor, Factor { low: 0.0, high: 0.8 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CutMix {
    /// From where to where α is drawn for the batch, between 0 and 1; from Beta(α, α) then each picture's share of itself.
    pub factor: Factor,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(CutMix: seed);

impl Default for CutMix {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl CutMix {
    /// With an α of up to `factor`, or drawn from two numbers.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().one_sided(), seed: None }
    }
}

impl Mixing for CutMix {
    fn mix(&self, cx: &mut Lowering<'_>, x: ValueId) -> Result<Mixed, ShapeError> {
        let [n, h, w, _] = dims(cx, x);
        // Above 0: it divides.
        let alpha = uniform(cx, vec![1, 1], self.factor.affine(1.0, 1e-6))?;
        let own = beta(cx, vec![n, 1], alpha)?;
        let other = affine(cx, own, -1.0, 1.0)?;
        let side = cx.unary(Function::Sqrt, other)?;
        let side = cx.reshape(side, vec![n, 1, 1, 1])?;
        let columns = within(cx, side, n, w, 2)?;
        let rows = within(cx, side, n, h, 1)?;
        let mask = cx.binary(BinaryOp::Multiply, columns, rows)?;
        let permutation = permutation(cx, n)?;
        let others = product(cx, permutation, x)?;
        let pictures = select(cx, mask, others, x)?;
        Ok(Mixed { pictures, shares: shares(cx, own, permutation)? })
    }
}

impl Augmentation for CutMix {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        self.factor.check("a factor", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        self.mix(cx, x).map(|mixed| mixed.pictures)
    }
}

/// Examples in an order drawn, `[n, n]`: row i has its 1 where the i-th smallest of n numbers drawn stands.
fn permutation(cx: &mut Lowering<'_>, n: usize) -> Made {
    let drawn = cx.random(vec![1, n])?;
    let others = cx.reshape(drawn, vec![n, 1])?;
    // Of two that are equal the first is the smaller one.
    let above = cx.binary(BinaryOp::GreaterEqual, drawn, others)?;
    let below = cx.binary(BinaryOp::GreaterEqual, others, drawn)?;
    let behind = cx.constant(Tensor::from_fn(vec![n, n], |i| f32::from(u8::from(i / n >= i % n))));
    let below = cx.binary(BinaryOp::Multiply, below, behind)?;
    let smaller = affine(cx, below, -1.0, 1.0)?;
    let smaller = cx.binary(BinaryOp::Multiply, above, smaller)?;
    let rank = cx.push(Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..1 }), &[smaller])?;
    let places = cx.constant(Tensor::from_fn(vec![n, 1], |i| i as f32));
    let from = cx.binary(BinaryOp::GreaterEqual, rank, places)?;
    let beyond = less(cx, places, rank)?;
    cx.binary(BinaryOp::Subtract, from, beyond)
}

/// `own` of each example itself, `[n, 1]`, and the rest of the one that the permutation puts in its place.
fn shares(cx: &mut Lowering<'_>, own: ValueId, permutation: ValueId) -> Made {
    let n = cx.shape(permutation)[0];
    let itself = cx.constant(Tensor::from_fn(vec![n, n], |i| f32::from(u8::from(i / n == i % n))));
    select(cx, own, itself, permutation)
}

/// Rows of a matrix `[N, N]` times the examples x, `[N, ..]`.
pub(super) fn product(cx: &mut Lowering<'_>, matrix: ValueId, x: ValueId) -> Made {
    let shape = cx.shape(x);
    let flat = cx.reshape(x, vec![shape[0], shape[1..].iter().product()])?;
    let mixed = cx.push(Op::Gemm(Gemm::default()), &[matrix, flat])?;
    cx.reshape(mixed, shape)
}
