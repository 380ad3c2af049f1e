//! Which classes are taken for which.

use cnn_core::Tensor;

use super::{Batch, Metric, MetricError, argmax};
use crate::state::{Saved, State, StateError, entry};

/// How often each class was predicted for each class. Keras has no such metric; the matrix is that of
/// `tf.math.confusion_matrix`.
///
/// Labels are numbers of classes, or one-hot where they have the predictions' shape. The prediction is the first of the
/// largest in a row; with two classes, a single prediction means class 1 where it is above 0.5. The result is the
/// matrix row by row: row `t`, column `p` has the weight of the samples of class `t` that were taken for class `p`.
///
/// ```
/// use cnn_core::Tensor;
/// use cnn_train::metric::{ConfusionMatrix, Metric};
///
/// let mut matrix = ConfusionMatrix::new(2);
/// let scores = Tensor::new(vec![3, 2], vec![0.9, 0.1, 0.4, 0.6, 0.7, 0.3])?;
/// matrix.update(&Tensor::new(vec![3], vec![0.0, 0.0, 1.0])?, &scores, None)?;
/// assert_eq!(matrix.result(), [1.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConfusionMatrix {
    name: String,
    classes: usize,
    counts: Vec<f64>,
}

impl ConfusionMatrix {
    /// A matrix of that many rows and columns, of nothing yet.
    pub fn new(classes: usize) -> Self {
        Self { name: "confusion_matrix".to_owned(), classes, counts: vec![0.0; classes * classes] }
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The number of rows and columns.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

impl Metric for ConfusionMatrix {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&[f32]>) -> Result<(), MetricError> {
        let batch = Batch::new(&self.name, y_true, y_pred)?;
        let (labels, predicted): (Vec<usize>, Vec<usize>) = if self.classes == 2 && y_pred.len() == batch.samples() {
            batch.elementwise()?;
            let class = |&label: &f32| match label {
                0.0 => Ok(0),
                1.0 => Ok(1),
                _ => Err(MetricError::Class { metric: self.name.clone(), label, classes: 2 }),
            };
            let labels = y_true.data().iter().map(class).collect::<Result<_, _>>()?;
            (labels, y_pred.data().iter().map(|&score| usize::from(score > 0.5)).collect())
        } else {
            if batch.classes()? != self.classes {
                return Err(batch.shapes("as many predictions in a row as the matrix has classes"));
            }
            let one_hot = y_true.shape() == y_pred.shape();
            let labels = if one_hot { batch.one_hot_labels()? } else { batch.sparse_labels()? };
            (labels, y_pred.data().chunks(self.classes).map(argmax).collect())
        };
        let weights = batch.weights(sample_weight, labels.len())?;
        for (i, (label, predicted)) in labels.into_iter().zip(predicted).enumerate() {
            self.counts[label * self.classes + predicted] += weights.at(i);
        }
        Ok(())
    }

    fn result(&self) -> Vec<f64> {
        self.counts.clone()
    }

    fn reset(&mut self) {
        self.counts.fill(0.0);
    }

    fn state(&self) -> State {
        vec![entry("counts", self.counts.iter().copied())]
    }

    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        self.counts = Saved::new(&self.name, state).numbers("counts", self.counts.len())?.to_vec();
        Ok(())
    }
}
