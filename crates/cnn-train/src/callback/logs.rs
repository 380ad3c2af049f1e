//! Numbers with names.

/// The numbers of an epoch or a batch by name, in the order in which they came.
///
/// ```
/// let mut logs = cnn_train::callback::Logs::from([("loss", 0.5), ("val_loss", 0.75)]);
/// logs.set("loss", 0.25);
/// assert_eq!(logs.iter().collect::<Vec<_>>(), [("loss", 0.25), ("val_loss", 0.75)]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logs(Vec<(String, f64)>);

impl Logs {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(entry, _)| entry == name).map(|&(_, value)| value)
    }

    /// Gives a name its number; a new name comes last.
    pub fn set(&mut self, name: &str, value: f64) {
        match self.0.iter_mut().find(|(entry, _)| entry == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: AsRef<str>> FromIterator<(S, f64)> for Logs {
    fn from_iter<I: IntoIterator<Item = (S, f64)>>(entries: I) -> Self {
        let mut logs = Self::new();
        entries.into_iter().for_each(|(name, value)| logs.set(name.as_ref(), value));
        logs
    }
}

impl<const N: usize> From<[(&str, f64); N]> for Logs {
    fn from(entries: [(&str, f64); N]) -> Self {
        entries.into_iter().collect()
    }
}
