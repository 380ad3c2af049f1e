//! The area under a curve of rates at many thresholds.

use cnn_core::Tensor;

use super::{Batch, EPSILON, Metric, MetricError, bucket, evenly_distributed, ratio};
use crate::state::{Saved, State, StateError, entry};

/// Which rates are drawn over one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Curve {
    /// True positives found over false positives: receiver operating characteristic.
    #[default]
    Roc,
    /// Precision over recall.
    Pr,
}

/// How the area between two thresholds is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SummationMethod {
    /// The trapezoid; for precision over recall the interpolation of true and false positives (Davis and Goadrich, "The
    /// Relationship Between Precision-Recall and ROC Curves", 2006).
    #[default]
    Interpolation,
    /// The rectangle below: a lower bound where the curve falls.
    Minoring,
    /// The rectangle above.
    Majoring,
}

/// The arguments of Keras's `AUC`.
#[derive(Debug, Clone, PartialEq)]
pub struct AucOptions {
    /// How many thresholds there are, evenly from just below 0 to just above 1; at least 2.
    pub num_thresholds: usize,
    /// Thresholds from 0 to 1 in place of the even ones; two more stand at the ends.
    pub thresholds: Option<Vec<f64>>,
    /// Which curve.
    pub curve: Curve,
    /// How it is summed.
    pub summation_method: SummationMethod,
    /// Whether each column of the predictions has a curve of its own; the result is the mean of their areas.
    pub multi_label: bool,
    /// Whether the predictions are logits, to be put through a sigmoid.
    pub from_logits: bool,
}

impl Default for AucOptions {
    /// Keras's: 200 thresholds, ROC, interpolation.
    fn default() -> Self {
        Self {
            num_thresholds: 200,
            thresholds: None,
            curve: Curve::default(),
            summation_method: SummationMethod::default(),
            multi_label: false,
            from_logits: false,
        }
    }
}

/// `keras.metrics.AUC` of predictions from 0 to 1. The result is one number.
///
/// Source: Keras's documentation; the buckets are its `update_confusion_matrix_variables`.
#[derive(Debug, Clone, PartialEq)]
pub struct Auc {
    name: String,
    options: AucOptions,
    thresholds: Vec<f32>,
    evenly_distributed: bool,
    labels: Vec<Label>,
}

/// What was counted of one label.
#[derive(Debug, Clone, PartialEq)]
struct Label {
    true_positives: Vec<f64>,
    false_positives: Vec<f64>,
    all_true: f64,
    all_false: f64,
}

impl Label {
    fn new(thresholds: usize) -> Self {
        let none = vec![0.0; thresholds];
        Self { true_positives: none.clone(), false_positives: none, all_true: 0.0, all_false: 0.0 }
    }

    /// Counts a value that is positive at the first `positive` thresholds.
    fn add(&mut self, truth: bool, positive: usize, weight: f64) {
        let (counts, all) = if truth {
            (&mut self.true_positives, &mut self.all_true)
        } else {
            (&mut self.false_positives, &mut self.all_false)
        };
        counts[..positive].iter_mut().for_each(|count| *count += weight);
        *all += weight;
    }
}

