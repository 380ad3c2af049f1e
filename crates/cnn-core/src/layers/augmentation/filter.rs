//! Sharpness, blur, and parts wiped out.

use super::tools::{Made, affine, check_range, clip, dims, hit, less, normal, select, uniform};
use super::{Augmentation, Factor, setters};
use crate::graph::ValueId;
use crate::layers::common::positive;
use crate::layers::{Lowering, Numbers};
use crate::op::{BinaryOp, Broadcast, Conv2D, Function, Op, Reduce, ReduceKind};
use crate::shape::Padding2D;
use crate::tensor::Tensor;

/// Each channel under the same `filter`, `[height, width, 1, C]`, zeros around the picture.
pub(super) fn filtered(cx: &mut Lowering<'_>, x: ValueId, filter: ValueId) -> Made {
    let [_, h, w, c] = dims(cx, x);
    let window = cx.shape(filter);
    let padding = Padding2D::same([h, w], [window[0], window[1]], [1, 1], [1, 1]);
    cx.push(Op::Conv2D(Conv2D { padding, groups: c, ..Conv2D::default() }), &[x, filter])
}

/// `exp(-(x / sigma)² / 2)` for the pixels of one axis, divided by their sum; `shape` has one axis that is not 1. Where
/// there is a `reach`, what lies further from the middle is 0.
pub(super) fn gaussian(cx: &mut Lowering<'_>, sigma: ValueId, reach: Option<ValueId>, shape: [usize; 2]) -> Made {
    let size = shape[0] * shape[1];
    let from_middle = Tensor::from_fn(shape.to_vec(), |i| (i as f32 - (size - 1) as f32 / 2.0).abs());
    let from_middle = cx.constant(from_middle);
    let x = cx.binary(BinaryOp::Divide, from_middle, sigma)?;
    let square = cx.binary(BinaryOp::Multiply, x, x)?;
    let exponent = affine(cx, square, -0.5, 0.0)?;
    let mut weights = cx.unary(Function::Exponential, exponent)?;
    if let Some(reach) = reach {
        let within = cx.binary(BinaryOp::GreaterEqual, reach, from_middle)?;
        weights = cx.binary(BinaryOp::Multiply, weights, within)?;
    }
    let sum = cx.push(Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..2 }), &[weights])?;
    cx.binary(BinaryOp::Divide, weights, sum)
}

/// 1 for pixels from a place drawn on, for `length` of the picture's own, `[N, 1, 1, 1]`, along `axis`; else 0.
pub(super) fn within(cx: &mut Lowering<'_>, length: ValueId, n: usize, size: usize, axis: usize) -> Made {
    let length = affine(cx, length, size as f64, 0.0)?;
    let drawn = cx.random(vec![n, 1, 1, 1])?;
    let room = affine(cx, length, -1.0, size as f64)?;
    let begin = cx.binary(BinaryOp::Multiply, drawn, room)?;
    let end = cx.binary(BinaryOp::Add, begin, length)?;
    let mut shape = vec![1; 4];
    shape[axis] = size;
    let places = cx.constant(Tensor::from_fn(shape, |i| i as f32));
    let from = cx.binary(BinaryOp::GreaterEqual, places, begin)?;
    let before = less(cx, places, end)?;
    cx.binary(BinaryOp::Multiply, from, before)
}

/// Keras's `RandomSharpness`: each picture moved away from or towards its own blur.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomSharpness {
    /// Between 0 and 1: 0 gives the blur, 1/2 changes nothing, 1 sharpens.
    pub factor: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomSharpness: value_range, seed);

impl RandomSharpness {
    /// By up to `factor`, or drawn from two numbers, with values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().one_sided(), value_range: [0.0, 255.0], seed: None }
    }
}

impl Augmentation for RandomSharpness {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        self.factor.check("a factor", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let [n, _, _, c] = dims(cx, x);
        // The share of the blur is 1 - 2·factor.
        let share = uniform(cx, vec![n, 1, 1, 1], self.factor.affine(-2.0, 1.0))?;
        let weight = |i: usize| if i / c == 4 { 5.0 / 13.0 } else { 1.0 / 13.0 };
        let filter = cx.constant(Tensor::from_fn(vec![3, 3, 1, c], weight));
        let blurred = filtered(cx, x, filter)?;
        let x = select(cx, share, blurred, x)?;
        clip(cx, x, self.value_range)
    }
}

/// Keras's `RandomGaussianBlur`: some pictures blurred, all of a batch by the same filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomGaussianBlur {
    /// From where to where the chance of a picture is drawn, between 0 and 1.
    pub factor: Factor,
    /// Columns and rows of the filter, both odd: Keras puts the width first. Of two that differ the weights, made as so many rows
    /// of so many columns, are taken in their order as a filter of `kernel_size[0]` rows.
    pub kernel_size: [usize; 2],
    /// From where to where the standard deviations, in pixels and one for each axis, are drawn, between 0 and 1.
    pub sigma: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomGaussianBlur: value_range, seed);

