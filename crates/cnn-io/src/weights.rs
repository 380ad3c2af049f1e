//! What a file has of a model's weights, whatever its format.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cnn_core::weights::{ReadError, WeightsError};
use cnn_core::{Model, Tensor, WeightSource, Weights};

use crate::error::Problem;
use crate::hdf5::Dataset;

/// The weights of a model that a file has, and what did not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// The weights, some of the model's or all.
    pub weights: Weights,
    /// All that was skipped.
    pub skipped: Vec<Skipped>,
}

/// Something that was skipped since model and file do not fit there. It prints as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skipped {
    /// A weight whose tensor in the file has another shape.
    Misshaped {
        /// Its path.
        weight: String,
        /// Its shape in the model.
        wanted: Vec<usize>,
        /// The tensor's.
        got: Vec<usize>,
    },
    /// A weight that fits, behind one of its layer that does not: a `.weights.h5` file is read layer by layer, and Keras
    /// leaves a layer at the first weight that does not fit.
    WithItsLayer {
        /// Its path.
        weight: String,
    },
    /// A weight that the file does not have.
    Missing {
        /// Its path.
        weight: String,
        /// Its shape.
        wanted: Vec<usize>,
    },
    /// A tensor of the file that the model has no weight for.
    Extra {
        /// Its place in the file.
        place: String,
        /// Its shape.
        got: Vec<usize>,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skipped::Misshaped { weight, wanted, got } => write!(f, "{weight} should be {wanted:?}, is {got:?}"),
            Skipped::WithItsLayer { weight } => write!(f, "{weight} fits, but another weight of its layer does not"),
            Skipped::Missing { weight, wanted } => write!(f, "{weight} {wanted:?} is not in the file"),
            Skipped::Extra { place, got } => write!(f, "{place} {got:?} is no weight of the model"),
        }
    }
}

/// What to do where model and file do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// Refuse the file.
    Refuse,
    /// Leave out what does not fit, as Keras's `load_weights(skip_mismatch=True)` does.
    Skip,
}

/// Tensors found for weights, not read yet, and all that does not fit.
pub(crate) struct Found<T> {
    mismatch: Mismatch,
    bound: Vec<(String, T)>,
    wrong: WeightsError,
    with_their_layers: Vec<String>,
    conflicts: Vec<String>,
}

impl<T> Found<T> {
    pub(crate) fn new(model: &Model, mismatch: Mismatch) -> Self {
        let wrong = WeightsError { model: model.name().to_owned(), ..WeightsError::default() };
        Self { mismatch, bound: Vec::new(), wrong, with_their_layers: Vec::new(), conflicts: Vec::new() }
    }

    /// Whether what does not fit is left out.
    pub(crate) fn skips(&self) -> bool {
        self.mismatch == Mismatch::Skip
    }

    /// The weight `path` is left out since its layer is.
    pub(crate) fn skip_with_its_layer(&mut self, path: String) {
        self.with_their_layers.push(path);
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
    pub(crate) fn read(self, model: &Model, read: impl Fn(&T) -> Result<Tensor, Problem>) -> Result<Matching, Problem> {
        let settled = self.settle(model)?;
        let tensors = settled.bound.iter().map(|(path, tensor)| Ok((path.clone(), Arc::new(read(tensor)?))));
        let weights: Weights = tensors.collect::<Result<_, Problem>>()?;
        refuse_not_finite(model, weights.not_finite())?;
        Ok(Matching { weights, skipped: settled.skipped })
    }

    /// What is bound, in the model's order, and what is not.
    ///
    /// # Errors
    /// With all that is wrong, if anything is that may not be skipped.
    fn settle(mut self, model: &Model) -> Result<Settled<T>, Problem> {
        let w = &self.wrong;
        let fits = w.missing.is_empty() && w.extra.is_empty() && w.misshaped.is_empty();
        if !(fits || self.skips()) || !self.conflicts.is_empty() {
            return Err(Problem::Weights { weights: Box::new(self.wrong), conflicts: self.conflicts });
        }
        let skipped = self.take_skipped();
        let mut bound: HashMap<String, T> = self.bound.into_iter().collect();
        let in_order = model.weights().into_iter().filter_map(|weight| bound.remove_entry(&weight.path));
        Ok(Settled { bound: in_order.collect(), skipped })
    }

    fn take_skipped(&mut self) -> Vec<Skipped> {
        let w = &mut self.wrong;
        let misshaped = w.misshaped.drain(..).map(|(weight, wanted, got)| Skipped::Misshaped { weight, wanted, got });
        let with_layer = self.with_their_layers.drain(..).map(|weight| Skipped::WithItsLayer { weight });
        let missing = w.missing.drain(..).map(|(weight, wanted)| Skipped::Missing { weight, wanted });
        let extra = w.extra.drain(..).map(|(place, got)| Skipped::Extra { place, got });
        misshaped.chain(with_layer).chain(missing).chain(extra).collect()
    }
}

/// Which tensor of a file is which weight, in the model's order, and what was skipped.
struct Settled<T> {
    bound: Vec<(String, T)>,
    skipped: Vec<Skipped>,
}

/// Paths, and the number of elements that are not finite.
fn refuse_not_finite(model: &Model, not_finite: Vec<(String, usize)>) -> Result<(), Problem> {
    if not_finite.is_empty() {
        return Ok(());
    }
    let wrong = WeightsError { model: model.name().to_owned(), not_finite, ..WeightsError::default() };
    Err(Problem::Weights { weights: Box::new(wrong), conflicts: Vec::new() })
}

impl Found<Dataset> {
    /// The weights, to be read one at a time from the file called `name`. All of them are looked at once, whether they are
    /// finite.
    pub(crate) fn open(self, model: &Model, name: &str) -> Result<WeightFile, Problem> {
        let settled = self.settle(model)?;
        let mut not_finite = Vec::new();
        for (path, dataset) in &settled.bound {
            let count = dataset.read()?.not_finite();
            if count > 0 {
                not_finite.push((path.clone(), count));
            }
        }
        refuse_not_finite(model, not_finite)?;
        Ok(WeightFile { name: name.to_owned(), datasets: settled.bound.into_iter().collect() })
    }
}

/// The weights of a model in an HDF5 file.
pub(crate) struct WeightFile {
    name: String,
    datasets: HashMap<String, Dataset>,
}

impl WeightSource for WeightFile {
    fn tensor(&self, path: &str) -> Result<Option<Arc<Tensor>>, ReadError> {
        let Some(dataset) = self.datasets.get(path) else { return Ok(None) };
        let error =
            |error: Problem| ReadError { path: path.into(), file: self.name.clone(), reason: error.to_string() };
        dataset.read().map(|tensor| Some(Arc::new(tensor))).map_err(error)
    }
}

impl fmt::Debug for WeightFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightFile").field("name", &self.name).field("weights", &self.datasets.len()).finish()
    }
}
