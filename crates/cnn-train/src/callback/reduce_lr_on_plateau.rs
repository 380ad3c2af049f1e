//! Smaller steps when nothing improves.

use super::monitor::Monitor;
use super::{Callback, CallbackError, Control, Logs, Mode};
use crate::state::{Saved, State, entry};

/// Multiplies the learning rate with a factor when a number has not improved for some epochs:
/// `keras.callbacks.ReduceLROnPlateau`. It writes the learning rate into the logs as `learning_rate`, as it was in the
/// epoch that ends.
///
/// A monitored name that is not in the logs is an error, where Keras warns and goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceLrOnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Progress {
    wait: usize,
    cooldown: usize,
    best: Option<f64>,
}

impl ReduceLrOnPlateau {
    /// Monitors the number of that name in the logs, with Keras's defaults: a tenth of the learning rate after 10
    /// epochs without an improvement by 0.0001.
    pub fn new(monitor: &str) -> Self {
        Self {
            monitor: Monitor::new("reduce_lr_on_plateau", monitor, 1e-4),
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            min_lr: 0.0,
            progress: Progress::default(),
        }
    }

    /// What the learning rate is multiplied with.
    ///
    /// # Errors
    /// If it is not from 0 to below 1.
    pub fn factor(mut self, factor: f64) -> Result<Self, CallbackError> {
        if !(0.0..1.0).contains(&factor) {
            let callback = self.monitor.callback;
            let (argument, value, wanted) = ("factor", factor.to_string(), "at least 0 and below 1");
            return Err(CallbackError::Argument { callback, argument, value, wanted });
        }
        self.factor = factor;
        Ok(self)
    }

    /// How many epochs without an improvement it waits for.
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Which way the number should go.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// What a number has to improve by to count; its sign does not matter.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
    }

    /// How many epochs after a reduction it waits before it counts again.
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// The least learning rate.
    pub fn min_lr(mut self, min_lr: f64) -> Self {
        self.min_lr = min_lr;
        self
    }

    /// Whether there was a learning rate to reduce.
    fn reduce(&self, control: &mut Control) -> bool {
        let old = control.learning_rate();
        // In float32, as Keras does: a learning rate that was stored so is not above the least one by its rounding.
        if old as f32 <= self.min_lr as f32 || old.is_nan() {
            return false;
        }
        control.set_learning_rate((old * self.factor).max(self.min_lr));
        true
    }
}

impl Callback for ReduceLrOnPlateau {
    /// `reduce_lr_on_plateau/` and what it monitors.
    fn name(&self) -> &str {
        &self.monitor.callback
    }

    fn on_train_begin(&mut self, _control: &mut Control) -> Result<(), CallbackError> {
        self.progress = Progress::default();
        Ok(())
    }

    fn on_train_resume(&mut self, state: &State, _control: &mut Control) -> Result<(), CallbackError> {
        let saved = Saved::new(&self.monitor.callback, state);
        self.progress = Progress {
            wait: saved.count("wait")? as usize,
            cooldown: saved.count("cooldown")? as usize,
            best: saved.optional("best")?,
        };
        Ok(())
    }

    fn on_epoch_end(&mut self, _epoch: usize, logs: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
        logs.set("learning_rate", control.learning_rate());
        let current = self.monitor.value(logs)?;
        if self.progress.cooldown > 0 {
            self.progress.cooldown -= 1;
            self.progress.wait = 0;
        }
        if self.monitor.improves(current, self.progress.best, control)? {
            self.progress.best = Some(current);
            self.progress.wait = 0;
        } else if self.progress.cooldown == 0 {
            self.progress.wait += 1;
            if self.progress.wait >= self.patience && self.reduce(control) {
                self.progress.cooldown = self.cooldown;
                self.progress.wait = 0;
            }
        }
        Ok(())
    }

    fn state(&self) -> State {
        let Progress { wait, cooldown, best } = &self.progress;
        vec![entry("wait", [*wait as f64]), entry("cooldown", [*cooldown as f64]), entry("best", *best)]
    }
}
