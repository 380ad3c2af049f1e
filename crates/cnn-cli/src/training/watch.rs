//! A training as its user sees it: a bar for each epoch, a line for each that is done, a log of every step.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cnn::training::{Logs, Progress};

use super::step_log::StepLog;
use crate::console::{self, Console};
use crate::failure::Failure;
use crate::table;

/// See the module.
pub struct Watch<'a> {
    out: &'a mut dyn Write,
    console: &'a Console,
    log: Option<StepLog>,
    epochs: usize,
    /// Steps of the stages before.
    before: usize,
    stop: Arc<AtomicBool>,
    bar: Option<console::Epoch>,
    begin: Instant,
    /// From the epoch's beginning to its last step: its validation is not in the images per second.
    trained: Duration,
    images: usize,
    diverged: bool,
    /// What to do if it diverges.
    remedy: &'static str,
    failed: Option<Failure>,
}

/// What helps a training that its user has set up.
const REMEDY: &str = "a smaller learning rate, as in --optimizer adam,learning_rate=0.0001, or clipnorm=1 may help";

impl<'a> Watch<'a> {
    /// For a training of so many epochs, behind so many steps of others, which `stop` ends if something cannot be written.
    pub fn new(
        out: &'a mut dyn Write,
        console: &'a Console,
        log: Option<StepLog>,
        epochs: usize,
        before: usize,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let (bar, begin, trained) = (None, Instant::now(), Duration::ZERO);
        let (images, diverged, remedy, failed) = (0, false, REMEDY, None);
        Self { out, console, log, epochs, before, stop, bar, begin, trained, images, diverged, remedy, failed }
    }

    /// Sets what is said to help if the loss becomes NaN or infinite.
    pub fn remedy(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    /// Takes notice.
    pub fn see(&mut self, progress: &Progress<'_>) {
        let seen = match progress {
            Progress::Step { epoch, batch, batches, examples, loss, logs } => {
                self.step(*epoch, *batch, *batches, *examples, logs);
                let (step, log) = (self.before + epoch * batches + batch + 1, self.log.as_mut());
                log.map_or(Ok(()), |log| log.write(step, *loss)).and_then(|()| self.check(step, *loss))
            }
            Progress::Validation { batch, batches } => {
                if let Some(bar) = &self.bar {
                    bar.validating(batch + 1, *batches);
                }
                Ok(())
            }
            Progress::Features { batch, batches, bytes } => {
                if batch + 1 == *batches {
                    let text =
                        format!("the frozen base is computed once: {} of features are kept", table::bytes(*bytes));
                    self.console.note(&text);
                    self.begin = Instant::now();
                }
                Ok(())
            }
            Progress::FeaturesNotKept { bytes, limit } => {
                let text = "the frozen base is computed in each step, since its features would take";
                self.console.note(&format!(
                    "{text} {}; {} are kept at most",
                    table::bytes(*bytes),
                    table::bytes(*limit)
                ));
                Ok(())
            }
            Progress::Epoch { epoch, logs } => self.epoch(*epoch, logs),
            _ => Ok(()),
        };
        if let Err(failure) = seen {
            self.stop.store(true, Ordering::Relaxed);
            self.failed.get_or_insert(failure);
        }
    }

    fn step(&mut self, epoch: usize, batch: usize, batches: usize, examples: usize, logs: &Logs) {
        let (epochs, console) = (self.epochs, self.console);
        let bar = self.bar.get_or_insert_with(|| console.epoch(epoch + 1, epochs, batch, batches));
        self.images += examples;
        self.trained = self.begin.elapsed();
        let rate = self.images as f64 / self.trained.as_secs_f64().max(f64::MIN_POSITIVE);
        bar.step(&format!("{}  {rate:.0} images/s", numbers(logs)));
    }

    /// What is no number never becomes one again: every later step would be for nothing.
    fn check(&mut self, step: usize, loss: f64) -> Result<(), Failure> {
        if loss.is_finite() {
            return Ok(());
        }
        self.diverged = true;
        let remedy = self.remedy;
        Err(Failure::Failed(format!("the loss of step {step} is {loss}, so nothing more is learned; {remedy}")))
    }

    fn epoch(&mut self, epoch: usize, logs: &Logs) -> Result<(), Failure> {
        self.bar = None;
        let seconds = self.begin.elapsed().as_secs_f64();
        let rate = self.images as f64 / self.trained.as_secs_f64().max(f64::MIN_POSITIVE);
        let (number, epochs, width) = (epoch + 1, self.epochs, self.epochs.to_string().len());
        let numbers = numbers(logs);
        writeln!(self.out, "epoch {number:>width$}/{epochs}  {numbers}  {rate:.0} images/s  {seconds:.1} s")?;
        self.out.flush()?;
        (self.begin, self.images) = (Instant::now(), 0);
        Ok(())
    }

    /// Whether the loss has become NaN or infinite, so that there is nothing to go on from.
    pub fn diverged(&self) -> bool {
        self.diverged
    }

    /// What went wrong on the way.
    pub fn finish(self) -> Result<(), Failure> {
        self.failed.map_or(Ok(()), Err)
    }
}

/// `loss 0.1234  accuracy 0.9000`
fn numbers(logs: &Logs) -> String {
    let number =
        |value: f64| if value != 0.0 && value.abs() < 1e-3 { format!("{value:.2e}") } else { format!("{value:.4}") };
    logs.iter().map(|(name, value)| format!("{name} {}", number(value))).collect::<Vec<_>>().join("  ")
}
