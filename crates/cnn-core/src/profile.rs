//! Where the time of a run goes, whatever device it is on.

use std::time::Duration;

use crate::graph::{Graph, Node, ValueId};
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
    /// Bytes of kernels' parameters, of what one run's inputs and outputs go through, and of what is kept to change variables
    /// and what is made of them.
    pub auxiliary_bytes: u64,
    /// The most bytes of inputs and other values that are alive at one step: no plan needs fewer.
    pub liveness_bound: u64,
}

impl Graph {
    /// Floating point operations of all convolutions and matrix products, a multiplication and an addition counting as
    /// two: what papers give as a model's FLOPs. Pooling, normalization and functions of single elements are left out.
    ///
    /// ```
    /// use cnn_core::layers::Conv2D;
    /// use cnn_core::{Mode, Sequential};
    /// let model = Sequential::new("m").input([4, 4, 3])?.add(Conv2D::new(8, 3))?.model()?;
    /// let graph = model.lower(&[vec![1, 4, 4, 3]], Mode::Inference, &[])?;
    /// assert_eq!(graph.flops(), 2 * (2 * 2 * 8) * (3 * 3 * 3));
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    pub fn flops(&self) -> u64 {
        self.nodes().iter().filter_map(|node| products(self, node)).sum()
    }
}

/// Operations of a node: exact for sums of products, one for each element read elsewhere.
fn flops(graph: &Graph, node: &Node) -> u64 {
    let output = size(graph, node.output);
    match &node.op {
        Op::Reduce(_) => size(graph, node.inputs[0]),
        Op::Pool2D(pool) => output * (pool.pool_size[0] * pool.pool_size[1]) as u64,
        _ => products(graph, node).unwrap_or(output),
    }
}

/// Operations of a convolution or matrix product.
fn products(graph: &Graph, node: &Node) -> Option<u64> {
    let taps = || graph.value(node.inputs[1]).shape[..3].iter().product::<usize>() as u64;
    match &node.op {
        Op::Conv2D(_) => Some(2 * size(graph, node.output) * taps()),
        // The second input is the gradient of the output: a product for each of its pixels.
        Op::Conv2DFilterGradient(_) => Some(2 * size(graph, node.output) * taps()),
        Op::Gemm(_) => Some(2 * size(graph, node.output) * graph.value(node.inputs[1]).shape[0] as u64),
        Op::Conv2DTranspose(_) => Some(2 * size(graph, node.inputs[0]) * taps()),
        _ => None,
    }
}

fn size(graph: &Graph, value: ValueId) -> u64 {
    graph.value(value).shape.iter().product::<usize>() as u64
}
