//! Where the time goes: a clock around every step.

use std::time::Duration;

use cnn_core::{Graph, Node, Op, plan};

use crate::buffers;
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Candidate;

/// One step of a program.
#[derive(Debug, Clone, PartialEq)]
pub struct StepProfile {
    /// The layer.
    pub name: String,
    /// The op.
    pub op: &'static str,
    /// The kernel chosen.
    pub kernel: String,
    /// Shape of the output.
    pub shape: Vec<usize>,
    /// Floating point operations, a multiplication and an addition counting as two.
    pub flops: u64,
    /// Bytes of all inputs and the output, each once.
    pub bytes: u64,
    /// Time on the device.
    pub time: Duration,
}

impl StepProfile {
    pub(crate) fn new(graph: &Graph, node: &Node, candidate: &Candidate) -> Self {
        let shape = graph.value(node.output).shape.clone();
        let values = node.inputs.iter().chain([&node.output]);
        let bytes = values.map(|&value| plan::bytes(graph, value) as u64).sum();
        let (op, kernel) = (node.op.name(), candidate.name.clone());
        Self { name: node.name.clone(), op, kernel, shape, flops: flops(graph, node), bytes, time: Duration::ZERO }
    }

    pub(crate) fn timed(&self, time: Duration) -> Self {
        Self { time, ..self.clone() }
    }
}

/// A timed run.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The steps in order.
    pub steps: Vec<StepProfile>,
    /// Bytes of the model's weights on the device.
    pub weight_bytes: u64,
    /// Bytes of inputs and slots, in use or not: with the two others all that the program holds on the device.
    pub activation_bytes: u64,
    /// Bytes of the kernels' parameters and of what outputs are read back through; the clock's own are not counted.
    pub auxiliary_bytes: u64,
    /// The most bytes of activations that are alive at one step, inputs not counted: no plan needs fewer.
    pub liveness_bound: u64,
}

/// Operations of a node: exact for sums of products, one for each element read elsewhere.
fn flops(graph: &Graph, node: &Node) -> u64 {
    let size = |value| graph.value(value).shape.iter().product::<usize>() as u64;
    let output = size(node.output);
    match &node.op {
        Op::Conv2D(_) => {
            let filter = &graph.value(node.inputs[1]).shape;
            2 * output * filter[..3].iter().product::<usize>() as u64
        }
        Op::Gemm(_) => 2 * output * graph.value(node.inputs[1]).shape[0] as u64,
        Op::Conv2DTranspose(_) => {
            let filter = &graph.value(node.inputs[1]).shape;
            2 * size(node.inputs[0]) * filter[..3].iter().product::<usize>() as u64
        }
        Op::Pool2D(pool) => output * (pool.pool_size[0] * pool.pool_size[1]) as u64,
        _ => output,
    }
}

/// Two timestamps for each step.
pub(crate) struct Queries {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    count: u32,
}

impl Queries {
    pub(crate) fn new(gpu: &Gpu, steps: usize) -> Result<Self, GpuError> {
        let count = 2 * steps as u32;
        if !gpu.capabilities().timestamps || count > wgpu::QUERY_SET_MAX_QUERIES {
            return Err(GpuError::MissingFeature {
                adapter: gpu.info().name.clone(),
                feature: format!("timestamp queries for {steps} steps"),
                remedy: "run without a profile".into(),
            });
        }
        let device = gpu.device();
        let set = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("profile"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let bytes = buffers::padded(8 * count as usize);
        let resolved = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("profile"),
            size: bytes,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let staging = buffers::staging(gpu, bytes)?;
        Ok(Self { set, resolved, staging, count })
    }

    pub(crate) fn pass(&self, step: usize) -> wgpu::ComputePassDescriptor<'_> {
        wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.set,
                beginning_of_pass_write_index: Some(2 * step as u32),
                end_of_pass_write_index: Some(2 * step as u32 + 1),
            }),
        }
    }

    pub(crate) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.set, 0..self.count, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, 8 * u64::from(self.count));
    }

    pub(crate) async fn read(&self, gpu: &Gpu) -> Result<Vec<Duration>, GpuError> {
        let period = f64::from(gpu.queue().get_timestamp_period());
        let stamps: Vec<u64> = gpu.read_back(&self.staging, bytemuck::pod_collect_to_vec).await?;
        let time = |pair: &[u64]| Duration::from_nanos((pair[1].wrapping_sub(pair[0]) as f64 * period) as u64);
        Ok(stamps[..self.count as usize].chunks_exact(2).map(time).collect())
    }
}
