//! `cnn summary`: a model's layers as Keras prints them.

use std::io::Write;

use clap::{Args, ValueEnum};
use cnn::SummaryStyle;

use crate::console::Console;
use crate::failure::Failure;
use crate::model::ModelArgs;

/// Prints a model's layers, shapes and numbers of parameters, as Keras does
#[derive(Debug, Args)]
pub struct Summary {
    #[command(flatten)]
    model: ModelArgs,
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
        let text = self.model.load(console)?.summary(&options);
        let text = text.map_err(|error| Failure::Usage(format!("--line-length: {error}")))?;
        out.write_all(text.as_bytes())?;
        Ok(())
    }
}
