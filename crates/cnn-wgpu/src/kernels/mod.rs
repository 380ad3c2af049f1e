//! Which kernels can compute an op: one file for each family, each with its `candidates`, the static choice first.

mod axes;
pub mod conv2d;
pub mod conv2d_transpose;
pub mod elementwise;
pub mod gemm;
pub mod movement;
pub mod normalization;
pub mod pool2d;
pub mod resize;
pub mod softmax;

use cnn_core::Op;
use cnn_shaders::Variant;

use crate::kernel::{Candidate, Problem};

/// All ways to compute `op`, the static choice first. Never empty for a problem whose shapes were inferred; an output
/// without elements takes no dispatch.
pub fn candidates(op: &Op, problem: &Problem) -> Vec<Candidate> {
    if problem.is_empty() {
        return vec![Candidate { name: "nothing".into(), dispatches: vec![] }];
    }
    match op {
        Op::Conv2D(op) => conv2d::candidates(op, problem),
        Op::Conv2DTranspose(op) => conv2d_transpose::candidates(op, problem),
        Op::Pool2D(op) => pool2d::candidates(op, problem),
        Op::Gemm(op) => gemm::candidates(op, problem),
        Op::Unary(op) => elementwise::unary(op, problem),
        Op::Binary(op) => elementwise::binary(op, problem),
        Op::BatchNorm(op) => normalization::batch_norm(op, problem),
        Op::LayerNorm(op) => normalization::layer_norm(op, problem),
        Op::Softmax(op) => softmax::candidates(op, problem),
        Op::Resize(op) => resize::candidates(op, problem),
        Op::Pad(op) => movement::pad(op, problem),
        Op::Slice(op) => movement::slice(op, problem),
        Op::Transpose(op) => movement::transpose(op, problem),
        Op::Concat(op) => movement::concat(op, problem),
        Op::Reshape(_) => movement::reshape(problem),
        Op::Cast(op) => movement::cast(op, problem),
    }
}

/// The static choice.
pub fn choose(op: &Op, problem: &Problem) -> Candidate {
    candidates(op, problem).swap_remove(0)
}

/// Invocations of a workgroup of the kernels in which each one owns its element.
const INVOCATIONS: usize = 64;

/// 4 if kernels may take four elements at a time, given that all of `sizes` (widths, steps, offsets) allow it, else 1.
fn lanes(sizes: &[usize]) -> usize {
    if sizes.iter().all(|size| size.is_multiple_of(4)) { 4 } else { 1 }
}

/// The element type, and [`lanes`] of it at a time.
fn variant(problem: &Problem, lanes: usize) -> Variant {
    let lanes = if lanes == 4 { "lanes_4" } else { "lanes_1" };
    Variant { imports: vec![problem.scalar(), ("lanes", lanes)], constants: vec![] }
}

/// `ROWS` and `PARTS` of `shaders/shared/row.wgsl` for `rows` rows of `n` elements: a workgroup for each row, or, where
/// there are many rows or they are short, an invocation for each.
fn row_constants(rows: usize, n: usize, software: bool) -> Vec<(&'static str, u32)> {
    // Software drivers run a workgroup as the lanes of one vector: barriers cost, and any row is long enough to fill one.
    let alone = if software { rows >= 8 } else { n <= 16 };
    if alone { vec![("ROWS", 64), ("PARTS", 1)] } else { vec![("ROWS", 1), ("PARTS", 64)] }
}
