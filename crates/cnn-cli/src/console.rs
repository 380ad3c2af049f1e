//! What goes to standard error: notes, progress, and, where asked for, logs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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

    /// A bar over a file that is coming; on a terminal alone.
    pub fn transfer(&self, file: &str) -> Transfer {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(file.to_string());
        let template = "{msg}  {bar:20} {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template);
        Transfer(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// A bar over `count` pieces of work, with their rate and the time left; on a terminal alone.
    pub fn progress(&self, count: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {per_sec}  {eta} left");
        Progress(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
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

/// How much of a file has come, on a terminal; it goes away when this is dropped.
#[derive(Debug)]
pub struct Transfer(ProgressBar);

impl Transfer {
    /// So many bytes have come, of so many if that is known.
    pub fn set(&self, bytes: u64, all: Option<u64>) {
        if let Some(all) = all {
            self.0.set_length(all);
        }
        self.0.set_position(bytes);
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line on the terminal that goes away when this does.
#[derive(Debug)]
pub struct Doing(ProgressBar);

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
