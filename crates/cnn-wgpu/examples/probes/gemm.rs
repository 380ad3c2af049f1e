//! Matrix products by the library's own kernels, every candidate.

use cnn_core::DType;
use cnn_core::op::{Gemm, Op};
use cnn_wgpu::kernel::{Candidate, Problem};
use cnn_wgpu::{Gpu, encode, kernels};
use serde_json::{Value, json};

use crate::runner::{Access, Job, Runner};

/// The speed of every candidate for a square product, at the largest size that the time allows.
pub async fn probe(gpu: &Gpu, runner: &Runner, dtype: DType, largest: usize) -> Value {
    let mut report = Vec::new();
    for number in 0.. {
        let Some(candidate) = candidates(gpu, dtype, 256).into_iter().nth(number) else { break };
        let mut entry = json!({ "kernel": candidate.name });
        entry["speed"] =
            speed(gpu, runner, dtype, number, largest).await.unwrap_or_else(|error| json!({ "error": error }));
        report.push(entry);
    }
    json!(report)
}

fn candidates(gpu: &Gpu, dtype: DType, size: usize) -> Vec<Candidate> {
    let shape = [size; 2];
    let problem = Problem { inputs: &[&shape, &shape], output: &shape, dtype, capabilities: gpu.capabilities() };
    kernels::candidates(&Op::Gemm(Gemm::default()), &problem)
}

async fn speed(gpu: &Gpu, runner: &Runner, dtype: DType, number: usize, largest: usize) -> Result<Value, String> {
    let mut size = 256;
    loop {
        // The list may be shorter for another size; the kernel is then not one for it.
        let candidate = candidates(gpu, dtype, size).into_iter().nth(number).ok_or("no candidate of this size")?;
        let data: Vec<f32> = (0..size * size).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect();
        let data = encode(&data, dtype);
        let inputs = [runner.storage(&data), runner.storage(&data)];
        let output = runner.empty(data.len() as u64);
        let mut jobs: Vec<Job> = Vec::new();
        for kernel in &candidate.dispatches {
            let wgsl = cnn_shaders::expand(kernel.shader, &kernel.variant).map_err(|error| error.to_string())?;
            let params = runner.uniform(&kernel.params);
            let mut buffers = vec![(&params, Access::Uniform)];
            buffers.extend(kernel.reads.iter().map(|&read| (&inputs[read], Access::Read)));
            buffers.push((&output, Access::Write));
            jobs.push(runner.job(&wgsl, &buffers, kernel.workgroups).await?);
        }
        let seconds = runner.median(|encoder| jobs.iter().for_each(|job| job.pass(encoder)))?;
        if size >= largest || 8.0 * seconds > runner.seconds {
            return Ok(crate::speed_of(size, seconds));
        }
        size *= 2;
    }
}
