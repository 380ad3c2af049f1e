//! A model of the zoo on the reference, the CPU and a device: every step inside its bound for the inputs that the backend
//! itself made, and the logits beside the reference's. Prints one row of a table, or without arguments the models' names;
//! `cargo xtask zoo` runs it for all.

use std::sync::Arc;
use std::time::Instant;

use cnn_core::layers::Activation;
use cnn_core::{DType, Graph, Mode, Plan, Simplify, Tensor, Weights, simplify};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_cpu::reference::{self, Array};
use cnn_tests::devices::devices;
use cnn_tests::recipe;
use cnn_tests::scales::scaled_weights;
use cnn_tests::steps::steps;
use cnn_wgpu::{DeviceWeights, Gpu, Program};
use cnn_zoo::{Arguments, ROWS, Row, find};

/// Models that keep more than this for the check of their steps at their default size run at their least size.
const MOST_BYTES: usize = 6 << 30;
/// How far logits may be from the reference's.
const TOLERANCE: f64 = 1e-4;

/// A model with weights and a picture.
struct Network {
    size: usize,
    parameters: usize,
    graph: Graph,
    weights: Weights,
    picture: Tensor,
}

impl Network {
    fn new(row: &Row, size: usize) -> Result<Self, String> {
        let arguments = Arguments::default().input_shape([size, size, 3]).classifier_activation(Activation::Linear);
        let model = row.build(&arguments).map_err(|error| error.to_string())?;
        let picture = recipe::picture(size, size, 3);
        let picture = row.preprocess.apply(picture).map_err(|error| error.to_string())?;
        let shape = picture.shape().to_vec();
        let graph = model.lower(&[shape], Mode::Inference, &[]).map_err(|error| error.to_string())?;
        let bytes: usize = graph.nodes().iter().map(|node| cnn_core::plan::bytes(&graph, node.output)).sum();
        if bytes > MOST_BYTES && size > row.min_size {
            return Self::new(row, row.min_size);
        }
        let weights = scaled_weights(&model, &picture)?;
        Ok(Self { size, parameters: model.count_params().total(), graph, weights, picture })
    }

    /// Logits in float64.
    fn reference(&self) -> Result<Vec<f64>, String> {
        let find = |path: &str| self.weights.get(path).map(|tensor| tensor.as_ref());
        let outputs = reference::run(&self.graph, find, &[Array::from(&self.picture)]);
        Ok(outputs.map_err(|error| error.to_string())?.remove(0).data)
    }

    fn on_cpu(&self, graph: &Graph, picture: &Tensor) -> Result<Vec<Tensor>, String> {
        let weights = CpuWeights::new(Arc::new(self.weights.clone()));
        let program = fast::Program::new(weights, Plan::new(graph.clone())).map_err(|error| error.to_string())?;
        program.run(std::slice::from_ref(picture)).map_err(|error| error.to_string())
    }

    fn on_device(&self, gpu: &Arc<Gpu>, graph: &Graph) -> Result<Vec<Tensor>, String> {
        let weights = DeviceWeights::new(gpu.clone(), Arc::new(self.weights.clone()));
        let outputs = async {
            let program = Program::new(weights, Plan::new(graph.clone())).await?;
            program.run(std::slice::from_ref(&self.picture)).await
        };
        pollster::block_on(outputs).map_err(|error| error.to_string())
    }

    /// The worst step of a backend, of its bound, and how far its logits are from `exact`.
    fn check(
        &self,
        graph: &Graph,
        exact: &[f64],
        run: impl Fn(&Graph) -> Result<Vec<Tensor>, String>,
    ) -> Result<Checked, String> {
        let steps = steps(graph, &self.weights, std::slice::from_ref(&self.picture), &run)?;
        let logits = run(graph)?.remove(0);
        let off = logits.data().iter().zip(exact).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        let worst = steps.iter().map(|step| step.ratio).fold(0.0, f64::max);
        let outside = steps.iter().filter(|step| step.ratio > 1.0 || step.ratio.is_nan());
        let outside: Vec<String> = outside.map(|step| format!("{}: {:.3}", step.name, step.ratio)).collect();
        let passes = outside.is_empty() && off <= TOLERANCE && top10(exact) == top10(&widened(&logits));
        Ok(Checked { steps: steps.len(), worst, off, outside, passes })
    }
}

