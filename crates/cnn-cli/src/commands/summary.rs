//! `cnn summary`: a model's layers as Keras prints them.

use std::io::Write;

use clap::{Args, ValueEnum};
use cnn::zoo::Arguments;
use cnn::{Model, Network, SummaryStyle};

use crate::console::Console;
use crate::failure::Failure;
use crate::model::{InputShape, Source};

/// Prints a model's layers, shapes and numbers of parameters, as Keras does
#[derive(Debug, Args)]
pub struct Summary {
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    model: Source,
    /// Without the classifier
    #[arg(long)]
    no_top: bool,
    /// Height, width, channels, of a model of the zoo
    #[arg(long, value_name = "H,W,C")]
    input_shape: Option<InputShape>,
    /// Width of the table in characters
    #[arg(long, value_name = "N")]
    line_length: Option<usize>,
    /// With the layers of nested models
    #[arg(long)]
    expand_nested: bool,
    /// With a column that says what is trainable
    #[arg(long)]
    show_trainable: bool,
    /// Whose table
    #[arg(long, default_value = "keras3")]
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Style {
    Keras2,
    Keras3,
}

impl Summary {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        let style = match self.style {
            Style::Keras2 => SummaryStyle::Keras2,
            Style::Keras3 => SummaryStyle::Keras3,
        };
        let options = cnn::Summary {
            style,
            line_length: self.line_length,
            expand_nested: self.expand_nested,
            show_trainable: self.show_trainable,
        };
        let text = self.model(console)?.summary(&options);
        let text = text.map_err(|error| Failure::Usage(format!("--line-length: {error}")))?;
        out.write_all(text.as_bytes())?;
        Ok(())
    }

    fn model(&self, console: &Console) -> Result<Model, Failure> {
        match &self.model {
            Source::Zoo(row) => {
                let mut arguments = Arguments::default().include_top(!self.no_top);
                if let Some(InputShape(shape)) = self.input_shape {
                    arguments = arguments.input_shape(shape);
                }
                Ok(row.build(&arguments)?)
            }
            Source::File(_) if self.no_top || self.input_shape.is_some() => Err(Failure::Usage(
                "--no-top and --input-shape go with a model of the zoo: a file has the layers and sizes it has".into(),
            )),
            Source::File(path) => {
                let _doing = console.doing(&format!("reading {}", path.display()));
                Ok(Network::load(path)?.model().clone())
            }
        }
    }
}
