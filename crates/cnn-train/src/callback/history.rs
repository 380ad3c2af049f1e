//! The logs of all epochs.

use super::{Callback, CallbackError, Control, Logs};
use crate::state::{Saved, State, entry};

/// Keeps the logs of every epoch: `keras.callbacks.History`. As it keeps what callbacks before it have written, it is
/// best the last one.
///
/// ```
/// use cnn_train::callback::{Callback, Control, History, Logs};
///
/// let mut history = History::new();
/// history.on_epoch_end(0, &mut Logs::from([("loss", 0.5)]), &mut Control::new(0.1))?;
/// assert_eq!(history.get("loss"), Some([0.5].as_slice()));
/// # Ok::<(), cnn_train::callback::CallbackError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    epochs: Vec<usize>,
    logs: State,
}

/// For so many epochs at most is room made when a training begins, so that nothing has to move while it goes on.
const ROOM: usize = 10_000;

const NAME: &str = "history";
/// In the state, what stands before the name of a log.
const LOG: &str = "log/";

impl History {
    /// Of no epoch yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The epochs that were kept.
    pub fn epochs(&self) -> &[usize] {
        &self.epochs
    }

    /// The numbers of that name, one for every epoch that had one.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.logs.iter().find(|(entry, _)| entry == name).map(|(_, values)| values.as_slice())
    }

    fn with_room(control: &Control) -> Self {
        let room = control.epochs().unwrap_or_default().min(ROOM);
        Self { epochs: Vec::with_capacity(room), logs: State::new() }
    }

    /// The numbers of that name, to add to.
    fn log(&mut self, name: &str) -> &mut Vec<f64> {
        let index = self.logs.iter().position(|(entry, _)| entry == name).unwrap_or(self.logs.len());
        if index == self.logs.len() {
            self.logs.push((name.to_owned(), Vec::with_capacity(self.epochs.capacity())));
        }
        &mut self.logs[index].1
    }

    /// All names with their numbers, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.logs.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

impl Callback for History {
    fn name(&self) -> &str {
        NAME
    }

    fn on_train_begin(&mut self, control: &mut Control) -> Result<(), CallbackError> {
        *self = Self::with_room(control);
        Ok(())
    }

    fn on_train_resume(&mut self, state: &State, control: &mut Control) -> Result<(), CallbackError> {
        let epochs = Saved::new(NAME, state).list("epochs")?;
        *self = Self::with_room(control);
        self.epochs.extend(epochs.iter().map(|&epoch| epoch as usize));
        for (name, values) in state.iter().filter_map(|(name, values)| Some((name.strip_prefix(LOG)?, values))) {
            self.log(name).extend(values);
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, _control: &mut Control) -> Result<(), CallbackError> {
        self.epochs.push(epoch);
        logs.iter().for_each(|(name, value)| self.log(name).push(value));
        Ok(())
    }

    fn state(&self) -> State {
        let epochs = entry("epochs", self.epochs.iter().map(|&epoch| epoch as f64));
        let logs = self.logs.iter().map(|(name, values)| (format!("{LOG}{name}"), values.clone()));
        std::iter::once(epochs).chain(logs).collect()
    }
}
