//! `cnn run`: arrays through a network.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use cnn::io::{files, npy};
use cnn::{Network, Options, Runner, Tensor};

use crate::console::Console;
use crate::device::{self, DeviceArgs};
use crate::failure::Failure;
use crate::model::{ClassifierActivation, Source, WeightsArgs};
use crate::paths::check_writable;
use crate::pipeline_cache::PipelineCache;
use crate::profile;
use crate::table::{shape, symbolic_shape};

/// Runs a model on .npy arrays and writes what it makes
#[derive(Debug, Args)]
pub struct Run {
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    model: Source,
    #[command(flatten)]
    weights: WeightsArgs,
    /// Input, NHWC, already preprocessed; once for each input of the model, in its order
    #[arg(long, required = true, value_name = "x.npy")]
    input: Vec<PathBuf>,
    /// Where the output goes; once for each output of the model, in its order
    #[arg(long, required = true, value_name = "y.npy")]
    output: Vec<PathBuf>,
    /// Writes the output of a layer too; a layer of a nested model is NESTED/LAYER. May be given several times
    #[arg(long, value_name = "LAYER=FILE.npy")]
    tap: Vec<Tap>,
    #[command(flatten)]
    device: DeviceArgs,
    /// A model of the zoo without its classifier
    #[arg(long)]
    no_top: bool,
    /// What the classifier ends in: none for logits, softmax for probabilities
    #[arg(long)]
    classifier_activation: Option<ClassifierActivation>,
    /// Prints time, GFLOP/s and GB/s of every step, and the memory
    #[arg(long)]
    profile: bool,
}

/// A layer and the file that its output goes to.
#[derive(Debug, Clone)]
struct Tap {
    layer: String,
    file: PathBuf,
}

impl FromStr for Tap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((layer, file)) if !layer.is_empty() && !file.is_empty() => {
                Ok(Self { layer: layer.into(), file: file.into() })
            }
            _ => Err("it takes a layer and a file, as in conv1=conv1.npy".into()),
        }
    }
}

impl Run {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        for (index, file) in self.files().enumerate() {
            check_writable(file)?;
            if self.files().take(index).any(|other| other == file) {
                let text =
                    format!("{} is to be written twice; give each output and tap a file of its own", file.display());
                return Err(Failure::Usage(text));
            }
        }
        // Before anything is downloaded for inputs that cannot be read.
        let inputs = self.inputs(console)?;
        let mut network = self.weights.load(&self.model, !self.no_top, console)?;
        if let Some(activation) = self.classifier_activation {
            network = network.with_classifier_activation(activation.into())?;
        }
        self.check_counts(&network)?;
        let device = device::open(self.device.device, console)?;
        if self.profile && !device.has_clock() {
            let text =
                format!("{device} keeps no times of single steps; profile another device, or leave --profile out");
            return Err(Failure::Failed(text));
        }
        let _cache = PipelineCache::of(&device, console);
        let taps = self.tap.iter().map(|tap| tap.layer.clone()).collect();
        let runner = Runner::new(&device, network, Options { precision: self.device.precision.into(), taps })?;
        let outputs = self.compute(&runner, &inputs, console)?;
        for (file, output) in self.files().zip(&outputs) {
            note_not_finite(&file.display().to_string(), output, console);
            files::write(file, &npy::write(output))?;
            writeln!(out, "{}  {}", file.display(), shape(output.shape()))?;
        }
        if self.profile {
            // Behind the first run, which may have compiled, and behind its outputs, which need no clock.
            let _doing = console.doing(&format!("timing each step on {device}"));
            let (_, measured) = pollster::block_on(runner.run_profiled(&inputs))?;
            writeln!(out)?;
            profile::print(&measured, out)?;
        }
        Ok(())
    }

    /// The files to write: outputs, then taps.
    fn files(&self) -> impl Iterator<Item = &Path> {
        self.output.iter().chain(self.tap.iter().map(|tap| &tap.file)).map(PathBuf::as_path)
    }

    fn check_counts(&self, network: &Network) -> Result<(), Failure> {
        let model = network.model();
        let cases = [
            ("--input", self.input.len(), model.input_shapes(), "takes"),
            ("--output", self.output.len(), model.output_shapes(), "makes"),
        ];
        for (option, given, shapes, verb) in cases {
            if given != shapes.len() {
                let wanted: Vec<String> = shapes.iter().map(|shape| symbolic_shape(shape)).collect();
                return Err(Failure::Usage(format!(
                    "{} {verb} {}, so give {option} {} times, not {given}",
                    model.name(),
                    wanted.join(" and "),
                    shapes.len()
                )));
            }
        }
        Ok(())
    }

    fn inputs(&self, console: &Console) -> Result<Vec<Tensor>, Failure> {
        let mut inputs = Vec::new();
        for path in &self.input {
            let name = path.display().to_string();
            let tensor = npy::read(&files::read(path)?, &name)?;
            note_not_finite(&name, &tensor, console);
            inputs.push(tensor);
        }
        Ok(inputs)
    }

    fn compute(&self, runner: &Runner, inputs: &[Tensor], console: &Console) -> Result<Vec<Tensor>, Failure> {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|x| x.shape().to_vec()).collect();
        let pieces = device::report_pieces(runner, &shapes, console)?;
        if self.profile && pieces > 1 {
            let text =
                format!("--profile takes a batch that runs in one piece, not in {pieces}; make the batch smaller");
            return Err(Failure::Failed(text));
        }
        {
            let _doing = console.doing(&format!("preparing for {}", runner.device()));
            pollster::block_on(runner.prepare(&shapes))?;
        }
        let _doing = console.doing(&format!("running on {}", runner.device()));
        Ok(runner.run_blocking(inputs)?)
    }
}

/// Says that numbers are none, which no error does.
fn note_not_finite(name: &str, tensor: &Tensor, console: &Console) {
    let count = tensor.data().iter().filter(|x| !x.is_finite()).count();
    if count > 0 {
        console.note(&format!("{name}: {count} of {} elements are NaN or infinite", tensor.len()));
    }
}
