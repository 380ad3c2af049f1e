//! A metric under another name.

use cnn_core::Tensor;

use super::{Direction, Metric, MetricError};
use crate::state::{State, StateError};

/// A metric with a name of its own, and with a say in whether samples count by their weights.
///
/// ```
/// use cnn_train::metric::{Accuracy, Metric, Named};
/// let metric = Named::new("weighted_accuracy", Accuracy::new()).weighted(true);
/// assert_eq!((metric.name(), metric.is_weighted()), ("weighted_accuracy", true));
/// ```
#[derive(Debug)]
pub struct Named<M> {
    name: String,
    metric: M,
    weighted: bool,
}

impl<M: Metric> Named<M> {
    /// `metric` under that name.
    pub fn new(name: impl Into<String>, metric: M) -> Self {
        let weighted = metric.is_weighted();
        Self { name: name.into(), metric, weighted }
    }

    /// Whether samples count by their weights.
    pub fn weighted(mut self, weighted: bool) -> Self {
        self.weighted = weighted;
        self
    }
}

impl<M: Metric> Metric for Named<M> {
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        self.metric.direction()
    }

    fn is_weighted(&self) -> bool {
        self.weighted
    }

    fn update(&mut self, y_true: &Tensor, y_pred: &Tensor, sample_weight: Option<&[f32]>) -> Result<(), MetricError> {
        self.metric.update(y_true, y_pred, sample_weight)
    }

    fn result(&self) -> Vec<f64> {
        self.metric.result()
    }

    fn reset(&mut self) {
        self.metric.reset();
    }

    fn state(&self) -> State {
        self.metric.state()
    }

    fn restore(&mut self, state: &State) -> Result<(), StateError> {
        self.metric.restore(state)
    }
}