struct Checked {
    steps: usize,
    worst: f64,
    off: f64,
    outside: Vec<String>,
    passes: bool,
}

fn widened(logits: &Tensor) -> Vec<f64> {
    logits.data().iter().map(|&x| f64::from(x)).collect()
}

/// The ten classes with the largest logits, the largest first.
fn top10(logits: &[f64]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..logits.len()).collect();
    classes.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    classes.truncate(10);
    classes
}

fn root_mean_square(numbers: impl Iterator<Item = f64>, count: usize) -> f64 {
    (numbers.map(|x| x * x).sum::<f64>() / count as f64).sqrt()
}

/// The picture from right to left.
fn flipped(picture: &Tensor) -> Tensor {
    let &[_, _, w, c] = picture.shape() else { return picture.clone() };
    let from = |i: usize| i / (w * c) * (w * c) + (w - 1 - i / c % w) * c + i % c;
    Tensor::from_fn(picture.shape().to_vec(), |i| picture.data()[from(i)])
}

/// The row of a model, and whether it is as it should be.
fn row(name: &str, adapter: &str) -> Result<(String, bool), String> {
    let begin = Instant::now();
    let row = find(name).map_err(|error| error.to_string())?;
    let network = Network::new(row, row.default_size)?;
    let exact = network.reference()?;
    let spread = root_mean_square(exact.iter().copied(), exact.len());
    let plain = simplify(&network.graph, &Simplify::default());
    let on_cpu = |graph: &Graph| network.on_cpu(graph, &network.picture);
    let cpu = network.check(&plain, &exact, on_cpu)?;
    let turned = network.on_cpu(&plain, &flipped(&network.picture))?.remove(0);
    let moved = turned.data().iter().zip(&exact).map(|(a, b)| f64::from(*a) - b);
    let moved = root_mean_square(moved, exact.len());

    let all = devices(false);
    let device = all.iter().find(|device| device.name.contains(adapter) && device.backend == "vulkan");
    let device = device.ok_or_else(|| format!("no Vulkan adapter is called {adapter}"))?;
    let weight_limit = usize::try_from(device.gpu.capabilities().max_binding).ok();
    let graph = simplify(&network.graph, &Simplify { weight_limit, storage: DType::F32 });
    let gpu = network.check(&graph, &exact, |graph| network.on_device(&device.gpu, graph))?;
    for outside in cpu.outside.iter().chain(&gpu.outside) {
        eprintln!("{name}: outside its bound: {outside}");
    }
    let text = format!(
        "| {} | {} | {:.1} | {spread:.2} | {moved:.2} | {} | {:.3} | {:.1e} | {} | {:.3} | {:.1e} | {:.0} |",
        row.name,
        network.size,
        network.parameters as f64 / 1e6,
        cpu.steps,
        cpu.worst,
        cpu.off,
        gpu.steps,
        gpu.worst,
        gpu.off,
        begin.elapsed().as_secs_f64(),
    );
    let depends = spread.is_finite() && moved > 1e-3;
    Ok((text, cpu.passes && gpu.passes && depends))
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [adapter, name] = arguments.as_slice() else {
        ROWS.iter().for_each(|row| println!("{}", row.name));
        return std::process::ExitCode::SUCCESS;
    };
    match row(name, adapter) {
        Ok((text, passes)) => {
            println!("{text}");
            std::process::ExitCode::from(u8::from(!passes))
        }
        Err(problem) => {
            eprintln!("{name}: {problem}");
            std::process::ExitCode::FAILURE
        }
    }
}
