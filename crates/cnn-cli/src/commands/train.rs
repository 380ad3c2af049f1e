//! `cnn train`: a network learns the classes of pictures.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use cnn::data::Channels;
use cnn::io::files;
use cnn::layers::Pipeline;
use cnn::training::callback::{CsvLogger, Mode, What};
use cnn::training::{Fit, Fitted, History, Loss, ModelCheckpoint, Recomputation, Trainer, Training};
use cnn::zoo::{Arguments, Pooling, Row};
use cnn::{DeviceRequest, Network, Summary};
use serde_json::{Map, Value, json};

use crate::console::Console;
use crate::device;
use crate::failure::Failure;
use crate::model::WeightsArgs;
use crate::paths::check_writable;
use crate::picture::{self, SIDE, Size};
use crate::pipeline_cache::PipelineCache;
use crate::training::augment::Augmentation;
use crate::training::data::{Data, Reading, check_size, format_of};
use crate::training::judge::{Judgement, accuracy};
use crate::training::listener::Listener;
use crate::training::loss::{self, LossName};
use crate::training::multiplier::{Multiplier, multiplied};
use crate::training::network;
use crate::training::optimizer::OptimizerText;
use crate::training::results::{Folder, curves};
use crate::training::step_log::StepLog;
use crate::training::transfer::{FineTuning, check_drawing, find_learning_rate};
use crate::training::watch::Watch;

/// Epochs where nothing is said.
const EPOCHS: usize = 10;

/// Trains a network on pictures of classes
#[derive(Debug, Args)]
pub struct Train {
    /// A folder with a folder of pictures for each class (.bmp, .gif, .jpeg, .jpg, .png), or an .npz of x and y (or x_train,
    /// y_train, and x_test, y_test to validate by)
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Trains the model in this .keras or whole-model .h5 file on
    #[arg(long, value_name = "FILE", conflicts_with = "base")]
    model: Option<PathBuf>,
    /// What was done to the pixels that the model of --model has learned from, if it has no layers for it: it becomes a layer
    #[arg(long, requires = "model", conflicts_with = "base")]
    preprocess: Option<picture::Mode>,
    /// Puts a new classifier on this model of the zoo, which brings its published weights
    #[arg(long, value_name = "MODEL")]
    base: Option<Base>,
    /// The base's weights, in place of the published ones: .weights.h5, .h5, .keras or .safetensors
    #[arg(long, value_name = "FILE", requires = "base", conflicts_with = "model")]
    weights: Option<PathBuf>,
    /// Trains the new classifier alone and leaves the base as it is
    #[arg(long, requires = "base", conflicts_with = "model")]
    freeze: bool,
    #[command(flatten)]
    fine_tuning: FineTuning,
    /// Looks for a learning rate instead of training, and draws the loss over it: .svg or .png
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "learning_rate.svg")]
    #[arg(conflicts_with_all = ["resume", "output", "folder", "epochs", "steps", "step_log"])]
    find_learning_rate: Option<PathBuf>,
    /// What a folder's pictures are brought to: 96, or HEIGHTxWIDTH; by default what the model takes, or 128
    #[arg(long, value_name = "N|HxW")]
    image_size: Option<Size>,
    /// How often all samples are learned from [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "steps")]
    epochs: Option<u32>,
    /// Ends after so many batches instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Samples of a batch
    #[arg(long, default_value = "32", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Keras's name, and its arguments behind commas: sgd,learning_rate=0.05,momentum=0.9,nesterov
    #[arg(long, default_value = "adam", value_name = "NAME[,ARGUMENT=VALUE…]")]
    optimizer: OptimizerText,
    /// Multiplies the learning rate of the weights whose path begins so, as in resnet50/=0.1; may be given several times, and
    /// of several prefixes of a path the longest counts
    #[arg(long, value_name = "PREFIX=FACTOR")]
    learning_rate_multiplier: Vec<Multiplier>,
    /// Computes convolutions and matrix products on float16, which takes less memory and on most GPUs less time; weights stay
    /// float32
    #[arg(long)]
    mixed: bool,
    /// Makes activations again for the gradients where that takes less memory than keeping them, which takes more time
    #[arg(long)]
    recompute: bool,
    /// Keras's name; by default the cross-entropy that goes with the model's output
    #[arg(long, value_name = "NAME")]
    loss: Option<LossName>,
    /// The share of the samples that the training is judged by, 0 for none [default: 0.2, or an .npz file's x_test]
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    validation: Option<f64>,
    /// Each epoch in an order of its own; with false in the order of the files or arrays
    #[arg(long, default_value = "true", value_name = "true|false", action = clap::ArgAction::Set)]
    shuffle: bool,
    /// Changes the pictures of each step at random, on the device, as in flip,rotate=0.1,mixup; `cnn augment` shows all there is
    #[arg(long, value_name = "NAME[=STRENGTH],…")]
    augment: Option<Augmentation>,
    /// What first weights, orders, dropout and augmentation are drawn from
    #[arg(long, default_value = "0", value_name = "N")]
    seed: u64,
    /// Where it runs: auto, gpu, gpu:N (as `cnn devices` numbers them), cpu, or reference, the slow float64 truth
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceRequest,
    /// Writes the loss of each step
    #[arg(long, value_name = "FILE.csv")]
    step_log: Option<PathBuf>,
    /// The trained model: .keras or .h5 [default: model.keras in the results' folder]
    #[arg(long, value_name = "model.keras")]
    output: Option<PathBuf>,
    /// Where all results go
    #[arg(long, default_value = "training", value_name = "DIR")]
    folder: PathBuf,
    /// Goes on with the training in the folder, exactly as if it had never been interrupted
    #[arg(long)]
    resume: bool,
}

