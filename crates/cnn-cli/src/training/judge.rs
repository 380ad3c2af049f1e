//! How well a network knows a data set.

use std::io::Write;

use cnn::data::{Batch, Dataset};
use cnn::plot::{ConfusionPlot, ContactSheet, Mark, PlotError};
use cnn::training::{Accuracy, Logs, Metric, Trainer};
use cnn::zoo::top;
use cnn::{Model, Tensor};

use crate::console::Console;
use crate::failure::Failure;
use crate::labels::probabilities;
use crate::table::Table;

/// So many of the worst samples are drawn.
const WORST: usize = 20;
/// A drawn picture's side is about so many pixels where the picture itself is smaller.
const DRAWN: usize = 120;

/// What a network makes of a data set.
#[derive(Debug)]
pub struct Judgement {
    /// Loss, accuracy, and with more than five classes top-5 accuracy.
    pub logs: Logs,
    classes: Vec<String>,
    /// Row by row: how often each class was taken for each class.
    counts: Vec<f64>,
    /// Those with the largest loss, the worst first.
    worst: Vec<Sample>,
}

/// A sample and what the network says of it.
#[derive(Debug)]
struct Sample {
    /// The logarithm of its own class's probability, with the sign changed.
    loss: f32,
    label: usize,
    predicted: usize,
    /// Of the class predicted.
    probability: f32,
    /// `[1, ...]`
    pixels: Tensor,
}

impl Judgement {
    /// Runs the network as it is now over all samples. Outputs are `logits` or probabilities.
    pub fn of(
        trainer: &mut Trainer,
        data: &Dataset,
        classes: &[String],
        logits: bool,
        console: &Console,
    ) -> Result<Self, Failure> {
        let many = classes.len() > 5 && super::network::units(trainer.model()) == Some(classes.len());
        let one_hot = one_hot(data)?;
        let mut metrics: Vec<Box<dyn Metric>> = vec![Box::new(accuracy(trainer.model(), logits))];
        if many {
            let metric = if one_hot { Accuracy::top_k(5) } else { Accuracy::sparse_top_k(5) };
            metrics.push(Box::new(metric.named("top_5_accuracy")));
        }
        let n = classes.len();
        let (mut counts, mut worst) = (vec![0.0; n * n], Vec::new());
        let progress = console.progress(data.batches());
        let each = |batch: &Batch, scores: &Tensor, _: usize| {
            progress.advance(1);
            for sample in samples(batch, scores, n, logits) {
                if let Some(count) = counts.get_mut(sample.label * n + sample.predicted) {
                    *count += 1.0;
                }
                keep(&mut worst, sample);
            }
        };
        let logs = pollster::block_on(trainer.evaluate_with(data, &mut metrics, each))?;
        drop(progress);
        Ok(Self { logs, classes: classes.to_vec(), counts, worst })
    }

    /// Loss and accuracies, a line for each.
    pub fn print(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let all: f64 = self.counts.iter().sum();
        for (name, value) in self.logs.iter() {
            match name {
                "accuracy" => writeln!(out, "{name:<15} {value:.4}  ({} of {all})", (value * all).round())?,
                name => writeln!(out, "{name:<15} {value:.4}")?,
            }
        }
        Ok(())
    }

    /// Precision, recall and F1 of each class. What is the share of nothing has no number.
    pub fn print_classes(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let n = self.classes.len();
        let share = |part: f64, all: f64| if all > 0.0 { Some(part / all) } else { None };
        let text = |share: Option<f64>| share.map_or("-".to_string(), |share| format!("{share:.4}"));
        let mut table = Table::new(["class", ">precision", ">recall", ">F1", ">samples"]);
        let mut sums = [(0.0, 0usize); 3];
        for (class, name) in self.classes.iter().enumerate() {
            let right = self.counts[class * n + class];
            let samples: f64 = self.counts[class * n..][..n].iter().sum();
            let predicted: f64 = self.counts.iter().skip(class).step_by(n).sum();
            let scores = [share(right, predicted), share(right, samples), share(2.0 * right, samples + predicted)];
            for (sum, score) in sums.iter_mut().zip(scores) {
                *sum = score.map_or(*sum, |score| (sum.0 + score, sum.1 + 1));
            }
            let mut row = vec![name.clone()];
            row.extend(scores.map(text));
            row.push(samples.to_string());
            table.row(row);
        }
        let mut means = vec!["mean of classes".to_string()];
        means.extend(sums.map(|(sum, count)| text(share(sum, count as f64))));
        means.push(self.counts.iter().sum::<f64>().to_string());
        table.row(means);
        Ok(table.print(out)?)
    }

