//! Transfer learning: a base that is trained in a second stage, and the search for a learning rate.

use std::io::Write;
use std::path::Path;

use clap::Args;
use cnn::data::Dataset;
use cnn::io::files;
use cnn::plot::LearningRatePlot;
use cnn::training::{FindLearningRate, FineTune, Progress, Trainer};
use cnn::{Model, training::Optimizer};

use crate::console::Console;
use crate::failure::Failure;
use crate::paths::{check_writable, has_ending};

/// The second stage of `cnn train --base`.
#[derive(Debug, Args)]
pub struct FineTuning {
    /// Trains the new classifier alone first, then the last N layers of the base with it; its normalisations stay as they are
    #[arg(long, value_name = "N", requires = "base", conflicts_with_all = ["model", "freeze", "steps", "fine_tune_from"])]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub fine_tune: Option<u32>,
    /// The same with the layers of the base from this one on, as `cnn summary` names them
    #[arg(long, value_name = "LAYER", requires = "base", conflicts_with_all = ["model", "freeze", "steps"])]
    pub fine_tune_from: Option<String>,
    /// Epochs of the second stage [default: as many as of the first]
    #[arg(long, value_name = "N", requires = "base", conflicts_with = "model", value_parser = clap::value_parser!(u32).range(1..))]
    pub fine_tune_epochs: Option<u32>,
    /// The learning rate of the second stage [default: a hundredth of the optimizer's]
    #[arg(long, value_name = "RATE", requires = "base", conflicts_with = "model", value_parser = rate)]
    pub fine_tune_rate: Option<f64>,
}

impl FineTuning {
    /// Whether there is a second stage.
    pub fn is_asked(&self) -> bool {
        self.fine_tune.is_some() || self.fine_tune_from.is_some()
    }

    /// Refuses arguments of a second stage that is not asked for.
    pub fn check(&self) -> Result<(), Failure> {
        let given = self.fine_tune_epochs.map(|_| "--fine-tune-epochs");
        match given.or(self.fine_tune_rate.map(|_| "--fine-tune-rate")) {
            Some(option) if !self.is_asked() => {
                let text = format!("{option} is for a second stage; ask for one by --fine-tune or --fine-tune-from");
                Err(Failure::Usage(text))
            }
            _ => Ok(()),
        }
    }

    /// How the base of `model` is fine-tuned, if that is asked for.
    pub fn how(&self, model: &Model, optimizer: &Optimizer) -> Option<FineTune> {
        let base = model.layers().iter().find(|layer| layer.nested().is_some())?.name();
        let how = match (self.fine_tune, &self.fine_tune_from) {
            (Some(layers), _) => FineTune::last(base, layers as usize),
            (None, Some(layer)) => FineTune::from(base, layer),
            (None, None) => return None,
        };
        Some(how.learning_rate(self.fine_tune_rate.unwrap_or(optimizer.learning_rate / 100.0)))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "it takes a finite number above 0, as in 1e-5".into())
}

/// Refuses a name that says of no drawing how it is written.
pub fn check_drawing(path: &Path) -> Result<(), Failure> {
    check_writable(path)?;
    if has_ending(path, "svg") || has_ending(path, "png") {
        return Ok(());
    }
    let text = "end its name in .svg or .png, which is what is drawn";
    Err(Failure::Usage(format!("--find-learning-rate {}: {text}", path.display())))
}

/// Looks for a learning rate, says what it has found and draws it.
pub fn find_learning_rate(
    trainer: &mut Trainer,
    data: &Dataset,
    drawing: &Path,
    console: &Console,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let how = FindLearningRate::default();
    let bar = console.steps("learning rates".into(), 0, how.steps);
    let see = |progress: Progress<'_>| {
        if let Progress::Search { learning_rate, loss, .. } = progress {
            bar.step(&format!("{learning_rate:.1e}  loss {loss:.4}"));
        }
    };
    let found = pollster::block_on(trainer.find_learning_rate_with(data, &how, see))?;
    drop(bar);
    let suggestions = [("steepest", found.steepest()), ("least / 10", found.tenth_of_minimum())];
    let suggestions = suggestions.iter().filter_map(|&(name, rate)| Some((name, rate?)));
    let title = format!("{}, a search for its learning rate", trainer.model().name());
    let mut plot = LearningRatePlot::new(title, &found.rates, &found.losses);
    for (name, rate) in suggestions.clone() {
        plot = plot.mark(name, rate);
    }
    let bytes = if has_ending(drawing, "svg") { plot.to_svg()?.into_bytes() } else { plot.to_png()? };
    files::write(drawing, &bytes)?;
    if suggestions.clone().next().is_none() {
        let text = "the loss falls at no learning rate, so none is suggested; look at the data and the optimizer";
        return Err(Failure::Failed(text.into()));
    }
    for (name, rate) in suggestions {
        let what = if name == "steepest" { "where the loss falls fastest" } else { "a tenth of where it is least" };
        writeln!(out, "learning_rate={rate:.2e}  {what}")?;
    }
    writeln!(out, "{}  the loss at {} learning rates", drawing.display(), found.rates.len())?;
    Ok(())
}
