//! `cnn classify`: pictures to labels.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cnn::data::{Channels, DecodeOptions, Interpolation, decode};
use cnn::zoo::{Preprocess, imagenet_classes, top};
use cnn::{Network, Options, Runner, Tensor, io};
use serde_json::{Value, json};

use crate::console::Console;
use crate::device::{self, DeviceArgs};
use crate::failure::{Failure, chain};
use crate::labels::Labels;
use crate::model::{Source, WeightsArgs};
use crate::pipeline_cache::PipelineCache;
use crate::table::symbolic_shape;

/// Says what is on pictures
#[derive(Debug, Args)]
pub struct Classify {
    /// PNG or JPEG files
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    #[arg(long, default_value = "MobileNetV2", value_name = "MODEL|FILE")]
    model: Source,
    #[command(flatten)]
    weights: WeightsArgs,
    /// The classes' names, where they are not ImageNet's: a text with one in each line, or JSON as Keras has it
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// How many labels to print for each picture
    #[arg(long, default_value = "5", value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// What is done to pixels before; by default what the zoo says of its model, and nothing for a file
    #[arg(long)]
    preprocess: Option<Mode>,
    #[command(flatten)]
    device: DeviceArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Keras's modes of `preprocess_input`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// RGB to BGR, minus ImageNet's mean: ResNet50, VGG16
    Caffe,
    /// -1 to 1: MobileNetV2, InceptionV3
    Tf,
    /// ImageNet's mean 0 and deviation 1
    Torch,
    /// Pixels as they are, 0 to 255
    None,
}

impl From<Mode> for Preprocess {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Caffe => Preprocess::Caffe,
            Mode::Tf => Preprocess::Tf,
            Mode::Torch => Preprocess::Torch,
            Mode::None => Preprocess::None,
        }
    }
}

/// What a model takes and makes, as far as pictures go.
#[derive(Debug, Clone, Copy)]
struct Format {
    height: usize,
    width: usize,
    channels: Channels,
    classes: usize,
}

impl Classify {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        // Before anything is downloaded for pictures that are not there.
        if self.pictures.iter().all(|picture| !picture.exists()) {
            io::files::read(&self.pictures[0])?;
        }
        let mut network = self.weights.load(&self.model, true, console)?;
        if let Some(mode) = self.preprocess {
            network = network.with_preprocess(mode.into());
        }
        let format = Format::of(&network)?;
        let labels = self.labels(&network, format.classes, console)?;
        let device = device::open(self.device.device, console)?;
        let _cache = PipelineCache::of(&device, console);
        let options = Options { precision: self.device.precision.into(), ..Options::default() };
        let runner = Runner::new(&device, network, options)?;
        {
            let _doing = console.doing(&format!("preparing {} for {device}", self.model.name()));
            let input = vec![1, format.height, format.width, format.channels.count()];
            pollster::block_on(runner.prepare(&[input]))?;
        }
        let mut results = Vec::new();
        let mut failed = false;
        for path in &self.pictures {
            let scores = {
                let _doing = console.doing(&format!("looking at {}", path.display()));
                classify(path, &runner, format)
            };
            match scores {
                Ok(scores) => results.push(self.tell(path, &scores, &labels, out)?),
                Err(text) => {
                    failed = true;
                    eprintln!("cnn: {text}");
                    results.push(json!({ "picture": path.display().to_string(), "error": text }));
                }
            }
        }
        if self.json {
            let (model, device) = (self.model.name(), device.to_string());
            writeln!(out, "{:#}", json!({ "model": model, "device": device, "results": results }))?;
        }
        if failed { Err(Failure::Told) } else { Ok(()) }
    }

    fn labels(&self, network: &Network, classes: usize, console: &Console) -> Result<Labels, Failure> {
        match (&self.labels, &self.model) {
            (Some(path), _) => Labels::load(path, classes),
            (None, Source::Zoo(_)) if classes == imagenet_classes().len() => Ok(Labels::ImageNet),
            (None, _) => {
                console.detail(&format!("{}: classes have no names without --labels", network.model().name()));
                Ok(Labels::None)
            }
        }
    }

    /// Prints the best labels, unless all is printed at once in the end.
    fn tell(&self, path: &Path, scores: &[f32], labels: &Labels, out: &mut dyn Write) -> Result<Value, Failure> {
        let best: Vec<(usize, f32)> = top(scores, self.top as usize);
        if !self.json {
            writeln!(out, "{}", path.display())?;
            for &(index, score) in &best {
                writeln!(out, "  {score:>8.4}  {}", labels.name(index))?;
            }
            out.flush()?;
        }
        let label = |&(index, score): &(usize, f32)| {
            let mut label = json!({ "index": index, "label": labels.name(index), "score": score });
            if let Some(id) = labels.wordnet_id(index) {
                label["wordnet_id"] = id.into();
            }
            label
        };
        Ok(json!({ "picture": path.display().to_string(), "labels": best.iter().map(label).collect::<Vec<_>>() }))
    }
}

impl Format {
    fn of(network: &Network) -> Result<Self, Failure> {
        let model = network.model();
        let (inputs, outputs) = (model.input_shapes(), model.output_shapes());
        let refuse = |reason: String| Failure::Failed(format!("{}: {reason}; use `cnn run` instead", model.name()));
        let &[_, Some(classes)] = outputs[0].as_slice() else {
            let shape = symbolic_shape(&outputs[0]);
            return Err(refuse(format!("its output has the shape {shape}, not that of a classifier, [None, classes]")));
        };
        let input = inputs[0].as_slice();
        let (&[_, Some(height), Some(width), Some(channels)], 1) = (input, inputs.len()) else {
            let shape = symbolic_shape(input);
            return Err(refuse(format!("its input has the shape {shape}, not that of pictures of one size")));
        };
        let channels = match channels {
            1 => Channels::Grey,
            3 => Channels::Rgb,
            other => return Err(refuse(format!("it takes {other} channels, pictures have 1 or 3"))),
        };
        Ok(Self { height, width, channels, classes })
    }
}

/// The scores of one picture, or why there are none.
fn classify(path: &Path, runner: &Runner, format: Format) -> Result<Vec<f32>, String> {
    let input = read(path, format, runner.network().preprocess())?;
    let outputs = runner.run_blocking(&[input]).map_err(|error| format!("{}: {}", path.display(), chain(&error)))?;
    let scores = outputs.into_iter().next().map(Tensor::into_data).unwrap_or_default();
    match scores.iter().filter(|score| !score.is_finite()).count() {
        0 => Ok(scores),
        count => Err(format!(
            "{}: {count} of {} scores are NaN or infinite; try --precision f32 or --device cpu",
            path.display(),
            scores.len()
        )),
    }
}

/// A picture as the model takes it: as Keras's `load_img`, `img_to_array` and `preprocess_input` make it.
fn read(path: &Path, format: Format, preprocess: Preprocess) -> Result<Tensor, String> {
    let bytes = io::files::read(path).map_err(|error| chain(&error))?;
    let picture = decode(&bytes, &path.display().to_string(), &DecodeOptions::default());
    let picture = picture.map_err(|error| chain(&error))?.convert(format.channels);
    let picture = picture.resize(format.height, format.width, Interpolation::default());
    let pixels = picture.map_err(|error| chain(&error))?.to_tensor(format.channels);
    preprocess.apply(pixels).map_err(|error| format!("{}: {error}", path.display()))
}
