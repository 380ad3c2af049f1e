//! `cnn bench`: how long models take.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use cnn::zoo::Arguments;
use cnn::{Device, DeviceRequest, Network, Options, Runner, Tensor};
use serde_json::{Value, json};

use crate::console::Console;
use crate::device::{self, Precision};
use crate::failure::Failure;
use crate::measure::{Times, Until};
use crate::model::{InputShape, Source, WeightsArgs};
use crate::paths::check_writable;
use crate::table::{Table, milliseconds, symbolic_shape};

/// Times models: the first run with all that it prepares, then the median of many
#[derive(Debug, Args)]
pub struct Bench {
    /// Models of the zoo, in any case, or .keras or whole-model .h5 files
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<Source>,
    #[command(flatten)]
    weights: WeightsArgs,
    /// Where: auto, gpu, gpu:N, cpu, reference; several with commas between
    #[arg(long, default_value = "auto", value_delimiter = ',', value_name = "DEVICE")]
    device: Vec<DeviceRequest>,
    /// Pictures in one run; several with commas between
    #[arg(long, default_value = "1", value_delimiter = ',', value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    batch: Vec<u32>,
    /// How weights and activations are stored
    #[arg(long, default_value = "f32")]
    precision: Precision,
    /// Height, width, channels, where the model leaves them open or the zoo has another default
    #[arg(long, value_name = "H,W,C")]
    input_shape: Option<InputShape>,
    /// How long to repeat each, in seconds
    #[arg(long, default_value = "3", conflicts_with = "runs", value_parser = seconds)]
    seconds: Duration,
    /// How often to repeat each instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Writes the results as JSON; - for standard output, in the table's place
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it takes a number of seconds".to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// What was measured of one model on one device with one batch.
struct Measured {
    model: String,
    device: String,
    batch: usize,
    pieces: usize,
    untrained: bool,
    first: Duration,
    times: Times,
}

impl Bench {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        let to_stdout = self.json.as_deref() == Some(Path::new("-"));
        let file = self.json.as_deref().filter(|_| !to_stdout);
        if let Some(file) = file {
            check_writable(file)?;
        }
        if self.weights.weights.is_some() && self.models.len() > 1 {
            return Err(Failure::Usage("--weights goes with one model; bench the others on their own".into()));
        }
        let mut measured = Vec::new();
        for source in &self.models {
            let (network, untrained) = self.network(source, console)?;
            for &request in &self.device {
                for &batch in &self.batch {
                    measured.push(self.measure(source, &network, untrained, request, batch as usize, console)?);
                }
            }
        }
        if measured.iter().any(|measured| measured.untrained) {
            console.note("without --weights a model of the zoo runs with random ones");
        }
        let results: Vec<Value> = measured.iter().map(|measured| measured.json(self.precision)).collect();
        let json = format!("{:#}\n", json!({ "results": results }));
        if to_stdout {
            out.write_all(json.as_bytes())?;
        } else {
            self.table(&measured, out)?;
        }
        if let Some(file) = file {
            cnn::io::files::write(file, json.as_bytes())?;
        }
        Ok(())
    }

    /// The network, and whether its weights are random.
    fn network(&self, source: &Source, console: &Console) -> Result<(Network, bool), Failure> {
        let row = match source {
            Source::Zoo(row) if self.weights.weights.is_none() => row,
            _ => return Ok((self.weights.load(source, true, console)?, false)),
        };
        let mut arguments = Arguments::default();
        if let Some(InputShape(shape)) = self.input_shape {
            arguments = arguments.input_shape(shape);
        }
        let _doing = console.doing(&format!("building {}", row.name));
        Ok((Network::untrained(row.name, &arguments, 1)?, true))
    }

    fn measure(
        &self,
        source: &Source,
        network: &Network,
        untrained: bool,
        request: DeviceRequest,
        batch: usize,
        console: &Console,
    ) -> Result<Measured, Failure> {
        let inputs = self.inputs(network, batch)?;
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|x| x.shape().to_vec()).collect();
        // A device of its own for each, so that the first run of every one finds nothing compiled.
        let device = device::open(request, console)?;
        let options = Options { precision: self.precision.into(), ..Options::default() };
        let runner = Runner::new(&device, network.clone(), options)?;
        let pieces = device::report_pieces(&runner, &shapes, console)?;
        let _doing = console.doing(&format!("{} on {device}, batch {batch}", source.name()));
        let begin = Instant::now();
        pollster::block_on(runner.prepare(&shapes))?;
        runner.run_blocking(&inputs)?;
        let first = begin.elapsed();
        // The second run may still be special: clocks rise, memory is touched for the first time.
        runner.run_blocking(&inputs)?;
        let until = self.runs.map_or(Until::Time(self.seconds), |runs| Until::Runs(runs as usize));
        let times = Times::of(until, || Ok(runner.run_blocking(&inputs).map(drop)?))?;
        Ok(Measured { model: source.name(), device: name(&device), batch, pieces, untrained, first, times })
    }

    /// Numbers between -1 and 1; what they are does not matter for time.
    fn inputs(&self, network: &Network, batch: usize) -> Result<Vec<Tensor>, Failure> {
        let model = network.model();
        let mut inputs = Vec::new();
        for shape in model.input_shapes() {
            let given = self.input_shape.map(|InputShape(shape)| shape);
            let mut sizes = vec![batch];
            for (axis, &size) in shape.iter().enumerate().skip(1) {
                let size = size.or_else(|| *given.as_ref()?.get(axis - 1)?);
                sizes.push(size.ok_or_else(|| {
                    let shape = symbolic_shape(&shape);
                    Failure::Failed(format!("{} takes {shape}; give the open sizes by --input-shape", model.name()))
                })?);
            }
            inputs.push(Tensor::from_fn(sizes, |i| (i * 37 % 255) as f32 / 127.0 - 1.0));
        }
        Ok(inputs)
    }

    fn table(&self, measured: &[Measured], out: &mut dyn Write) -> Result<(), Failure> {
        let mut table = Table::new([
            "model",
            "device",
            ">batch",
            "precision",
            ">first ms",
            ">median ms",
            ">min ms",
            ">images/s",
            ">runs",
        ]);
        for m in measured {
            table.row([
                m.model.clone(),
                m.device.clone(),
                m.batch.to_string(),
                self.precision.name().into(),
                milliseconds(m.first),
                milliseconds(m.times.median()),
                milliseconds(m.times.min()),
                format!("{:.1}", m.images_per_second()),
                m.times.count().to_string(),
            ]);
        }
        Ok(table.print(out)?)
    }
}

impl Measured {
    fn images_per_second(&self) -> f64 {
        self.batch as f64 / self.times.median().as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn json(&self, precision: Precision) -> Value {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        json!({
            "model": self.model,
            "device": self.device,
            "batch": self.batch,
            "precision": precision.name(),
            "weights": if self.untrained { "random" } else { "trained" },
            "median_ms": ms(self.times.median()),
            "min_ms": ms(self.times.min()),
            "first_ms": ms(self.first),
            "images_per_second": self.images_per_second(),
            "runs": self.times.count(),
            "pieces": self.pieces,
        })
    }
}

/// The device without the reason why it is no other.
fn name(device: &Device) -> String {
    match device {
        Device::Cpu { .. } => Device::cpu().to_string(),
        other => other.to_string(),
    }
}