/// A part of the training with an optimizer of its own.
struct Stage {
    epochs: usize,
    steps: u64,
    /// Steps of the stages before.
    before: usize,
    checkpoint: PathBuf,
    history: PathBuf,
    /// The least loss before.
    best: Option<f64>,
    /// True once the user wants an end.
    stop: Arc<AtomicBool>,
}

/// A model of the zoo.
#[derive(Debug, Clone)]
struct Base(&'static Row);

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        cnn::zoo::find(text).map(Base).map_err(|error| error.to_string())
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|fraction: &f64| (0.0..1.0).contains(fraction));
    fraction.ok_or_else(|| "it takes a share from 0 to below 1, as in 0.2".into())
}

impl Train {
    pub fn run(&self, console: &Console, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
        let out = &mut Listener::new(out);
        self.check_files()?;
        let own = self.model.as_deref().map(|path| load(path, console)).transpose()?;
        let data = Data::training(&self.data, self.reading(own.as_ref(), console)?, self.validation, console)?;
        let network = self.network(own, &data, console)?;
        let augmentation = match &self.augment {
            Some(augmentation) => augmentation.pipeline(&data.shape, [data.least, data.white])?,
            None => Pipeline::new(),
        };
        let loss = loss::of(network.model(), self.loss)?;
        let one = network::units(network.model()) == Some(1);
        let data = if one || loss::takes_class_numbers(&loss) { data } else { data.one_hot()? };
        let training = Training::new(loss, self.optimizer.optimizer)
            .seed(self.seed)
            .mixed_precision(self.mixed)
            .recompute(self.recompute)
            .augment(augmentation);
        let training = multiplied(training, &self.learning_rate_multiplier);
        // What is wrong is told before anything is written, of the second stage too.
        let fine_tune = self.fine_tuning.how(network.model(), &self.optimizer.optimizer);
        let first = match &fine_tune {
            Some(how) => {
                let (whole, second) = how.whole(&network, &training)?;
                second.check(whole.model())?;
                how.head_training(&network, &training)
            }
            None => training.clone(),
        };
        first.check(network.model())?;
        if let Some(drawing) = &self.find_learning_rate {
            let device = device::open(self.device, console)?;
            let _cache = PipelineCache::of(&device, console);
            let mut trainer = Trainer::new(&device, &network, first)?;
            return find_learning_rate(&mut trainer, &data.samples, drawing, console, out);
        }
        let folder = Folder::open(&self.folder, &self.settings(&data), self.resume, console)?;
        let device = device::open(self.device, console)?;
        let summary = network.model().summary(&Summary::default());
        let summary = summary.map_err(|error| Failure::Failed(error.to_string()))?;
        out.write_all(summary.as_bytes())?;
        writeln!(out)?;
        data.print(out)?;
        writeln!(out, "on {device}\n")?;
        out.flush()?;
        let _cache = PipelineCache::of(&device, console);
        let mut trainer = Trainer::new(&device, &network, first)?;
        self.print_recomputation(&trainer, &data, out)?;
        let stage = self.stage(&data, &folder)?;
        let mut histories = vec![("history", self.fit(&mut trainer, &data, &stage, &folder, console, out)?.history)];
        if let Some(how) = fine_tune {
            let (network, training) = how.whole(&pollster::block_on(trainer.network())?, &training)?;
            let learning = network.model().count_params().trainable;
            writeln!(out, "\nfine-tuning: {learning} parameters learn, at {:e}", training.optimizer.learning_rate)?;
            trainer = Trainer::new(&device, &network, training)?;
            self.print_recomputation(&trainer, &data, out)?;
            let stage = self.second_stage(stage, &histories[0].1, &data, &folder);
            histories.push(("fine_tuning", self.fit(&mut trainer, &data, &stage, &folder, console, out)?.history));
        }
        self.finish(&mut trainer, &histories, &data, &folder, console, out)
    }

