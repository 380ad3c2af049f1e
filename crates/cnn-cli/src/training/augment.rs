//! Augmentation as the user writes it: `flip,rotate=0.1,zoom=0.2`.

use std::str::FromStr;

use cnn::layers::{
    AugMix, AutoContrast, CenterCrop, CutMix, Equalization, FlipMode, MixUp, Named, Pipeline, RandAugment,
    RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop, RandomElasticTransform,
    RandomErasing, RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective,
    RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom,
    Resizing, Solarization,
};

use crate::failure::{Failure, suggestion};
use crate::table::shape;

/// What is done to the pictures of each step, in this order.
#[derive(Debug, Clone)]
pub struct Augmentation {
    chosen: Vec<(&'static Kind, f64)>,
    /// As it was written.
    pub text: String,
}

/// One way to change a picture.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    strength: Option<Strength>,
    layers: Layers,
}

/// How strongly: an argument of Keras's layer.
#[derive(Debug)]
struct Strength {
    argument: &'static str,
    default: f64,
    range: [f64; 2],
    /// Whether it is a whole number.
    whole: bool,
}

/// Makes the layers of a strength for pictures of so many rows and columns, whose black and white are numbers.
type Layers = fn(f64, &Pictures) -> Vec<Named>;

struct Pictures {
    height: usize,
    width: usize,
    range: [f64; 2],
}

const fn plain(name: &'static str, layers: Layers) -> Kind {
    Kind { name, strength: None, layers }
}

/// With a strength from 0 to 1.
const fn strong(name: &'static str, argument: &'static str, default: f64, layers: Layers) -> Kind {
    Kind { name, strength: Some(Strength { argument, default, range: [0.0, 1.0], whole: false }), layers }
}

/// The layer with the range of the pictures' values.
macro_rules! ranged {
    ($layer:expr, $pictures:expr) => {{
        let mut layer = $layer;
        layer.value_range = $pictures.range;
        vec![layer.into()]
    }};
}

#[rustfmt::skip]
const KNOWN: &[Kind] = &[
    plain("flip", |_, _| vec![RandomFlip::new(FlipMode::Horizontal).into()]),
    plain("flip_vertical", |_, _| vec![RandomFlip::new(FlipMode::Vertical).into()]),
    strong("rotate", "factor", 0.1, |x, _| vec![RandomRotation::new(x).into()]),
    strong("zoom", "height_factor", 0.1, |x, _| vec![RandomZoom::new(x).into()]),
    strong("translate", "height_factor, width_factor", 0.1, |x, _| vec![RandomTranslation::new(x, x).into()]),
    strong("shear", "x_factor, y_factor", 0.1, |x, _| vec![RandomShear::new(x, x).into()]),
    strong("perspective", "scale", 0.3, |x, _| vec![RandomPerspective::new(1.0).scale(x).into()]),
    strong("elastic", "scale", 0.5, |x, p| ranged!(RandomElasticTransform::new(1.0).scale(x), p)),
    strong("crop", "part cut off", 0.2, crop),
    strong("center_crop", "part cut off", 0.2, center_crop),
    strong("contrast", "factor", 0.2, |x, p| ranged!(RandomContrast::new(x), p)),
    strong("brightness", "factor", 0.2, |x, p| ranged!(RandomBrightness::new(x), p)),
    strong("saturation", "factor", 0.2, |x, p| ranged!(RandomSaturation::new(around_half(x)), p)),
    strong("hue", "factor", 0.1, |x, p| ranged!(RandomHue::new(x), p)),
    strong("jitter", "all four factors", 0.2, |x, p| ranged!(jitter(x), p)),
    strong("grayscale", "factor", 0.2, |x, _| vec![RandomGrayscale::new(x).into()]),
    strong("degenerate", "factor", 0.5, |x, p| ranged!(RandomColorDegeneration::new(x), p)),
    Kind {
        name: "posterize",
        strength: Some(Strength { argument: "factor", default: 4.0, range: [1.0, 8.0], whole: true }),
        layers: |x, p| ranged!(RandomPosterization::new([x as u32; 2]), p),
    },
    strong("solarize", "threshold_factor", 0.5, |x, p| ranged!(Solarization::new(0.0, x), p)),
    plain("autocontrast", |_, p| ranged!(AutoContrast::new(), p)),
    plain("equalize", |_, p| ranged!(Equalization::new(), p)),
    strong("sharpness", "factor", 0.2, |x, p| ranged!(RandomSharpness::new(x), p)),
    strong("blur", "sigma", 1.0, |x, p| ranged!(RandomGaussianBlur::new(1.0).sigma(x), p)),
    strong("erase", "factor", 0.5, |x, p| ranged!(RandomErasing::new(x), p)),
    strong("invert", "factor", 0.2, |x, p| ranged!(RandomInvert::new(x), p)),
    strong("randaugment", "factor", 0.5, |x, p| ranged!(RandAugment::new(x), p)),
    strong("augmix", "factor", 0.3, |x, p| ranged!(AugMix::new(x), p)),
    Kind {
        name: "mixup",
        strength: Some(Strength { argument: "alpha", default: 0.2, range: [0.001, 100.0], whole: false }),
        layers: |x, _| vec![MixUp::new(x).into()],
    },
    strong("cutmix", "factor", 1.0, |x, _| vec![CutMix::new(x).into()]),
];

