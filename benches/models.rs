//! Whole models of the zoo, batch 1 in float32, on the device that `CNN_BENCH_ADAPTER` chooses: one line of JSON each.
//!
//! ```text
//! cargo bench -p cnn-benches --bench models -- ResNet50 MobileNetV2 [--runs N] [--profile]
//! ```
//!
//! Weights are random: no kernel's time depends on their values. `first_ms` is the time from host weights to the first
//! result: upload, weight prologue, compilation, one run. `--profile` adds a table of steps, the slowest first.

use std::error::Error;
use std::time::{Duration, Instant};

use cnn_benches::{ADAPTER, device};
use cnn_core::{Mode, Plan, Simplify, Tensor, Weights, simplify};
use cnn_wgpu::{DeviceWeights, Profile, Program, StepProfile};
use cnn_zoo::{Arguments, find};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut models, mut runs, mut profile) = (Vec::new(), 10, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().ok_or("--runs wants a number")?.parse()?,
            "--profile" => profile = true,
            // Cargo's own.
            "--bench" => {}
            model => models.push(model.to_string()),
        }
    }
    for model in &models {
        bench(model, runs, profile)?;
    }
    Ok(())
}

fn bench(name: &str, runs: usize, profile: bool) -> Result<(), Box<dyn Error>> {
    let gpu = device()?.ok_or_else(|| format!("no adapter of the name in {ADAPTER}"))?;
    let row = find(name)?;
    let model = row.build(&Arguments::default())?;
    let weights = Weights::initialize(&model, 1);
    let shape = vec![1, row.default_size, row.default_size, 3];
    let input = [Tensor::new(shape.clone(), vec![0.5; shape.iter().product()])?];

    let start = Instant::now();
    let graph = model.lower(&[shape], Mode::Inference, &[])?;
    let options =
        Simplify { weight_limit: usize::try_from(gpu.capabilities().max_binding).ok(), ..Simplify::default() };
    let plan = Plan::new(simplify(&graph, &options));
    let host = weights.iter().map(|(path, tensor)| (path.to_string(), tensor.clone()));
    let weights = DeviceWeights::new(gpu.clone(), host);
    let program = pollster::block_on(Program::new(weights, plan))?;
    let made = start.elapsed();
    pollster::block_on(program.run(&input))?;
    let first = start.elapsed();

    let (mut times, cpu) = (Vec::new(), cpu_time());
    for _ in 0..runs {
        let start = Instant::now();
        pollster::block_on(program.run(&input))?;
        times.push(start.elapsed());
    }
    let cpu = cpu_time().zip(cpu).map(|(after, before)| (after - before) / runs.max(1) as f64);
    times.sort();
    let ms = |time: Duration| (time.as_secs_f64() * 1e5).round() / 100.0;
    println!(
        "{}",
        json!({
            "runtime": "cnn", "model": row.name, "device": gpu.info().name, "backend": gpu.info().backend.to_string(),
            "batch": 1, "runs": runs, "program_ms": ms(made), "first_ms": ms(first),
            "median_ms": times.get(runs / 2).map(|&time| ms(time)), "min_ms": times.first().map(|&time| ms(time)),
            "cpu_ms": cpu, "pipelines": gpu.pipeline_count(),
        })
    );
    if profile {
        let profiles: Vec<Profile> = (0..runs.max(1))
            .map(|_| Ok(pollster::block_on(program.run_profiled(&input))?.1))
            .collect::<Result<_, cnn_wgpu::GpuError>>()?;
        print(&medians(&profiles));
    }
    Ok(())
}

/// Milliseconds that all cores spent in this process, in hundredths of a second; `None` where there is no /proc.
fn cpu_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The command's name, in parentheses, may have spaces; times in user and kernel mode are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(10.0 * ticks)
}

/// Each step with its median time.
fn medians(profiles: &[Profile]) -> Vec<StepProfile> {
    let median = |index: usize| {
        let mut times: Vec<Duration> = profiles.iter().map(|profile| profile.steps[index].time).collect();
        times.sort();
        times[times.len() / 2]
    };
    profiles[0].steps.iter().enumerate().map(|(i, step)| StepProfile { time: median(i), ..step.clone() }).collect()
}

/// The steps, the slowest first, and their sum.
fn print(steps: &[StepProfile]) {
    let mut sorted: Vec<&StepProfile> = steps.iter().collect();
    sorted.sort_by_key(|step| std::cmp::Reverse(step.time));
    println!("{:>8}  {:>7}  {:>6}  {:38} {:22} step", "ms", "GFLOP/s", "GB/s", "kernel", "output");
    for step in sorted {
        let seconds = step.time.as_secs_f64();
        let (flops, bytes) = (step.flops as f64 / seconds / 1e9, step.bytes as f64 / seconds / 1e9);
        let shape = format!("{:?}", step.shape);
        println!("{:8.2}  {flops:7.1}  {bytes:6.1}  {:38} {shape:22} {}", seconds * 1e3, step.kernel, step.name);
    }
    let (time, flops) = steps.iter().fold((0.0, 0), |(t, f), s| (t + s.time.as_secs_f64(), f + s.flops));
    println!("{:8.2}  {:7.1}  all steps", time * 1e3, flops as f64 / time / 1e9);
}