    /// What recomputation saves, if it was asked for.
    fn print_recomputation(&self, trainer: &Trainer, data: &Data, out: &mut dyn Write) -> Result<(), Failure> {
        let batch = data.samples.len().min(self.batch as usize);
        let shape = [&[batch], data.shape.as_slice()].concat();
        let Some(Recomputation { segments, bytes, bytes_kept }) = trainer.recomputation(&[shape])? else {
            return Ok(());
        };
        let mib = |bytes: usize| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let (less, all) = (mib(bytes), mib(bytes_kept));
        match segments {
            1 => writeln!(out, "recomputation would save nothing: a step takes {all} beside the weights\n")?,
            _ => writeln!(
                out,
                "recomputation in {segments} segments: a step takes {less} beside the weights, not {all}\n"
            )?,
        }
        Ok(())
    }

    /// What can be told before anything is read.
    fn check_files(&self) -> Result<(), Failure> {
        if let Some(output) = &self.output {
            check_writable(output)?;
            if let Some(wanted) = What::Whole.misnamed(&output.display().to_string()) {
                return Err(Failure::Usage(format!("--output {}: {wanted}", output.display())));
            }
        }
        self.fine_tuning.check()?;
        self.find_learning_rate.as_deref().map_or(Ok(()), check_drawing)?;
        self.step_log.as_deref().map_or(Ok(()), check_writable)
    }

    fn reading(&self, own: Option<&Network>, console: &Console) -> Result<Reading, Failure> {
        let wanted = self.image_size.map(|Size(height, width)| (height, width));
        let format = match (own, &self.base) {
            (Some(network), _) => format_of(network, wanted, self.data.is_file(), console)?,
            (None, Some(Base(row))) => {
                let (height, width) = wanted.unwrap_or((row.default_size, row.default_size));
                (height, width, Channels::Rgb)
            }
            (None, None) => {
                let (height, width) = wanted.unwrap_or((SIDE, SIDE));
                (height, width, Channels::Rgb)
            }
        };
        check_size(wanted, &self.data)?;
        Ok(Reading { format, batch: self.batch as usize, shuffle: self.shuffle, seed: self.seed })
    }

    fn network(&self, own: Option<Network>, data: &Data, console: &Console) -> Result<Network, Failure> {
        let loss = self.loss.map(|asked| asked.loss);
        let network = match (own, &self.base) {
            (Some(network), _) => network,
            (None, Some(Base(row))) => self.on_base(row, data, loss.as_ref(), console)?,
            (None, None) => network::small(data, loss.as_ref(), self.seed).map_err(|failure| match failure {
                Failure::Failed(text) => Failure::Failed(format!("{}: {text}", self.data.display())),
                failure => failure,
            })?,
        };
        let remedy =
            "leave --model out, put a new classifier on a model of the zoo by --base, or give data of its classes";
        network::check(network.model(), data, remedy)?;
        match self.preprocess {
            Some(mode) => network::with_preprocessing(&network, mode.into(), data),
            None => Ok(network),
        }
    }

