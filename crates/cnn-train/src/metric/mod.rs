//! Metrics that are updated batch by batch, with Keras's names and definitions.
//!
//! Source: the documentation of `keras.metrics`. Sums are kept in float64, where Keras keeps them in float32; what
//! decides (a threshold, a bucket) is computed in float32 as there. A prediction that is NaN is no error: it is never
//! above a threshold and never the largest, as in Keras.

mod accuracy;
mod auc;
mod confusion_matrix;
mod f1_score;
mod mean;
mod named;
mod precision_recall;

pub use accuracy::Accuracy;
pub use auc::{Auc, AucOptions, Curve, SummationMethod};
pub use confusion_matrix::ConfusionMatrix;
pub use f1_score::{Average, F1Score};
pub use mean::Mean;
pub use named::Named;
pub use precision_recall::{Positives, Precision, Recall};

use cnn_core::Tensor;

use crate::send::MaybeSend;
use crate::state::{State, StateError};

/// Keras's epsilon.
const EPSILON: f64 = 1e-7;

/// Whether a metric is better when it is larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Larger is better, as with an accuracy.
    Up,
    /// Smaller is better, as with a loss.
    Down,
}

/// A comparison of predictions with the truth, over all batches since the last `reset`.
///
/// ```
/// use cnn_core::Tensor;
/// use cnn_train::metric::{Accuracy, Metric};
///
/// let truth = Tensor::new(vec![3], vec![0.0, 2.0, 1.0])?;
/// let scores = Tensor::new(vec![3, 3], vec![0.8, 0.1, 0.1, 0.3, 0.3, 0.4, 0.9, 0.1, 0.0])?;
/// let mut accuracy = Accuracy::sparse_categorical();
/// accuracy.update(&truth, &scores, None)?;
/// assert_eq!(accuracy.result(), [2.0 / 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Metric: MaybeSend {
    /// The name that it has in the logs.
    fn name(&self) -> &str;

    /// Whether a larger result is better, for callbacks that monitor it.
    fn direction(&self) -> Direction {
        Direction::Up
    }

    /// Whether samples count by their weights in a training: Keras's `weighted_metrics`, and not its `metrics`.
    fn is_weighted(&self) -> bool {
        false
    }

    /// Takes a batch in: the truth, the predictions, and optionally a weight for every sample of the batch.
    ///
    /// # Errors
    /// If the shapes or the number of weights do not fit, or a label is no class. Nothing was changed then.
    fn update(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&[f32]>) -> Result<(), MetricError>;

    /// The value over all that was taken in: one number for most; as many as its documentation says for those with a
    /// number for every class or threshold.
    fn result(&self) -> Vec<f64>;

    /// Forgets all that was taken in.
    fn reset(&mut self);

    /// What was taken in, for a checkpoint.
    fn state(&self) -> State;

    /// Takes up a saved state in place of the present one.
    ///
    /// # Errors
    /// If it is that of another metric.
    fn restore(&mut self, state: &State) -> Result<(), StateError>;
}

/// A metric cannot take a batch in, or cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The shapes of truth and predictions do not go together.
    #[error("{metric}: y_true is {y_true:?} and y_pred {y_pred:?}, but it wants {wanted}")]
    Shapes {
        /// The metric's name.
        metric: String,
        /// The shape of the truth.
        y_true: Vec<usize>,
        /// The shape of the predictions.
        y_pred: Vec<usize>,
        /// What goes together.
        wanted: &'static str,
    },
    /// The number of weights is another than that of samples.
    #[error("{metric}: {got} sample weights for {samples} samples")]
    Weights {
        /// The metric's name.
        metric: String,
        /// The number of weights.
        got: usize,
        /// The number of samples.
        samples: usize,
    },
    /// A label is not the number of a class.
    #[error("{metric}: the label {label} is no class; there are {classes}, counted from 0")]
    Class {
        /// The metric's name.
        metric: String,
        /// The label.
        label: f32,
        /// The number of classes.
        classes: usize,
    },
    /// An argument that the metric does not have.
    #[error("{metric}: {argument} is {value}, but has to be {wanted}")]
    Argument {
        /// The metric's name.
        metric: String,
        /// The argument's name in Keras.
        argument: &'static str,
        /// What was given.
        value: String,
        /// What can be given.
        wanted: &'static str,
    },
    /// No metric has that name.
    #[error("there is no metric '{name}'; known are {}", .known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: &'static [&'static str],
    },
}

const KNOWN: &[&str] = &[
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "top_k_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "auc",
    "precision",
    "recall",
    "f1_score",
];

/// The metric that Keras means by a name (`"accuracy"`) or a class (`"SparseCategoricalAccuracy"`), with Keras's
/// default arguments.
///
/// # Errors
/// If there is none.
///
/// ```
/// let metric = cnn_train::metric::by_name("accuracy").unwrap();
/// assert_eq!(metric.name(), "accuracy");
/// ```
pub fn by_name(name: &str) -> Result<Box<dyn Metric>, MetricError> {
    Ok(match cnn_core::names::find(name, KNOWN) {
        Some("accuracy") => Box::new(Accuracy::new()),
        Some("binary_accuracy") => Box::new(Accuracy::binary(0.5)),
        Some("categorical_accuracy") => Box::new(Accuracy::categorical()),
        Some("sparse_categorical_accuracy") => Box::new(Accuracy::sparse_categorical()),
        Some("top_k_categorical_accuracy") => Box::new(Accuracy::top_k(5)),
        Some("sparse_top_k_categorical_accuracy") => Box::new(Accuracy::sparse_top_k(5)),
        Some("auc") => Box::new(Auc::new(AucOptions::default())?),
        Some("precision") => Box::new(Precision::new(Positives::default())?),
        Some("recall") => Box::new(Recall::new(Positives::default())?),
        Some("f1_score") => Box::new(F1Score::new(Average::None, None)?),
        _ => return Err(MetricError::Unknown { name: name.to_owned(), known: KNOWN }),
    })
}

