//! Which kernels can compute an op: one file for each family, each with its `candidates`, the static choice first.

mod axes;
pub mod conv2d;
pub mod conv2d_filter_gradient;
pub mod conv2d_transpose;
pub mod elementwise;
pub mod gemm;
pub mod histogram;
pub mod movement;
pub mod normalization;
pub mod optimizer_step;
pub mod pool2d;
pub mod random;
pub mod reduce;
pub mod resize;
pub mod softmax;
pub mod warp;

use cnn_core::Op;
use cnn_shaders::Variant;

use crate::error::GpuError;
use crate::kernel::{Candidate, Capabilities, Problem};

/// All ways to compute `op`, the static choice first. None only where every kernel takes more turns of its loops than the
/// driver gives it; an output without elements takes no dispatch.
pub fn candidates(op: &Op, problem: &Problem) -> Vec<Candidate> {
    if problem.is_empty() {
        return vec![Candidate { name: "nothing".into(), dispatches: vec![] }];
    }
    let mut candidates = all(op, problem);
    let max_turns = problem.capabilities.max_turns;
    candidates.retain(|candidate| candidate.dispatches.iter().all(|kernel| kernel.turns <= max_turns));
    candidates
}

fn all(op: &Op, problem: &Problem) -> Vec<Candidate> {
    match op {
        Op::Conv2D(op) => conv2d::candidates(op, problem),
        Op::Conv2DFilterGradient(op) => conv2d_filter_gradient::candidates(op, problem),
        Op::Conv2DTranspose(op) => conv2d_transpose::candidates(op, problem),
        Op::Pool2D(op) => pool2d::candidates(op, problem),
        Op::Pool2DGradient(op) => pool2d::gradient(op, problem),
        Op::Reduce(op) => reduce::candidates(op, problem),
        Op::Gemm(op) => gemm::candidates(op, problem),
        Op::Unary(op) => elementwise::unary(op, problem),
        Op::UnaryGradient(op) => elementwise::unary_gradient(op, problem),
        Op::Binary(op) => elementwise::binary(op, problem),
        Op::BatchNorm(op) => normalization::batch_norm(op, problem),
        Op::LayerNorm(op) => normalization::layer_norm(op, problem),
        Op::Softmax(op) => softmax::candidates(op, problem),
        Op::RandomUniform(op) => random::candidates(op, problem),
        Op::Resize(op) => resize::candidates(op, problem),
        Op::ResizeGradient(op) => resize::gradient(op, problem),
        Op::Warp(op) => warp::candidates(op, problem),
        Op::Histogram(op) => histogram::histogram(op, problem),
        Op::Lookup(op) => histogram::lookup(op, problem),
        Op::Pad(op) => movement::pad(op, problem),
        Op::Slice(op) => movement::slice(op, problem),
        Op::Transpose(op) => movement::transpose(op, problem),
        Op::Concat(op) => movement::concat(op, problem),
        Op::Broadcast(op) => movement::broadcast(op, problem),
        Op::Assign(op) => movement::assign(op, problem),
        Op::OptimizerStep(op) => optimizer_step::candidates(op, problem),
        Op::Reshape(_) => movement::reshape(problem),
        Op::Cast(op) => movement::cast(op, problem),
    }
}

/// The static choice for the op of a layer.
///
/// # Errors
/// If no kernel gets by with the turns of its loops that the driver gives it.
pub fn choose(op: &Op, layer: &str, problem: &Problem) -> Result<Candidate, GpuError> {
    let max_turns = problem.capabilities.max_turns;
    let none = || GpuError::LoopTooLong { layer: layer.into(), op: op.name(), max_turns };
    candidates(op, problem).into_iter().next().ok_or_else(none)
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
/// there are many rows or they are short, an invocation for each. The kernels go over their part of a row three times.
fn row_constants(rows: usize, n: usize, capabilities: &Capabilities) -> Vec<(&'static str, u32)> {
    // Software drivers run a workgroup as the lanes of one vector: barriers cost, and any row is long enough to fill one.
    let alone = if capabilities.software { rows >= 8 } else { n <= 16 };
    if alone && row_turns(n, 1) <= capabilities.max_turns {
        vec![("ROWS", 64), ("PARTS", 1)]
    } else {
        vec![("ROWS", 1), ("PARTS", 64)]
    }
}

/// Turns of the loops over a row of `n` elements that `parts` invocations share: three passes, and two trees.
fn row_turns(n: usize, parts: u32) -> u64 {
    3 * (n as u64).div_ceil(parts.into()) + 2 * u64::from(parts.ilog2())
}