    fn on_base(&self, row: &Row, data: &Data, loss: Option<&Loss>, console: &Console) -> Result<Network, Failure> {
        let &[height, width, 3] = data.shape.as_slice() else {
            let got = crate::table::shape(&data.shape);
            let text = format!("it takes pictures of 3 channels, but the samples are {got}; leave --base out");
            return Err(Failure::Failed(format!("{}: {text}", row.name)));
        };
        let arguments = Arguments::default().include_top(false).pooling(Pooling::Avg).input_shape([height, width, 3]);
        let weights = WeightsArgs { weights: self.weights.clone(), skip_mismatch: false };
        let base = weights.zoo(row, arguments, console)?;
        network::on_base(row, &base, self.freezes(), data, loss, self.seed)
    }

    /// Whether the base is left as it is, be it at first.
    fn freezes(&self) -> bool {
        self.freeze || self.fine_tuning.is_asked()
    }

    /// All that decides what is computed.
    fn settings(&self, data: &Data) -> Map<String, Value> {
        let file = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let multipliers: Vec<&str> = self.learning_rate_multiplier.iter().map(|given| given.text.as_str()).collect();
        let settings = json!({
            "model": file(&self.model),
            "preprocess": self.preprocess.map(|mode| format!("{mode:?}").to_lowercase()),
            "base": self.base.as_ref().map(|Base(row)| row.name),
            "weights": file(&self.weights),
            "freeze": self.freeze,
            "fine_tune": self.fine_tuning.fine_tune,
            "fine_tune_from": self.fine_tuning.fine_tune_from,
            "fine_tune_rate": self.fine_tuning.fine_tune_rate,
            "data": data.digest,
            "samples": data.samples.len(),
            "shape": data.shape,
            "classes": data.classes,
            // A second stage begins where these have ended.
            "epochs": self.fine_tuning.is_asked().then(|| self.epochs()),
            "batch": self.batch,
            "optimizer": self.optimizer.text,
            "learning_rate_multiplier": (!multipliers.is_empty()).then_some(multipliers),
            "mixed": self.mixed,
            "recompute": self.recompute,
            "loss": self.loss.map(|loss| loss.name),
            "validation": self.validation,
            "shuffle": self.shuffle,
            "augment": self.augment.as_ref().map(|augmentation| &augmentation.text),
            "seed": self.seed,
        });
        if let Value::Object(settings) = settings { settings } else { Map::new() }
    }

    fn epochs(&self) -> usize {
        self.epochs.map_or(EPOCHS, |epochs| epochs as usize)
    }

    fn stage(&self, data: &Data, folder: &Folder) -> Result<Stage, Failure> {
        let batches = data.samples.batches().max(1);
        let epochs = match self.steps {
            Some(steps) => usize::try_from(steps).unwrap_or(usize::MAX).div_ceil(batches),
            None => self.epochs(),
        };
        let steps = self.steps.unwrap_or((epochs * batches) as u64);
        let (checkpoint, history) = (folder.checkpoint(), folder.file("history.csv"));
        let stop = crate::training::interrupt::flag()?;
        Ok(Stage { epochs, steps, before: 0, checkpoint, history, best: None, stop })
    }

    /// The stage behind `first`: the best model of all is kept.
    fn second_stage(&self, first: Stage, history: &History, data: &Data, folder: &Folder) -> Stage {
        let epochs = self.fine_tuning.fine_tune_epochs.map_or(first.epochs, |epochs| epochs as usize);
        let batches = data.samples.batches().max(1);
        let losses = history.get(monitor(data)).unwrap_or_default();
        Stage {
            epochs,
            steps: (epochs * batches) as u64,
            before: first.epochs * batches,
            checkpoint: folder.fine_tuning_checkpoint(),
            history: folder.file("fine_tuning.csv"),
            best: losses.iter().copied().reduce(f64::min),
            stop: first.stop,
        }
    }

