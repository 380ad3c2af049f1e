//! The folder that a training leaves its results in.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use cnn::io::files;
use cnn::plot::Curves;
use cnn::training::History;
use cnn::{Network, Weights};
use serde_json::{Map, Value};

use crate::console::Console;
use crate::failure::Failure;

const BEST: &str = "best.keras";
const MODEL: &str = "model.keras";
const CHECKPOINT: &str = "checkpoint.safetensors";
const FINE_TUNING: &str = "fine_tuning.safetensors";

/// See the module.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held as long as a training writes here, so that no other does.
    _lock: Option<File>,
}

impl Folder {
    /// Makes the folder if it is not there. One that holds a training is refused unless that is resumed.
    ///
    /// `settings` are all that decides what a training computes: they are kept, and a training is resumed with the same
    /// ones alone, since it would go another way with others.
    pub fn open(path: &Path, settings: &Map<String, Value>, resume: bool, console: &Console) -> Result<Self, Failure> {
        let mut folder = Self { path: path.into(), _lock: None };
        let (shown, known) = (path.display(), folder.settings());
        // Who is at work there is told first; the lock comes last, since on Windows nobody can read what is locked.
        drop(locked(&known)?);
        let begun = folder.checkpoint().exists();
        match (resume, begun) {
            (true, false) => {
                let text =
                    "there is no checkpoint to go on from; leave --resume out, or name the --folder of the training";
                return Err(Failure::Failed(format!("{shown}: {text}")));
            }
            (true, true) => compare(&known, settings)?,
            (false, true) => {
                let text = "holds a training; go on with it by --resume, or name another --folder";
                return Err(Failure::Failed(format!("{shown}: {text}")));
            }
            (false, false) => {
                // A training would take them for its own.
                if let Some(left) = [FINE_TUNING, BEST, MODEL].into_iter().find(|name| folder.file(name).exists()) {
                    let text = format!("holds {left} of a training that has no checkpoint to go on from");
                    return Err(Failure::Failed(format!("{shown}: {text}; take it away, or name another --folder")));
                }
            }
        }
        Self::make(path)?;
        if !resume {
            let text = format!("{:#}\n", Value::Object(settings.clone()));
            files::write(&known, text.as_bytes())?;
        }
        folder._lock = locked(&known)?;
        if folder._lock.is_none() {
            let text = "its file system knows no locks; see to it that no other training writes to this folder";
            console.note(&format!("{shown}: {text}"));
        }
        folder.remove_leftovers();
        Ok(folder)
    }

    /// Makes the folder if it is not there, whatever it holds.
    pub fn make(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path)
            .map_err(|error| Failure::Failed(format!("{}: this folder cannot be made: {error}", path.display())))?;
        Ok(Self { path: path.into(), _lock: None })
    }

    /// Takes away what a training that was killed had not written to its end: `checkpoint.safetensors.1234-0.part`.
    fn remove_leftovers(&self) {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_left = |name: &str| {
            let parts = name.strip_suffix(".part").and_then(|name| name.rsplit_once('.'));
            parts.is_some_and(|(file, number)| {
                [CHECKPOINT, FINE_TUNING, BEST, MODEL].contains(&file)
                    && number.split_once('-').is_some_and(|(process, count)| is_number(process) && is_number(count))
            })
        };
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_left) {
                // If this fails, a file of no use stays.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn settings(&self) -> PathBuf {
        self.path.join("training.json")
    }

    /// What a training goes on from.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT)
    }

    /// What its second stage goes on from.
    pub fn fine_tuning_checkpoint(&self) -> PathBuf {
        self.path.join(FINE_TUNING)
    }

    /// A file of that name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The model as it is after the last step.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// The model after the epoch with the least loss, as a template of [`cnn::training::ModelCheckpoint`].
    pub fn best(&self) -> Result<String, Failure> {
        let path = self.path.join(BEST);
        let text = path.to_str().ok_or_else(|| {
            Failure::Failed(format!(
                "{}: the name of this folder is not in UTF-8; name another --folder",
                self.path.display()
            ))
        })?;
        // Braces are fields there.
        Ok(text.replace('{', "{{").replace('}', "}}"))
    }

    /// The file that this template stands for, once an epoch has ended.
    pub fn written_best(&self) -> Option<PathBuf> {
        Some(self.path.join(BEST)).filter(|path| path.exists())
    }

    /// Ends a training that cannot go on, for this reason: takes its checkpoint away, and says what remains.
    pub fn diverged(&self, checkpoint: &Path, why: &str) -> Failure {
        // What it would go on from are no numbers. If this fails, the user does it.
        let _ = fs::remove_file(checkpoint);
        let remains = match self.finite_best() {
            Some(best) => {
                let best = best.display();
                format!(
                    "{best} is the model after its best epoch, which --model {best} trains on, with another --folder"
                )
            }
            None => "nothing is kept of it".into(),
        };
        Failure::Failed(format!("{why}; {remains}"))
    }

    /// The best model, if its weights are numbers; else it goes away: an epoch's loss is that before its last step.
    fn finite_best(&self) -> Option<PathBuf> {
        let best = self.written_best()?;
        let weights = Network::load(&best).and_then(|network| network.weights());
        let finite = |weights: Weights| weights.iter().all(|(_, tensor)| tensor.data().iter().all(|x| x.is_finite()));
        if weights.is_ok_and(finite) {
            return Some(best);
        }
        // If this fails, a later training says that it is there.
        let _ = fs::remove_file(&best);
        None
    }

    /// Writes a file of that name; its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        files::write(&path, bytes)?;
        Ok(path)
    }
}

/// The settings' file, locked; `None` where it is not there yet, or the file system knows no locks.
fn locked(settings: &Path) -> Result<Option<File>, Failure> {
    let Ok(file) = File::open(settings) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            let folder = settings.parent().unwrap_or(settings).display();
            let text = "another training is writing to this folder; wait for its end, or name another --folder";
            Err(Failure::Failed(format!("{folder}: {text}")))
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Refuses other settings than those of the training in the folder.
fn compare(known: &Path, settings: &Map<String, Value>) -> Result<(), Failure> {
    let refuse = |text: String| Err(Failure::Failed(format!("{}: {text}", known.display())));
    let Ok(Value::Object(before)) = serde_json::from_slice(&files::read(known)?) else {
        return refuse(
            "is no whole file of settings, so nobody knows how the training was begun; begin anew in another --folder"
                .into(),
        );
    };
    let differs = |(name, now): (&String, &Value)| {
        let old = before.get(name).unwrap_or(&Value::Null);
        (old != now).then(|| format!("{name} was {old}, is {now}"))
    };
    let differences: Vec<String> = settings.iter().filter_map(differs).collect();
    if differences.is_empty() {
        return Ok(());
    }
    let text = "a training goes on exactly with the settings that it was begun with";
    refuse(format!("{text}: {}; give the same ones, or name another --folder", differences.join("; ")))
}

/// Loss and accuracy over the epochs, training and validation.
pub fn curves(title: &str, history: &History) -> Curves {
    let quantities: Vec<&str> = history.iter().map(|(name, _)| name).filter(|name| !name.starts_with("val_")).collect();
    quantities.iter().fold(Curves::new(title), |curves, quantity| {
        let parts = [("training", quantity.to_string()), ("validation", format!("val_{quantity}"))];
        let lines = parts.iter().filter_map(|(part, name)| Some((*part, history.get(name)?)));
        curves.panel(quantity, lines.collect::<Vec<_>>())
    })
}
