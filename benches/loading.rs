//! How long a weight file of a zoo model takes to be on a device, and how much memory the host needs for it beyond the
//! device's buffers. `loading.py` runs it beside Keras.

use std::time::Instant;

use cnn_benches::{ADAPTER, device};
use cnn_core::{Mode, Plan, Simplify, simplify};
use cnn_io::files::open_weights;
use cnn_wgpu::{DeviceWeights, wgpu};
use cnn_zoo::{Arguments, find};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, file] = &arguments[..] else { return Err("usage: loading MODEL FILE".into()) };
    let gpu = device()?.ok_or_else(|| format!("no adapter of the name in {ADAPTER}"))?;
    let row = find(name)?;
    let model = row.build(&Arguments::default())?;
    let graph = model.lower(&[vec![1, row.default_size, row.default_size, 3]], Mode::Inference, &[])?;
    let plan = Plan::new(simplify(&graph, &Simplify::default()));

    let before = reset_peak()?;
    let start = Instant::now();
    let source = open_weights(file.as_ref(), &model)?;
    let opened = start.elapsed();
    let weights = DeviceWeights::new(gpu.clone(), source);
    pollster::block_on(weights.prepare(&plan))?;
    gpu.device().poll(wgpu::PollType::wait_indefinitely())?;
    let seconds = start.elapsed();

    let largest = model.weights().iter().map(|weight| 4 * weight.shape.iter().product::<usize>()).max().unwrap_or(0);
    let beyond = (memory("VmHWM")? - before).saturating_sub(weights.bytes());
    println!(
        "{{\"device\": {:?}, \"opened_s\": {:.3}, \"loaded_s\": {:.3}, \"device_mib\": {:.1}, \"host_beyond_mib\": {:.1}, \
         \"largest_tensor_mib\": {:.1}}}",
        gpu.info().name,
        opened.as_secs_f64(),
        seconds.as_secs_f64(),
        mib(weights.bytes()),
        mib(beyond),
        mib(largest as u64),
    );
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Sets the process's peak of memory to what it has now, and returns that in bytes.
fn reset_peak() -> Result<u64, Box<dyn std::error::Error>> {
    std::fs::write("/proc/self/clear_refs", "5")?;
    memory("VmRSS")
}

/// A line of the process's status, in bytes. On a software driver the device's buffers are in it.
fn memory(line: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')?.strip_suffix("kB"));
    Ok(1024 * found.ok_or("no such line in /proc/self/status")?.trim().parse::<u64>()?)
}
