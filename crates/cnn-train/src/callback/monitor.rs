//! Whether a monitored number has become better.

use super::{CallbackError, Control, Logs};
use crate::metric::Direction;

/// Which way a monitored number should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Down for a loss; as its metric says otherwise.
    #[default]
    Auto,
    /// Down.
    Min,
    /// Up.
    Max,
}

/// What a callback monitors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Monitor {
    pub callback: String,
    pub monitored: String,
    pub mode: Mode,
    pub min_delta: f64,
}

impl Monitor {
    pub fn new(callback: &str, name: &str, min_delta: f64) -> Self {
        let callback = format!("{callback}/{name}");
        Self { callback, monitored: name.to_owned(), mode: Mode::Auto, min_delta }
    }

    pub fn value(&self, logs: &Logs) -> Result<f64, CallbackError> {
        logs.get(&self.monitored).ok_or_else(|| CallbackError::Missing {
            callback: self.callback.clone(),
            monitor: self.monitored.clone(),
            available: logs.names().map(str::to_owned).collect(),
        })
    }

    fn direction(&self, control: &Control) -> Result<Direction, CallbackError> {
        let metric = self.monitored.strip_prefix("val_").unwrap_or(&self.monitored);
        match self.mode {
            Mode::Min => return Ok(Direction::Down),
            Mode::Max => return Ok(Direction::Up),
            Mode::Auto => {}
        }
        let known = control.direction(metric).or((metric == "loss").then_some(Direction::Down));
        known.ok_or_else(|| CallbackError::Direction {
            callback: self.callback.clone(),
            monitor: self.monitored.clone(),
        })
    }

    /// Whether a value is better than another by more than `min_delta`; than none it always is. In float32, as Keras
    /// compares: of two numbers that are equal there neither is better.
    pub fn improves(&self, value: f64, reference: Option<f64>, control: &Control) -> Result<bool, CallbackError> {
        let direction = self.direction(control)?;
        let Some(reference) = reference else { return Ok(true) };
        let min_delta = self.min_delta.abs();
        Ok(match direction {
            Direction::Down => ((value + min_delta) as f32) < reference as f32,
            Direction::Up => ((value - min_delta) as f32) > reference as f32,
        })
    }
}
