//! Weight values, apart from the model they belong to.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::model::{Model, Weight};
use crate::tensor::Tensor;

/// Tensors by path (`conv1/kernel`, see [`Weight::path`]), in the order in which they were put in.
///
/// Cloning is cheap: the tensors are shared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights {
    tensors: Vec<(String, Arc<Tensor>)>,
    places: HashMap<String, usize>,
}

impl Weights {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Untrained weights, each as its layer's initializer has it. Random ones depend on `seed` and path alone, so a layer more
    /// leaves the others' as they are; one whose initializer has a seed of its own depends on that.
    ///
    /// They are not the numbers Keras would draw, but have their distribution.
    ///
    /// ```
    /// use cnn_core::layers::Dense;
    /// use cnn_core::{Sequential, Weights};
    /// let model = Sequential::new("m").input([3])?.add(Dense::new(2))?.model()?;
    /// let weights = Weights::initialize(&model, 1);
    /// let limit = (6.0f32 / (3.0 + 2.0)).sqrt();
    /// assert!(weights.get("dense/kernel").unwrap().data().iter().all(|w| w.abs() <= limit));
    /// assert!(model.check_weights(&weights).is_ok());
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    pub fn initialize(model: &Model, seed: u64) -> Self {
        model.weights().iter().map(|weight| (weight.path.clone(), Arc::new(initial(weight, seed)))).collect()
    }

    /// Puts a tensor in, in the place of one of the same path.
    pub fn insert(&mut self, path: impl Into<String>, tensor: impl Into<Arc<Tensor>>) {
        let path = path.into();
        let tensor = tensor.into();
        match self.places.get(&path) {
            Some(&place) => self.tensors[place].1 = tensor,
            None => {
                self.places.insert(path.clone(), self.tensors.len());
                self.tensors.push((path, tensor));
            }
        }
    }

    /// The tensor of that path.
    pub fn get(&self, path: &str) -> Option<&Arc<Tensor>> {
        self.places.get(path).map(|&place| &self.tensors[place].1)
    }

    /// Paths and tensors in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Tensor>)> {
        self.tensors.iter().map(|(path, tensor)| (path.as_str(), tensor))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The tensors that hold NaN or infinity: path and how many such elements.
    pub fn not_finite(&self) -> Vec<(String, usize)> {
        let counts = self.iter().map(|(path, tensor)| (path.to_string(), tensor.not_finite()));
        counts.filter(|&(_, count)| count > 0).collect()
    }
}

/// Where weights are kept: in memory ([`Weights`]), or in a file of which one tensor at a time is read.
///
/// What takes weights from here asks for each when it needs it, and keeps no more of them than it has to.
pub trait WeightSource: fmt::Debug + Send + Sync {
    /// The tensor of that path, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn tensor(&self, path: &str) -> Result<Option<Arc<Tensor>>, ReadError>;
}

impl WeightSource for Weights {
    fn tensor(&self, path: &str) -> Result<Option<Arc<Tensor>>, ReadError> {
        Ok(self.get(path).cloned())
    }
}

/// A weight that cannot be read any more from where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("weight {path} cannot be read from {file} any more: {reason}")]
pub struct ReadError {
    /// The weight's path, such as `conv1/kernel`.
    pub path: String,
    /// The file.
    pub file: String,
    /// Why.
    pub reason: String,
}

impl FromIterator<(String, Arc<Tensor>)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, Arc<Tensor>)>>(tensors: I) -> Self {
        let mut weights = Self::new();
        for (path, tensor) in tensors {
            weights.insert(path, tensor);
        }
        weights
    }
}

/// Weights that do not belong to a model: everything that is wrong, at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{}", report(self))]
pub struct WeightsError {
    /// The model.
    pub model: String,
    /// Weights of the model that are not there: path and shape wanted.
    pub missing: Vec<(String, Vec<usize>)>,
    /// Tensors that the model has no weight for: path and shape.
    pub extra: Vec<(String, Vec<usize>)>,
    /// Tensors of another shape: path, shape wanted, shape got.
    pub misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Tensors with NaN or infinity: path and number of such elements.
    pub not_finite: Vec<(String, usize)>,
}

