//! Augmentation: pictures changed at random in training, nothing in inference.
//!
//! Names, arguments and formulas are those of `keras.layers` 3.15. What is random is drawn by [`Lowering::random`], in the order
//! in which Keras draws it, so a layer is a few ordinary ops on the device, and the same seed gives the same pictures
//! everywhere. Whatever changes positions is one [`Warp`](crate::op::Warp). Inputs are pictures `[batch, height, width,
//! channels]`, or one without a batch; each picture of a batch has its own numbers. No gradient flows through positions: an
//! augmentation stands before all weights.

mod aug_mix;
mod color;
mod crop;
mod elastic;
mod filter;
mod geometry;
mod hsv;
mod mix;
mod pipeline;
mod rand_augment;
mod tools;

pub use aug_mix::AugMix;
pub use color::{
    AutoContrast, Equalization, RandomBrightness, RandomColorDegeneration, RandomContrast, RandomGrayscale,
    RandomInvert, RandomPosterization, Solarization,
};
pub use crop::{CenterCrop, RandomCrop};
pub use elastic::RandomElasticTransform;
pub use filter::{RandomErasing, RandomGaussianBlur, RandomSharpness};
pub use geometry::{
    FlipMode, RandomFlip, RandomPerspective, RandomRotation, RandomShear, RandomTranslation, RandomZoom,
};
pub use hsv::{RandomColorJitter, RandomHue, RandomSaturation};
pub use mix::{CutMix, MixUp};
pub use pipeline::{Augmented, Pipeline};
pub use rand_augment::RandAugment;

use super::common::one;
use super::{Kind, Lowering, Mode, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;

/// From where to where a number is drawn, evenly: Keras's `factor` of one number or two. Where a layer draws none below 0, one
/// number stands for 0 and that number; of two, one below 0 is an error there, also where Keras takes it because the other is not.
///
/// ```
/// use cnn_core::layers::Factor;
/// assert_eq!(Factor::from(0.2), Factor { low: -0.2, high: 0.2 });
/// assert_eq!(Factor::from([0.3, 0.1]), Factor { low: 0.1, high: 0.3 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// The least.
    pub low: f64,
    /// The greatest, not drawn itself unless it is the least.
    pub high: f64,
}

impl Factor {
    /// What one number stands for where none below 0 is drawn: 0 to the number. Two other numbers stay what they are.
    fn one_sided(self) -> Self {
        if self.low == -self.high { Self { low: 0.0, ..self } } else { self }
    }

    /// Both numbers multiplied and moved.
    fn affine(self, scale: f64, offset: f64) -> Self {
        Self { low: self.low * scale + offset, high: self.high * scale + offset }
    }

    /// An error unless all lies from `least` to `most`.
    fn check(self, what: &str, least: f64, most: f64) -> Result<(), String> {
        if least <= self.low && self.low <= self.high && self.high <= most {
            return Ok(());
        }
        Err(format!("needs {what} between {least} and {most}, not from {} to {},", self.low, self.high))
    }
}

impl From<f64> for Factor {
    /// As far below 0 as above.
    fn from(factor: f64) -> Self {
        Self { low: -factor.abs(), high: factor.abs() }
    }
}

impl From<[f64; 2]> for Factor {
    fn from([a, b]: [f64; 2]) -> Self {
        Self { low: a.min(b), high: a.max(b) }
    }
}

/// What an augmentation is apart from being a layer.
trait Augmentation {
    /// An error if its arguments, or pictures of that height, width and number of channels, are none it can take.
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String>;

    /// The pictures x `[N, H, W, C]`, changed.
    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Result<ValueId, ShapeError>;
}

/// Height, width and channels of pictures with a batch or without.
fn sizes(inputs: &[SymbolicShape]) -> Result<[Option<usize>; 3], String> {
    match *one(inputs)?.as_slice() {
        [h, w, c] | [_, h, w, c] => Ok([h, w, c]),
        _ => Err("expects an input of rank 4 (batch, height, width, channels) or 3".into()),
    }
}

/// `change` on pictures with a batch; the outcome has one if x has.
fn batched(
    cx: &mut Lowering<'_>,
    x: ValueId,
    change: impl FnOnce(&mut Lowering<'_>, ValueId) -> Result<ValueId, ShapeError>,
) -> Result<ValueId, ShapeError> {
    let mut shape = cx.shape(x);
    if shape.len() == 4 {
        return change(cx, x);
    }
    shape.insert(0, 1);
    let x = cx.reshape(x, shape)?;
    let y = change(cx, x)?;
    let shape = cx.shape(y)[1..].to_vec();
    cx.reshape(y, shape)
}

/// [`Kind`] for augmentations that keep the shape and do nothing in inference.
macro_rules! kinds {
    ($($layer:ident),* $(,)?) => {$(
        impl Kind for $layer {
            fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
                self.check(sizes(inputs)?)?;
                one(inputs).cloned()
            }

            fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
                match cx.mode {
                    Mode::Inference => Ok(inputs[0]),
                    Mode::Training => batched(cx, inputs[0], |cx, x| self.augment(cx, x)),
                }
            }
        }
    )*};
}

kinds!(
    RandomFlip,
    RandomRotation,
    RandomZoom,
    RandomTranslation,
    RandomShear,
    RandomPerspective,
    RandomContrast,
    RandomBrightness,
    RandomSaturation,
    RandomHue,
    RandomColorJitter,
    RandomGrayscale,
    RandomColorDegeneration,
    RandomPosterization,
    RandomInvert,
    Solarization,
    Equalization,
    RandomErasing,
    RandomSharpness,
    RandomGaussianBlur,
    RandomElasticTransform,
    RandAugment,
    AugMix,
    MixUp,
    CutMix,
);

/// The builder methods that several augmentations have.
macro_rules! setters {
    ($layer:ident: $($field:ident),*) => {
        impl $layer {
            $(setters!(@$field);)*
        }
    };
    (@fill_mode) => {
        /// Sets what lies outside of the picture.
        pub fn fill_mode(mut self, fill_mode: FillMode) -> Self {
            self.fill_mode = fill_mode;
            self
        }
    };
    (@fill_value) => {
        /// Sets what lies outside where that is constant.
        pub fn fill_value(mut self, fill_value: f64) -> Self {
            self.fill_value = fill_value;
            self
        }
    };
    (@interpolation) => {
        /// Sets how pixels between pixels are found.
        pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
            self.interpolation = interpolation;
            self
        }
    };
    (@value_range) => {
        /// Sets the least and the greatest value of a pixel.
        pub fn value_range(mut self, value_range: [f64; 2]) -> Self {
            self.value_range = value_range;
            self
        }
    };
    (@seed) => {
        /// Sets Keras's seed, which is kept in files and decides nothing here.
        pub fn seed(mut self, seed: u64) -> Self {
            self.seed = Some(seed);
            self
        }
    };
}
use setters;