fn around_half(strength: f64) -> [f64; 2] {
    [0.5 - strength / 2.0, 0.5 + strength / 2.0]
}

fn jitter(strength: f64) -> RandomColorJitter {
    let layer = RandomColorJitter::new().brightness_factor(strength).contrast_factor(strength);
    layer.saturation_factor(around_half(strength)).hue_factor(strength)
}

/// A part of the pictures, brought back to their size.
fn crop(strength: f64, pictures: &Pictures) -> Vec<Named> {
    let (part_height, part_width) = part(strength, pictures);
    vec![RandomCrop::new(part_height, part_width).into(), to_their_size(pictures)]
}

/// The middle of the pictures, brought back to their size.
fn center_crop(strength: f64, pictures: &Pictures) -> Vec<Named> {
    let (part_height, part_width) = part(strength, pictures);
    vec![CenterCrop::new(part_height, part_width).into(), to_their_size(pictures)]
}

/// Rows and columns of what is left where a part is cut off.
fn part(cut_off: f64, &Pictures { height, width, .. }: &Pictures) -> (usize, usize) {
    let left = |size: usize| (((1.0 - cut_off) * size as f64).round() as usize).max(1);
    (left(height), left(width))
}

fn to_their_size(&Pictures { height, width, .. }: &Pictures) -> Named {
    Resizing::new(height, width).into()
}

impl Augmentation {
    /// Each that there is, alone and with its own strength.
    pub fn each() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|kind| match kind.strength {
            Some(Strength { default, .. }) => {
                Self { chosen: vec![(kind, default)], text: format!("{}={default}", kind.name) }
            }
            None => Self { chosen: vec![(kind, 0.0)], text: kind.name.into() },
        })
    }

    /// What it says, with the names of the strengths: `rotate (factor 0.1)`.
    pub fn spelled_out(&self) -> String {
        let spelled = |(kind, x): &(&Kind, f64)| match &kind.strength {
            Some(Strength { argument, .. }) => format!("{} ({argument} {x})", kind.name),
            None => kind.name.into(),
        };
        self.chosen.iter().map(spelled).collect::<Vec<_>>().join(", ")
    }

    /// The layers, in order, for samples of that shape whose values go from black to white.
    pub fn pipeline(&self, sample: &[usize], range: [f32; 2]) -> Result<Pipeline, Failure> {
        let &[height, width, _] = sample else {
            let got = shape(sample);
            let text = format!("samples have the shape {got}, but pictures are height x width x channels");
            return Err(Failure::Failed(format!("{text}; leave --augment out")));
        };
        let pictures = Pictures { height, width, range: range.map(f64::from) };
        let mut pipeline = Pipeline::new();
        for &(kind, strength) in &self.chosen {
            pipeline = (kind.layers)(strength, &pictures).into_iter().fold(pipeline, Pipeline::layer);
            pipeline.output_shape(&[&[1], sample].concat()).map_err(|error| {
                let wanted = &error.wanted;
                let text = format!("{}: {wanted}, and these are {}", kind.name, shape(sample));
                Failure::Failed(format!("{text}; leave it out of --augment, or give pictures that it takes"))
            })?;
        }
        Ok(pipeline)
    }
}