impl Auc {
    /// An area of nothing yet.
    ///
    /// # Errors
    /// If there are fewer than 2 thresholds, or a threshold is not from 0 to 1.
    pub fn new(options: AucOptions) -> Result<Self, MetricError> {
        let name = "auc".to_owned();
        let wrong =
            |argument, value, wanted| MetricError::Argument { metric: "auc".to_owned(), argument, value, wanted };
        let mut inner = match &options.thresholds {
            Some(list) => list.clone(),
            None if options.num_thresholds < 2 => {
                return Err(wrong("num_thresholds", options.num_thresholds.to_string(), "at least 2"));
            }
            None => (1..options.num_thresholds - 1).map(|i| i as f64 / (options.num_thresholds - 1) as f64).collect(),
        };
        if let Some(outside) = inner.iter().find(|threshold| !(0.0..=1.0).contains(*threshold)) {
            return Err(wrong("thresholds", outside.to_string(), "from 0 to 1"));
        }
        inner.sort_by(f64::total_cmp);
        let with_ends: Vec<f64> = [0.0].into_iter().chain(inner.iter().copied()).chain([1.0]).collect();
        let evenly_distributed = options.thresholds.is_none() || evenly_distributed(with_ends.into_iter());
        // The ends lie a little beyond 0 and 1.
        let ends = ([-EPSILON], [1.0 + EPSILON]);
        let thresholds = ends.0.iter().chain(&inner).chain(&ends.1).map(|&threshold| threshold as f32).collect();
        Ok(Self { name, options, thresholds, evenly_distributed, labels: Vec::new() })
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// At how many thresholds, from the lowest on, a prediction is positive.
    fn positive(&self, score: f32) -> usize {
        let score = if self.options.from_logits { 1.0 / (1.0 + libm::expf(-score)) } else { score };
        if score.is_nan() {
            return 0;
        }
        if !self.evenly_distributed {
            return self.thresholds.partition_point(|&threshold| threshold < score);
        }
        // Even a score of 0 is above the first threshold.
        bucket(score, self.thresholds.len()).max(1)
    }

    fn area(&self, label: &Label) -> f64 {
        // True and false positives, recall, precision, and the rate of false positives at each threshold.
        let points: Vec<Point> = label
            .true_positives
            .iter()
            .zip(&label.false_positives)
            .map(|(&true_positives, &false_positives)| Point {
                true_positives,
                positives: true_positives + false_positives,
                recall: ratio(true_positives, label.all_true),
                precision: ratio(true_positives, true_positives + false_positives),
                false_rate: ratio(false_positives, label.all_false),
            })
            .collect();
        let method = self.options.summation_method;
        let piece = |pair: &[Point]| match (self.options.curve, method) {
            (Curve::Pr, SummationMethod::Interpolation) => interpolated(&pair[0], &pair[1], label.all_true),
            (Curve::Pr, _) => (pair[0].recall - pair[1].recall) * height(method, pair[0].precision, pair[1].precision),
            (Curve::Roc, _) => {
                (pair[0].false_rate - pair[1].false_rate) * height(method, pair[0].recall, pair[1].recall)
            }
        };
        points.windows(2).map(piece).sum()
    }
}

/// The curves at one threshold.
struct Point {
    true_positives: f64,
    positives: f64,
    recall: f64,
    precision: f64,
    false_rate: f64,
}

fn height(method: SummationMethod, a: f64, b: f64) -> f64 {
    match method {
        SummationMethod::Interpolation => (a + b) / 2.0,
        SummationMethod::Minoring => a.min(b),
        SummationMethod::Majoring => a.max(b),
    }
}

/// The area under precision over recall between two thresholds, the first being the lower: along the way from one to
/// the other, true positives grow linearly with all positives, so precision is `slope + intercept / positives`.
fn interpolated(low: &Point, high: &Point, all_true: f64) -> f64 {
    let more = low.true_positives - high.true_positives;
    let slope = ratio(more, (low.positives - high.positives).max(0.0));
    let intercept = high.true_positives - slope * high.positives;
    let growth = if low.positives > 0.0 && high.positives > 0.0 { low.positives / high.positives } else { 1.0 };
    ratio(slope * (more + intercept * libm::log(growth)), all_true)
}

impl Metric for Auc {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&[f32]>) -> Result<(), MetricError> {
        let batch = Batch::new(&self.name, y_true, y_pred)?;
        batch.elementwise()?;
        let labels = if self.options.multi_label { batch.classes()? } else { 1 };
        if self.options.multi_label && y_pred.shape().len() != 2 {
            return Err(batch.shapes("both of shape (samples, labels), since multi_label is set"));
        }
        if !self.labels.is_empty() && self.labels.len() != labels {
            return Err(batch.shapes("as many labels as the batches before"));
        }
        let weights = batch.weights(sample_weight, y_pred.len())?;
        let mut counts = std::mem::take(&mut self.labels);
        counts.resize(labels, Label::new(self.thresholds.len()));
        for (i, (&truth, &score)) in y_true.data().iter().zip(y_pred.data()).enumerate() {
            counts[i % labels].add(truth != 0.0, self.positive(score), weights.at(i));
        }
        self.labels = counts;
        Ok(())
    }

    fn result(&self) -> Vec<f64> {
        let areas = self.labels.iter().map(|label| self.area(label));
        vec![areas.sum::<f64>() / self.labels.len().max(1) as f64]
    }

    fn reset(&mut self) {
        self.labels.clear();
    }

    fn state(&self) -> State {
        let all = |values: fn(&Label) -> &[f64]| self.labels.iter().flat_map(values).copied().collect::<Vec<_>>();
        vec![
            entry("true_positives", all(|label| &label.true_positives)),
            entry("false_positives", all(|label| &label.false_positives)),
            entry("all_true", self.labels.iter().map(|label| label.all_true)),
            entry("all_false", self.labels.iter().map(|label| label.all_false)),
        ]
    }

    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        let saved = Saved::new(&self.name, state);
        let all_true = saved.list("all_true")?;
        let all_false = saved.numbers("all_false", all_true.len())?;
        let thresholds = self.thresholds.len();
        let true_positives = saved.numbers("true_positives", thresholds * all_true.len())?;
        let false_positives = saved.numbers("false_positives", thresholds * all_true.len())?;
        let label = |i: usize| Label {
            true_positives: true_positives[i * thresholds..(i + 1) * thresholds].to_vec(),
            false_positives: false_positives[i * thresholds..(i + 1) * thresholds].to_vec(),
            all_true: all_true[i],
            all_false: all_false[i],
        };
        self.labels = (0..all_true.len()).map(label).collect();
        Ok(())
    }
}
