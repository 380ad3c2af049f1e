//! The error of explaining.

use cnn_train::GradientError;

/// Why a classifier's answer cannot be explained.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExplainError {
    /// A model that is no classifier.
    #[error(
        "model '{model}' has outputs of the shapes {shapes:?}; what is explained is a classifier's one, [batch, classes]"
    )]
    NoClassifier {
        /// The model.
        model: String,
        /// Of its outputs.
        shapes: Vec<Vec<usize>>,
    },
    /// A class that is not there.
    #[error("there is no class {class}: the model has {classes}, counted from 0")]
    NoSuchClass {
        /// The class asked for.
        class: usize,
        /// How many there are.
        classes: usize,
    },
    /// A layer whose output has no place in the picture.
    #[error(
        "layer '{layer}' makes {shape:?}, which has no places in the picture; name one that makes [batch, height, width, channels]"
    )]
    NoPlaces {
        /// The layer.
        layer: String,
        /// Of what it makes.
        shape: Vec<usize>,
    },
    /// A layer that the score does not depend on.
    #[error(
        "the scores of model '{model}' do not depend on what layer '{layer}' makes; name a layer on the way to them"
    )]
    NotOnTheWay {
        /// The model.
        model: String,
        /// The layer.
        layer: String,
    },
    /// A model without a layer that could be looked at.
    #[error(
        "model '{model}' has no layer on the way to its scores that makes [batch, height, width, \
         channels] of more than one place; use occlusion instead"
    )]
    NoLayer {
        /// The model.
        model: String,
    },
    /// A patch that covers nothing or does not move.
    #[error("a patch of {patch} x {patch} pixels that moves by {stride} explains nothing; both have to be 1 at least")]
    Patch {
        /// Its side.
        patch: usize,
        /// How far it moves.
        stride: usize,
    },
    /// A layer on the way has no gradient.
    #[error(transparent)]
    Gradient(#[from] GradientError),
}
