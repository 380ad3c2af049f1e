//! Kernels of [`cnn_core::op::Reduce`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Reduce, ReduceKind};

use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/shared/reduce_params.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// The product of the sizes before the reduced axes.
    pub outer: u32,
    /// Elements of one sum.
    pub n: u32,
    /// The product of the sizes behind, in lanes.
    pub inner: u32,
    /// 0 for the sum, 1 for the mean, 2 for the variance.
    pub kind: u32,
}

/// Elements of a sum from which invocations share it.
const LONG_SUM: u32 = 32;

/// `BLOCK` of `shaders/reduce.wgsl`.
const BLOCK: usize = 64;

/// All ways to sum up, the static choice first.
pub fn candidates(op: &Reduce, problem: &Problem) -> Vec<Candidate> {
    let [outer, n, inner] = op.dims3(problem.inputs[0]);
    let lanes = lanes(&[inner]);
    let params = Params {
        outer: outer as u32,
        n: n as u32,
        inner: (inner / lanes) as u32,
        kind: match op.kind {
            ReduceKind::Sum => 0,
            ReduceKind::Mean => 1,
            ReduceKind::Variance => 2,
        },
    };
    let mut variant = variant(problem, lanes);
    let passes = if op.kind == ReduceKind::Variance { 2 } else { 1 };
    let count = (problem.len() / lanes).div_ceil(INVOCATIONS);
    let alone = Kernel::new("reduce", variant.clone(), &params, vec![0], count, problem.capabilities);
    let mut candidates = vec![Candidate::one("reduce", alone.looping(passes * (n + n.div_ceil(BLOCK)) as u64))];

    if params.n >= LONG_SUM {
        // Invocations that share a sum, and sums side by side.
        let (parts, columns) = if params.inner >= 8 { (32, 8) } else { (64, 1) };
        variant.constants.extend([("PARTS", parts), ("COLUMNS", columns)]);
        let count = outer * params.inner.div_ceil(columns) as usize;
        let shared = Kernel::new("reduce_shared", variant, &params, vec![0], count, problem.capabilities);
        let turns = passes * u64::from(params.n.div_ceil(parts) + parts);
        candidates.push(Candidate::one("reduce_shared", shared.looping(turns)));
        // A software driver has no more than a few sums' worth of invocations to fill.
        if !problem.capabilities.software || params.inner == 1 {
            candidates.reverse();
        }
    }
    candidates
}
