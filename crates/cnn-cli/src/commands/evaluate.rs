//! `cnn evaluate`: how well a network knows pictures of classes.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cnn::io::files;
use cnn::training::{Optimizer, Trainer, Training};
use cnn::{DeviceRequest, Network};

use crate::console::Console;
use crate::device;
use crate::failure::Failure;
use crate::labels::names;
use crate::paths::check_writable;
use crate::picture::{self, Size};
use crate::pipeline_cache::PipelineCache;
use crate::training::data::{Data, Reading, check_size, format_of};
use crate::training::judge::Judgement;
use crate::training::loss::{self, LossName};
use crate::training::network;

/// Says how well a model tells the classes of pictures apart
#[derive(Debug, Args)]
pub struct Evaluate {
    /// A folder with a folder of pictures for each class, or an .npz of x and y (or of x_test, y_test)
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// A .keras or whole-model .h5 file; without --labels its classes are in the order of the folders' names
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The names of the model's classes, by which the folders are found: a text with one in each line, or JSON as Keras has it
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// What a folder's pictures are brought to: 96, or HEIGHTxWIDTH; by default what the model takes, or 128
    #[arg(long, value_name = "N|HxW")]
    image_size: Option<Size>,
    /// What is done to pixels before, where the model has no layers for it
    #[arg(long)]
    preprocess: Option<picture::Mode>,
    /// Samples of a batch
    #[arg(long, default_value = "32", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Keras's name; by default the cross-entropy that goes with the model's output
    #[arg(long, value_name = "NAME")]
    loss: Option<LossName>,
    /// Where it runs: auto, gpu, gpu:N (as `cnn devices` numbers them), cpu, or reference, the slow float64 truth
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceRequest,
    /// Draws which classes are taken for which
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    confusion: Option<PathBuf>,
}

impl Evaluate {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        let png = self.confusion.as_deref().map(picture_kind).transpose()?;
        let network = {
            let _doing = console.doing(&format!("reading {}", self.model.display()));
            Network::load(&self.model)?
        };
        network.notes().iter().for_each(|note| console.detail(&format!("{}: {note}", self.model.display())));
        let size = self.image_size.map(|Size(height, width)| (height, width));
        check_size(size, &self.data)?;
        let format = format_of(&network, size, self.data.is_file(), console)?;
        let reading = Reading { format, batch: self.batch as usize, shuffle: false, seed: 0 };
        let classes = network::units(network.model()).map_or(0, |units| units.max(2));
        let data = Data::test(&self.data, reading, classes, console)?;
        let data = self.by_name(data, classes, console)?;
        network::check(
            network.model(),
            &data,
            "give data of the classes that it was trained on, or their names by --labels",
        )?;
        let network = match self.preprocess {
            Some(mode) => network::with_preprocessing(&network, mode.into(), &data)?,
            None => network,
        };
        let loss = loss::of(network.model(), self.loss)?;
        let one = network::units(network.model()) == Some(1);
        let data = if one || loss::takes_class_numbers(&loss) { data } else { data.one_hot()? };
        let device = device::open(self.device, console)?;
        let _cache = PipelineCache::of(&device, console);
        let mut trainer = Trainer::new(&device, &network, Training::new(loss, Optimizer::sgd()))?;
        let logits = loss::is_of_logits(loss);
        let judgement = Judgement::of(&mut trainer, &data.samples, &data.classes, logits, console)?;
        judgement.print(out)?;
        writeln!(out)?;
        judgement.print_classes(out)?;
        if let (Some(path), Some(png)) = (&self.confusion, png) {
            let plot = judgement.confusion(network.model().name())?;
            let bytes = if png { plot.to_png()? } else { plot.to_svg()?.into_bytes() };
            files::write(path, &bytes)?;
            writeln!(out, "\n{}  which classes are taken for which", path.display())?;
        }
        Ok(())
    }

    /// The data with classes by the names that the model has for them, if these are given.
    fn by_name(&self, data: Data, classes: usize, console: &Console) -> Result<Data, Failure> {
        if let Some(labels) = &self.labels {
            return data.with_classes(names(labels, classes)?, &self.data);
        }
        let beside = self.model.with_file_name("classes.txt");
        if !self.data.is_file() && names(&beside, classes).is_ok_and(|names| names != data.classes) {
            let (data, beside) = (self.data.display(), beside.display());
            let text =
                format!("{beside} names other classes than the folders of {data}; to go by it, give it by --labels");
            console.note(&text);
        }
        Ok(data)
    }
}

/// Whether it is to be PNG, not SVG.
fn picture_kind(path: &std::path::Path) -> Result<bool, Failure> {
    check_writable(path)?;
    match path.extension().map(|end| end.to_string_lossy().to_lowercase()).as_deref() {
        Some("png") => Ok(true),
        Some("svg") => Ok(false),
        _ => Err(Failure::Usage(format!("--confusion {}: end the name in .svg or .png", path.display()))),
    }
}
