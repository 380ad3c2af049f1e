//! How many of the positives are true, and how many of the true ones are found.

use cnn_core::Tensor;

use super::{Batch, Metric, MetricError, bucket, evenly_distributed, ratio};
use crate::state::{Saved, State, StateError, entry};

/// Which predictions are positives: the arguments of Keras's `Precision` and `Recall`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Positives {
    /// A prediction is positive above a threshold; each has a result of its own. Where there is none, it is 0.5, or
    /// with `top_k` below all predictions.
    pub thresholds: Vec<f32>,
    /// Only the so many largest predictions of a row are positive; of equal ones the first.
    pub top_k: Option<usize>,
    /// Only this class of a row is looked at.
    pub class_id: Option<usize>,
}

/// True positives, false positives and false negatives at each threshold.
#[derive(Debug, Clone, PartialEq)]
struct Counts {
    name: String,
    positives: Positives,
    evenly_distributed: bool,
    counts: Vec<[f64; 3]>,
}

impl Counts {
    fn new(name: &str, mut positives: Positives) -> Result<Self, MetricError> {
        if let Some(wrong) = positives.thresholds.iter().find(|threshold| !(0.0..=1.0).contains(*threshold)) {
            let (argument, value, wanted) = ("thresholds", wrong.to_string(), "from 0 to 1");
            return Err(MetricError::Argument { metric: name.to_owned(), argument, value, wanted });
        }
        if positives.thresholds.is_empty() {
            // Keras's -1e10, which it also takes for the predictions that are not among the largest.
            positives.thresholds.push(if positives.top_k.is_some() { -1e10 } else { 0.5 });
        }
        let counts = vec![[0.0; 3]; positives.thresholds.len()];
        let evenly_distributed = evenly_distributed(positives.thresholds.iter().copied().map(f64::from));
        Ok(Self { name: name.to_owned(), positives, evenly_distributed, counts })
    }

    fn update(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&[f32]>) -> Result<(), MetricError> {
        let batch = Batch::new(&self.name, y_true, y_pred)?;
        batch.elementwise()?;
        let Positives { thresholds, top_k, class_id } = &self.positives;
        let row = if top_k.is_some() || class_id.is_some() { batch.classes()? } else { 1 };
        if class_id.is_some_and(|class| class >= row) {
            return Err(batch.shapes("predictions of the class 'class_id'"));
        }
        let weights = batch.weights(sample_weight, y_pred.len())?;
        for (at, scores) in y_pred.data().chunks(row).enumerate() {
            let among = top_k.map(|k| largest(scores, k));
            for class in class_id.map_or(0..row, |class| class..class + 1) {
                let i = at * row + class;
                let counted = among.as_ref().is_none_or(|among| among[class]);
                let truth = y_true.data()[i] != 0.0;
                let score = scores[class];
                let bucket = bucket(score, thresholds.len());
                for (nth, (counts, &threshold)) in self.counts.iter_mut().zip(thresholds).enumerate() {
                    let above = if self.evenly_distributed { nth < bucket } else { score > threshold };
                    match (counted && above, truth) {
                        (true, true) => counts[0] += weights.at(i),
                        (true, false) => counts[1] += weights.at(i),
                        (false, true) => counts[2] += weights.at(i),
                        (false, false) => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> State {
        vec![entry("counts", self.counts.iter().flatten().copied())]
    }

    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        let counts = Saved::new(&self.name, state).numbers("counts", 3 * self.counts.len())?;
        self.counts = counts.as_chunks::<3>().0.to_vec();
        Ok(())
    }
}

/// Which of the scores are among the `k` largest.
fn largest(scores: &[f32], k: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // -0 is as large as 0, which a total order denies.
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)));
    let mut among = vec![false; scores.len()];
    order.into_iter().take(k).for_each(|i| among[i] = true);
    among
}

macro_rules! metric {
    ($(#[$documentation:meta])* $metric:ident, $name:literal, $result:expr) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $metric(Counts);

        impl $metric {
            /// A metric of nothing yet.
            ///
            /// # Errors
            /// If a threshold is not from 0 to 1.
            pub fn new(positives: Positives) -> Result<Self, MetricError> {
                Ok(Self(Counts::new($name, positives)?))
            }

            /// The same under another name.
            pub fn named(self, name: impl Into<String>) -> Self {
                Self(Counts { name: name.into(), ..self.0 })
            }
        }

        impl Metric for $metric {
            fn name(&self) -> &str {
                &self.0.name
            }

            fn update(
                &mut self,
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&[f32]>,
            ) -> Result<(), MetricError> {
                self.0.update(y_true, y_pred, sample_weight)
            }

            fn result(&self) -> Vec<f64> {
                self.0.counts.iter().map($result).collect()
            }

            fn reset(&mut self) {
                self.0.counts.fill([0.0; 3]);
            }

            fn state(&self) -> State {
                self.0.state()
            }

            fn restore(&mut self, state: &State) -> Result<(), StateError> {
                self.0.restore(state)
            }
        }
    };
}

metric!(
    /// `keras.metrics.Precision`: true positives over all positives, at each threshold; 0 where there is no positive.
    Precision,
    "precision",
    |&[true_positives, false_positives, _]| ratio(true_positives, true_positives + false_positives)
);
metric!(
    /// `keras.metrics.Recall`: true positives over all that are true, at each threshold; 0 where nothing is true.
    Recall,
    "recall",
    |&[true_positives, _, false_negatives]| ratio(true_positives, true_positives + false_negatives)
);
