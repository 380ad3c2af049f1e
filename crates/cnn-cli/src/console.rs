//! What goes to standard error: notes, progress, and, where asked for, logs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::table::bytes;

/// Standard error.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    verbose: bool,
}

impl Console {
    /// With `verbose`, details are shown too.
    pub fn new(verbose: bool) -> Self {
        Self { verbose }
    }

    /// What the user should know though nothing is wrong.
    pub fn note(&self, text: &str) {
        eprintln!("cnn: note: {text}");
    }

    /// What the user may want to know.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            self.note(text);
        }
    }

    /// What is being done at this moment, until the result is dropped; on a terminal alone.
    pub fn doing(&self, what: &str) -> Doing {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let bar = bar.with_style(ProgressStyle::default_spinner()).with_message(what.to_string());
        bar.enable_steady_tick(Duration::from_millis(120));
        Doing(bar)
    }

    /// A download of the file called `file`: a note as it begins, and a bar on a terminal.
    pub fn downloading(&self, file: &str) -> Downloading {
        Downloading { file: file.to_string(), bar: None, console: *self }
    }

    /// A bar over `count` pieces of work, with their rate and the time left; on a terminal alone.
    pub fn progress(&self, count: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {per_sec}  {eta} left");
        Progress(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl Console {
    /// A bar over the batches of an epoch of a training, from batch `first` on; on a terminal alone.
    pub fn epoch(&self, epoch: usize, epochs: usize, first: usize, batches: usize) -> Steps {
        self.steps(format!("epoch {epoch}/{epochs}"), first, batches)
    }

    /// A bar over so many steps, from step `first` on, behind what they are for; on a terminal alone.
    pub fn steps(&self, what: String, first: usize, steps: usize) -> Steps {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
        let template = "{prefix} {wide_bar} {pos}/{len}  {msg}  {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style).with_prefix(what).with_position(first as u64);
        // What a resumed epoch had done before took no time now.
        bar.reset_eta();
        Steps(bar)
    }
}

/// How far an epoch or the like has come, on a terminal; it goes away when this is dropped.
#[derive(Debug)]
pub struct Steps(ProgressBar);

impl Steps {
    /// A step more is done, with these numbers.
    pub fn step(&self, numbers: &str) {
        self.0.set_message(numbers.to_string());
        self.0.inc(1);
    }

    /// The epoch's batches are done, and so many of its validation.
    pub fn validating(&self, done: usize, batches: usize) {
        self.0.set_message("validation");
        self.0.set_length(batches as u64);
        self.0.set_position(done as u64);
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How far a long piece of work has come, on a terminal; it goes away when this is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// So many more are done.
    pub fn advance(&self, count: usize) {
        self.0.inc(count as u64);
    }

    /// Does what prints, with the bar out of its way.
    pub fn hidden_while<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A download's bar, which goes away when this does.
#[derive(Debug)]
pub struct Downloading {
    file: String,
    bar: Option<ProgressBar>,
    console: Console,
}

impl Downloading {
    /// So many bytes have come, of so many if the server tells.
    pub fn progress(&mut self, got: u64, wanted: Option<u64>) {
        let bar = self.bar.get_or_insert_with(|| {
            let size = wanted.map_or(String::new(), |wanted| format!(", {}", bytes(wanted)));
            self.console.note(&format!("downloading {}{size}", self.file));
            bar(wanted)
        });
        bar.set_position(got);
    }
}

impl Drop for Downloading {
    fn drop(&mut self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = match length {
        Some(_) => "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style)
}

/// A line on the terminal that goes away when this does.
#[derive(Debug)]
pub struct Doing(ProgressBar);

impl Doing {
    /// Makes room for something else on the terminal.
    pub fn hide(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows wgpu's log.
pub fn show_logs() {
    if log::set_logger(&Log).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        eprintln!("{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}
