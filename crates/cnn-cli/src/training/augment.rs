//! Augmentation as the user writes it: `flip,rotate=0.1,zoom=0.2`.

use std::str::FromStr;

use cnn::layers::{
    FlipMode, Named, RandAugment, RandomBrightness, RandomContrast, RandomErasing, RandomFlip, RandomGaussianBlur,
    RandomGrayscale, RandomHue, RandomInvert, RandomPerspective, RandomRotation, RandomSaturation, RandomSharpness,
    RandomShear, RandomTranslation, RandomZoom,
};

use crate::failure::suggestion;

/// What is done to the pictures of each step, in this order.
#[derive(Debug, Clone)]
pub struct Augmentation {
    chosen: Vec<(&'static Kind, f64)>,
    /// As it was written.
    pub text: String,
}

/// One way to change a picture, with the strength that it has where none is given.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    strength: f64,
    layer: Layer,
}

/// Makes the layer of a strength for pictures whose white is a number.
type Layer = fn(f64, f64) -> Named;

/// The layer with the range of the pictures' values.
macro_rules! ranged {
    ($layer:expr, $white:expr) => {{
        let mut layer = $layer;
        layer.value_range = [0.0, $white];
        layer.into()
    }};
}

const KNOWN: &[Kind] = &[
    Kind { name: "flip", strength: 1.0, layer: |_, _| RandomFlip::new(FlipMode::Horizontal).into() },
    Kind { name: "flip_vertical", strength: 1.0, layer: |_, _| RandomFlip::new(FlipMode::Vertical).into() },
    Kind { name: "rotate", strength: 0.1, layer: |strength, _| RandomRotation::new(strength).into() },
    Kind { name: "zoom", strength: 0.1, layer: |strength, _| RandomZoom::new(strength).into() },
    Kind { name: "translate", strength: 0.1, layer: |strength, _| RandomTranslation::new(strength, strength).into() },
    Kind { name: "shear", strength: 0.1, layer: |strength, _| RandomShear::new(strength, strength).into() },
    Kind { name: "perspective", strength: 0.1, layer: |strength, _| RandomPerspective::new(strength).into() },
    Kind { name: "contrast", strength: 0.2, layer: |strength, white| ranged!(RandomContrast::new(strength), white) },
    Kind {
        name: "brightness",
        strength: 0.2,
        layer: |strength, white| ranged!(RandomBrightness::new(strength), white),
    },
    Kind {
        name: "saturation",
        strength: 0.2,
        layer: |strength, white| ranged!(RandomSaturation::new([0.5 - strength / 2.0, 0.5 + strength / 2.0]), white),
    },
    Kind { name: "hue", strength: 0.1, layer: |strength, white| ranged!(RandomHue::new(strength), white) },
    Kind { name: "grayscale", strength: 0.2, layer: |strength, _| RandomGrayscale::new(strength).into() },
    Kind { name: "sharpness", strength: 0.2, layer: |strength, white| ranged!(RandomSharpness::new(strength), white) },
    Kind { name: "blur", strength: 0.5, layer: |strength, white| ranged!(RandomGaussianBlur::new(strength), white) },
    Kind { name: "erase", strength: 0.5, layer: |strength, white| ranged!(RandomErasing::new(strength), white) },
    Kind { name: "invert", strength: 0.2, layer: |strength, white| ranged!(RandomInvert::new(strength), white) },
    Kind { name: "randaugment", strength: 0.5, layer: |strength, white| ranged!(RandAugment::new(strength), white) },
];

impl Augmentation {
    /// The layers, in order, for pictures whose white is this number.
    pub fn layers(&self, white: f32) -> impl Iterator<Item = Named> + '_ {
        self.chosen.iter().map(move |(kind, strength)| (kind.layer)(*strength, f64::from(white)))
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
            let strength = match value {
                None => kind.strength,
                Some(_) if name.starts_with("flip") => {
                    return Err(format!("{name} has no strength; write {name} alone"));
                }
                Some(value) => {
                    let strength = value.parse().ok().filter(|strength: &f64| (0.0..=1.0).contains(strength));
                    strength.ok_or_else(|| format!("{name} is '{value}', but has to be a number from 0 to 1"))?
                }
            };
            chosen.push((kind, strength));
        }
        Ok(Self { chosen, text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use cnn::Sequential;
    use cnn::layers::Mode;

    use super::*;

    #[test]
    fn every_kind_is_a_layer_that_trains() {
        for kind in KNOWN {
            let augmentation: Augmentation = kind.name.parse().unwrap();
            let layer = augmentation.layers(255.0).next().unwrap();
            let model = Sequential::new("m").input([8, 9, 3]).and_then(|m| m.add(layer)).and_then(Sequential::model);
            let model = model.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
            let nodes = |mode| model.lower(&[vec![2, 8, 9, 3]], mode, &[]).unwrap().nodes().len();
            assert!(nodes(Mode::Training) > 0 && nodes(Mode::Inference) == 0, "{}", kind.name);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, wanted) in [
            ("flop", "'flop' is no augmentation"),
            ("rotat", "did you mean rotate?"),
            ("rotate=2", "a number from 0 to 1"),
            ("rotate=", "a number from 0 to 1"),
            ("flip=0.5", "write flip alone"),
            ("", "'' is no augmentation"),
        ] {
            let error = text.parse::<Augmentation>().unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert_eq!("flip, rotate=0.25,zoom".parse::<Augmentation>().unwrap().chosen.len(), 3);
    }
}
