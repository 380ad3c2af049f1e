//! The logs for TensorBoard.

use std::fs::{File, create_dir_all};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::event::Event;
use super::{Callback, CallbackError, Control, Logs};

const NAME: &str = "tensor_board";

/// Keeps two files of one second apart.
static FILES: AtomicUsize = AtomicUsize::new(0);

/// Writes the logs of every epoch as scalars for TensorBoard: the part of `keras.callbacks.TensorBoard` that needs no
/// TensorFlow.
///
/// The folder `train` has `epoch_NAME` for every log and `epoch_learning_rate`, the folder `validation` has
/// `epoch_NAME` for every `val_NAME`. Steps are epochs, counted from 0. A training that goes on from a checkpoint
/// writes files of its own, which TensorBoard puts behind the others.
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    train: Option<EventFile>,
    validation: Option<EventFile>,
}

impl TensorBoard {
    /// Writes into folders below this one, and makes them where they are not there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), train: None, validation: None }
    }
}

#[derive(Debug)]
struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    fn create(folder: &Path) -> Result<Self, CallbackError> {
        create_dir_all(folder).map_err(CallbackError::file(NAME, folder))?;
        // Where there are no files (in a browser), there is neither a clock nor a process; so only now.
        let seconds = now() as u64;
        let (process, number) = (std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.cnn.{process}.{number}.v2"));
        let file = File::create_new(&path).map_err(CallbackError::file(NAME, &path))?;
        let mut events = Self { path, file };
        events.write(&Event::opening(now()).record())?;
        Ok(events)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CallbackError> {
        self.file.write_all(bytes).map_err(CallbackError::file(NAME, &self.path))
    }

    /// All scalars of an epoch, in one piece.
    fn scalars<'a>(
        &mut self,
        epoch: usize,
        scalars: impl Iterator<Item = (&'a str, f64)>,
    ) -> Result<(), CallbackError> {
        let record = |(name, value): (&str, f64)| Event::scalar(now(), epoch, &format!("epoch_{name}"), value).record();
        self.write(&scalars.flat_map(record).collect::<Vec<_>>())
    }
}

/// Seconds since 1970; 0 for a clock before it.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

impl Callback for TensorBoard {
    fn name(&self) -> &str {
        NAME
    }

    fn on_train_begin(&mut self, _control: &mut Control) -> Result<(), CallbackError> {
        self.train = Some(EventFile::create(&self.folder.join("train"))?);
        self.validation = None;
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
        if logs.is_empty() {
            return Ok(());
        }
        let mut training: Logs = logs.iter().filter(|(name, _)| !name.starts_with("val_")).collect();
        training.set("learning_rate", control.learning_rate());
        if let Some(file) = &mut self.train {
            file.scalars(epoch, training.iter())?;
        }
        let validation: Logs =
            logs.iter().filter_map(|(name, value)| Some((name.strip_prefix("val_")?, value))).collect();
        if validation.is_empty() {
            return Ok(());
        }
        if self.validation.is_none() {
            self.validation = Some(EventFile::create(&self.folder.join("validation"))?);
        }
        match &mut self.validation {
            Some(file) => file.scalars(epoch, validation.iter()),
            None => Ok(()),
        }
    }

    fn on_train_end(&mut self, _logs: &mut Logs, _control: &mut Control) -> Result<(), CallbackError> {
        (self.train, self.validation) = (None, None);
        Ok(())
    }
}
