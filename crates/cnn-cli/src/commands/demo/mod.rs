//! `cnn demo`: networks learn to read real digits, with nothing but this program.

mod digits;
mod opening;
mod recipe;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::Args;
use cnn::layers::Layer;
use cnn::plot::{ContactSheet, Curves};
use cnn::training::{History, Trainer};
use cnn::{Device, DeviceRequest, Model, Network};

use self::digits::{Digits, INK};
use self::recipe::Task;
use crate::console::Console;
use crate::failure::Failure;
use crate::pipeline_cache::PipelineCache;
use crate::training::judge::Judgement;
use crate::training::results::Folder;
use crate::training::watch::Watch;

/// Trains networks to read handwritten digits: from scratch, on a frozen base, and with augmentation for other writers
#[derive(Debug, Args)]
pub struct Demo {
    /// Where it trains: auto, gpu, gpu:N (as `cnn devices` numbers them), cpu, or reference, the slow float64 truth
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceRequest,
    /// How often each network learns from all its digits; with augmentation it does twice as often
    #[arg(long, default_value_t = recipe::EPOCHS, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    epochs: u32,
    /// What first weights, orders, dropout and augmentation are drawn from
    #[arg(long, default_value = "0", value_name = "N")]
    seed: u64,
    /// Draws curves and digits into this folder; without it nothing is written
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// A part of the demo.
struct Part {
    /// In panels and file names.
    name: &'static str,
    learned: Vec<Learned>,
}

/// A network that has learned its task.
struct Learned {
    name: &'static str,
    network: Network,
    history: History,
    judgement: Judgement,
}

impl Demo {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        let folder = self.folder.as_deref().map(Folder::make).transpose()?;
        let digits = Digits::read()?;
        let device = pollster::block_on(Device::open(self.device))?;
        if let Device::Cpu { no_gpu: Some(reason) } = &device {
            writeln!(out, "No GPU was found, so the CPU does it: {reason}.\n")?;
        }
        let _cache = PipelineCache::of(&device, console);
        let sheet = opening::run(&digits, &device, console, out)?;
        writeln!(
            out,
            "Networks that learn on {device}, {} epochs each, twice as many with augmentation\n",
            self.epochs
        )?;
        let parts = self.parts(&digits, &device, console, out)?;
        folder.map_or(Ok(()), |folder| draw(&folder, &sheet, &parts, out))
    }

    /// Trains everything.
    fn parts(
        &self,
        digits: &Digits,
        device: &Device,
        console: &Console,
        out: &mut dyn Write,
    ) -> Result<[Part; 3], Failure> {
        let mut learn = |task: Task| self.learn(&task, device, console, out);
        let seed = self.seed;
        let scratch = learn(recipe::scratch(digits, seed)?)?;
        let low = learn(recipe::low(digits, seed)?)?;
        let high = learn(recipe::high(digits, &low.network, seed)?)?;
        let plain = learn(recipe::writers(digits, seed)?)?;
        let augmented = learn(recipe::augmented(digits, seed)?)?;
        Ok([
            Part { name: "scratch", learned: vec![scratch] },
            Part { name: "transfer", learned: vec![low, high] },
            Part { name: "writers", learned: vec![plain, augmented] },
        ])
    }

    /// Trains one network and prints how that went.
    fn learn(&self, task: &Task, device: &Device, console: &Console, out: &mut dyn Write) -> Result<Learned, Failure> {
        let Task { title, name, network, training, test, .. } = task;
        let epochs = task.epochs(self.epochs) as usize;
        let count = network.model().count_params();
        writeln!(out, "{title}")?;
        writeln!(out, "  network   {}", outline(network.model()))?;
        writeln!(out, "            {} parameters, {} of them trained", count.total(), count.trainable)?;
        out.flush()?;
        let mut trainer = Trainer::new(device, network, recipe::compiled(self.seed))?;
        // A bar while it learns, and no line for each epoch.
        let (mut nowhere, stop) = (std::io::sink(), Arc::new(AtomicBool::new(false)));
        let watch = Watch::new(&mut nowhere, console, None, epochs, 0, stop.clone());
        let mut watch = watch.remedy("a driver or this program is wrong; please report it with `cnn devices`");
        let mut fit = recipe::fit(task, self.epochs)?.stop(stop).progress(|progress| watch.see(&progress));
        let begin = Instant::now();
        let fitted = trainer.fit_blocking(training, &mut fit)?;
        let time = begin.elapsed();
        drop(fit);
        watch.finish()?;
        let judgement = Judgement::of(&mut trainer, test, test.class_names(), false, console)?;
        let (learned, all) = (epochs * training.len(), test.len());
        let speed = learned as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE);
        let accuracy = judgement.logs.get("accuracy").unwrap_or(f64::NAN);
        let right = (accuracy * all as f64).round();
        writeln!(out, "  learned   {learned} images in {:.1} s, {speed:.0} images/s", time.as_secs_f64())?;
        writeln!(out, "  accuracy  {:.2} %, {right} of {all} never seen in training\n", 100.0 * accuracy)?;
        out.flush()?;
        let network = pollster::block_on(trainer.network())?;
        Ok(Learned { name, network, history: fitted.history, judgement })
    }
}

/// The layers in one line: `base (Conv2D, Flatten; frozen), Dense`.
fn outline(model: &Model) -> String {
    let inside = model.layers().iter().filter(|layer| !matches!(layer.layer(), Layer::InputLayer(_)));
    let texts = inside.map(|layer| match layer.nested() {
        Some(nested) if layer.trainable() => format!("{} ({})", layer.name(), outline(nested)),
        Some(nested) => format!("{} ({}; frozen)", layer.name(), outline(nested)),
        None => layer.layer().class_name().to_string(),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Writes the drawings.
fn draw(folder: &Folder, sheet: &ContactSheet, parts: &[Part], out: &mut dyn Write) -> Result<(), Failure> {
    let mut written = Vec::new();
    for quantity in ["loss", "accuracy"] {
        let svg = curves(quantity, parts).to_svg()?;
        let path = folder.write(&format!("{quantity}.svg"), svg.as_bytes())?;
        written.push((path, format!("{quantity} of each epoch, in training and on what is never seen there")));
    }
    for Part { name, learned } in parts {
        let last = learned.last().map(|learned| learned.judgement.worst(INK, 0.0)).transpose()?.flatten();
        if let Some(png) = last {
            let path = folder.write(&format!("{name}.png"), &png)?;
            written.push((path, "the digits with the largest loss, those that are taken for others in red".into()));
        }
    }
    written
        .push((folder.write("keras.png", &sheet.to_png()?)?, "the digits as the network of Keras reads them".into()));
    for (path, what) in written {
        writeln!(out, "{}  {what}", path.display())?;
    }
    Ok(())
}

/// A panel for each part, with two lines for each of its networks.
fn curves(quantity: &str, parts: &[Part]) -> Curves {
    let mut curves = Curves::new(format!("{quantity} of each epoch"));
    for part in parts {
        let mut lines = Vec::new();
        for Learned { name, history, .. } in &part.learned {
            for (data, number) in [("training", quantity.to_string()), ("test", format!("val_{quantity}"))] {
                lines.push((format!("{name}, {data}"), history.get(&number).unwrap_or_default()));
            }
        }
        let lines = lines.iter().map(|(name, values)| (name.as_str(), *values));
        curves = curves.panel(format!("{quantity}, {}", part.name), lines);
    }
    curves
}
