//! The loss of every step, as CSV.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use cnn::io::files;

use crate::failure::Failure;

const HEADING: &str = "step,loss\n";

/// A file that gets a line after each step, so that a program that dies leaves whole lines.
#[derive(Debug)]
pub struct StepLog {
    path: PathBuf,
    file: Option<File>,
    resumed: bool,
}

impl StepLog {
    /// Nothing is written before the first step. A training that is resumed keeps the lines of the steps before.
    pub fn new(path: &Path, resumed: bool) -> Self {
        Self { path: path.into(), file: None, resumed }
    }

    /// Writes a line; steps are counted from 1. The loss is written as the shortest text that gives the number back.
    pub fn write(&mut self, step: usize, loss: f64) -> Result<(), Failure> {
        if self.file.is_none() {
            self.open(step)?;
        }
        let written = self.file.as_mut().map_or(Ok(()), |file| file.write_all(format!("{step},{loss:?}\n").as_bytes()));
        written.map_err(|error| self.refuse(&error))
    }

    /// With the lines of the steps before `step` alone: those behind are done again.
    fn open(&mut self, step: usize) -> Result<(), Failure> {
        let mut text = HEADING.to_string();
        if self.resumed && self.path.exists() {
            let old = files::read(&self.path)?;
            let number = |line: &str| line.split(',').next().and_then(|number| number.parse::<usize>().ok());
            let old = String::from_utf8_lossy(&old);
            let kept = old.lines().filter(|line| number(line).is_some_and(|number| number < step));
            kept.for_each(|line| text.extend([line, "\n"]));
        }
        files::write(&self.path, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = Some(file.map_err(|error| self.refuse(&error))?);
        Ok(())
    }

    fn refuse(&self, error: &std::io::Error) -> Failure {
        Failure::Failed(format!("{}: cannot be written: {error}", self.path.display()))
    }
}
