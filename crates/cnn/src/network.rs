//! A model with its weights.

use std::path::Path;

use cnn_core::{Model, Weights, WeightsError};
use cnn_zoo::{Arguments, Preprocess};

use crate::error::Error;

/// A model with its weights, which are the model's: all there, of the right shapes, finite.
#[derive(Debug, Clone)]
pub struct Network {
    model: Model,
    weights: Weights,
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
        Ok(Self { model, weights, preprocess: Preprocess::None, notes: Vec::new() })
    }

    /// A network from a `.keras` or whole-model `.h5` file.
    ///
    /// # Errors
    /// If the file cannot be read or is no such file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let loaded = cnn_io::files::load_model(path)?;
        let network = Self::new(loaded.model, loaded.weights)?;
        Ok(Self { notes: loaded.notes, ..network })
    }

    /// A model of the zoo with the weights of a file: `.weights.h5`, `.h5`, `.keras` or `.safetensors`.
    ///
    /// # Errors
    /// If there is no model of that name or none with these arguments, or the file holds other weights.
    pub fn zoo(name: &str, arguments: &Arguments, weights: &Path) -> Result<Self, Error> {
        let row = cnn_zoo::find(name)?;
        let model = row.build(arguments)?;
        let weights = cnn_io::files::load_weights(weights, &model)?;
        Ok(Self { preprocess: row.preprocess, ..Self::new(model, weights)? })
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

    /// The layers.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Their weights.
    pub fn weights(&self) -> &Weights {
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