    /// Which classes are taken for which.
    pub fn confusion(&self, title: &str) -> Result<ConfusionPlot, PlotError> {
        let right: f64 = self.counts.iter().step_by(self.classes.len() + 1).sum();
        let all: f64 = self.counts.iter().sum();
        ConfusionPlot::new(format!("{title}: {right} of {all} right"), &self.classes, self.counts.clone())
    }

    /// The samples with the largest loss, if they are pictures, in which these values are black and white.
    pub fn worst(&self, black: f32, white: f32) -> Result<Option<Vec<u8>>, PlotError> {
        let mut sheet = ContactSheet::new("The largest losses");
        sheet = sheet
            .note("prediction and its probability, what it is where that is wrong, loss")
            .columns(5)
            .range(black, white);
        for sample in &self.worst {
            let &[_, height, width, 1 | 3] = sample.pixels.shape() else { return Ok(None) };
            sheet = sheet.scale(DRAWN / height.max(width).max(1));
            let (predicted, label) = (&self.classes[sample.predicted], &self.classes[sample.label]);
            let (loss, percent) = (sample.loss, 100.0 * sample.probability);
            match sample.predicted == sample.label {
                true => sheet.add(&sample.pixels, 0, format!("{predicted} {percent:.0}%, {loss:.2}"), Mark::Plain)?,
                false => {
                    let caption = format!("{predicted} {percent:.0}% (is {label}), {loss:.2}");
                    sheet.add(&sample.pixels, 0, caption, Mark::Wrong)?;
                }
            }
        }
        if sheet.is_empty() { Ok(None) } else { sheet.to_png().map(Some) }
    }
}

/// How often the class with the largest output is right: of one output, class 1 where that is above 0.5, or a logit above 0.
pub fn accuracy(model: &Model, logits: bool) -> Accuracy {
    match super::network::units(model) {
        Some(1) if logits => Accuracy::binary(0.0).named("accuracy"),
        _ => Accuracy::new(),
    }
}

/// Whether labels come as rows of 0 and 1.
fn one_hot(data: &Dataset) -> Result<bool, Failure> {
    let batch = data.clone().in_order().take(1).epoch(0).next().transpose()?;
    Ok(batch.and_then(|batch| batch.y).is_some_and(|y| y.shape().len() == 2 && y.shape()[1] > 1))
}

/// The samples of a batch.
fn samples(batch: &Batch, scores: &Tensor, classes: usize, logits: bool) -> Vec<Sample> {
    let count = batch.x.shape()[0];
    let Some(y) = batch.y.as_ref().filter(|_| count > 0) else { return Vec::new() };
    let (targets, rows) =
        (y.data().chunks((y.len() / count).max(1)), scores.data().chunks((scores.len() / count).max(1)));
    let size = batch.x.len() / count;
    let sample = |(index, (target, row)): (usize, (&[f32], &[f32]))| {
        let label = if let [class] = target { *class as usize } else { best(target) };
        let probabilities = probabilities(row, logits);
        let predicted = best(&probabilities).min(classes - 1);
        let own = probabilities.get(label).copied().unwrap_or(0.0);
        let mut shape = batch.x.shape().to_vec();
        shape[0] = 1;
        let mut pixels = batch.x.data()[index * size..][..size].iter();
        Sample {
            loss: -own.max(f32::MIN_POSITIVE).ln(),
            label,
            predicted,
            probability: probabilities[predicted],
            pixels: Tensor::from_fn(shape, |_| pixels.next().copied().unwrap_or(0.0)),
        }
    };
    targets.zip(rows).enumerate().map(sample).collect()
}

fn best(scores: &[f32]) -> usize {
    top(scores, 1).first().map_or(0, |&(index, _)| index)
}

/// Puts a sample among the worst, if it is one of them.
fn keep(worst: &mut Vec<Sample>, sample: Sample) {
    let place = worst.partition_point(|other| other.loss >= sample.loss);
    if place < WORST {
        worst.insert(place, sample);
        worst.truncate(WORST);
    }
}
