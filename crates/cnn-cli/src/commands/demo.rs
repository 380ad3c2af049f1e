//! `cnn demo`: real digits through a network that Keras trained, with nothing but this program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use cnn::io::{files, npy};
use cnn::plot::{ContactSheet, Mark};
use cnn::zoo::top;
use cnn::{Device, DeviceRequest, GpuError, Network, Options, Runner, Tensor};

use crate::console::Console;
use crate::failure::Failure;
use crate::measure::{Times, Until};
use crate::paths::check_writable;
use crate::pipeline_cache::PipelineCache;
use crate::profile;
use crate::table::milliseconds;

const MODEL: &[u8] = include_bytes!("../../demo/digits.keras");
const IMAGES: &[u8] = include_bytes!("../../demo/digits_images.npy");
const LABELS: &[u8] = include_bytes!("../../demo/digits_labels.npy");
const PREDICTIONS: &[u8] = include_bytes!("../../demo/digits_predictions.npy");

/// Classifies 300 handwritten digits on the best device found and on the CPU, and compares with Keras
#[derive(Debug, Args)]
pub struct Demo {
    /// Where, besides the CPU: auto, gpu, gpu:N, cpu or reference
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceRequest,
    /// Draws the digits with their labels and scores
    #[arg(long, value_name = "OUT.png")]
    picture: Option<PathBuf>,
}

/// The digits that were never used in training.
struct HeldOut {
    /// `[300, 8, 8, 1]`, grey values 0 to 16.
    images: Tensor,
    labels: Vec<usize>,
    /// Keras's probabilities, `[300, 10]`.
    keras: Tensor,
}

impl HeldOut {
    /// Every sixth picture.
    fn read() -> Result<Self, Failure> {
        let (images, labels) = (npy::read(IMAGES, "digits_images.npy")?, npy::read(LABELS, "digits_labels.npy")?);
        let keras = npy::read(PREDICTIONS, "digits_predictions.npy")?;
        let pixels: Vec<f32> = images.data().chunks(8 * 8).step_by(6).flatten().copied().collect();
        let labels: Vec<usize> = labels.data().iter().step_by(6).map(|&label| label as usize).collect();
        Ok(Self { images: Tensor::new(vec![labels.len(), 8, 8, 1], pixels)?, labels, keras })
    }

    fn len(&self) -> usize {
        self.labels.len()
    }
}

/// The class of each row with the largest score, and that score.
fn best(scores: &Tensor) -> Vec<(usize, f32)> {
    scores.data().chunks(10).flat_map(|row| top(row, 1)).collect()
}

fn agreeing(a: impl IntoIterator<Item = usize>, b: impl IntoIterator<Item = usize>) -> usize {
    a.into_iter().zip(b).filter(|(a, b)| a == b).count()
}

impl Demo {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        if let Some(picture) = &self.picture {
            check_writable(picture)?;
        }
        let network = Network::read(MODEL, "digits.keras")?;
        let digits = HeldOut::read()?;
        let parameters = network.model().count_params().total();
        writeln!(
            out,
            "{} handwritten digits, never seen in training, through a network that Keras trained",
            digits.len()
        )?;
        writeln!(out, "({parameters} parameters).\n")?;
        let mut devices = vec![pollster::block_on(Device::open(self.device))?];
        if let Device::Cpu { no_gpu: Some(reason) } = &devices[0] {
            writeln!(out, "No GPU was found, so the CPU does it: {reason}.\n")?;
        }
        if !matches!(devices[0], Device::Cpu { .. }) {
            devices.push(Device::cpu());
        }
        let mut scores = Vec::new();
        let mut disagreeing = Vec::new();
        for device in &devices {
            let _cache = PipelineCache::of(device, console);
            let runner = Runner::new(device, network.clone(), Options::default())?;
            let (output, agree) = on(&runner, &digits, console, out)?;
            if agree < digits.len() {
                disagreeing.push(format!("{device}: {} of {}", digits.len() - agree, digits.len()));
            }
            scores.push(output);
        }
        if let Some(picture) = &self.picture {
            draw(picture, &digits, &scores[0])?;
            writeln!(out, "{}: the digits with labels and scores", picture.display())?;
        }
        if disagreeing.is_empty() {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "predictions differ from Keras's ({}): a driver or this program is wrong; please report it with `cnn devices`",
            disagreeing.join("; ")
        )))
    }
}

/// Runs the digits on one device and prints how that went. The scores, and how many predictions are Keras's.
fn on(runner: &Runner, digits: &HeldOut, console: &Console, out: &mut dyn Write) -> Result<(Tensor, usize), Failure> {
    let doing = console.doing(&format!("running on {}", runner.device()));
    let inputs = std::slice::from_ref(&digits.images);
    let begin = Instant::now();
    let scores = runner.run_blocking(inputs)?.remove(0);
    let first = begin.elapsed();
    let times = Times::of(Until::Time(Duration::from_millis(500)), || Ok(runner.run_blocking(inputs).map(drop)?))?;
    drop(doing);

    let predicted: Vec<usize> = best(&scores).into_iter().map(|(class, _)| class).collect();
    let count = digits.len();
    let right = agreeing(predicted.iter().copied(), digits.labels.iter().copied());
    let agree = agreeing(predicted, best(&digits.keras).into_iter().map(|(class, _)| class));
    let differences = scores.data().iter().zip(digits.keras.data()).map(|(a, b)| (a - b).abs());
    let (percent, far) = (100.0 * right as f64 / count as f64, differences.fold(0.0, f32::max));
    let speed = count as f64 / times.median().as_secs_f64().max(f64::MIN_POSITIVE);
    match runner.device() {
        Device::Cpu { .. } => writeln!(out, "CPU")?,
        device => writeln!(out, "{device}")?,
    }
    writeln!(out, "  accuracy   {right} of {count}, {percent:.1} %")?;
    writeln!(out, "  as Keras   {agree} of {count}; the probabilities differ by at most {far:.1e}")?;
    let (first, median) = (milliseconds(first), milliseconds(times.median()));
    writeln!(out, "  speed      {speed:.0} images/s; all {count} in {median} ms, the first time in {first} ms")?;
    match pollster::block_on(runner.run_profiled(inputs)) {
        Ok((_, measured)) => {
            writeln!(out, "  Where the time goes:")?;
            profile::print_longest(&measured, 5, out)?;
        }
        Err(cnn::Error::NoProfile | cnn::Error::Gpu(GpuError::MissingFeature { .. })) => {
            writeln!(out, "  It has no clock for single steps.")?
        }
        Err(error) => return Err(error.into()),
    }
    writeln!(out)?;
    out.flush()?;
    Ok((scores, agree))
}

/// Draws the digits with the labels and scores of one device; those that are wrong stand out.
fn draw(path: &Path, digits: &HeldOut, scores: &Tensor) -> Result<(), Failure> {
    // Grey values are ink: 0 is paper.
    let mut sheet = ContactSheet::new("").columns(20).scale(6).range(16.0, 0.0);
    let mut right = 0;
    for (index, (&label, (class, score))) in digits.labels.iter().zip(best(scores)).enumerate() {
        let percent = 100.0 * score;
        if class == label {
            right += 1;
            sheet.add(&digits.images, index, format!("{class} {percent:.1}%"), Mark::Plain)?;
        } else {
            sheet.add(&digits.images, index, format!("{class} (is {label}) {percent:.0}%"), Mark::Wrong)?;
        }
    }
    let sheet = sheet.title(format!("Digits never seen in training: {right} of {} right", digits.len()));
    Ok(files::write(path, &sheet.to_png()?)?)
}
