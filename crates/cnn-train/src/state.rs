//! What metrics and callbacks have to remember so that training can go on exactly where it stopped.

/// Named lists of numbers, all that a checkpoint has to keep of a metric or a callback. A number that is not there yet,
/// such as the best value before the first epoch, is an empty list. Counts are whole numbers and exact up to 2^53.
///
/// ```
/// use cnn_train::metric::Mean;
///
/// let mut loss = Mean::new("loss");
/// loss.add(0.5, 32.0);
/// let mut again = Mean::new("loss");
/// again.restore(&loss.state()).unwrap();
/// assert_eq!(again.result(), 0.5);
/// ```
pub type State = Vec<(String, Vec<f64>)>;

/// A state belongs to another metric or callback, or to one with other arguments. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{owner}: its saved state {problem}; it was saved by a run with other arguments")]
pub struct StateError {
    /// The metric or callback that was to be restored.
    pub owner: String,
    /// What is missing or does not fit.
    pub problem: String,
}

/// A state that was saved, being read by the one it belongs to.
pub(crate) struct Saved<'a> {
    owner: &'a str,
    state: &'a State,
}

impl<'a> Saved<'a> {
    pub(crate) fn new(owner: &'a str, state: &'a State) -> Self {
        Self { owner, state }
    }

    fn error(&self, problem: String) -> StateError {
        StateError { owner: self.owner.to_owned(), problem }
    }

    /// The list called `name`, of any length.
    pub(crate) fn list(&self, name: &str) -> Result<&'a [f64], StateError> {
        let found = self.state.iter().find(|(entry, _)| entry == name);
        found.map(|(_, list)| list.as_slice()).ok_or_else(|| self.error(format!("lacks {name}")))
    }

    /// The list called `name`, of `count` numbers.
    pub(crate) fn numbers(&self, name: &str, count: usize) -> Result<&'a [f64], StateError> {
        let list = self.list(name)?;
        if list.len() != count {
            return Err(self.error(format!("has {} numbers as {name}, not {count}", list.len())));
        }
        Ok(list)
    }

    pub(crate) fn number(&self, name: &str) -> Result<f64, StateError> {
        Ok(self.numbers(name, 1)?[0])
    }

    pub(crate) fn optional(&self, name: &str) -> Result<Option<f64>, StateError> {
        match self.list(name)? {
            [] => Ok(None),
            [number] => Ok(Some(*number)),
            more => Err(self.error(format!("has {} numbers as {name}, not one or none", more.len()))),
        }
    }

    pub(crate) fn count(&self, name: &str) -> Result<u64, StateError> {
        let number = self.number(name)?;
        if number < 0.0 || number.fract() != 0.0 || !number.is_finite() {
            return Err(self.error(format!("has {number} as {name}, which counts something")));
        }
        Ok(number as u64)
    }
}

/// An entry of a [`State`].
pub(crate) fn entry(name: &str, numbers: impl IntoIterator<Item = f64>) -> (String, Vec<f64>) {
    (name.to_owned(), numbers.into_iter().collect())
}
