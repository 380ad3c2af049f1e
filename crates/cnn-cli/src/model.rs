//! The options that say which model runs, with which weights.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use cnn::hub::Hub;
use cnn::layers::Activation;
use cnn::zoo::{Arguments, Row};
use cnn::{Model, Network, Origin};

use crate::console::Console;
use crate::failure::Failure;

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
    /// Weights: .weights.h5, .h5, .keras or .safetensors. Without it a model file brings its own, and a model of the zoo
    /// has the published ones, which are downloaded once
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Leaves out tensors of FILE that do not fit the model, and lists them: the model keeps its own, or random ones
    #[arg(long, requires = "weights")]
    pub skip_mismatch: bool,
}

impl WeightsArgs {
    /// The model with its weights. A zoo model takes them from `--weights`, or else from Keras's cache or a download.
    pub fn load(&self, source: &Source, include_top: bool, console: &Console) -> Result<Network, Failure> {
        let network = match source {
            Source::File(_) if !include_top => {
                let text =
                    "--no-top goes with a model of the zoo: a file has the layers it has; --tap takes any of them";
                return Err(Failure::Usage(text.into()));
            }
            Source::File(path) => {
                let doing = console.doing(&format!("reading {}", path.display()));
                let network = Network::load(path)?;
                drop(doing);
                match &self.weights {
                    Some(weights) => self.replace(network, weights, console)?,
                    None => network,
                }
            }
            Source::Zoo(row) => self.zoo(row, Arguments::default().include_top(include_top), console)?,
        };
        network.notes().iter().for_each(|note| console.detail(&format!("{}: {note}", source.name())));
        Ok(network)
    }

    /// A model of the zoo with its weights.
    pub fn zoo(&self, row: &Row, arguments: Arguments, console: &Console) -> Result<Network, Failure> {
        match &self.weights {
            Some(weights) => self.own(row, arguments, weights, console),
            None => published(row, &arguments, console),
        }
    }

    /// A model of the zoo with the weights of a file.
    fn own(&self, row: &Row, arguments: Arguments, weights: &Path, console: &Console) -> Result<Network, Failure> {
        // The published file may have come some other way, and some models have layers that go with it alone.
        let name = weights.file_name().and_then(|name| name.to_str());
        let is_published = [row.weights, row.weights_no_top].iter().any(|published| Some(published.file()) == name);
        let layers = |imagenet| Ok::<_, Failure>(row.build(&arguments.clone().imagenet(imagenet))?.layers().len());
        if !is_published && layers(true)? != layers(false)? {
            let published = if arguments.include_top { row.weights } else { row.weights_no_top }.file();
            console.note(&format!(
                "{} without the layer that goes with its published weights, as in Keras; if {} holds those, call it {published}",
                row.name,
                weights.display()
            ));
        }
        let arguments = arguments.imagenet(is_published);
        if self.skip_mismatch {
            return self.replace(Network::untrained(row.name, &arguments, 1)?, weights, console);
        }
        let _doing = console.doing(&format!("reading {}", weights.display()));
        Ok(Network::zoo(row.name, &arguments, weights)?)
    }

    /// The network with the weights of a file, or with those of them that fit.
    fn replace(&self, network: Network, weights: &Path, console: &Console) -> Result<Network, Failure> {
        let _doing = console.doing(&format!("reading {}", weights.display()));
        if !self.skip_mismatch {
            return Ok(network.with_weights(weights)?);
        }
        let (network, skipped) = network.with_matching_weights(weights)?;
        skipped.iter().for_each(|skipped| console.note(&format!("{}: skipped: {skipped}", weights.display())));
        Ok(network)
    }
}

/// A model of the zoo with its published weights.
fn published(row: &Row, arguments: &Arguments, console: &Console) -> Result<Network, Failure> {
    let file = if arguments.include_top { row.weights } else { row.weights_no_top }.file();
    let doing = console.doing(&format!("reading {file}"));
    let mut download = None;
    let loaded = Network::pretrained_blocking(row.name, arguments, &Hub::from_environment(), &mut |got, wanted| {
        doing.hide();
        download.get_or_insert_with(|| console.downloading(file)).progress(got, wanted);
    });
    drop((doing, download));
    let (network, origin) = loaded?;
    match origin {
        Origin::Cache(path) => console.note(&format!("weights from {}", path.display())),
        Origin::Downloaded { address, kept, hash_checked } => {
            let checked = match hash_checked {
                true => "its hash is the published one",
                false => "Keras publishes no hash of it, so its length and every tensor's shape were checked",
            };
            console.note(&format!("weights from {address}, kept as {}; {checked}", kept.path.display()));
            if let Some(aside) = kept.set_aside {
                let aside = aside.display();
                console.note(&format!("a file of that name, with another hash than the published one, is now {aside}"));
            }
        }
    }
    Ok(network)
}
