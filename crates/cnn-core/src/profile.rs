//! Where the time of a run goes, whatever device it is on.

use std::time::Duration;

use crate::graph::{Graph, Node};
use crate::op::Op;
use crate::plan;

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
    /// What is known of a node's step before it is timed; `kernel` is what computes it.
    pub fn new(graph: &Graph, node: &Node, kernel: impl Into<String>) -> Self {
        let shape = graph.value(node.output).shape.clone();
        let values = node.inputs.iter().chain([&node.output]);
        let bytes = values.map(|&value| plan::bytes(graph, value) as u64).sum();
        let (name, op, flops) = (node.name.clone(), node.op.name(), flops(graph, node));
        Self { name, op, kernel: kernel.into(), shape, flops, bytes, time: Duration::ZERO }
    }

    /// The same with the time that it took.
    pub fn timed(&self, time: Duration) -> Self {
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
    /// Bytes of the slots, where inputs and all other values lie.
    pub activation_bytes: u64,
    /// Bytes of kernels' parameters, and of what one run's inputs and outputs go through.
    pub auxiliary_bytes: u64,
    /// The most bytes of inputs and other values that are alive at one step: no plan needs fewer.
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