impl FromStr for Augmentation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || KNOWN.iter().map(|kind| kind.name);
        let mut chosen = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name.trim(), Some(value.trim())));
            let Some(kind) = KNOWN.iter().find(|kind| kind.name == name) else {
                let all = names().collect::<Vec<_>>().join(", ");
                return Err(format!("'{name}' is no augmentation; there are {all}{}", suggestion(name, names())));
            };
            let strength = match (&kind.strength, value) {
                (Some(strength), None) => strength.default,
                (None, None) => 0.0,
                (None, Some(_)) => return Err(format!("{name} has no strength; write {name} alone")),
                (Some(Strength { argument, range: [low, high], whole, .. }), Some(value)) => {
                    let fits = |x: &f64| (low..=high).contains(&x) && (!whole || x.fract() == 0.0);
                    value.parse().ok().filter(fits).ok_or_else(|| {
                        let number = if *whole { "a whole number" } else { "a number" };
                        format!("{name} is '{value}', but its strength ({argument}) is {number} from {low} to {high}")
                    })?
                }
            };
            chosen.push((kind, strength));
        }
        Ok(Self { chosen, text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_changes_pictures() {
        for augmentation in Augmentation::each() {
            let read: Augmentation = augmentation.text.parse().unwrap();
            assert_eq!(read.spelled_out(), augmentation.spelled_out());
            let pipeline =
                read.pipeline(&[8, 9, 3], [0.0, 255.0]).unwrap_or_else(|error| panic!("{}: {error:?}", read.text));
            assert!(!pipeline.is_empty(), "{}", read.text);
            let shape = pipeline.output_shape(&[2, 8, 9, 3]).unwrap();
            assert_eq!(shape, [2, 8, 9, 3], "{}", read.text);
        }
    }

    #[test]
    fn a_part_is_cut_off_both_sides() {
        let random = |h, w| Pipeline::new().layer(RandomCrop::new(h, w)).layer(Resizing::new(8, 12));
        let middle = |h, w| Pipeline::new().layer(CenterCrop::new(h, w)).layer(Resizing::new(8, 12));
        for (text, wanted) in [
            ("crop=0.25", random(6, 9)),
            ("center_crop=0.25", middle(6, 9)),
            ("center_crop", middle(6, 10)),
            ("center_crop=1", middle(1, 1)),
        ] {
            let read: Augmentation = text.parse().unwrap();
            assert_eq!(read.pipeline(&[8, 12, 3], [0.0, 255.0]).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn values_keep_to_the_range_of_the_samples() {
        let read: Augmentation = "brightness=0.3".parse().unwrap();
        let wanted = Pipeline::new().layer(RandomBrightness::new(0.3).value_range([-1.0, 1.0]));
        assert_eq!(read.pipeline(&[8, 8, 3], [-1.0, 1.0]).unwrap(), wanted);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, wanted) in [
            ("flop", "'flop' is no augmentation"),
            ("rotat", "did you mean rotate?"),
            ("rotate=2", "(factor) is a number from 0 to 1"),
            ("rotate=", "a number from 0 to 1"),
            ("posterize=0", "a whole number from 1 to 8"),
            ("posterize=4.7", "posterize is '4.7', but its strength (factor) is a whole number from 1 to 8"),
            ("mixup=0", "(alpha) is a number from 0.001 to 100"),
            ("flip=0.5", "write flip alone"),
            ("", "'' is no augmentation"),
        ] {
            let error = text.parse::<Augmentation>().unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert_eq!("flip, rotate=0.25,zoom".parse::<Augmentation>().unwrap().chosen.len(), 3);
        let refused = "hue".parse::<Augmentation>().unwrap().pipeline(&[8, 9, 1], [0.0, 255.0]);
        let Err(Failure::Failed(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("hue: expects pictures of 3 channels") && text.contains("leave it out"), "{text}");
    }
}
