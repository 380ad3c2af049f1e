//! A loss by Keras's name, and the loss that goes with a model.

use std::str::FromStr;

use cnn::layers::{Activation, Layer};
use cnn::training::Loss;
use cnn::{Model, TensorRef};

use crate::failure::{Failure, suggestion};

/// A loss in Keras's words, with Keras's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossName {
    /// The loss, of probabilities.
    pub loss: Loss,
    /// Keras's name.
    pub name: &'static str,
}

const BINARY: Loss = Loss::BinaryCrossentropy { from_logits: false, label_smoothing: 0.0 };
const CATEGORICAL_FOCAL: Loss =
    Loss::CategoricalFocalCrossentropy { alpha: 0.25, gamma: 2.0, from_logits: false, label_smoothing: 0.0 };
const BINARY_FOCAL: Loss =
    Loss::BinaryFocalCrossentropy { alpha: None, gamma: 2.0, from_logits: false, label_smoothing: 0.0 };

const KNOWN: [(&str, Loss); 10] = [
    ("categorical_crossentropy", Loss::CROSSENTROPY),
    // Of the same samples the same numbers: class numbers become one-hot targets.
    ("sparse_categorical_crossentropy", Loss::CROSSENTROPY),
    ("binary_crossentropy", BINARY),
    ("mean_squared_error", Loss::MeanSquaredError),
    ("mse", Loss::MeanSquaredError),
    ("mean_absolute_error", Loss::MeanAbsoluteError),
    ("mae", Loss::MeanAbsoluteError),
    ("huber", Loss::Huber { delta: 1.0 }),
    ("categorical_focal_crossentropy", CATEGORICAL_FOCAL),
    ("binary_focal_crossentropy", BINARY_FOCAL),
];

impl FromStr for LossName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Keras takes the class's name too: CategoricalCrossentropy.
        let plain = |text: &str| text.replace('_', "").to_lowercase();
        let found = KNOWN.into_iter().find(|(name, _)| plain(name) == plain(text));
        found.map(|(name, loss)| Self { loss, name }).ok_or_else(|| {
            let names = KNOWN.map(|(name, _)| name);
            format!("'{text}' is no loss; there are {}{}", names.join(", "), suggestion(text, names))
        })
    }
}

/// The loss for a model: the one asked for, or the cross-entropy of as many outputs, of logits if it ends in such.
///
/// # Errors
/// If it compares classes and the model has one output.
pub fn of(model: &Model, asked: Option<LossName>) -> Result<Loss, Failure> {
    let one = super::network::units(model) == Some(1);
    if let Some(LossName { name, .. }) = asked.filter(|asked| one && takes_class_numbers(&asked.loss)) {
        let text = format!("--loss {name} compares classes, but '{}' has one output", model.name());
        return Err(Failure::Usage(format!("{text}; take binary_crossentropy")));
    }
    let mut loss = asked.map_or(if one { BINARY } else { Loss::CROSSENTROPY }, |asked| asked.loss);
    if let Some(logits) = logits_of(&mut loss) {
        *logits = ends_in_logits(model);
    }
    Ok(loss)
}

/// Whether it compares yes and no for each output, so that a sigmoid goes before.
pub fn is_binary(loss: &Loss) -> bool {
    matches!(loss, Loss::BinaryCrossentropy { .. } | Loss::BinaryFocalCrossentropy { .. })
}

/// Whether it takes class numbers by itself, of several outputs.
pub fn takes_class_numbers(loss: &Loss) -> bool {
    matches!(loss, Loss::CategoricalCrossentropy { .. } | Loss::CategoricalFocalCrossentropy { .. })
}

/// Whether it takes logits, so that these are what a model makes.
pub fn is_of_logits(mut loss: Loss) -> bool {
    logits_of(&mut loss).is_some_and(|logits| *logits)
}

/// The field that says whether predictions are logits, of a loss that has one.
fn logits_of(loss: &mut Loss) -> Option<&mut bool> {
    match loss {
        Loss::CategoricalCrossentropy { from_logits, .. }
        | Loss::BinaryCrossentropy { from_logits, .. }
        | Loss::CategoricalFocalCrossentropy { from_logits, .. }
        | Loss::BinaryFocalCrossentropy { from_logits, .. } => Some(from_logits),
        Loss::MeanSquaredError | Loss::MeanAbsoluteError | Loss::Huber { .. } => None,
    }
}

/// Whether nothing makes probabilities of what the last layer with weights computes.
pub fn ends_in_logits(model: &Model) -> bool {
    model.outputs().first().is_some_and(|&output| is_of_logits_at(model, output))
}

fn is_of_logits_at(model: &Model, tensor: TensorRef) -> bool {
    let layer = &model.layers()[tensor.layer];
    let before = || layer.calls()[tensor.call].inputs.first().is_some_and(|&input| is_of_logits_at(model, input));
    match layer.layer() {
        Layer::Activation(Activation::Linear) => before(),
        // They move or average what comes in.
        Layer::Flatten(_) | Layer::Reshape(_) | Layer::GlobalAveragePooling2D(_) | Layer::Dropout(_) => before(),
        Layer::Model(model) => ends_in_logits(model),
        layer => layer.activation() == Some(Activation::Linear),
    }
}

#[cfg(test)]
mod tests {
    use cnn::Sequential;
    use cnn::layers::{Conv2D, Dense, Flatten, GlobalAveragePooling2D, Named};

    use super::*;

    #[test]
    fn logits_are_what_nothing_makes_probabilities_of() {
        let softmax = || Named::from(Layer::Activation(Activation::Softmax));
        let linear = || Named::from(Layer::Activation(Activation::Linear));
        let conv = || Conv2D::new(3, 1).into();
        let average = || GlobalAveragePooling2D::new().into();
        let dense = |activation| Dense::new(3).activation(activation).into();
        let cases: [(Vec<Named>, bool); 8] = [
            (vec![average(), dense(Activation::Linear)], true),
            (vec![average(), dense(Activation::Softmax)], false),
            (vec![average(), dense(Activation::Linear), softmax()], false),
            (vec![average(), dense(Activation::Softmax), linear()], false),
            (vec![average(), dense(Activation::Linear), linear()], true),
            (vec![conv(), average()], true),
            (vec![conv(), softmax(), average()], false),
            (vec![conv(), average(), Flatten.into()], true),
        ];
        for (layers, wanted) in cases {
            let names = format!("{layers:?}");
            let model = layers.into_iter().try_fold(Sequential::new("m").input([4, 4, 1]).unwrap(), Sequential::add);
            assert_eq!(ends_in_logits(&model.unwrap().model().unwrap()), wanted, "{names}");
        }
    }
}
