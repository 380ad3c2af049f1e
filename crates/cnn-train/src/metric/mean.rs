//! The weighted mean of numbers, such as the losses of batches.

use super::ratio;
use crate::state::{Saved, State, StateError, entry};

/// The weighted mean of numbers: `keras.metrics.Mean`. It compares nothing, so it is no [`Metric`](super::Metric); a
/// trainer keeps its losses in one.
///
/// ```
/// let mut loss = cnn_train::metric::Mean::new("loss");
/// loss.add(0.5, 32.0); // the mean loss of a batch, and its size
/// loss.add(1.0, 16.0);
/// assert_eq!(loss.result(), 2.0 / 3.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    name: String,
    total: f64,
    count: f64,
}

impl Mean {
    /// A mean of nothing, which is 0.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), total: 0.0, count: 0.0 }
    }

    /// The name that it has in the logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a number in, `weight` times.
    pub fn add(&mut self, value: f64, weight: f64) {
        self.total += value * weight;
        self.count += weight;
    }

    /// The mean; 0 where nothing was taken in or all weights were 0.
    pub fn result(&self) -> f64 {
        ratio(self.total, self.count)
    }

    /// Forgets all that was taken in.
    pub fn reset(&mut self) {
        (self.total, self.count) = (0.0, 0.0);
    }

    /// What was taken in, for a checkpoint.
    pub fn state(&self) -> State {
        vec![entry("total", [self.total]), entry("count", [self.count])]
    }

    /// Takes up a saved state in place of the present one.
    ///
    /// # Errors
    /// If it is not that of a mean.
    pub fn restore(&mut self, state: &State) -> Result<(), StateError> {
        let saved = Saved::new(&self.name, state);
        (self.total, self.count) = (saved.number("total")?, saved.number("count")?);
        Ok(())
    }
}
