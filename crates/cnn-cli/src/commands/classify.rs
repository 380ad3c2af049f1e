//! `cnn classify`: pictures to labels.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use cnn::zoo::top;
use cnn::{Options, Runner, Tensor};
use serde_json::{Value, json};

use crate::batches::{for_each_batch, pictures};
use crate::console::Console;
use crate::device::{self, DeviceArgs};
use crate::failure::Failure;
use crate::labels::{Labels, check_scores, classes, scores};
use crate::model::{Source, WeightsArgs};
use crate::picture::PictureArgs;
use crate::pipeline_cache::PipelineCache;

/// Says what is on pictures
#[derive(Debug, Args)]
pub struct Classify {
    /// PNG, JPEG, GIF, BMP or WebP files, or folders of them
    #[arg(required = true, value_name = "PICTURE|FOLDER")]
    pictures: Vec<PathBuf>,
    /// A model of the zoo, in any case, or a .keras or whole-model .h5 file
    #[arg(long, default_value = "MobileNetV2", value_name = "MODEL|FILE")]
    model: Source,
    #[command(flatten)]
    weights: WeightsArgs,
    /// The classes' names, where they are not ImageNet's: a text with one in each line, or JSON as Keras has it
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// How many labels to print for each picture
    #[arg(long, default_value = "5", value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// How many pictures run at once
    #[arg(long, default_value = "32", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// As CSV: a line for each label of each picture
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Classify {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        let files = pictures(&self.pictures)?;
        // Before anything is downloaded for pictures that are not there.
        if files.iter().all(|file| !file.exists()) {
            cnn::io::files::read(&files[0])?;
        }
        let network = self.picture.preprocessing(self.weights.load(&self.model, true, console)?);
        let classes = classes(network.model())?;
        let format = self.picture.format(network.model(), &self.model)?;
        let labels = Labels::of(&network, &self.model, self.labels.as_deref(), console)?;
        let device = device::open(self.device.device, console)?;
        let _cache = PipelineCache::of(&device, console);
        let options = Options { precision: self.device.precision.into(), ..Options::default() };
        let runner = Runner::new(&device, network, options)?;
        let batch = files.len().min(self.batch as usize);
        {
            let _doing = console.doing(&format!("preparing {} for {device}", self.model.name()));
            let shapes = [vec![batch, format.height, format.width, format.channels.count()]];
            device::report_pieces(&runner, &shapes, console)?;
            pollster::block_on(runner.prepare(&shapes))?;
        }
        let mut report = Report::new(self, &labels, out)?;
        let mut busy = Duration::ZERO;
        let progress = console.progress(files.len());
        let begin = Instant::now();
        let preprocess = runner.network().preprocess();
        for_each_batch(
            &files,
            batch,
            |path| self.picture.read(path, format, preprocess),
            |batch| {
                let run = Instant::now();
                let outputs = batch.pixels.map(|pixels| runner.run_blocking(&[pixels])).transpose()?;
                busy += run.elapsed();
                progress.advance(batch.files.len());
                let outputs = outputs.into_iter().flatten().next().map(Tensor::into_data).unwrap_or_default();
                let scores = scores(runner.network().model(), outputs);
                let mut rows = scores.chunks(classes);
                progress.hidden_while(|| {
                    batch.files.into_iter().try_for_each(|(path, problem)| match problem {
                        Some(problem) => report.refuse(&path, &problem),
                        None => report.tell(&path, rows.next().unwrap_or_default()),
                    })
                })
            },
        )?;
        let elapsed = begin.elapsed();
        drop(progress);
        if files.len() > 1 {
            let [seconds, share] = [elapsed.as_secs_f64(), 100.0 * busy.as_secs_f64() / elapsed.as_secs_f64()];
            let (count, rate) = (files.len(), files.len() as f64 / seconds);
            console.note(&format!(
                "{count} pictures in {seconds:.2} s, {rate:.1} a second; {device} was busy {share:.0} % of that time"
            ));
        }
        report.finish(&self.model.name(), &device.to_string())
    }
}

/// What becomes of the scores: text and CSV at once, JSON in the end.
struct Report<'a> {
    labels: &'a Labels,
    top: usize,
    style: Style<'a>,
    failed: bool,
}

enum Style<'a> {
    Text(&'a mut dyn Write),
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
    Json(&'a mut dyn Write, Vec<Value>),
}

impl<'a> Report<'a> {
    fn new(arguments: &Classify, labels: &'a Labels, out: &'a mut dyn Write) -> Result<Self, Failure> {
        let style = if arguments.json {
            Style::Json(out, Vec::new())
        } else if arguments.csv {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["picture", "rank", "index", "label", "score", "error"]).map_err(of_csv)?;
            Style::Csv(Box::new(csv))
        } else {
            Style::Text(out)
        };
        Ok(Self { labels, top: arguments.top as usize, style, failed: false })
    }

    /// A picture's best labels. Scores that are none are a failure of this picture.
    fn tell(&mut self, path: &Path, scores: &[f32]) -> Result<(), Failure> {
        if let Err(wrong) = check_scores(scores) {
            return self.refuse(path, &format!("{}: {wrong}", path.display()));
        }
        let picture = path.display().to_string();
        let best: Vec<(usize, f32)> = top(scores, self.top);
        let label = |index| self.labels.name(index);
        match &mut self.style {
            Style::Text(out) => {
                writeln!(out, "{picture}")?;
                for (index, score) in best {
                    writeln!(out, "  {score:>8.4}  {}", label(index))?;
                }
                out.flush()?;
            }
            Style::Csv(csv) => {
                for (rank, (index, score)) in (1..).zip(best) {
                    let numbers = [rank, index].map(|number: usize| number.to_string());
                    let record = [&picture, &numbers[0], &numbers[1], &label(index), &score.to_string(), ""];
                    csv.write_record(record).map_err(of_csv)?;
                }
                csv.flush()?;
            }
            Style::Json(_, results) => {
                let labels = best.into_iter().map(|(index, score)| {
                    let mut json = json!({ "index": index, "label": label(index), "score": score });
                    if let Some(id) = self.labels.wordnet_id(index) {
                        json["wordnet_id"] = id.into();
                    }
                    json
                });
                results.push(json!({ "picture": picture, "labels": labels.collect::<Vec<_>>() }));
            }
        }
        Ok(())
    }

    /// A picture that has no labels; the rest go on.
    fn refuse(&mut self, path: &Path, problem: &str) -> Result<(), Failure> {
        self.failed = true;
        eprintln!("cnn: {problem}");
        let picture = path.display().to_string();
        match &mut self.style {
            Style::Text(_) => {}
            Style::Csv(csv) => csv.write_record([&picture, "", "", "", "", problem]).map_err(of_csv)?,
            Style::Json(_, results) => results.push(json!({ "picture": picture, "error": problem })),
        }
        Ok(())
    }

    fn finish(self, model: &str, device: &str) -> Result<(), Failure> {
        match self.style {
            Style::Text(_) => {}
            Style::Csv(mut csv) => csv.flush()?,
            Style::Json(out, results) => {
                writeln!(out, "{:#}", json!({ "model": model, "device": device, "results": results }))?;
            }
        }
        if self.failed { Err(Failure::Told) } else { Ok(()) }
    }
}

/// Standard output could not be written.
fn of_csv(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => Failure::Failed(format!("CSV cannot be written: {other:?}")),
    }
}
