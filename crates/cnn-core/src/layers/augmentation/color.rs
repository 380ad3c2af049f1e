//! Brightness, contrast and colours.

use super::tools::{
    Made, TINY, affine, check_range, clip, dims, grey, hit, largest, less, rescaled, select, uniform, with_number,
};
use super::{Augmentation, Factor, batched, setters, sizes};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::layers::common::one;
use crate::layers::{Kind, Lowering, SymbolicShape};
use crate::op::{BinaryOp, Function, Gemm, Histogram, Lookup, Op, Reduce, ReduceKind, Slice};
use crate::tensor::Tensor;

/// The range of bytes, in which Keras computes some augmentations.
const BYTES: [f64; 2] = [0.0, 255.0];

/// Keras's `RandomBrightness`: a number added to each picture.
///
/// ```
/// use cnn_core::layers::RandomBrightness;
/// let layer = RandomBrightness::new([-0.1, 0.3]).value_range([0.0, 1.0]);
/// assert_eq!(layer.factor.high, 0.3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomBrightness {
    /// How much of the value range, between -1 and 1.
    pub factor: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomBrightness: value_range, seed);

impl RandomBrightness {
    /// By so much of the value range 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into(), value_range: BYTES, seed: None }
    }
}

impl Augmentation for RandomBrightness {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        self.factor.check("a factor", -1.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let [low, high] = self.value_range;
        let added = uniform(cx, vec![n, 1, 1, 1], self.factor.affine(high - low, 0.0))?;
        let x = cx.binary(BinaryOp::Add, x, added)?;
        clip(cx, x, self.value_range)
    }
}

/// Keras's `RandomContrast`: each channel's distance from its mean multiplied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomContrast {
    /// Both between 0 and 1: the number is drawn from 1 minus the first to 1 plus the second. One number f stands for 0 and f.
    pub factor: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomContrast: value_range, seed);

impl RandomContrast {
    /// By so much, with values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().one_sided(), value_range: BYTES, seed: None }
    }
}

impl Augmentation for RandomContrast {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        self.factor.check("a factor", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let range = Factor { low: 1.0 - self.factor.low, high: 1.0 + self.factor.high };
        let factor = uniform(cx, vec![n, 1, 1, 1], range)?;
        let mean = cx.push(Op::Reduce(Reduce { kind: ReduceKind::Mean, axes: 1..3 }), &[x])?;
        let x = cx.binary(BinaryOp::Subtract, x, mean)?;
        let x = cx.binary(BinaryOp::Multiply, x, factor)?;
        let x = cx.binary(BinaryOp::Add, x, mean)?;
        clip(cx, x, self.value_range)
    }
}

/// Keras's `RandomGrayscale`: some pictures without colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomGrayscale {
    /// The chance of each picture, between 0 and 1.
    pub factor: f64,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomGrayscale: seed);

impl RandomGrayscale {
    /// With that chance.
    pub fn new(factor: f64) -> Self {
        Self { factor, seed: None }
    }
}

/// An error unless pictures have colours, or one channel that is grey already.
fn check_colors([_, _, channels]: [Option<usize>; 3]) -> Result<(), String> {
    if matches!(channels, None | Some(1 | 3)) { Ok(()) } else { Err("expects pictures of 1 or 3 channels".into()) }
}

impl Augmentation for RandomGrayscale {
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String> {
        check_colors(picture)?;
        Factor { low: self.factor, high: self.factor }.check("a factor", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let drawn = cx.random(vec![n, 1, 1, 1])?;
        let chance = cx.constant(Tensor::scalar(self.factor as f32));
        let chosen = less(cx, drawn, chance)?;
        let grey = grey(cx, x)?;
        select(cx, chosen, grey, x)
    }
}

/// Keras's `RandomColorDegeneration`: each picture mixed with its grey.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomColorDegeneration {
    /// The share of grey, between -1 and 1.
    pub factor: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomColorDegeneration: value_range, seed);

impl RandomColorDegeneration {
    /// With such a share of grey, and values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into(), value_range: BYTES, seed: None }
    }
}

impl Augmentation for RandomColorDegeneration {
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String> {
        check_colors(picture)?;
        check_range(self.value_range)?;
        self.factor.check("a factor", -1.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let share = uniform(cx, vec![n, 1, 1, 1], self.factor)?;
        let grey = grey(cx, x)?;
        let x = select(cx, share, grey, x)?;
        clip(cx, x, self.value_range)
    }
}

/// Keras's `RandomPosterization`: each picture's bytes with fewer bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomPosterization {
    /// How many bits stay, whole numbers between 1 and 8: from the first up to, but not with, the second; or, if they are equal,
    /// so many.
    pub factor: [u32; 2],
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomPosterization: value_range, seed);

