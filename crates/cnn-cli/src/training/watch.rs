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
    out: &'a mut (dyn Write + Send),
    console: &'a Console,
    log: Option<StepLog>,
    epochs: usize,
    /// Steps of the stages before.
    before: usize,
    stop: Arc<AtomicBool>,
    bar: Option<console::Steps>,
    begin: Instant,
    /// From the epoch's beginning to its last step: its validation is not in the images per second.
    trained: Duration,
    images: usize,
    diverged: bool,
    /// Steps in a row that were left out, with a loss that is no number.
    left_out: usize,
    /// What to do if it diverges.
    remedy: &'static str,
    failed: Option<Failure>,
}

/// So many steps in a row that are left out are one too many.
const LEFT_OUT: usize = 20;
/// What helps a training that its user has set up.
const REMEDY: &str = "a smaller learning rate, as in --optimizer adam,learning_rate=0.0001, or clipnorm=1 may help";

impl<'a> Watch<'a> {
    /// For a training of so many epochs, behind so many steps of others, which `stop` ends if something cannot be written.
    pub fn new(
        out: &'a mut (dyn Write + Send),
        console: &'a Console,
        log: Option<StepLog>,
        epochs: usize,
        before: usize,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let (bar, begin, trained) = (None, Instant::now(), Duration::ZERO);
        let (images, diverged, left_out, remedy, failed) = (0, false, 0, REMEDY, None);
        Self {
            out,
            console,
            log,
            epochs,
            before,
            stop,
            bar,
            begin,
            trained,
            images,
            diverged,
            left_out,
            remedy,
            failed,
        }
    }

    /// Sets what is said to help if the loss becomes NaN or infinite.
    pub fn remedy(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    /// Takes notice.
    pub fn see(&mut self, progress: &Progress<'_>) {
        let seen = match progress {
            Progress::Step { epoch, batch, batches, examples, loss, done, logs } => {
                self.step(*epoch, *batch, *batches, *examples, logs);
                let (step, log) = (self.before + epoch * batches + batch + 1, self.log.as_mut());
                log.map_or(Ok(()), |log| log.write(step, *loss)).and_then(|()| self.check(step, *loss, *done))
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

    /// What is no number never becomes one again: every later step would be for nothing. But a step that mixed precision has
    /// left out, since float16 was too small for a batch, has changed nothing.
    fn check(&mut self, step: usize, loss: f64, done: bool) -> Result<(), Failure> {
        self.left_out = if loss.is_finite() || done { 0 } else { self.left_out + 1 };
        if loss.is_finite() || (1..LEFT_OUT).contains(&self.left_out) {
            return Ok(());
        }
        self.diverged = true;
        let remedy = if done { self.remedy } else { "float16 is too small for these numbers; leave --mixed out" };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these steps, by loss and whether they were done, ends the training, and what is said.
    fn ended_by(steps: &[(f64, bool)]) -> Option<(usize, String)> {
        let (mut out, console, stop) = (Vec::new(), Console::new(false), Arc::new(AtomicBool::new(false)));
        let mut watch = Watch::new(&mut out, &console, None, 1, 0, stop.clone());
        let logs = Logs::new();
        let end = steps.iter().enumerate().position(|(batch, &(loss, done))| {
            let batches = steps.len();
            watch.see(&Progress::Step { epoch: 0, batch, batches, examples: 1, loss, done, logs: &logs });
            stop.load(Ordering::Relaxed)
        })?;
        assert!(watch.diverged());
        let Err(Failure::Failed(text)) = watch.finish() else { panic!("it has ended without a reason") };
        Some((end, text))
    }

    #[test]
    fn a_step_that_is_left_out_ends_nothing() {
        let (good, bad, left_out) = ((0.5, true), (f64::NAN, true), (f64::INFINITY, false));
        assert_eq!(ended_by(&[good, left_out, left_out, good, (0.5, false), good]), None);
        assert_eq!(ended_by(&[[left_out; 19].as_slice(), &[good], &[left_out; 19]].concat()), None);
        let (end, text) = ended_by(&[good, left_out, bad, good]).unwrap();
        assert!(
            end == 2 && text.contains("the loss of step 3 is NaN, so nothing more is learned; a smaller"),
            "{text}"
        );
        let (end, text) = ended_by(&[[good].as_slice(), &[left_out; 30]].concat()).unwrap();
        assert!(end == 20 && text.contains("float16 is too small for these numbers; leave --mixed out"), "{text}");
    }
}
