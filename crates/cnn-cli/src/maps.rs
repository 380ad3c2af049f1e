//! The options that say how feature maps and filters are drawn.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cnn::io::files;
use cnn::plot::{self, ContactSheet, Maps};

use crate::failure::Failure;
use crate::paths::check_png;

/// Where a grid of maps goes, and how it looks.
#[derive(Debug, Clone, Args)]
pub struct MapsArgs {
    /// Where the picture goes
    #[arg(long, value_name = "grid.png")]
    output: PathBuf,
    /// Which values are drawn darkest and lightest: the least and the largest of each, or of all
    #[arg(long, default_value = "each")]
    scale: Scale,
    /// The most that are drawn, from the first on
    #[arg(long, default_value = "64", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_maps: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scale {
    /// Shows the pattern of each, however weak
    Each,
    /// Shows which are strong
    Shared,
}

impl From<Scale> for plot::Scale {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Each => plot::Scale::Each,
            Scale::Shared => plot::Scale::Shared,
        }
    }
}

/// The colours of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colors {
    /// Violet by green to yellow
    Viridis,
    /// Black to white
    Grey,
}

impl From<Colors> for plot::Colors {
    fn from(colors: Colors) -> Self {
        match colors {
            Colors::Viridis => plot::Colors::Viridis,
            Colors::Grey => plot::Colors::Grey,
        }
    }
}

impl MapsArgs {
    /// Refuses a file that cannot be written or is of another format, before anything is computed for it.
    pub fn check(&self) -> Result<(), Failure> {
        check_png(&self.output)
    }

    /// How maps are drawn.
    pub fn maps(&self, colors: Colors) -> Maps {
        Maps { scale: self.scale.into(), colors: colors.into(), most: self.max_maps as usize }
    }

    /// Writes the picture and says what is on it.
    pub fn write(&self, sheet: &ContactSheet, out: &mut dyn Write) -> Result<(), Failure> {
        files::write(&self.output, &sheet.to_png()?)?;
        writeln!(out, "{}  {}; {}", self.output.display(), sheet.title_text(), sheet.note_text())?;
        Ok(())
    }
}
