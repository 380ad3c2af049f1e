//! `cnn plot`: a model's layers as a drawing.

use std::io::Write;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use cnn::io::files;
use cnn::plot::{self, ModelPlot};

use crate::console::Console;
use crate::failure::Failure;
use crate::model::ModelArgs;
use crate::paths::{check_writable, has_ending};

/// Draws a model's layers and how they are connected, as Keras's plot_model does
#[derive(Debug, Args)]
pub struct Plot {
    #[command(flatten)]
    model: ModelArgs,
    /// Where the drawing goes; its name ends in .svg or .png
    #[arg(long, value_name = "model.svg")]
    output: PathBuf,
    /// Boxes tell the shapes of what goes in and out
    #[arg(long, value_name = "true|false", action = ArgAction::Set, default_value_t = true)]
    show_shapes: bool,
    /// Boxes have the layers' names, besides their classes
    #[arg(long, value_name = "true|false", action = ArgAction::Set, default_value_t = true)]
    show_layer_names: bool,
    /// Boxes tell the activation
    #[arg(long)]
    show_layer_activations: bool,
    /// Boxes tell whether training changes the layer
    #[arg(long)]
    show_trainable: bool,
    /// With the layers of nested models
    #[arg(long)]
    expand_nested: bool,
    /// From top to bottom (TB), or from left to right (LR)
    #[arg(long, default_value = "TB", ignore_case = true)]
    rankdir: RankDir,
    /// Dots per inch of a PNG file; letters are 13 dots high at 96
    #[arg(long, default_value_t = 96, value_parser = clap::value_parser!(u32).range(1..))]
    dpi: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RankDir {
    #[value(name = "TB")]
    TopToBottom,
    #[value(name = "LR")]
    LeftToRight,
}

impl From<RankDir> for plot::RankDir {
    fn from(rankdir: RankDir) -> Self {
        match rankdir {
            RankDir::TopToBottom => plot::RankDir::TopToBottom,
            RankDir::LeftToRight => plot::RankDir::LeftToRight,
        }
    }
}

impl Plot {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        let ends_in = |ending: &str| has_ending(&self.output, ending);
        if !ends_in("svg") && !ends_in("png") {
            let name = self.output.display();
            return Err(Failure::Usage(format!(
                "--output {name}: end its name in .svg or .png, which is what is drawn"
            )));
        }
        check_writable(&self.output)?;
        let model = self.model.load(console)?;
        let plot = ModelPlot {
            show_shapes: self.show_shapes,
            show_layer_names: self.show_layer_names,
            show_layer_activations: self.show_layer_activations,
            show_trainable: self.show_trainable,
            expand_nested: self.expand_nested,
            rankdir: self.rankdir.into(),
        };
        let bytes = {
            let _doing = console.doing(&format!("drawing {}", model.name()));
            if ends_in("svg") { plot.to_svg(&model)?.into_bytes() } else { plot.to_png(&model, self.dpi)? }
        };
        files::write(&self.output, &bytes)?;
        writeln!(out, "{}  {} layers of {}", self.output.display(), model.shown_layers().count(), model.name())?;
        Ok(())
    }
}
