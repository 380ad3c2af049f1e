//! A model with its weights.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use cnn_core::layers::Activation;
use cnn_core::{Model, ModelError, WeightSource, Weights, WeightsError};
use cnn_io::Skipped;
use cnn_zoo::{Arguments, Preprocess};

use crate::error::Error;

/// A model with its weights, which are the model's: all there, of the right shapes, finite.
#[derive(Debug, Clone)]
pub struct Network {
    model: Model,
    weights: Arc<dyn WeightSource>,
    preprocess: Preprocess,
    notes: Vec<String>,
}

impl Network {
    /// A network of `model` and `weights`.
    ///
    /// # Errors
    /// If the weights are not this model's; the error lists everything that is wrong.
    pub fn new(model: Model, weights: Weights) -> Result<Self, WeightsError> {
        model.check_weights(&weights)?;
        Ok(Self::of(model, Arc::new(weights)))
    }

    /// A network of `model` and weights that have been found to be its own.
    pub(crate) fn of(model: Model, weights: Arc<dyn WeightSource>) -> Self {
        Self { model, weights, preprocess: Preprocess::None, notes: Vec::new() }
    }

    /// A network from a `.keras` or whole-model `.h5` file.
    ///
    /// # Errors
    /// If the file cannot be read or is no such file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::loaded(cnn_io::files::load_model(path)?)
    }

    /// A network from the bytes of such a file; `name` is its name for messages.
    ///
    /// # Errors
    /// If the bytes are no such file.
    pub fn read<'a>(bytes: impl Into<Cow<'a, [u8]>>, name: &str) -> Result<Self, Error> {
        Self::loaded(cnn_io::read_model(bytes, name)?)
    }

    fn loaded(loaded: cnn_io::LoadedModel) -> Result<Self, Error> {
        let network = Self::new(loaded.model, loaded.weights)?;
        Ok(Self { notes: loaded.notes, ..network })
    }

    /// A model of the zoo with the weights of a file: `.weights.h5`, `.h5`, `.keras` or `.safetensors`. See
    /// [`cnn_io::files::open_weights`]: the file of an `.h5` stays open, and each weight is read when a device wants it.
    ///
    /// # Errors
    /// If there is no model of that name or none with these arguments, or the file holds other weights.
    pub fn zoo(name: &str, arguments: &Arguments, weights: &Path) -> Result<Self, Error> {
        let row = cnn_zoo::find(name)?;
        let model = row.build(arguments)?;
        let weights = cnn_io::files::open_weights(weights, &model)?;
        Ok(Self { preprocess: row.preprocess, ..Self::of(model, weights) })
    }

    /// A model of the zoo with random weights, for measuring.
    ///
    /// # Errors
    /// If there is no model of that name or none with these arguments.
    pub fn untrained(name: &str, arguments: &Arguments, seed: u64) -> Result<Self, Error> {
        let row = cnn_zoo::find(name)?;
        let model = row.build(arguments)?;
        let weights = Weights::initialize(&model, seed);
        Ok(Self { preprocess: row.preprocess, ..Self::new(model, weights)? })
    }

    /// The same model with the weights of another file: `.weights.h5`, `.h5`, `.keras` or `.safetensors`.
    ///
    /// # Errors
    /// If the file cannot be read or holds other weights.
    pub fn with_weights(self, weights: &Path) -> Result<Self, Error> {
        let weights = cnn_io::files::open_weights(weights, &self.model)?;
        Ok(Self { weights, ..self })
    }

    /// The same network with those weights of another file that fit; it keeps its own ones for the rest, which is listed:
    /// Keras's `load_weights(skip_mismatch=True)`. See [`cnn_io::read_matching_weights`] for what may be skipped.
    ///
    /// # Errors
    /// If the file cannot be read, or its layers are others.
    pub fn with_matching_weights(self, weights: &Path) -> Result<(Self, Vec<Skipped>), Error> {
        let matching = cnn_io::files::load_matching_weights(weights, &self.model)?;
        let mut weights = self.weights()?;
        matching.weights.iter().for_each(|(path, tensor)| weights.insert(path, tensor.clone()));
        Ok((Self { weights: Arc::new(weights), ..self }, matching.skipped))
    }

    /// The same network with another end: [`Model::set_classifier_activation`].
    ///
    /// # Errors
    /// If the model does not end in softmax or nothing.
    pub fn with_classifier_activation(mut self, activation: Activation) -> Result<Self, ModelError> {
        self.model.set_classifier_activation(activation)?;
        Ok(self)
    }

    /// The same network with other preprocessing: for a file of a model that the zoo's preprocessing belongs to.
    pub fn with_preprocess(self, preprocess: Preprocess) -> Self {
        Self { preprocess, ..self }
    }

    /// The same network with other layers frozen.
    pub(crate) fn with_model(&self, model: Model) -> Self {
        Self { model, ..self.clone() }
    }

    /// The layers.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Their weights, all of them in memory.
    ///
    /// # Errors
    /// If they are in a file that cannot be read any more.
    pub fn weights(&self) -> Result<Weights, Error> {
        let mut weights = Weights::new();
        for weight in self.model.weights() {
            if let Some(tensor) = self.weights.tensor(&weight.path)? {
                weights.insert(weight.path, tensor);
            }
        }
        Ok(weights)
    }

    /// Where the weights are kept: each can be had from there without the others.
    pub fn weight_source(&self) -> &Arc<dyn WeightSource> {
        &self.weights
    }

    /// What is done to pixels before: the zoo's `preprocess_input`, nothing for other models.
    pub fn preprocess(&self) -> Preprocess {
        self.preprocess
    }

    /// What was found in the file but not kept, for a person to read.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}
