//! What a file has of a model's weights, whatever its format.

use std::sync::Arc;

use cnn_core::weights::WeightsError;
use cnn_core::{Model, Tensor, Weights};

use crate::error::Problem;

/// Tensors found for weights, not read yet, and all that does not fit.
pub(crate) struct Found<T> {
    bound: Vec<(String, T)>,
    wrong: WeightsError,
    conflicts: Vec<String>,
}

impl<T> Found<T> {
    pub(crate) fn new(model: &Model) -> Self {
        let wrong = WeightsError { model: model.name().to_owned(), ..WeightsError::default() };
        Self { bound: Vec::new(), wrong, conflicts: Vec::new() }
    }

    /// The tensor at `place` in the file, of shape `got`, is the weight `path`, which has shape `wanted`.
    pub(crate) fn bind(&mut self, path: String, wanted: &[usize], place: &str, got: &[usize], tensor: T) {
        if wanted == got {
            self.bound.push((path, tensor));
        } else {
            let path = if path == place { path } else { format!("{path} ({place} in the file)") };
            self.wrong.misshaped.push((path, wanted.to_vec(), got.to_vec()));
        }
    }

    /// The file has nothing for the weight `path`.
    pub(crate) fn missing(&mut self, path: String, wanted: &[usize]) {
        self.wrong.missing.push((path, wanted.to_vec()));
    }

    /// The model has nothing for the tensor at `place`.
    pub(crate) fn extra(&mut self, place: String, got: &[usize]) {
        self.wrong.extra.push((place, got.to_vec()));
    }

    /// It is not clear what belongs where.
    pub(crate) fn conflict(&mut self, reason: String) {
        self.conflicts.push(reason);
    }

    /// Reads the tensors, in the model's order.
    pub(crate) fn finish(
        mut self,
        model: &Model,
        read: impl Fn(T) -> Result<Tensor, Problem>,
    ) -> Result<Weights, Problem> {
        let w = &self.wrong;
        if !(w.missing.is_empty() && w.extra.is_empty() && w.misshaped.is_empty() && self.conflicts.is_empty()) {
            return Err(Problem::Weights { weights: Box::new(self.wrong), conflicts: self.conflicts });
        }
        let mut read_in = Weights::new();
        for (path, tensor) in self.bound {
            read_in.insert(path, Arc::new(read(tensor)?));
        }
        self.wrong.not_finite = read_in.not_finite();
        if !self.wrong.not_finite.is_empty() {
            return Err(Problem::Weights { weights: Box::new(self.wrong), conflicts: self.conflicts });
        }
        let in_order = model.weights().into_iter().filter_map(|weight| {
            let tensor = read_in.get(&weight.path)?.clone();
            Some((weight.path, tensor))
        });
        Ok(in_order.collect())
    }
}
