//! Stopping when nothing improves any more.

use super::monitor::Monitor;
use super::{Callback, CallbackError, Control, Logs, Mode};
use crate::state::{Saved, State, entry};

/// Stops the training when a number has not improved for some epochs: `keras.callbacks.EarlyStopping`.
///
/// A monitored name that is not in the logs is an error, where Keras warns and goes on.
///
/// ```
/// use cnn_train::callback::{Callback, Control, EarlyStopping, Logs};
///
/// let mut stopping = EarlyStopping::new("val_loss").patience(1).restore_best_weights(true);
/// let mut control = Control::new(0.1);
/// stopping.on_train_begin(&mut control)?;
/// for (epoch, loss) in [0.5, 0.75].into_iter().enumerate() {
///     stopping.on_epoch_end(epoch, &mut Logs::from([("val_loss", loss)]), &mut control)?;
/// }
/// assert!(control.stops());
/// assert_eq!((stopping.best(), stopping.best_epoch()), (Some(0.5), 0));
/// # Ok::<(), cnn_train::callback::CallbackError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Progress {
    wait: usize,
    stopped_epoch: usize,
    best: Option<f64>,
    best_epoch: usize,
    remembers: bool,
}

impl EarlyStopping {
    /// Stops at the first epoch in which the number of that name in the logs does not improve.
    pub fn new(monitor: &str) -> Self {
        Self {
            monitor: Monitor::new("early_stopping", monitor, 0.0),
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            progress: Progress::default(),
        }
    }

    /// What a number has to improve by to count; its sign does not matter.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
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

    /// What a number has to be better than for the waiting to begin anew.
    pub fn baseline(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// Whether the model has the weights of the best epoch at the end, however the training ended.
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best_weights = restore;
        self
    }

    /// The first epoch that is looked at.
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }

    /// The best number so far.
    pub fn best(&self) -> Option<f64> {
        self.progress.best
    }

    /// The epoch of the best number.
    pub fn best_epoch(&self) -> usize {
        self.progress.best_epoch
    }

    /// The epoch after which it stopped, or 0: it never stops after epoch 0.
    pub fn stopped_epoch(&self) -> usize {
        self.progress.stopped_epoch
    }

    fn remember(&mut self, epoch: usize, control: &mut Control) {
        if self.restore_best_weights {
            control.remember(&self.monitor.callback);
            self.progress.remembers = true;
        }
        self.progress.best_epoch = epoch;
    }
}

impl Callback for EarlyStopping {
    /// `early_stopping/` and what it monitors. It is the name of the remembered weights too.
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
            stopped_epoch: saved.count("stopped_epoch")? as usize,
            best: saved.optional("best")?,
            best_epoch: saved.count("best_epoch")? as usize,
            remembers: saved.count("remembers")? != 0,
        };
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
        let current = self.monitor.value(logs)?;
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        self.progress.wait += 1;
        if self.monitor.improves(current, self.progress.best, control)? {
            self.progress.best = Some(current);
            self.remember(epoch, control);
            if self.baseline.is_none() || self.monitor.improves(current, self.baseline, control)? {
                self.progress.wait = 0;
            }
        } else if self.progress.wait >= self.patience && epoch > 0 {
            self.progress.stopped_epoch = epoch;
            control.stop();
        }
        Ok(())
    }

    fn on_train_end(&mut self, _logs: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
        if self.progress.remembers {
            control.restore(&self.monitor.callback);
        }
        Ok(())
    }

    fn state(&self) -> State {
        let Progress { wait, stopped_epoch, best, best_epoch, remembers } = &self.progress;
        vec![
            entry("wait", [*wait as f64]),
            entry("stopped_epoch", [*stopped_epoch as f64]),
            entry("best", *best),
            entry("best_epoch", [*best_epoch as f64]),
            entry("remembers", [f64::from(u8::from(*remembers))]),
        ]
    }
}
