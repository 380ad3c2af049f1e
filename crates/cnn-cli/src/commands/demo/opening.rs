//! The demo's opening: the digits that are held out through a network that Keras trained, compared with Keras.

use std::io::Write;
use std::time::{Duration, Instant};

use cnn::io::npy;
use cnn::plot::{ContactSheet, Mark};
use cnn::zoo::top;
use cnn::{Device, Network, Options, Runner, Tensor};

use super::digits::{Digits, INK};
use crate::console::Console;
use crate::failure::Failure;
use crate::measure::{Times, Until};

const MODEL: &[u8] = include_bytes!("../../../demo/digits.keras");
const PREDICTIONS: &[u8] = include_bytes!("../../../demo/digits_predictions.npy");

/// The digits that were never used in training, and what Keras makes of them.
struct HeldOut {
    /// `[300, 8, 8, 1]`, grey values 0 to 16.
    images: Tensor,
    labels: Vec<usize>,
    /// Keras's probabilities, `[300, 10]`.
    keras: Tensor,
}

/// Runs them on the device and on the CPU and prints how that went. On the sheet they have the device's labels and scores.
pub fn run(digits: &Digits, device: &Device, console: &Console, out: &mut dyn Write) -> Result<ContactSheet, Failure> {
    let network = Network::read(MODEL, "digits.keras")?;
    let (images, labels) = digits.pictures(Digits::is_held_out)?;
    let held_out = HeldOut { images, labels, keras: npy::read(PREDICTIONS, "digits_predictions.npy")? };
    let (count, parameters) = (held_out.labels.len(), network.model().count_params().total());
    writeln!(out, "{count} handwritten digits through a network that Keras trained ({parameters} parameters)")?;
    let mut devices = vec![device.clone()];
    if !matches!(device, Device::Cpu { .. }) {
        devices.push(Device::cpu());
    }
    let mut scores = Vec::new();
    let mut disagreeing = Vec::new();
    for device in &devices {
        let runner = Runner::new(device, network.clone(), Options::default())?;
        let (output, agree) = on(&runner, &held_out, console, out)?;
        if agree < count {
            disagreeing.push(format!("{device}: {} of {count}", count - agree));
        }
        scores.push(output);
    }
    writeln!(out)?;
    out.flush()?;
    if disagreeing.is_empty() {
        return sheet(&held_out, &scores[0]);
    }
    Err(Failure::Failed(format!(
        "predictions differ from Keras's ({}): a driver or this program is wrong; please report it with `cnn devices`",
        disagreeing.join("; ")
    )))
}

/// The class of each row with the largest score, and that score.
fn best(scores: &Tensor) -> Vec<(usize, f32)> {
    scores.data().chunks(10).flat_map(|row| top(row, 1)).collect()
}

fn agreeing(a: impl IntoIterator<Item = usize>, b: impl IntoIterator<Item = usize>) -> usize {
    a.into_iter().zip(b).filter(|(a, b)| a == b).count()
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
    let count = digits.labels.len();
    let right = agreeing(predicted.iter().copied(), digits.labels.iter().copied());
    let agree = agreeing(predicted, best(&digits.keras).into_iter().map(|(class, _)| class));
    let differences = scores.data().iter().zip(digits.keras.data()).map(|(a, b)| (a - b).abs());
    let (percent, far) = (100.0 * right as f64 / count as f64, differences.fold(0.0, f32::max));
    let speed = count as f64 / times.median().as_secs_f64().max(f64::MIN_POSITIVE);
    match runner.device() {
        Device::Cpu { .. } => writeln!(out, "  CPU")?,
        device => writeln!(out, "  {device}")?,
    }
    let first = crate::table::milliseconds(first);
    writeln!(
        out,
        "    accuracy  {right} of {count}, {percent:.1} %; {speed:.0} images/s, the first time in {first} ms"
    )?;
    writeln!(out, "    as Keras  {agree} of {count}; the probabilities differ by at most {far:.1e}")?;
    Ok((scores, agree))
}

/// The digits with labels and scores; those that are wrong stand out.
fn sheet(digits: &HeldOut, scores: &Tensor) -> Result<ContactSheet, Failure> {
    let mut sheet = ContactSheet::new("").columns(20).scale(6).range(INK, 0.0);
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
    let count = digits.labels.len();
    Ok(sheet.title(format!("Digits never seen in training, by a network that Keras trained: {right} of {count} right")))
}
