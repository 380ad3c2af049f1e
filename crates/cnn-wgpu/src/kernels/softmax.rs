//! Kernels of [`cnn_core::op::Softmax`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::Softmax;
use cnn_shaders::Variant;

use super::{row_constants, row_turns};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/softmax.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// How many rows sum to 1, each by itself.
    pub rows: u32,
    /// Elements of a row.
    pub n: u32,
    /// Distance of a row's elements: the product of the sizes behind the axis.
    pub inner: u32,
    /// 1 for the logarithm.
    pub log: u32,
}

/// All ways to take the softmax.
pub fn candidates(op: &Softmax, problem: &Problem) -> Vec<Candidate> {
    let x = problem.inputs[0];
    let (n, inner): (usize, usize) = (x[op.axis], x[op.axis + 1..].iter().product());
    let rows = problem.len() / n;
    let params = Params { rows: rows as u32, n: n as u32, inner: inner as u32, log: op.log.into() };
    let constants = row_constants(rows, n, problem.capabilities);
    let workgroups = rows.div_ceil(constants[0].1 as usize);
    let turns = row_turns(n, constants[1].1);
    let variant = Variant { imports: vec![problem.scalar()], constants };
    let kernel = Kernel::new("softmax", variant, &params, vec![0], workgroups, problem.capabilities).looping(turns);
    vec![Candidate::one("softmax", kernel)]
}