/// 0 where the divisor is 0, as Keras divides.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// At how many of `thresholds` evenly distributed ones, from the lowest on, a score is positive. In float32, so that a
/// score on a threshold falls to Keras's side; what is outside 0 to 1 counts as the nearer end.
fn bucket(score: f32, thresholds: usize) -> usize {
    // NaN becomes 0.
    (score.clamp(0.0, 1.0) * (thresholds - 1) as f32).ceil() as usize
}

/// Whether these are the numbers from 0 to 1 in even steps, at least three, as closely as NumPy's `allclose` takes it
/// with Keras's epsilon.
fn evenly_distributed(thresholds: impl ExactSizeIterator<Item = f64>) -> bool {
    let count = thresholds.len();
    let even = |(i, threshold): (usize, f64)| {
        let even = i as f64 / (count - 1) as f64;
        (threshold - even).abs() <= EPSILON + 1e-5 * even
    };
    count >= 3 && thresholds.enumerate().all(even)
}

/// The first of the largest; NaN is never larger.
fn argmax(scores: &[f32]) -> usize {
    let mut best = 0;
    let mut largest = f32::NEG_INFINITY;
    for (i, &score) in scores.iter().enumerate() {
        if score > largest {
            (best, largest) = (i, score);
        }
    }
    best
}

/// A batch whose parts go together, for one metric.
struct Batch<'a> {
    metric: &'a str,
    y_true: &'a Tensor,
    y_pred: &'a Tensor,
}

impl<'a> Batch<'a> {
    fn new(metric: &'a str, y_true: &'a Tensor, y_pred: &'a Tensor) -> Result<Self, MetricError> {
        let batch = Self { metric, y_true, y_pred };
        match (y_true.shape().first(), y_pred.shape().first()) {
            (Some(a), Some(b)) if a == b => Ok(batch),
            _ => Err(batch.shapes("the same number of samples along the first axis")),
        }
    }

    fn samples(&self) -> usize {
        self.y_pred.shape()[0]
    }

    fn shapes(&self, wanted: &'static str) -> MetricError {
        let shape = |tensor: &Tensor| tensor.shape().to_vec();
        let metric = self.metric.to_owned();
        MetricError::Shapes { metric, y_true: shape(self.y_true), y_pred: shape(self.y_pred), wanted }
    }

    /// Asks for a label for every prediction: equal shapes, but for axes of size 1 at the end.
    fn elementwise(&self) -> Result<(), MetricError> {
        let kept = |tensor: &'a Tensor| {
            let shape = tensor.shape();
            let ones = shape[1..].iter().rev().take_while(|&&size| size == 1).count();
            &shape[..shape.len() - ones]
        };
        if kept(self.y_true) != kept(self.y_pred) {
            return Err(self.shapes("a label for every prediction"));
        }
        Ok(())
    }

    /// The number of classes: the last axis of predictions that have one beside the samples'.
    fn classes(&self) -> Result<usize, MetricError> {
        match self.y_pred.shape() {
            [_, .., classes] if *classes > 0 => Ok(*classes),
            _ => Err(self.shapes("predictions with a last axis of at least one class")),
        }
    }

    /// The class of every row of predictions, from one-hot rows.
    fn one_hot_labels(&self) -> Result<Vec<usize>, MetricError> {
        let classes = self.classes()?;
        if self.y_true.shape() != self.y_pred.shape() {
            return Err(self.shapes("one-hot labels of the predictions' shape"));
        }
        Ok(self.y_true.data().chunks(classes).map(argmax).collect())
    }

    /// The class of every row of predictions, from its number.
    fn sparse_labels(&self) -> Result<Vec<usize>, MetricError> {
        let classes = self.classes()?;
        let rows = &self.y_pred.shape()[..self.y_pred.shape().len() - 1];
        if self.y_true.shape() != rows && self.y_true.shape() != [rows, &[1]].concat() {
            return Err(self.shapes("the number of a class for every row of predictions"));
        }
        let class = |&label: &f32| {
            if label.fract() == 0.0 && label >= 0.0 && (label as usize) < classes {
                return Ok(label as usize);
            }
            Err(MetricError::Class { metric: self.metric.to_owned(), label, classes })
        };
        self.y_true.data().iter().map(class).collect()
    }

    /// The weights of `values` values, that belong to the samples in order, `values / samples` to each.
    fn weights<'w>(&self, sample_weight: Option<&'w [f32]>, values: usize) -> Result<Weights<'w>, MetricError> {
        let samples = self.samples();
        let Some(list) = sample_weight else { return Ok(Weights { list: None, each: 1 }) };
        let each = match list.len() {
            got if got == samples => values.checked_div(samples).unwrap_or(1),
            got if got == values => 1,
            got => return Err(MetricError::Weights { metric: self.metric.to_owned(), got, samples }),
        };
        Ok(Weights { list: Some(list), each: each.max(1) })
    }
}

/// A weight for every value, or for every `each` values.
struct Weights<'a> {
    list: Option<&'a [f32]>,
    each: usize,
}

impl Weights<'_> {
    fn at(&self, value: usize) -> f64 {
        self.list.map_or(1.0, |list| f64::from(list[value / self.each]))
    }
}
