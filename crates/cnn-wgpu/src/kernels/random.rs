//! Kernels of [`cnn_core::op::RandomUniform`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::RandomUniform;
use cnn_shaders::Variant;

use super::INVOCATIONS;
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/random_uniform.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// Elements of the output.
    pub count: u32,
    /// Which sequence.
    pub stream: u32,
    /// Nothing.
    pub pad: [u32; 2],
}

/// All ways to draw.
pub fn candidates(op: &RandomUniform, problem: &Problem) -> Vec<Candidate> {
    let params = Params { count: problem.len() as u32, stream: op.stream, pad: [0; 2] };
    let variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    let workgroups = problem.len().div_ceil(INVOCATIONS);
    let kernel = Kernel::new("random_uniform", variant, &params, vec![0], workgroups, problem.capabilities);
    vec![Candidate::one("random_uniform", kernel)]
}
