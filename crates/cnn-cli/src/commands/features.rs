//! `cnn features`: what a layer makes of a picture.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cnn::{Network, Options, Runner};

use crate::console::Console;
use crate::device::{self, DeviceArgs};
use crate::failure::Failure;
use crate::maps::{Colors, MapsArgs};
use crate::model::{Source, WeightsArgs};
use crate::picture::PictureArgs;
use crate::pipeline_cache::PipelineCache;
use crate::table::symbolic_shape;

/// Draws what a layer makes of a picture: its feature maps as a grid
#[derive(Debug, Args)]
pub struct Features {
    /// A PNG, JPEG, GIF, BMP or WebP file
    picture: PathBuf,
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    #[arg(long, value_name = "MODEL|FILE")]
    model: Source,
    #[command(flatten)]
    weights: WeightsArgs,
    /// The layer, as `cnn summary` names it; a layer of a nested model is NESTED/LAYER
    #[arg(long, value_name = "NAME")]
    layer: String,
    #[command(flatten)]
    maps: MapsArgs,
    /// The maps' colours
    #[arg(long, default_value = "viridis")]
    colors: Colors,
    #[command(flatten)]
    pixels: PictureArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// A model of the zoo without its classifier
    #[arg(long)]
    no_top: bool,
}

impl Features {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        self.maps.check()?;
        let network = self.pixels.preprocessing(self.weights.load(&self.model, !self.no_top, console)?);
        self.check_layer(&network)?;
        let format = self.pixels.format(network.model(), &self.model)?;
        let input = self.pixels.read(&self.picture, format, network.preprocess()).map_err(Failure::Failed)?;
        let device = device::open(self.device.device, console)?;
        let _cache = PipelineCache::of(&device, console);
        let options = Options { precision: self.device.precision.into(), taps: vec![self.layer.clone()] };
        let runner = Runner::new(&device, network, options)?;
        let output = {
            let _doing = console.doing(&format!("running on {device}"));
            runner.run_blocking(&[input])?.pop()
        };
        let Some(output) = output else { return Ok(()) };
        let wrong = output.data().iter().filter(|x| !x.is_finite()).count();
        if wrong > 0 {
            let count = output.len();
            console
                .note(&format!("{}: {wrong} of {count} values are NaN or infinite; NaN is drawn darkest", self.layer));
        }
        let title = format!("{} of {}, {}", self.layer, runner.network().model().name(), self.picture.display());
        self.maps.write(&self.maps.maps(self.colors).features(&title, &output)?, out)
    }

    /// Refuses a layer that is not there, or whose output is no maps, before anything runs.
    fn check_layer(&self, network: &Network) -> Result<(), Failure> {
        let layer = network.model().find_layer(&self.layer)?;
        let Some(shape) = layer.calls().first().and_then(|call| call.output_shapes.first()) else { return Ok(()) };
        if matches!(shape.len(), 2 | 4) {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "{} ({}) makes {}, which is neither maps [None, height, width, channels] nor values [None, units]; \
             write it with `cnn run --tap` instead",
            self.layer,
            layer.layer().class_name(),
            symbolic_shape(shape)
        )))
    }
}
