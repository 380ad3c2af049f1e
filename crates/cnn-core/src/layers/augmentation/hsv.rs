//! Hue and saturation, by the largest and the smallest channel of each pixel.

use super::geometry::sign;
use super::tools::{
    ABS, Made, TINY, affine, channel, check_range, check_rgb, clip, dims, largest_channel, mixed, rescaled, select,
    uniform, with_number,
};
use super::{Augmentation, Factor, RandomBrightness, RandomContrast, setters};
use crate::graph::ValueId;
use crate::layers::Lowering;
use crate::op::{BinaryOp, Function};
use crate::tensor::Tensor;

/// The largest channel v of each pixel, and how far it lies above the smallest, both `[N, H, W, 1]`.
fn value_and_chroma(cx: &mut Lowering<'_>, x: ValueId) -> Result<[ValueId; 2], crate::ShapeError> {
    let value = largest_channel(cx, x)?;
    let negative = affine(cx, x, -1.0, 0.0)?;
    let minus_smallest = largest_channel(cx, negative)?;
    Ok([value, cx.binary(BinaryOp::Add, value, minus_smallest)?])
}

/// Keras's `RandomSaturation`: the saturation of each picture multiplied by `f / (1 - f + 1e-7)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomSaturation {
    /// f, between -1 and 1: 1/2 changes nothing, and up to 0 leaves grey.
    pub factor: Factor,
    /// The range to which, as in Keras, the new saturation is clipped; it holds 0. The greatest value of a pixel is no bound.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomSaturation: value_range, seed);

impl RandomSaturation {
    /// By so much, with values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into(), value_range: [0.0, 255.0], seed: None }
    }
}

impl Augmentation for RandomSaturation {
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String> {
        check_rgb(picture)?;
        check_range(self.value_range)?;
        if self.value_range[0] > 0.0 || self.value_range[1] < 0.0 {
            return Err(format!("needs a value range that holds 0, not {:?},", self.value_range));
        }
        self.factor.check("a factor", -1.0, 1.0)
    }

    /// With s = chroma / v and the new saturation s', a channel c becomes `v - s'·v·(v - c) / chroma`.
    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let factor = uniform(cx, vec![n, 1, 1, 1], self.factor)?;
        let rest = affine(cx, factor, -1.0, 1.0 + 1e-7)?;
        // Where f is 1, float32 may leave nothing of the rest.
        let rest = with_number(cx, BinaryOp::Maximum, rest, 1e-7)?;
        let factor = cx.binary(BinaryOp::Divide, factor, rest)?;
        let [value, chroma] = value_and_chroma(cx, x)?;
        let value_above_0 = with_number(cx, BinaryOp::Maximum, value, TINY)?;
        let saturation = cx.binary(BinaryOp::Divide, chroma, value_above_0)?;
        let saturation = cx.binary(BinaryOp::Multiply, saturation, factor)?;
        let saturation = clip(cx, saturation, self.value_range)?;
        let chroma_above_0 = with_number(cx, BinaryOp::Maximum, chroma, TINY)?;
        let below = cx.binary(BinaryOp::Subtract, value, x)?;
        let below = cx.binary(BinaryOp::Divide, below, chroma_above_0)?;
        let new_chroma = cx.binary(BinaryOp::Multiply, saturation, value)?;
        let below = cx.binary(BinaryOp::Multiply, below, new_chroma)?;
        cx.binary(BinaryOp::Subtract, value, below)
    }
}

/// Keras's `RandomHue`: the colours of each picture moved round the wheel, by half the number drawn of a full turn, either way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomHue {
    /// The number, between 0 and 1.
    pub factor: Factor,
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomHue: value_range, seed);

impl RandomHue {
    /// By up to `factor`, or drawn from two numbers, with values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into().one_sided(), value_range: [0.0, 255.0], seed: None }
    }

    /// The hue in sixths of a turn, red being 0, green 2 and blue 4: `(g - b) / chroma` where red is the largest channel, else
    /// `2 + (b - r) / chroma` where green is, else `4 + (r - g) / chroma`.
    fn sixths(cx: &mut Lowering<'_>, x: ValueId, value: ValueId, chroma: ValueId) -> Made {
        let chroma = with_number(cx, BinaryOp::Maximum, chroma, TINY)?;
        // What red, green and blue give to g - b, b - r and r - g.
        let differences = mixed(cx, x, [[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])?;
        let hues = cx.binary(BinaryOp::Divide, differences, chroma)?;
        let primaries = cx.constant(Tensor::from_fn(vec![3], |i| 2.0 * i as f32));
        let hues = cx.binary(BinaryOp::Add, hues, primaries)?;
        let is_largest = cx.binary(BinaryOp::GreaterEqual, x, value)?;
        let mut hue = channel(cx, hues, 2)?;
        for index in [1, 0] {
            let (mask, own) = (channel(cx, is_largest, index)?, channel(cx, hues, index)?);
            hue = select(cx, mask, own, hue)?;
        }
        Ok(hue)
    }
}