impl WeightsError {
    /// Whether nothing is wrong.
    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.misshaped.is_empty() && self.not_finite.is_empty()
    }
}

impl Model {
    /// Whether `weights` are this model's: every one there, none more, each of its shape, all numbers finite.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn check_weights(&self, weights: &Weights) -> Result<(), WeightsError> {
        let mut error = WeightsError { model: self.name().to_string(), ..WeightsError::default() };
        let wanted = self.weights();
        for weight in &wanted {
            match weights.get(&weight.path) {
                None => error.missing.push((weight.path.clone(), weight.shape.clone())),
                Some(tensor) if tensor.shape() != weight.shape => {
                    error.misshaped.push((weight.path.clone(), weight.shape.clone(), tensor.shape().to_vec()));
                }
                Some(_) => {}
            }
        }
        let known: std::collections::HashSet<&str> = wanted.iter().map(|weight| weight.path.as_str()).collect();
        let extra = weights.iter().filter(|(path, _)| !known.contains(path));
        error.extra = extra.map(|(path, tensor)| (path.to_string(), tensor.shape().to_vec())).collect();
        error.not_finite = weights.not_finite();
        if error.is_empty() { Ok(()) } else { Err(error) }
    }
}

/// How many tensors of each kind a message names before it only counts them.
const NAMED: usize = 20;

fn report(error: &WeightsError) -> String {
    let mut text = format!("these are not the weights of model '{}':", error.model);
    let missing = error.missing.iter().map(|(path, shape)| format!("missing {path} {shape:?}"));
    let extra = error.extra.iter().map(|(path, shape)| format!("no weight for {path} {shape:?}"));
    let misshaped =
        error.misshaped.iter().map(|(path, wanted, got)| format!("{path} should be {wanted:?}, is {got:?}"));
    let not_finite =
        error.not_finite.iter().map(|(path, n)| format!("{path} has {n} elements that are NaN or infinite"));
    section(&mut text, missing);
    section(&mut text, extra);
    section(&mut text, misshaped);
    section(&mut text, not_finite);
    text
}

fn section(text: &mut String, lines: impl ExactSizeIterator<Item = String>) {
    let rest = lines.len().saturating_sub(NAMED);
    for line in lines.take(NAMED) {
        text.push_str("\n  ");
        text.push_str(&line);
    }
    if rest > 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  … and {rest} more like these");
    }
}

/// Its initializer's values, from its initializer's own seed, else from `seed` and path.
fn initial(weight: &Weight, seed: u64) -> Tensor {
    let of_path = || fnv1a64(&weight.path) ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    weight.options.initializer.draw(&weight.shape, weight.options.seed.unwrap_or_else(of_path))
}

fn fnv1a64(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sequential;
    use crate::layers::Dense;

    #[test]
    fn the_error_lists_everything() {
        let model = Sequential::new("m")
            .input([3])
            .and_then(|m| m.add(Dense::new(2).name("a")))
            .and_then(|m| m.add(Dense::new(1).name("b")))
            .and_then(Sequential::model)
            .unwrap();
        let mut weights = Weights::new();
        weights.insert("a/kernel", Tensor::full(vec![2, 3], 0.0));
        weights.insert("a/bias", Tensor::full(vec![2], f32::NAN));
        weights.insert("c/kernel", Tensor::full(vec![1], 0.0));
        let error = model.check_weights(&weights).unwrap_err();
        assert_eq!(error.missing, [("b/kernel".into(), vec![2, 1]), ("b/bias".into(), vec![1])]);
        assert_eq!(error.extra, [("c/kernel".into(), vec![1])]);
        assert_eq!(error.misshaped, [("a/kernel".into(), vec![3, 2], vec![2, 3])]);
        assert_eq!(error.not_finite, [("a/bias".into(), 2)]);
        let text = error.to_string();
        for part in ["missing b/kernel [2, 1]", "no weight for c/kernel", "should be [3, 2], is [2, 3]", "a/bias has 2"]
        {
            assert!(text.contains(part), "{text}");
        }
    }
}