impl RandomPosterization {
    /// With `factor[0]` to `factor[1]` bits, and values from 0 to 255.
    pub fn new(factor: [u32; 2]) -> Self {
        Self { factor, value_range: BYTES, seed: None }
    }

    /// `2^(scale·bits + offset)`, exactly.
    fn power(cx: &mut Lowering<'_>, bits: ValueId, scale: f64, offset: f64) -> Made {
        let exponent = affine(cx, bits, scale * std::f64::consts::LN_2, offset * std::f64::consts::LN_2)?;
        let power = cx.unary(Function::Exponential, exponent)?;
        let power = affine(cx, power, 1.0, 0.5)?;
        cx.unary(Function::Floor, power)
    }
}

impl Augmentation for RandomPosterization {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        let [low, high] = self.factor.map(f64::from);
        Factor { low, high }.check("a factor", 1.0, 8.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let [low, high] = self.factor.map(f64::from);
        let bits = if low == high {
            cx.constant(Tensor::full(vec![n, 1, 1, 1], low as f32))
        } else {
            let drawn = uniform(cx, vec![n, 1, 1, 1], Factor { low, high })?;
            cx.unary(Function::Floor, drawn)?
        };
        // Both factors are powers of two, so that nothing is rounded but down.
        let shrink = Self::power(cx, bits, 1.0, 0.0)?;
        let shrink = affine(cx, shrink, 1.0 / 256.0, 0.0)?;
        let grow = Self::power(cx, bits, -1.0, 8.0)?;
        let x = rescaled(cx, x, self.value_range, BYTES)?;
        let x = cx.unary(Function::Floor, x)?;
        let x = cx.binary(BinaryOp::Multiply, x, shrink)?;
        let x = cx.unary(Function::Floor, x)?;
        let x = cx.binary(BinaryOp::Multiply, x, grow)?;
        rescaled(cx, x, BYTES, self.value_range)
    }
}

/// Keras's `RandomInvert`: some pictures as negatives, `value_range[1] - x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomInvert {
    /// From where to where the chance of a picture is drawn, between 0 and 1.
    pub factor: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomInvert: value_range, seed);

impl RandomInvert {
    /// With a chance of up to `factor`, or drawn from two numbers, and values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().one_sided(), value_range: BYTES, seed: None }
    }
}

impl Augmentation for RandomInvert {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        self.factor.check("a factor", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let chosen = hit(cx, n, self.factor)?;
        let negative = affine(cx, x, -1.0, self.value_range[1])?;
        select(cx, chosen, negative, x)
    }
}

/// Keras's `Solarization`: a number added to each picture, then what is not below a threshold inverted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solarization {
    /// Both between 0 and 1: the number added is drawn from the first to 255 times the second. One number f stands for 0 and f.
    pub addition_factor: Factor,
    /// The same for the threshold.
    pub threshold_factor: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(Solarization: value_range, seed);

impl Solarization {
    /// With such numbers, and values from 0 to 255.
    pub fn new(addition_factor: impl Into<Factor>, threshold_factor: impl Into<Factor>) -> Self {
        Self {
            addition_factor: addition_factor.into().one_sided(),
            threshold_factor: threshold_factor.into().one_sided(),
            value_range: BYTES,
            seed: None,
        }
    }
}

impl Augmentation for Solarization {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        self.addition_factor.check("an addition factor", 0.0, 1.0)?;
        self.threshold_factor.check("a threshold factor", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        // As in Keras the upper end alone counts in bytes.
        let bytes = |factor: Factor| Factor { low: factor.low, high: factor.high * 255.0 };
        let added = uniform(cx, vec![n, 1, 1, 1], bytes(self.addition_factor))?;
        let threshold = uniform(cx, vec![n, 1, 1, 1], bytes(self.threshold_factor))?;
        let x = rescaled(cx, x, self.value_range, BYTES)?;
        let x = cx.binary(BinaryOp::Add, x, added)?;
        let x = clip(cx, x, BYTES)?;
        let inverted = cx.binary(BinaryOp::GreaterEqual, x, threshold)?;
        let negative = affine(cx, x, -1.0, 255.0)?;
        let x = select(cx, inverted, negative, x)?;
        rescaled(cx, x, BYTES, self.value_range)
    }
}

/// Keras's `AutoContrast`: each channel of each picture stretched to the whole value range, in training and in inference. A
/// channel of one value stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoContrast {
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
}
setters!(AutoContrast: value_range);

impl Default for AutoContrast {
    fn default() -> Self {
        Self { value_range: BYTES }
    }
}

