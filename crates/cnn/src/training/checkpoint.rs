//! A training on disk: everything that it needs to go on as if it had never stopped.
//!
//! One safetensors file: the tensors are the model's weights and the optimizer's state, under `variable/`, and the weights that
//! callbacks keep, under `slot/` and their number; all else is JSON in its metadata.

use std::collections::BTreeMap;
use std::path::Path;

use cnn_core::{Tensor, Weights};
use cnn_io::safetensors::{self, Float};
use cnn_io::{Problem, files};
use cnn_train::state::State;
use cnn_train::{Optimizer, Training};
use serde_json::{Value, json};

use crate::error::Error;

/// The metadata's entry.
const ENTRY: &str = "cnn.training";
/// Of the format.
const VERSION: u64 = 2;

/// The next batch to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub epoch: usize,
    pub batch: usize,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checkpoint {
    pub variables: Weights,
    pub iterations: u64,
    pub learning_rate: f64,
    pub seed: u64,
    /// What [`optimizer`] makes of it.
    pub optimizer: String,
    pub position: Position,
    /// Of an epoch.
    pub batches: usize,
    pub stopped: bool,
    pub loss: State,
    pub metrics: Vec<(String, State)>,
    pub callbacks: Vec<(String, State)>,
    pub slots: BTreeMap<String, Weights>,
}

impl Checkpoint {
    /// Writes it whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let name = path.display().to_string();
        let variables = self.variables.iter().map(|(path, x)| (format!("variable/{path}"), x.as_ref()));
        let slots = self.slots.values().enumerate().flat_map(|(slot, weights)| {
            weights.iter().map(move |(path, x)| (format!("slot/{slot}/{path}"), x.as_ref()))
        });
        let tensors: Vec<(String, &Tensor)> = variables.chain(slots).collect();
        let tensors = tensors.iter().map(|(path, tensor)| (path.as_str(), *tensor));
        let states = |states: &[(String, State)]| -> Value {
            states.iter().map(|(name, state)| json!([name, state_to_json(state)])).collect()
        };
        let text = json!({
            "version": VERSION,
            "iterations": self.iterations.to_string(),
            "learning_rate": number_to_json(self.learning_rate),
            "seed": self.seed.to_string(),
            "optimizer": self.optimizer,
            "epoch": self.position.epoch,
            "batch": self.position.batch,
            "batches": self.batches,
            "stopped": self.stopped,
            "loss": state_to_json(&self.loss),
            "metrics": states(&self.metrics),
            "callbacks": states(&self.callbacks),
            "slots": self.slots.keys().collect::<Vec<_>>(),
        })
        .to_string();
        let bytes = safetensors::write(tensors, &[(ENTRY, &text)], Float::F32);
        let bytes = bytes.map_err(|problem: Problem| Error::Io(problem.in_file(&name)))?;
        Ok(files::write(path, &bytes)?)
    }

    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let refuse = |reason: &str| Error::Checkpoint { file: name.clone(), reason: reason.into() };
        let contents = safetensors::read(&files::read(path)?, &name);
        let contents = contents.map_err(|error| match error.problem {
            Problem::Damaged { reason, .. } => refuse(&format!("it is not whole, {reason}")),
            problem => Error::Io(problem.in_file(&name)),
        })?;
        let entry = contents.metadata.iter().find(|(key, _)| key == ENTRY);
        let (_, text) = entry.ok_or_else(|| refuse("it holds tensors, but no training"))?;
        let json: Value = serde_json::from_str(text).map_err(|error| refuse(&error.to_string()))?;
        if json["version"].as_u64() != Some(VERSION) {
            return Err(refuse("another version of this program wrote it"));
        }
        let parsed = || -> Option<Self> {
            let names = json["slots"].as_array()?.iter().map(|name| Some(name.as_str()?.to_string()));
            let names: Vec<String> = names.collect::<Option<_>>()?;
            let mut slots: BTreeMap<String, Weights> =
                names.iter().map(|name| (name.clone(), Weights::new())).collect();
            let mut variables = Weights::new();
            for (path, tensor) in contents.tensors {
                match path.split_once('/')? {
                    ("variable", path) => variables.insert(path, tensor),
                    ("slot", rest) => {
                        let (slot, path) = rest.split_once('/')?;
                        slots.get_mut(names.get(slot.parse::<usize>().ok()?)?)?.insert(path, tensor);
                    }
                    _ => return None,
                }
            }
            let whole = |name: &str| json[name].as_str()?.parse().ok();
            let size = |name: &str| usize::try_from(json[name].as_u64()?).ok();
            let states = |name: &str| -> Option<Vec<(String, State)>> {
                let states = json[name].as_array()?.iter();
                states.map(|state| Some((state[0].as_str()?.to_string(), state_from_json(&state[1])?))).collect()
            };
            Some(Self {
                variables,
                iterations: whole("iterations")?,
                learning_rate: number_from_json(&json["learning_rate"])?,
                seed: whole("seed")?,
                optimizer: json["optimizer"].as_str()?.to_string(),
                batches: size("batches")?,
                position: Position { epoch: size("epoch")?, batch: size("batch")? },
                stopped: json["stopped"].as_bool()?,
                loss: state_from_json(&json["loss"])?,
                metrics: states("metrics")?,
                callbacks: states("callbacks")?,
                slots,
            })
        };
        parsed().ok_or_else(|| refuse("an entry is missing or of another kind"))
    }

    /// Whether a training of such epochs can go on from it.
    pub(super) fn check(&self, path: &Path, training: &Training, batches: usize) -> Result<(), Error> {
        let refuse = |reason| Err(Error::Checkpoint { file: path.display().to_string(), reason });
        let Self { position, batches: own, .. } = self;
        if self.optimizer != optimizer(training) {
            return refuse(format!("its optimizer is {}, this training's {}", self.optimizer, optimizer(training)));
        }
        if position.batch > 0 && *own != batches {
            let of = position.batch;
            return refuse(format!("it was written after batch {of} of {own}, and now an epoch has {batches} batches"));
        }
        Ok(())
    }
}

