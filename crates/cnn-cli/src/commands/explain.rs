//! `cnn explain`: which part of a picture an answer comes from.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cnn::explain::{GradCam, Occlusion};
use cnn::io::files;
use cnn::plot::heat_maps;
use cnn::zoo::{Preprocess, top};
use cnn::{Options, Runner, Tensor};

use crate::console::Console;
use crate::device::{self, DeviceArgs};
use crate::failure::Failure;
use crate::labels::{self, Labels, check_scores, classes};
use crate::model::{Source, WeightsArgs};
use crate::paths::check_png;
use crate::picture::PictureArgs;
use crate::pipeline_cache::PipelineCache;

/// Draws over a picture which part of it speaks for a label
#[derive(Debug, Args)]
pub struct Explain {
    /// A PNG, JPEG, GIF, BMP or WebP file
    picture: PathBuf,
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    #[arg(long, value_name = "MODEL|FILE")]
    model: Source,
    #[command(flatten)]
    weights: WeightsArgs,
    /// How: by the gradients of a layer, or by what the score loses where the picture is covered
    #[arg(long, default_value = "grad-cam")]
    method: Method,
    /// The layer for grad-cam, as `cnn summary` names it; one of a nested model is NESTED/LAYER. By default the last that has
    /// places and is no pooling
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Pixels of a side of the patch for occlusion, of the picture as the model takes it; by default a seventh of its side
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    patch: Option<u32>,
    /// How many pixels that patch moves; by default half its side
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    stride: Option<u32>,
    /// What is to be explained, by its number or name; by default what has the largest score
    #[arg(long, value_name = "N|LABEL")]
    class: Option<String>,
    /// How many labels to explain, from the one with the largest score on
    #[arg(long, default_value = "1", value_name = "K", conflicts_with = "class", value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// The classes' names, where they are not ImageNet's: a text with one in each line, or JSON as Keras has it
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    pixels: PictureArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// Where the drawing goes
    #[arg(long, default_value = "overlay.png", value_name = "overlay.png")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Selvaraju et al., 2017
    GradCam,
    /// Zeiler and Fergus, 2014
    Occlusion,
}

impl Explain {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        self.check()?;
        let network = self.pixels.preprocessing(self.weights.load(&self.model, true, console)?);
        let labels = Labels::of(&network, &self.model, self.labels.as_deref(), console)?;
        let class = self.class.as_ref().map(|text| labels.find(text, classes(network.model())?)).transpose()?;
        let format = self.pixels.format(network.model(), &self.model)?;
        let pixels = self.pixels.read(&self.picture, format, Preprocess::None).map_err(Failure::Failed)?;
        let input = network.preprocess().apply(pixels.clone())?;
        let device = device::open(self.device.device, console)?;
        let _cache = PipelineCache::of(&device, console);
        let options = Options { precision: self.device.precision.into(), ..Options::default() };
        let runner = Runner::new(&device, network, options)?;
        let doing = console.doing(&format!("running on {device}"));
        let outputs = runner.run_blocking(std::slice::from_ref(&input))?.remove(0);
        let scores = labels::scores(runner.network().model(), outputs.into_data());
        check_scores(&scores).map_err(|wrong| failed(&self.picture, &wrong))?;
        let chosen: Vec<usize> = match class {
            Some(class) => vec![class],
            None => top(&scores, self.top as usize).into_iter().map(|(class, _)| class).collect(),
        };
        let (method, maps) = self.maps(&runner, &input, &chosen)?;
        drop(doing);
        for (&class, map) in chosen.iter().zip(maps.data().chunks(maps.len() / chosen.len().max(1))) {
            if map.iter().all(|&x| x <= 0.0) {
                console.note(&format!("nothing in the picture speaks for {}: its map is dark", labels.name(class)));
            }
        }
        let lines: Vec<String> =
            chosen.iter().map(|&class| format!("{:.4}  {}", scores[class], labels.name(class))).collect();
        let title = format!("{method} of {}, {}", runner.network().model().name(), self.picture.display());
        files::write(&self.output, &heat_maps(&title, &pixels, &maps, &lines)?.to_png()?)?;
        writeln!(out, "{}  {title}", self.output.display())?;
        lines.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        Ok(())
    }

    /// Refuses what makes no sense, before anything is loaded.
    fn check(&self) -> Result<(), Failure> {
        let usage = |text: &str| Err(Failure::Usage(text.into()));
        match self.method {
            Method::GradCam if self.patch.or(self.stride).is_some() => {
                usage("--patch and --stride go with --method occlusion; grad-cam covers nothing")
            }
            Method::Occlusion if self.layer.is_some() => {
                usage("--layer goes with --method grad-cam; occlusion looks at no layer")
            }
            Method::GradCam | Method::Occlusion => check_png(&self.output),
        }
    }

    /// What was done, and the map of each of the classes.
    fn maps(&self, runner: &Runner, input: &Tensor, classes: &[usize]) -> Result<(String, Tensor), Failure> {
        match self.method {
            Method::GradCam => {
                let grad_cam = GradCam::new_blocking(runner, self.layer.as_deref(), input.shape())?;
                let mut maps = Vec::new();
                let mut shape = Vec::new();
                for &class in classes {
                    let map = grad_cam.maps_blocking(input, &[class])?;
                    shape = map.shape().to_vec();
                    maps.extend(map.into_data());
                }
                shape[0] = classes.len();
                Ok((format!("grad-cam at {}", grad_cam.layer()), Tensor::new(shape, maps)?))
            }
            Method::Occlusion => {
                let (height, width) = (input.shape()[1], input.shape()[2]);
                let side = height.min(width);
                let patch = self.patch.map_or((side / 7).max(1), |patch| patch as usize);
                let stride = self.stride.map_or((patch / 2).max(1), |stride| stride as usize);
                if patch >= side || stride > patch {
                    let text = format!("a patch of {patch} pixels every {stride} says nothing of a picture of");
                    let remedy = "take a --patch smaller than that, and a --stride of at most the patch";
                    return Err(Failure::Usage(format!("{text} {height} x {width}; {remedy}")));
                }
                let occlusion = Occlusion::new(patch, stride).fill(mean(input));
                let maps = occlusion.maps_blocking(runner, input, classes)?;
                Ok((format!("occlusion by {patch} x {patch} pixels every {stride}"), maps))
            }
        }
    }
}

/// The mean of each channel: a patch of the picture's own colour.
fn mean(input: &Tensor) -> Vec<f32> {
    let channels = input.shape()[3];
    let of = |channel: usize| input.data().iter().skip(channel).step_by(channels).map(|&x| f64::from(x)).sum::<f64>();
    (0..channels).map(|channel| (of(channel) / (input.len() / channels) as f64) as f32).collect()
}

fn failed(picture: &Path, wrong: &str) -> Failure {
    Failure::Failed(format!("{}: {wrong}", picture.display()))
}
