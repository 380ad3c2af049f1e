//! How a command fails, and what the user sees of it.

use std::error::Error;
use std::io;
use std::process::ExitCode;

/// The exit status of what Ctrl-C has ended: 128 and the signal's number.
pub const INTERRUPTED: u8 = 130;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// What was asked makes no sense: exit status 2.
    Usage(String),
    /// It could not be done: exit status 1.
    Failed(String),
    /// It could not be done, and the user has been told: exit status 1.
    Told,
    /// The user has ended it: exit status 130, as shells have it.
    Interrupted(String),
    /// The reader of standard output has seen enough, as in `cnn summary VGG16 | head`: nobody to tell.
    ClosedPipe,
}

impl Failure {
    /// Says on standard error what went wrong; the program's exit status.
    pub fn report(self) -> ExitCode {
        match self {
            Failure::Usage(text) => {
                eprintln!("cnn: {text}");
                ExitCode::from(2)
            }
            Failure::Failed(text) => {
                eprintln!("cnn: {text}");
                ExitCode::FAILURE
            }
            Failure::Interrupted(text) => {
                eprintln!("cnn: {text}");
                ExitCode::from(INTERRUPTED)
            }
            Failure::Told => ExitCode::FAILURE,
            Failure::ClosedPipe => ExitCode::SUCCESS,
        }
    }
}

/// An error and its causes in one line, without those that its own text tells already.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// `"; did you mean …?"` if one of the known words is much like this one.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let likeness = |known: &str| strsim::jaro_winkler(&word.to_lowercase(), &known.to_lowercase());
    let best = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.filter(|best| likeness(best) > 0.8).map_or(String::new(), |best| format!("; did you mean {best}?"))
}

impl From<io::Error> for Failure {
    /// Of standard output: files have errors that name them.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Failed(format!("standard output cannot be written: {error}")),
        }
    }
}

macro_rules! failed {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Failure::Failed(chain(&error))
            }
        })*
    };
}

failed!(
    cnn::Error,
    cnn::ModelError,
    cnn::ShapeError,
    cnn::WeightsError,
    cnn::data::DataError,
    cnn::io::IoError,
    cnn::plot::PlotError,
    cnn::training::TrainError,
    cnn::training::callback::CallbackError,
    cnn::zoo::ZooError
);
