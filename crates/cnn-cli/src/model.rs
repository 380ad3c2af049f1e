//! The options that say which model runs, with which weights.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use cnn::hub::{Hub, HubError, Problem};
use cnn::layers::Activation;
use cnn::zoo::{Arguments, Row, WeightFile};
use cnn::{Model, Network};

use crate::console::Console;
use crate::failure::{Failure, chain};

/// A model of the zoo, or a file that holds one.
#[derive(Debug, Clone)]
pub enum Source {
    /// A row of the zoo.
    Zoo(&'static Row),
    /// A `.keras` or whole-model `.h5` file.
    File(PathBuf),
}

impl Source {
    /// As the user may write it.
    pub fn name(&self) -> String {
        match self {
            Source::Zoo(row) => row.name.into(),
            Source::File(path) => path.display().to_string(),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match cnn::zoo::find(text) {
            Ok(row) => Ok(Source::Zoo(row)),
            Err(_) if text.contains(['/', '\\', '.']) || Path::new(text).exists() => Ok(Source::File(text.into())),
            Err(error) => Err(format!("{error}; or name a .keras or .h5 file")),
        }
    }
}

/// A picture's height, width and channels; a size may be left open: `None,None,3`.
#[derive(Debug, Clone, Copy)]
pub struct InputShape(pub [Option<usize>; 3]);

impl FromStr for InputShape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = |text: &str| match text.trim() {
            "None" | "none" => Ok(None),
            number => number.parse().map(Some).map_err(|_| number.to_string()),
        };
        let sizes: Result<Vec<_>, String> = text.split(',').map(size).collect();
        let sizes = sizes.map_err(|wrong| format!("'{wrong}' is no size"))?;
        let wanted = || "it takes height, width and channels, as in 128,128,3".to_string();
        sizes.try_into().map(InputShape).map_err(|_| wanted())
    }
}

/// What a classifier ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClassifierActivation {
    /// Logits
    None,
    /// Probabilities
    Softmax,
}

impl From<ClassifierActivation> for Activation {
    fn from(activation: ClassifierActivation) -> Self {
        match activation {
            ClassifierActivation::None => Activation::Linear,
            ClassifierActivation::Softmax => Activation::Softmax,
        }
    }
}

/// The layers of a model, without its weights.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    model: Source,
    /// Without the classifier
    #[arg(long)]
    no_top: bool,
    /// Height, width, channels, of a model of the zoo
    #[arg(long, value_name = "H,W,C")]
    input_shape: Option<InputShape>,
}

impl ModelArgs {
    /// The layers.
    pub fn load(&self, console: &Console) -> Result<Model, Failure> {
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

/// The weights of a model.
#[derive(Debug, Clone, Args)]
pub struct WeightsArgs {
    /// Weights: .weights.h5, .h5, .keras or .safetensors; by default a model of the zoo takes the published ones, which are
    /// downloaded once into Keras's cache, and a model file brings its own
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
}

impl WeightsArgs {
    /// The model with its weights. A zoo model takes them from `--weights`, or else the published ones.
    pub fn load(&self, source: &Source, include_top: bool, console: &Console) -> Result<Network, Failure> {
        let doing = || console.doing(&format!("reading {}", source.name()));
        let network = match source {
            Source::File(_) if !include_top => {
                let text =
                    "--no-top goes with a model of the zoo: a file has the layers it has; --tap takes any of them";
                return Err(Failure::Usage(text.into()));
            }
            Source::File(path) => {
                let _doing = doing();
                let network = Network::load(path)?;
                match &self.weights {
                    Some(weights) => network.with_weights(weights)?,
                    None => network,
                }
            }
            Source::Zoo(row) => {
                let arguments = Arguments::default().include_top(include_top);
                let file = self.file(row, include_top, console)?;
                let _doing = doing();
                Network::zoo(row.name, &arguments, &file)?
            }
        };
        network.notes().iter().for_each(|note| console.detail(&format!("{}: {note}", source.name())));
        Ok(network)
    }

    fn file(&self, row: &Row, include_top: bool, console: &Console) -> Result<PathBuf, Failure> {
        if let Some(weights) = &self.weights {
            return Ok(weights.clone());
        }
        let published = if include_top { row.weights } else { row.weights_no_top };
        published_file(row, &published, console)
    }
}

/// A published file, from Keras's cache or, once, from where it is published.
fn published_file(row: &Row, published: &WeightFile, console: &Console) -> Result<PathBuf, Failure> {
    let failed = |error: HubError| Failure::Failed(format!("weights of {}: {}", row.name, chain(&error)));
    let hub = Hub::of_environment();
    let hub = hub.ok_or_else(|| failed(HubError { file: published.file().into(), problem: Problem::NoFolder }))?;
    let cached = {
        let bar = console.transfer(published.file());
        hub.get(published.url, published.hash, &mut |bytes, all| bar.set(bytes, all)).map_err(failed)?
    };
    match cached.downloaded {
        Some(from) => console.note(&format!("weights from {from}, kept as {}", cached.path.display())),
        None => console.note(&format!("weights from {}", cached.path.display())),
    }
    if published.hash.is_none() {
        console
            .note("Keras publishes no hash of this file: its length and every tensor's shape are all that is checked");
    }
    Ok(cached.path)
}
