//! RandAugment (Cubuk et al., arXiv 1909.13719).

use super::tools::{Made, check_range, item, one_of, uniform};
use super::{
    Augmentation, AutoContrast, Equalization, Factor, RandomBrightness, RandomColorDegeneration, RandomContrast,
    RandomPosterization, RandomRotation, RandomSharpness, RandomShear, RandomTranslation, Solarization, setters,
};
use crate::graph::ValueId;
use crate::layers::Lowering;
use crate::layers::common::positive;
use crate::op::{Function, Interpolation};

/// Keras's `RandAugment`: some of eleven augmentations, one after the other, drawn for the whole batch.
///
/// They are shear, translation, rotation, brightness, colour degeneration, contrast, sharpness, posterization, solarization,
/// contrast stretched to the value range, and equalization. All of them are computed each time, and one is taken. Keras gives
/// one that is drawn twice the same numbers both times; here it draws others.
///
/// ```
/// use cnn_core::layers::RandAugment;
/// let layer = RandAugment::new(0.3).num_ops(3);
/// assert_eq!((layer.factor.low, layer.factor.high), (0.0, 0.3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandAugment {
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// How many are drawn, at least 1.
    pub num_ops: usize,
    /// The factor of each, between 0 and 1.
    pub factor: Factor,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandAugment: value_range, interpolation, seed);

impl RandAugment {
    /// Two augmentations of up to that factor, or of one drawn from two numbers, with values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            value_range: [0.0, 255.0],
            num_ops: 2,
            factor: factor.into().one_sided(),
            interpolation: Interpolation::Bilinear,
            seed: None,
        }
    }

    /// Sets how many are drawn.
    pub fn num_ops(mut self, num_ops: usize) -> Self {
        self.num_ops = num_ops;
        self
    }

    fn parts(&self) -> Vec<Box<dyn Augmentation>> {
        let [positions, colors, tones] = parts(self.value_range, self.factor, self.interpolation);
        positions.into_iter().chain(colors).chain(tones).collect()
    }
}

/// The augmentations that [`RandAugment`] and [`AugMix`](super::AugMix) draw from: those of positions, of colours, and of the
/// histogram.
pub(super) fn parts(range: [f64; 2], factor: Factor, interpolation: Interpolation) -> [Vec<Box<dyn Augmentation>>; 3] {
    let bits = ((8.0 * factor.high) as u32).max(1);
    [
        vec![
            Box::new(RandomShear::new(factor, factor).interpolation(interpolation)),
            Box::new(RandomTranslation::new(factor, factor).interpolation(interpolation)),
            Box::new(RandomRotation::new(factor).interpolation(interpolation)),
        ],
        vec![
            Box::new(RandomBrightness::new(factor).value_range(range)),
            Box::new(RandomColorDegeneration::new(factor).value_range(range)),
            Box::new(RandomContrast::new(factor).value_range(range)),
            Box::new(RandomSharpness::new(factor).value_range(range)),
        ],
        vec![
            Box::new(RandomPosterization::new([1, bits]).value_range(range)),
            Box::new(Solarization::new(factor, factor).value_range(range)),
            Box::new(AutoContrast::new().value_range(range)),
            Box::new(Equalization::new().value_range(range)),
        ],
    ]
}

impl Augmentation for RandAugment {
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        positive("a number of augmentations", &[self.num_ops])?;
        self.factor.check("a factor", 0.0, 1.0)?;
        self.parts().iter().try_for_each(|part| part.check(picture))
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let parts = self.parts();
        let drawn = uniform(cx, vec![self.num_ops, 1, 1, 1], Factor { low: 0.0, high: parts.len() as f64 })?;
        let drawn = cx.unary(Function::Floor, drawn)?;
        let mut x = x;
        for place in 0..self.num_ops {
            let index = item(cx, drawn, place)?;
            x = one_of(cx, x, &parts, index)?;
        }
        Ok(x)
    }
}
