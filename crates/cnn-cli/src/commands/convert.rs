//! `cnn convert`: a model or its weights in another format.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cnn::Network;
use cnn::io::safetensors::Float;
use cnn::io::{Format, files};
use cnn::zoo::Arguments;

use crate::console::Console;
use crate::failure::Failure;
use crate::model::Source;
use crate::paths::check_writable;
use crate::table::bytes;

/// Writes a model, or its weights, in the format that the name of OUT asks for: .keras, .h5, .weights.h5, .safetensors
#[derive(Debug, Args)]
pub struct Convert {
    /// A .keras or whole-model .h5 file, or with --model any file of weights
    #[arg(value_name = "IN")]
    from: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// The model that IN has the weights of: one of the zoo, in any case, or a .keras or whole-model .h5 file
    #[arg(long, value_name = "MODEL|FILE")]
    model: Option<Source>,
    /// The zoo's model without the classifier
    #[arg(long, requires = "model")]
    no_top: bool,
    /// Weights alone into .h5, as Keras 2's save_weights
    #[arg(long)]
    weights_only: bool,
    /// How .safetensors stores numbers
    #[arg(long, value_name = "TYPE")]
    dtype: Option<Dtype>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dtype {
    Float16,
    Bfloat16,
    Float32,
    Float64,
}

impl From<Dtype> for Float {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Float16 => Float::F16,
            Dtype::Bfloat16 => Float::BF16,
            Dtype::Float32 => Float::F32,
            Dtype::Float64 => Float::F64,
        }
    }
}

impl Convert {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        let format = self.format()?;
        check_writable(&self.to)?;
        let network = {
            let _doing = console.doing(&format!("reading {}", self.from.display()));
            self.read()?
        };
        network.notes().iter().for_each(|note| console.note(&format!("{}: {note}", self.from.display())));
        let (model, weights) = (network.model(), network.weights()?);
        {
            let _doing = console.doing(&format!("writing {}", self.to.display()));
            files::save_as(&self.to, model, &weights, format)?;
        }
        let size = std::fs::metadata(&self.to).map_or_else(|_| "size not known".into(), |file| bytes(file.len()));
        let what = match format {
            Format::Keras | Format::LegacyH5 => "model and weights",
            Format::WeightsH5 | Format::LegacyWeightsH5 | Format::Safetensors(_) => "weights alone",
        };
        let (parameters, tensors) = (model.count_params().total(), model.weights().len());
        writeln!(out, "{}  {what}: {parameters} parameters in {tensors} tensors, {size}", self.to.display())?;
        Ok(())
    }

    fn format(&self) -> Result<Format, Failure> {
        let format = match (files::format_of(&self.to)?, self.weights_only) {
            (Format::LegacyH5, true) => Format::LegacyWeightsH5,
            (Format::Keras, true) => {
                let text = "a .keras file holds the model too; end OUT in .weights.h5, .h5 or .safetensors";
                return Err(Failure::Usage(text.into()));
            }
            (format, _) => format,
        };
        match (format, self.dtype) {
            (Format::Safetensors(_), Some(dtype)) => Ok(Format::Safetensors(dtype.into())),
            (_, Some(_)) => Err(Failure::Usage("--dtype goes with .safetensors; Keras's files hold float32".into())),
            (format, None) => Ok(format),
        }
    }

    fn read(&self) -> Result<Network, Failure> {
        match &self.model {
            None => Ok(Network::load(&self.from)?),
            Some(Source::Zoo(row)) => {
                let arguments = Arguments::default().include_top(!self.no_top);
                Ok(Network::zoo(row.name, &arguments, &self.from)?)
            }
            Some(Source::File(_)) if self.no_top => {
                Err(Failure::Usage("--no-top goes with a model of the zoo: a file has the layers it has".into()))
            }
            Some(Source::File(path)) => Ok(Network::load(path)?.with_weights(&self.from)?),
        }
    }
}
