//! `cnn filters`: what a convolution looks for.

use std::io::Write;

use clap::Args;
use cnn::zoo::Preprocess;
use cnn::{Layer, Model, Network, Tensor};

use crate::console::Console;
use crate::failure::Failure;
use crate::maps::{Colors, MapsArgs};
use crate::model::{Source, WeightsArgs};

/// Draws the filters of a convolution: those of 3 channels in colours, others in grey
#[derive(Debug, Args)]
pub struct Filters {
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    #[arg(long, value_name = "MODEL|FILE")]
    model: Source,
    #[command(flatten)]
    weights: WeightsArgs,
    /// The layer, as `cnn summary` names it; by default the first that has filters
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    #[command(flatten)]
    maps: MapsArgs,
    /// The colours of filters that do not have 3 channels
    #[arg(long, default_value = "grey")]
    colors: Colors,
    /// The model takes blue first, as it does after `--preprocess caffe`; of a model of the zoo this is known
    #[arg(long)]
    bgr: bool,
    /// A model of the zoo without its classifier
    #[arg(long)]
    no_top: bool,
}

impl Filters {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        self.maps.check()?;
        let network = self.weights.load(&self.model, !self.no_top, console)?;
        let path = match &self.layer {
            Some(path) => path.clone(),
            None => first(network.model(), "").ok_or_else(|| {
                let name = network.model().name();
                Failure::Failed(format!("{name} has no layer of the classes {CLASSES}, whose filters are drawn"))
            })?,
        };
        let kernel = kernel(&network, &path)?;
        let blue_first = self.bgr || network.preprocess() == Preprocess::Caffe;
        let title = format!("{path} of {}", network.model().name());
        self.maps.write(&self.maps.maps(self.colors).filters(&title, &kernel, blue_first)?, out)
    }
}

const CLASSES: &str = "Conv2D, DepthwiseConv2D and SeparableConv2D";

/// The name of the weight that holds a layer's filters.
fn weight(layer: &Layer) -> Option<&'static str> {
    match layer {
        Layer::Conv2D(_) | Layer::DepthwiseConv2D(_) => Some("kernel"),
        Layer::SeparableConv2D(_) => Some("depthwise_kernel"),
        _ => None,
    }
}

/// The path of the first layer that has filters.
fn first(model: &Model, prefix: &str) -> Option<String> {
    model.layers().iter().find_map(|layer| {
        let path = format!("{prefix}{}", layer.name());
        match layer.nested() {
            Some(nested) => first(nested, &format!("{path}/")),
            None => weight(layer.layer()).map(|_| path),
        }
    })
}

/// The filters of a layer, `[height, width, in, out]`; each of a depthwise convolution sees one channel.
fn kernel(network: &Network, path: &str) -> Result<Tensor, Failure> {
    let layer = network.model().find_layer(path)?.layer();
    let class = layer.class_name();
    let refuse =
        || Failure::Failed(format!("{path} ({class}) has no filters to draw: name a layer of the classes {CLASSES}"));
    let name = weight(layer).ok_or_else(refuse)?;
    let kernel =
        network.weight_source().tensor(&format!("{path}/{name}")).map_err(cnn::Error::from)?.ok_or_else(refuse)?;
    match (layer, kernel.shape()) {
        (Layer::DepthwiseConv2D(_) | Layer::SeparableConv2D(_), &[height, width, channels, multiplier]) => {
            Ok(kernel.as_ref().clone().reshape(vec![height, width, 1, channels * multiplier])?)
        }
        _ => Ok(kernel.as_ref().clone()),
    }
}