impl Augmentation for RandomHue {
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String> {
        check_rgb(picture)?;
        check_range(self.value_range)?;
        self.factor.check("a factor", 0.0, 1.0)
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let n = dims(cx, x)[0];
        let sign = sign(cx, vec![n, 1, 1, 1])?;
        // In sixths of a turn.
        let turn = uniform(cx, vec![n, 1, 1, 1], self.factor.affine(3.0, 0.0))?;
        let turn = cx.binary(BinaryOp::Multiply, turn, sign)?;
        let x = rescaled(cx, x, self.value_range, [0.0, 1.0])?;
        let [value, chroma] = value_and_chroma(cx, x)?;
        let hue = Self::sixths(cx, x, value, chroma)?;
        let hue = cx.binary(BinaryOp::Add, hue, turn)?;
        // Red is full within a sixth of hue 0; so are green and blue once they are moved there.
        let moves = cx.constant(Tensor::new(vec![3], vec![0.0, 4.0, 2.0])?);
        let hue = cx.binary(BinaryOp::Add, hue, moves)?;
        let turns = affine(cx, hue, 1.0 / 6.0, 0.0)?;
        let turns = cx.unary(Function::Floor, turns)?;
        let whole = affine(cx, turns, 6.0, 0.0)?;
        let hue = cx.binary(BinaryOp::Subtract, hue, whole)?;
        // Each channel's share of the chroma: |h - 3| - 1, clipped to 0 and 1.
        let from_cyan = affine(cx, hue, 1.0, -3.0)?;
        let from_cyan = cx.unary(ABS, from_cyan)?;
        let share = affine(cx, from_cyan, 1.0, -1.0)?;
        let share = clip(cx, share, [0.0, 1.0])?;
        let smallest = cx.binary(BinaryOp::Subtract, value, chroma)?;
        let x = cx.binary(BinaryOp::Multiply, share, chroma)?;
        let x = cx.binary(BinaryOp::Add, x, smallest)?;
        let x = clip(cx, x, [0.0, 1.0])?;
        rescaled(cx, x, [0.0, 1.0], self.value_range)
    }
}

/// Keras's `RandomColorJitter`: brightness, contrast, saturation and hue, one after the other, those that are given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomColorJitter {
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// That of [`RandomBrightness`].
    pub brightness_factor: Option<Factor>,
    /// That of [`RandomContrast`].
    pub contrast_factor: Option<Factor>,
    /// That of [`RandomSaturation`].
    pub saturation_factor: Option<Factor>,
    /// That of [`RandomHue`].
    pub hue_factor: Option<Factor>,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomColorJitter: value_range, seed);

impl Default for RandomColorJitter {
    fn default() -> Self {
        Self {
            value_range: [0.0, 255.0],
            brightness_factor: None,
            contrast_factor: None,
            saturation_factor: None,
            hue_factor: None,
            seed: None,
        }
    }
}

impl RandomColorJitter {
    /// Nothing yet, with values from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the factor of the brightness.
    pub fn brightness_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.brightness_factor = Some(factor.into());
        self
    }

    /// Sets the factor of the contrast.
    pub fn contrast_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.contrast_factor = Some(factor.into());
        self
    }

    /// Sets the factor of the saturation.
    pub fn saturation_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.saturation_factor = Some(factor.into());
        self
    }

    /// Sets the factor of the hue.
    pub fn hue_factor(mut self, factor: impl Into<Factor>) -> Self {
        self.hue_factor = Some(factor.into());
        self
    }

    fn parts(&self) -> Vec<Box<dyn Augmentation>> {
        let range = self.value_range;
        let mut parts: Vec<Box<dyn Augmentation>> = Vec::new();
        if let Some(factor) = self.brightness_factor {
            parts.push(Box::new(RandomBrightness::new(factor).value_range(range)));
        }
        if let Some(factor) = self.contrast_factor {
            parts.push(Box::new(RandomContrast::new(factor).value_range(range)));
        }
        if let Some(factor) = self.saturation_factor {
            parts.push(Box::new(RandomSaturation::new(factor).value_range(range)));
        }
        if let Some(factor) = self.hue_factor {
            parts.push(Box::new(RandomHue::new(factor).value_range(range)));
        }
        parts
    }
}

impl Augmentation for RandomColorJitter {
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        self.parts().iter().try_for_each(|part| part.check(picture))
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        self.parts().iter().try_fold(x, |x, part| part.augment(cx, x))
    }
}
