//! Kernels of [`cnn_core::op::BatchNorm`] and [`cnn_core::op::LayerNorm`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{BatchNorm, LayerNorm};
use cnn_shaders::Variant;

use super::elementwise::function;
use super::{INVOCATIONS, lanes, row_constants, row_turns, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/batch_norm.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct BatchNormParams {
    /// Of the function.
    pub arguments: [f32; 4],
    /// Elements of the output, in lanes.
    pub count: u32,
    /// Size of the channels' axis, in lanes.
    pub channels: u32,
    /// Product of the sizes behind it.
    pub inner: u32,
    /// Added to the variance.
    pub epsilon: f32,
}

/// `Params` of `shaders/layer_norm.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct LayerNormParams {
    /// How many rows are normalised, each by itself.
    pub rows: u32,
    /// Elements of a row.
    pub n: u32,
    /// Added to the variance.
    pub epsilon: f32,
    /// 1 if gamma is bound.
    pub has_scale: u32,
    /// 1 if beta is bound.
    pub has_center: u32,
    /// Nothing.
    pub pad: [u32; 3],
}

/// All ways to normalise a batch.
pub fn batch_norm(op: &BatchNorm, problem: &Problem) -> Vec<Candidate> {
    let x = problem.inputs[0];
    let inner: usize = x[op.axis + 1..].iter().product();
    let lanes = if inner == 1 { lanes(&[x[op.axis]]) } else { 1 };
    let count = problem.len() / lanes;
    let (code, arguments) = function(op.activation);
    let mut variant = variant(problem, lanes);
    variant.constants.push(("FUNCTION", code));
    let params = BatchNormParams {
        arguments,
        count: count as u32,
        channels: (x[op.axis] / lanes) as u32,
        inner: inner as u32,
        epsilon: op.epsilon,
    };
    let reads = vec![0, 1, 2, 3, 4];
    let workgroups = count.div_ceil(INVOCATIONS);
    let kernel = Kernel::new("batch_norm", variant, &params, reads, workgroups, problem.capabilities);
    vec![Candidate::one("batch_norm", kernel)]
}

/// All ways to normalise trailing axes.
pub fn layer_norm(op: &LayerNorm, problem: &Problem) -> Vec<Candidate> {
    let x = problem.inputs[0];
    let n: usize = x[x.len() - op.axes..].iter().product();
    let rows = problem.len() / n;
    let params = LayerNormParams {
        rows: rows as u32,
        n: n as u32,
        epsilon: op.epsilon,
        has_scale: op.scale.into(),
        has_center: op.center.into(),
        pad: [0; 3],
    };
    // x stands in for what is not there.
    let gamma = usize::from(op.scale);
    let beta = if op.center { gamma + 1 } else { 0 };
    let constants = row_constants(rows, n, problem.capabilities);
    let workgroups = rows.div_ceil(constants[0].1 as usize);
    let turns = row_turns(n, constants[1].1);
    let variant = Variant { imports: vec![problem.scalar()], constants };
    let reads = vec![0, gamma, beta];
    let kernel = Kernel::new("layer_norm", variant, &params, reads, workgroups, problem.capabilities).looping(turns);
    vec![Candidate::one("layer_norm", kernel)]
}