impl AutoContrast {
    /// With values from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Augmentation for AutoContrast {
    fn check(&self, [h, w, _]: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        if [h, w].contains(&Some(0)) {
            return Err("expects pictures of at least one pixel".into());
        }
        Ok(())
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let [_, h, w, _] = dims(cx, x);
        let high = largest(cx, x, [h, w])?;
        let negative = affine(cx, x, -1.0, 0.0)?;
        let minus_low = largest(cx, negative, [h, w])?;
        let width = cx.binary(BinaryOp::Add, high, minus_low)?;
        let divisor = with_number(cx, BinaryOp::Maximum, width, TINY)?;
        let above = cx.binary(BinaryOp::Add, x, minus_low)?;
        let share = cx.binary(BinaryOp::Divide, above, divisor)?;
        let stretched = rescaled(cx, share, [0.0, 1.0], self.value_range)?;
        let varied = with_number(cx, BinaryOp::GreaterEqual, width, TINY)?;
        select(cx, varied, stretched, x)
    }
}

impl Kind for AutoContrast {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        self.check(sizes(inputs)?)?;
        one(inputs).cloned()
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        batched(cx, inputs[0], |cx, x| self.augment(cx, x))
    }
}

/// Keras's `Equalization`: values spread so that each is as frequent as any other, in training.
///
/// As in Keras one count is made of all pictures of a batch, for each channel. A channel of one value stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equalization {
    /// Into how many values they are counted, from 2 to 2048; of 256, bytes are counted as they are.
    pub bins: usize,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
}
setters!(Equalization: value_range);

impl Default for Equalization {
    fn default() -> Self {
        Self { bins: 256, value_range: BYTES }
    }
}

impl Equalization {
    /// By 256 values, from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets into how many values pixels are counted.
    pub fn bins(mut self, bins: usize) -> Self {
        self.bins = bins;
        self
    }

    /// For each bin and channel, `[bins, C]`, the new value: the share of pixels in it and below, without the first bin's, from
    /// 0 to 255.
    fn table(self, cx: &mut Lowering<'_>, place: ValueId) -> Result<[ValueId; 2], ShapeError> {
        let (bins, c) = (self.bins, dims(cx, place)[3]);
        let counts = cx.push(Op::Histogram(Histogram { bins }), &[place])?;
        let counts = cx.push(Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..1 }), &[counts])?;
        let counts = cx.reshape(counts, vec![bins, c])?;
        // Sums of each bin and those below by a matrix, [bins, bins].
        let below = cx.constant(Tensor::from_fn(vec![bins, bins], |i| f32::from(u8::from(i % bins <= i / bins))));
        let sums = cx.push(Op::Gemm(Gemm::default()), &[below, counts])?;
        let total = cx.push(Op::Slice(Slice { begin: vec![bins - 1, 0], size: vec![1, c] }), &[sums])?;
        // The first sum above 0 is the smallest: the others count as the total.
        let none = less_than_half(cx, sums)?;
        let without = select(cx, none, total, sums)?;
        let negative = affine(cx, without, -1.0, 0.0)?;
        let rows = cx.reshape(negative, vec![1, bins, c, 1])?;
        let first = largest(cx, rows, [bins, 1])?;
        let first = cx.reshape(first, vec![1, c])?;
        let rest = cx.binary(BinaryOp::Add, total, first)?;
        let above = cx.binary(BinaryOp::Add, sums, first)?;
        let divisor = with_number(cx, BinaryOp::Maximum, rest, 1.0)?;
        let share = cx.binary(BinaryOp::Divide, above, divisor)?;
        let table = affine(cx, share, 255.0, 0.5)?;
        let table = cx.unary(Function::Floor, table)?;
        let varied = with_number(cx, BinaryOp::GreaterEqual, rest, 0.5)?;
        Ok([clip(cx, table, BYTES)?, varied])
    }
}

/// 1 where a count is 0, else 0.
fn less_than_half(cx: &mut Lowering<'_>, count: ValueId) -> Made {
    let some = with_number(cx, BinaryOp::GreaterEqual, count, 0.5)?;
    affine(cx, some, -1.0, 1.0)
}

impl Augmentation for Equalization {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        if (2..=Histogram::MOST_BINS).contains(&self.bins) {
            return Ok(());
        }
        Err(format!("needs 2 to {} bins, not {},", Histogram::MOST_BINS, self.bins))
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let c = dims(cx, x)[3];
        let bytes = rescaled(cx, x, self.value_range, BYTES)?;
        // A little more, so that a byte's rounding does not take it to the bin below.
        let place = affine(cx, bytes, (self.bins - 1) as f64 / 255.0, 1e-3)?;
        let [table, varied] = self.table(cx, place)?;
        let spread = cx.push(Op::Lookup(Lookup), &[place, table])?;
        let varied = cx.reshape(varied, vec![1, 1, 1, c])?;
        let bytes = select(cx, varied, spread, bytes)?;
        rescaled(cx, bytes, BYTES, self.value_range)
    }
}
