//! The harmonic mean of precision and recall.

use cnn_core::Tensor;

use super::{Batch, EPSILON, Metric, MetricError};
use crate::state::{Saved, State, StateError, entry};

/// How the scores of the classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Average {
    /// Not at all: the result is a number for every class.
    #[default]
    None,
    /// One score of the sums over all classes.
    Micro,
    /// The mean of the classes' scores.
    Macro,
    /// Their mean, weighted with how many samples are truly of each class.
    Weighted,
}

/// `keras.metrics.F1Score`: of every class `2 * precision * recall / (precision + recall)`.
///
/// Truth and predictions have the shape (samples, classes). Without a threshold, the predictions that are equal to the
/// largest of their row (and further than 1e-9 from 0) are positive; with one, those above it.
#[derive(Debug, Clone, PartialEq)]
pub struct F1Score {
    name: String,
    average: Average,
    threshold: Option<f32>,
    /// For each class: true positives, false positives, false negatives, and all that are truly of the class.
    counts: Vec<[f64; 4]>,
}

impl F1Score {
    /// A score of nothing yet. The number of classes is that of the first batch.
    ///
    /// # Errors
    /// If the threshold is not above 0 and at most 1.
    pub fn new(average: Average, threshold: Option<f32>) -> Result<Self, MetricError> {
        let name = "f1_score".to_owned();
        if let Some(value) = threshold.filter(|&threshold| !(threshold > 0.0 && threshold <= 1.0)) {
            let (argument, wanted, value) = ("threshold", "above 0 and at most 1", value.to_string());
            return Err(MetricError::Argument { metric: name, argument, value, wanted });
        }
        Ok(Self { name, average, threshold, counts: Vec::new() })
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }
}

/// Divisors are kept from 0 as in Keras.
fn score(&[true_positives, false_positives, false_negatives, _]: &[f64; 4]) -> f64 {
    let precision = true_positives / (true_positives + false_positives + EPSILON);
    let recall = true_positives / (true_positives + false_negatives + EPSILON);
    2.0 * precision * recall / (precision + recall + EPSILON)
}

impl Metric for F1Score {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&[f32]>) -> Result<(), MetricError> {
        let batch = Batch::new(&self.name, y_true, y_pred)?;
        let classes = batch.classes()?;
        if y_pred.shape().len() != 2 || y_true.shape() != y_pred.shape() {
            return Err(batch.shapes("both of shape (samples, classes)"));
        }
        if !self.counts.is_empty() && self.counts.len() != classes {
            return Err(batch.shapes("as many classes as the batches before"));
        }
        let weights = batch.weights(sample_weight, batch.samples())?;
        self.counts.resize(classes, [0.0; 4]);
        let rows = y_true.data().chunks(classes).zip(y_pred.data().chunks(classes));
        for (sample, (truth, scores)) in rows.enumerate() {
            // A row with NaN has no largest one.
            let comparable = !scores.iter().any(|score| score.is_nan());
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for ((counts, &truth), &score) in self.counts.iter_mut().zip(truth).zip(scores) {
                let positive = match self.threshold {
                    Some(threshold) => score > threshold,
                    None => comparable && score >= largest && score.abs() > 1e-9,
                };
                let (truth, positive) = (f64::from(truth), f64::from(u8::from(positive)));
                let add = [positive * truth, positive * (1.0 - truth), (1.0 - positive) * truth, truth];
                counts.iter_mut().zip(add).for_each(|(count, value)| *count += value * weights.at(sample));
            }
        }
        Ok(())
    }

    /// One number, or with [`Average::None`] one for every class; before the first batch 0, or none.
    fn result(&self) -> Vec<f64> {
        let scores = self.counts.iter().map(score);
        let classes = self.counts.len().max(1) as f64;
        match self.average {
            Average::None => scores.collect(),
            Average::Macro => vec![scores.sum::<f64>() / classes],
            Average::Micro => {
                let mut sums = [0.0; 4];
                self.counts
                    .iter()
                    .for_each(|counts| sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count));
                vec![score(&sums)]
            }
            Average::Weighted => {
                let all = self.counts.iter().map(|counts| counts[3]).sum::<f64>() + EPSILON;
                vec![scores.zip(&self.counts).map(|(score, counts)| score * counts[3] / all).sum()]
            }
        }
    }

    fn reset(&mut self) {
        self.counts.clear();
    }

    fn state(&self) -> State {
        vec![entry("counts", self.counts.iter().flatten().copied())]
    }

    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        let counts = Saved::new(&self.name, state).list("counts")?;
        self.counts = counts.as_chunks::<4>().0.to_vec();
        Ok(())
    }
}
