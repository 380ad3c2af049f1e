//! How often the prediction is the truth.

use cnn_core::Tensor;

use super::{Batch, Mean, Metric, MetricError, argmax};
use crate::state::{State, StateError};

/// Keras's accuracies; each function makes one of them. The result is one number from 0 to 1.
///
/// A sample with more than one prediction (an image with a class for every pixel) counts as the mean of these. Weights
/// may also be given for each prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    kind: Kind,
    mean: Mean,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Auto,
    Binary { threshold: f32 },
    Categorical,
    SparseCategorical,
    TopK { k: usize },
    SparseTopK { k: usize },
}

impl Default for Accuracy {
    fn default() -> Self {
        Self::new()
    }
}

impl Accuracy {
    fn of(kind: Kind, name: &str) -> Self {
        Self { kind, mean: Mean::new(name) }
    }

    /// What Keras takes for the word `"accuracy"`: binary with a threshold of 0.5 where there is one prediction, sparse
    /// where the truth has an axis less than the predictions or one number for a row of them, otherwise categorical.
    pub fn new() -> Self {
        Self::of(Kind::Auto, "accuracy")
    }

    /// How often a prediction is on the label's side of the threshold: above it for 1, otherwise for 0.
    pub fn binary(threshold: f32) -> Self {
        Self::of(Kind::Binary { threshold }, "binary_accuracy")
    }

    /// How often the first of the largest predictions is that of the one-hot label.
    pub fn categorical() -> Self {
        Self::of(Kind::Categorical, "categorical_accuracy")
    }

    /// How often the first of the largest predictions is that of the class whose number is the label.
    pub fn sparse_categorical() -> Self {
        Self::of(Kind::SparseCategorical, "sparse_categorical_accuracy")
    }

    /// How often fewer than `k` predictions are larger than that of the one-hot label; so all that are equal at the
    /// edge are in. A row with a prediction that is not finite has nobody in.
    pub fn top_k(k: usize) -> Self {
        Self::of(Kind::TopK { k }, "top_k_categorical_accuracy")
    }

    /// As [`Accuracy::top_k`], with the number of the class as label.
    pub fn sparse_top_k(k: usize) -> Self {
        Self::of(Kind::SparseTopK { k }, "sparse_top_k_categorical_accuracy")
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { mean: Mean::new(name), ..self }
    }
}

impl Kind {
    /// Keras's choice for the word `"accuracy"`.
    fn resolved(self, y_true: &[usize], y_pred: &[usize]) -> Self {
        match (self, y_pred.last(), y_true.last()) {
            (Kind::Auto, Some(1), _) => Kind::Binary { threshold: 0.5 },
            (Kind::Auto, ..) if y_pred.len() == 1 => Kind::Binary { threshold: 0.5 },
            (Kind::Auto, ..) if y_true.len() < y_pred.len() => Kind::SparseCategorical,
            (Kind::Auto, _, Some(1)) => Kind::SparseCategorical,
            (Kind::Auto, ..) => Kind::Categorical,
            (other, ..) => other,
        }
    }
}

fn in_top_k(scores: &[f32], label: usize, k: usize) -> bool {
    scores.iter().all(|score| score.is_finite()) && scores.iter().filter(|&&score| score > scores[label]).count() < k
}

/// Which predictions of a batch are right.
fn matches(kind: Kind, batch: &Batch) -> Result<Vec<bool>, MetricError> {
    let (y_true, y_pred) = (batch.y_true.data(), batch.y_pred.data());
    let labels = match kind.resolved(batch.y_true.shape(), batch.y_pred.shape()) {
        Kind::Binary { threshold } => {
            batch.elementwise()?;
            let right = |(&label, &score): (&f32, &f32)| label == f32::from(u8::from(score > threshold));
            return Ok(y_true.iter().zip(y_pred).map(right).collect());
        }
        Kind::Categorical | Kind::TopK { .. } => batch.one_hot_labels()?,
        Kind::SparseCategorical | Kind::SparseTopK { .. } | Kind::Auto => batch.sparse_labels()?,
    };
    let rows = labels.into_iter().zip(y_pred.chunks(batch.classes()?));
    Ok(match kind {
        Kind::TopK { k } | Kind::SparseTopK { k } => rows.map(|(label, row)| in_top_k(row, label, k)).collect(),
        _ => rows.map(|(label, row)| argmax(row) == label).collect(),
    })
}

impl Metric for Accuracy {
    fn name(&self) -> &str {
        self.mean.name()
    }

    fn update(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&[f32]>) -> Result<(), MetricError> {
        let batch = Batch::new(self.mean.name(), y_true, y_pred)?;
        let matches = matches(self.kind, &batch)?;
        let weights = batch.weights(sample_weight, matches.len())?;
        // Every sample weighs the same, be it of one prediction or of many.
        let part = batch.samples() as f64 / matches.len().max(1) as f64;
        for (i, right) in matches.into_iter().enumerate() {
            self.mean.add(f64::from(u8::from(right)), weights.at(i) * part);
        }
        Ok(())
    }

    fn result(&self) -> Vec<f64> {
        vec![self.mean.result()]
    }

    fn reset(&mut self) {
        self.mean.reset();
    }

    fn state(&self) -> State {
        self.mean.state()
    }

    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        self.mean.restore(state)
    }
}