    fn fit(
        &self,
        trainer: &mut Trainer,
        data: &Data,
        stage: &Stage,
        folder: &Folder,
        console: &Console,
        out: &mut (dyn Write + Send),
    ) -> Result<Fitted, Failure> {
        let stop = &stage.stop;
        let resumed = self.resume || stage.before > 0;
        let log = self.step_log.as_deref().map(|path| StepLog::new(path, resumed));
        let mut watch = Watch::new(out, console, log, stage.epochs, stage.before, stop.clone());
        let mut best =
            ModelCheckpoint::new(&folder.best()?)?.monitor(monitor(data)).mode(Mode::Min).save_best_only(true);
        if let Some(loss) = stage.best {
            best = best.initial_value_threshold(loss);
        }
        let mut fit = Fit::new(stage.epochs)
            .metric(accuracy(trainer.model(), loss::is_of_logits(trainer.training().loss)))
            .callback(best)
            .callback(CsvLogger::new(stage.history.clone()))
            .checkpoint(&stage.checkpoint)
            .max_steps(stage.steps)
            .stop(stop.clone())
            .progress(|progress| watch.see(&progress));
        if let Some(validation) = &data.validation {
            fit = fit.validation(validation);
        }
        let fitted = trainer.fit_blocking(&data.samples, &mut fit)?;
        drop(fit);
        let diverged = watch.diverged();
        match watch.finish() {
            Err(Failure::Failed(text)) if diverged => return Err(folder.diverged(&stage.checkpoint, &text)),
            finished => finished?,
        }
        self.check_interrupted(trainer, stage)?;
        Ok(fitted)
    }

    fn check_interrupted(&self, trainer: &Trainer, stage: &Stage) -> Result<(), Failure> {
        let (done, steps) = (trainer.iterations(), stage.steps);
        if !stage.stop.load(Ordering::Relaxed) || done >= steps {
            return Ok(());
        }
        let how = match (stage.checkpoint.exists(), stage.before) {
            (true, _) => "the same command with --resume goes on from there",
            (false, 0) => "there is no checkpoint yet, so the same command begins anew",
            (false, _) => "the same command with --resume goes on from the end of the first stage",
        };
        Err(Failure::Interrupted(format!("stopped after step {done} of {steps}; {how}")))
    }

    /// Writes what has been learned, and how well.
    fn finish(
        &self,
        trainer: &mut Trainer,
        histories: &[(&str, History)],
        data: &Data,
        folder: &Folder,
        console: &Console,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let network = pollster::block_on(trainer.network())?;
        let output = self.output.clone().unwrap_or_else(|| folder.model());
        files::save(&output, network.model(), &network.weights()?)?;
        let mut written = vec![(output, "the trained model")];
        let (judged, part) = match &data.validation {
            Some(validation) => (validation, "validation"),
            None => (&data.samples, "training"),
        };
        let logits = loss::is_of_logits(trainer.training().loss);
        let judgement = Judgement::of(trainer, judged, &data.classes, logits, console)?;
        writeln!(out, "\n{part}")?;
        judgement.print(out)?;
        writeln!(out)?;
        if let Some(best) = folder.written_best() {
            written.push((best, "the model after its best epoch"));
        }
        let names = data.classes.join("\n") + "\n";
        written.push((folder.write("classes.txt", names.as_bytes())?, "the names of the classes, for `cnn classify`"));
        let title = network.model().name();
        for (name, history) in histories.iter().filter(|(_, history)| !history.epochs().is_empty()) {
            let svg = curves(title, history).to_svg()?;
            written.push((folder.write(&format!("{name}.svg"), svg.as_bytes())?, "loss and accuracy of each epoch"));
        }
        let svg = judgement.confusion(&format!("{title}, {part}"))?.to_svg()?;
        written.push((folder.write("confusion.svg", svg.as_bytes())?, "which classes are taken for which"));
        if let Some(png) = judgement.worst(data.least, data.white)? {
            written.push((folder.write("worst.png", &png)?, "the pictures with the largest loss"));
        }
        for (path, what) in &written {
            writeln!(out, "{}  {what}", path.display())?;
        }
        Ok(())
    }
}

/// What a training is watched and judged by.
fn monitor(data: &Data) -> &'static str {
    if data.validation.is_some() { "val_loss" } else { "loss" }
}

/// A file's model, with what of it was not kept.
fn load(path: &Path, console: &Console) -> Result<Network, Failure> {
    let _doing = console.doing(&format!("reading {}", path.display()));
    let network = Network::load(path)?;
    network.notes().iter().for_each(|note| console.detail(&format!("{}: {note}", path.display())));
    Ok(network)
}