impl RandomGaussianBlur {
    /// With a chance of up to `factor`, or drawn from two numbers; 3 by 3 pixels, a deviation of up to 1, values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            factor: factor.into().one_sided(),
            kernel_size: [3; 2],
            sigma: Factor { low: 0.0, high: 1.0 },
            value_range: [0.0, 255.0],
            seed: None,
        }
    }

    /// Sets the filter's size.
    pub fn kernel_size(mut self, kernel_size: [usize; 2]) -> Self {
        self.kernel_size = kernel_size;
        self
    }

    /// Sets the deviation.
    pub fn sigma(mut self, sigma: impl Into<Factor>) -> Self {
        self.sigma = sigma.into().one_sided();
        self
    }
}

impl Augmentation for RandomGaussianBlur {
    fn check(&self, _: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        positive("a kernel size", &self.kernel_size)?;
        if self.kernel_size.iter().any(|size| size.is_multiple_of(2)) {
            return Err(format!("needs a kernel size of odd numbers, not {:?},", self.kernel_size));
        }
        self.factor.check("a factor", 0.0, 1.0)?;
        self.sigma.check("a sigma", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let [n, _, _, c] = dims(cx, x);
        let chosen = hit(cx, n, self.factor)?;
        // Above 0: what is drawn divides.
        let sigmas = uniform(cx, vec![2, 1], self.sigma.affine(1.0, 1e-6))?;
        let mut sigma = |index: usize| {
            let part = crate::op::Slice { begin: vec![index, 0], size: vec![1, 1] };
            cx.push(Op::Slice(part), &[sigmas])
        };
        let (across, down) = (sigma(0)?, sigma(1)?);
        let [columns, rows] = self.kernel_size;
        let across = gaussian(cx, across, None, [1, columns])?;
        let down = gaussian(cx, down, None, [rows, 1])?;
        let filter = cx.binary(BinaryOp::Multiply, down, across)?;
        let filter = cx.reshape(filter, vec![columns, rows, 1, 1])?;
        let filter = cx.push(Op::Broadcast(Broadcast { shape: vec![columns, rows, 1, c] }), &[filter])?;
        let blurred = filtered(cx, x, filter)?;
        let x = select(cx, chosen, blurred, x)?;
        clip(cx, x, self.value_range)
    }
}

/// Keras's `RandomErasing`: a rectangle of some pictures wiped out.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomErasing {
    /// From where to where the chance of a picture is drawn, between 0 and 1.
    pub factor: Factor,
    /// From where to where the rectangle's width by the picture's, squared, is drawn, between 0 and 1, and likewise its height.
    pub scale: Factor,
    /// One number or three; `None` for normally distributed noise times `value_range[1]`. All clipped to the value range.
    pub fill_value: Option<Numbers>,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomErasing: value_range, seed);

impl RandomErasing {
    /// With a chance of up to `factor`, or drawn from two numbers; noise in 0.02 to 0.33, values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            factor: factor.into().one_sided(),
            scale: Factor { low: 0.02, high: 0.33 },
            fill_value: None,
            value_range: [0.0, 255.0],
            seed: None,
        }
    }

    /// Sets the rectangle's size.
    pub fn scale(mut self, scale: impl Into<Factor>) -> Self {
        self.scale = scale.into().one_sided();
        self
    }

    /// Sets what fills it.
    pub fn fill_value(mut self, fill_value: impl Into<Numbers>) -> Self {
        self.fill_value = Some(fill_value.into());
        self
    }

    /// What fills the rectangle.
    fn fill(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let [low, high] = self.value_range;
        if let Some(numbers) = &self.fill_value {
            let data = numbers.data.iter().map(|&number| number.clamp(low, high) as f32).collect();
            return Ok(cx.constant(Tensor::new(numbers.shape.clone(), data)?));
        }
        let shape = cx.shape(x);
        let noise = normal(cx, shape)?;
        let noise = affine(cx, noise, high, 0.0)?;
        clip(cx, noise, self.value_range)
    }
}

impl Augmentation for RandomErasing {
    fn check(&self, [_, _, c]: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        self.factor.check("a factor", 0.0, 1.0)?;
        self.scale.check("a scale", 0.0, 1.0)?;
        let fits = |numbers: &Numbers| match *numbers.shape.as_slice() {
            [] => numbers.data.len() == 1,
            [count] => count == 3 && numbers.data.len() == 3 && matches!(c, None | Some(3)),
            _ => false,
        };
        if self.fill_value.as_ref().is_some_and(|numbers| !fits(numbers)) {
            return Err("needs a fill value of one number, or of three for pictures of 3 channels,".into());
        }
        Ok(())
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let [n, h, w, _] = dims(cx, x);
        let shares = uniform(cx, vec![n, 2, 1, 1], self.scale)?;
        let shares = cx.unary(Function::Sqrt, shares)?;
        let mut share = |index: usize| {
            let part = crate::op::Slice { begin: vec![0, index, 0, 0], size: vec![n, 1, 1, 1] };
            cx.push(Op::Slice(part), &[shares])
        };
        let (width, height) = (share(0)?, share(1)?);
        let columns = within(cx, width, n, w, 2)?;
        let rows = within(cx, height, n, h, 1)?;
        let chosen = hit(cx, n, self.factor)?;
        let rows = cx.binary(BinaryOp::Multiply, rows, chosen)?;
        let mask = cx.binary(BinaryOp::Multiply, columns, rows)?;
        let fill = self.fill(cx, x)?;
        select(cx, mask, fill, x)
    }
}