/// The optimizer's rule with its arguments, and what is done to gradients and averages. Its learning rate may change from one
/// run to the next.
pub(super) fn optimizer(training: &Training) -> String {
    let decay = training.optimizer.weight_decay.map_or_else(String::new, |decay| {
        let excluded = &training.excluded_from_weight_decay;
        let but = if excluded.is_empty() { String::new() } else { format!(" but for {}", excluded.join(", ")) };
        format!(" with weight decay {decay}{but}")
    });
    let Optimizer { rule, clipnorm, clipvalue, global_clipnorm, gradient_accumulation_steps: batches, .. } =
        training.optimizer;
    let clips = [("clipnorm", clipnorm), ("clipvalue", clipvalue), ("global_clipnorm", global_clipnorm)];
    let clipped = clips.iter().filter_map(|(name, limit)| Some(format!(" with {name} {}", (*limit)?)));
    let batches = batches.map(|batches| format!(" over {batches} batches"));
    let average = training.optimizer.use_ema.then(|| {
        let often = training.optimizer.ema_overwrite_frequency;
        let often = often.map_or_else(String::new, |steps| format!(" put in place every {steps} steps"));
        format!(" with averages of momentum {}{often}", training.optimizer.ema_momentum)
    });
    format!("{rule:?}{decay}{}", clipped.chain(batches).chain(average).collect::<String>())
}

/// A list of names with their numbers: the order matters, which an object does not promise.
fn state_to_json(state: &State) -> Value {
    let entry = |(name, numbers): &(String, Vec<f64>)| {
        json!([name, numbers.iter().map(|&x| number_to_json(x)).collect::<Vec<_>>()])
    };
    state.iter().map(entry).collect()
}

fn state_from_json(json: &Value) -> Option<State> {
    let entry = |entry: &Value| {
        let numbers = entry.get(1)?.as_array()?.iter().map(number_from_json).collect::<Option<_>>()?;
        Some((entry.get(0)?.as_str()?.to_string(), numbers))
    };
    json.as_array()?.iter().map(entry).collect()
}

/// JSON has no numbers that are not finite: these are their names.
fn number_to_json(x: f64) -> Value {
    if x.is_finite() { json!(x) } else { json!(x.to_string()) }
}

fn number_from_json(json: &Value) -> Option<f64> {
    json.as_f64().or_else(|| json.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that a training in which other weights decay does not go on from it.
    #[test]
    fn what_does_not_decay_is_part_of_the_optimizer() {
        use cnn_train::Loss;
        let training = Training::new(Loss::CROSSENTROPY, Optimizer::adamw());
        let excluded = training.clone().exclude_from_weight_decay(["bias", "gamma"]);
        assert!(optimizer(&training).ends_with(" with weight decay 0.004"));
        assert!(optimizer(&excluded).ends_with(" with weight decay 0.004 but for bias, gamma"));
        let sgd = Optimizer::sgd().clipnorm(0.5).gradient_accumulation_steps(2);
        let sgd = sgd.use_ema(true).ema_overwrite_frequency(3);
        let wanted = " with clipnorm 0.5 over 2 batches with averages of momentum 0.99 put in place every 3 steps";
        assert!(optimizer(&Training::new(Loss::CROSSENTROPY, sgd)).ends_with(wanted));
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = std::env::temp_dir().join(format!("cnn-checkpoint-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("training.safetensors");
        let mut variables = Weights::new();
        variables.insert("slot/0/kernel", Tensor::new(vec![2], vec![1.0 / 3.0, f32::MIN_POSITIVE]).unwrap());
        let odd = vec![("best".to_string(), vec![]), ("x".to_string(), vec![0.1, f64::NAN, f64::INFINITY, -0.0])];
        let checkpoint = Checkpoint {
            variables: variables.clone(),
            iterations: u64::MAX,
            learning_rate: 0.1,
            seed: 1 << 60,
            optimizer: "Sgd".into(),
            batches: 9,
            position: Position { epoch: 3, batch: 7 },
            stopped: true,
            loss: odd.clone(),
            metrics: vec![("accuracy".into(), odd.clone()), ("accuracy".into(), vec![])],
            callbacks: vec![("early_stopping/val_loss".into(), odd)],
            slots: BTreeMap::from([("early_stopping/val_loss".to_string(), variables)]),
        };
        checkpoint.write(&path).unwrap();
        let read = Checkpoint::read(&path).unwrap();
        assert_eq!(format!("{read:?}"), format!("{checkpoint:?}"));
        std::fs::write(&path, safetensors::write([], &[("other", "x")], Float::F32).unwrap()).unwrap();
        let error = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(error.contains("no training"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
