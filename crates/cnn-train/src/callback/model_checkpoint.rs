//! Saving the model as it is trained.

use std::num::NonZeroUsize;

use super::monitor::Monitor;
use super::template::Template;
use super::{Callback, CallbackError, Control, Logs, Mode, What};
use crate::state::{Saved, State, entry};

/// How often [`ModelCheckpoint`] saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SaveFrequency {
    /// After every epoch.
    #[default]
    Epoch,
    /// After so many batches, counted over the epochs.
    Batches(NonZeroUsize),
}

/// Saves the model, or only its weights, after every epoch or some batches: `keras.callbacks.ModelCheckpoint`.
///
/// The path is a template with fields as Python formats them: `epoch` and, where it saves after batches, `batch`, both
/// counted from 1, and every name in the logs. It has to end in `.keras` or `.h5` for a whole model, in `.weights.h5` or
/// `.safetensors` for weights alone ([`What::misnamed`]), which is looked at before the first batch.
///
/// A monitored name that is not in the logs is an error, where Keras warns and saves. With `save_best_only` what is not a
/// number is never the best, where Keras takes it if it comes first.
///
/// ```
/// use cnn_train::callback::{Callback, Control, Logs, ModelCheckpoint, Request, What};
///
/// let mut checkpoint = ModelCheckpoint::new("{epoch:02d}-{val_loss:.2f}.keras")?;
/// let mut control = Control::new(0.1);
/// checkpoint.on_epoch_end(0, &mut Logs::from([("val_loss", 0.123)]), &mut control)?;
/// assert_eq!(control.take_requests(), [Request::Save { path: "01-0.12.keras".into(), what: What::Whole }]);
/// # Ok::<(), cnn_train::callback::CallbackError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCheckpoint {
    name: String,
    path: Template,
    monitor: Monitor,
    save_best_only: bool,
    what: What,
    frequency: SaveFrequency,
    best: Option<f64>,
    epoch: usize,
    batches: usize,
}

impl ModelCheckpoint {
    /// Saves the whole model after every epoch.
    ///
    /// # Errors
    /// If the path is no template.
    pub fn new(path: &str) -> Result<Self, CallbackError> {
        Ok(Self {
            name: format!("model_checkpoint/{}", path.rsplit(std::path::is_separator).next().unwrap_or(path)),
            path: Template::parse(path)?,
            monitor: Monitor::new("model_checkpoint", "val_loss", 0.0),
            save_best_only: false,
            what: What::Whole,
            frequency: SaveFrequency::Epoch,
            best: None,
            epoch: 0,
            batches: 0,
        })
    }

    /// Which number in the logs says what is best; `val_loss` where nothing is said.
    pub fn monitor(mut self, monitor: &str) -> Self {
        let mode = self.monitor.mode;
        self.monitor = Monitor { mode, ..Monitor::new("model_checkpoint", monitor, 0.0) };
        self
    }

    /// Which way that number should go.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.monitor.mode = mode;
        self
    }

    /// Whether it saves only what is better than all before.
    pub fn save_best_only(mut self, best_only: bool) -> Self {
        self.save_best_only = best_only;
        self
    }

    /// Whether it saves the weights alone.
    pub fn save_weights_only(mut self, weights_only: bool) -> Self {
        self.what = if weights_only { What::WeightsOnly } else { What::Whole };
        self
    }

    /// How often it saves.
    pub fn save_frequency(mut self, frequency: SaveFrequency) -> Self {
        self.frequency = frequency;
        self
    }

    /// What the first one has to be better than, with `save_best_only`.
    pub fn initial_value_threshold(mut self, threshold: f64) -> Self {
        self.best = Some(threshold);
        self
    }

    /// The best number so far, with `save_best_only`.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    fn save(&mut self, batch: Option<usize>, logs: &Logs, control: &mut Control) -> Result<(), CallbackError> {
        let path = self.path.fill(self.epoch, batch, logs)?;
        if self.save_best_only {
            let current = self.monitor.value(logs)?;
            if current.is_nan() || !self.monitor.improves(current, self.best, control)? {
                return Ok(());
            }
            self.best = Some(current);
        }
        control.save(path, self.what);
        Ok(())
    }
}

impl Callback for ModelCheckpoint {
    /// `model_checkpoint/` and the template of the file's name: the folder may be called otherwise by who goes on.
    fn name(&self) -> &str {
        &self.name
    }

    fn on_train_begin(&mut self, _control: &mut Control) -> Result<(), CallbackError> {
        self.what.misnamed(self.path.text()).map_or(Ok(()), |wanted| Err(self.path.error(wanted.into())))
    }

    fn on_train_resume(&mut self, state: &State, control: &mut Control) -> Result<(), CallbackError> {
        self.on_train_begin(control)?;
        let saved = Saved::new(&self.name, state);
        let (epoch, batches) = (saved.count("epoch")? as usize, saved.count("batches")? as usize);
        (self.best, self.epoch, self.batches) = (saved.optional("best")?, epoch, batches);
        Ok(())
    }

    fn on_epoch_begin(&mut self, epoch: usize, _control: &mut Control) -> Result<(), CallbackError> {
        self.epoch = epoch;
        Ok(())
    }

    fn on_train_batch_end(
        &mut self,
        batch: usize,
        logs: &mut Logs,
        control: &mut Control,
    ) -> Result<(), CallbackError> {
        let SaveFrequency::Batches(frequency) = self.frequency else { return Ok(()) };
        self.batches += 1;
        if self.batches < frequency.get() {
            return Ok(());
        }
        self.batches = 0;
        self.save(Some(batch), logs, control)
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
        self.epoch = epoch;
        match self.frequency {
            SaveFrequency::Epoch => self.save(None, logs, control),
            SaveFrequency::Batches(_) => Ok(()),
        }
    }

    fn state(&self) -> State {
        vec![entry("best", self.best), entry("epoch", [self.epoch as f64]), entry("batches", [self.batches as f64])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who goes on may call the folder otherwise, or have moved it.
    #[test]
    fn the_folder_is_no_part_of_the_name() {
        let name = |path: &str| ModelCheckpoint::new(path).unwrap().name().to_string();
        assert_eq!(name("runs/3/best.keras"), "model_checkpoint/best.keras");
        assert_eq!(name("./runs/3/best.keras"), name("best.keras"));
    }

    #[test]
    fn what_is_no_number_is_never_the_best() {
        let mut checkpoint = ModelCheckpoint::new("best.keras").unwrap().save_best_only(true);
        let mut control = Control::new(0.1);
        let mut saved = Vec::new();
        for (epoch, loss) in [f64::NAN, 0.5, f64::NAN, 0.6, 0.4].into_iter().enumerate() {
            checkpoint.on_epoch_end(epoch, &mut Logs::from([("val_loss", loss)]), &mut control).unwrap();
            saved.push(!control.take_requests().is_empty());
        }
        assert_eq!(saved, [false, true, false, false, true]);
    }
}
