//! Which kernels can compute an op: one file for each family, each with its `candidates`, the static choice first.

pub mod conv2d;
pub mod gemm;

use cnn_core::Op;

use crate::kernel::{Candidate, Problem};

/// All ways to compute `op`, the static choice first. Never empty for a problem whose shapes were inferred.
pub fn candidates(op: &Op, problem: &Problem) -> Vec<Candidate> {
    match op {
        Op::Conv2D(op) => conv2d::candidates(op, problem),
        Op::Gemm(op) => gemm::candidates(op, problem),
        _ => todo!(),
    }
}

/// The static choice.
pub fn choose(op: &Op, problem: &Problem) -> Candidate {
    candidates(op, problem).swap_remove(0)
}
