//! Kernels of [`cnn_core::op::Gemm`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Epilogue, Gemm};
use cnn_shaders::Variant;

use super::{conv2d, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/shared/gemm_params.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// Rows of a and y.
    pub m: u32,
    /// Columns of a, rows of b.
    pub k: u32,
    /// Columns of b and y.
    pub n: u32,
    /// 1 if a bias is bound.
    pub has_bias: u32,
    /// 1 if a residual is bound.
    pub has_residual: u32,
    /// Lower end of the clamp.
    pub low: f32,
    /// Upper end of the clamp.
    pub high: f32,
}

/// Elements of a sum from which many invocations share it.
const LONG_SUM: u32 = 1 << 16;

/// All ways to multiply, the static choice first: a GEMV for few rows, else the implicit GEMM of a 1x1 convolution over
/// `m` pictures of one pixel.
pub fn candidates(op: &Gemm, problem: &Problem) -> Vec<Candidate> {
    let (k, n) = (problem.inputs[1][0] as u32, problem.inputs[1][1] as u32);
    let m = problem.len().checked_div(n as usize).unwrap_or(0) as u32;
    let epilogue = &op.epilogue;
    let params = Params {
        m,
        k,
        n,
        has_bias: epilogue.bias.into(),
        has_residual: epilogue.residual.into(),
        low: epilogue.clamp.low,
        high: epilogue.clamp.high,
    };
    let mut gemv = vec![gemv(&params, epilogue, problem)];
    let mut implicit = conv2d::implicit_gemm(&as_convolution(&params), epilogue, problem);
    let mut candidates = if m <= 4 {
        gemv.append(&mut implicit);
        gemv
    } else {
        implicit.append(&mut gemv);
        implicit
    };
    let variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    let count = problem.len().div_ceil(64);
    let naive = Kernel::new("gemm", variant, &params, conv2d::reads(epilogue), count, problem.capabilities);
    candidates.push(Candidate::one("gemm", naive.looping(k.into())));
    candidates
}

fn gemv(params: &Params, epilogue: &Epilogue, problem: &Problem) -> Candidate {
    let lanes = lanes(&[params.n as usize]);
    // Invocations of a workgroup that share a column, invocations side by side, elements of each. A software driver
    // runs 8 invocations as one vector; it reads b by long pieces of its rows, or cache lines wait.
    let (parts, columns, width) = match problem.capabilities.software {
        true if u64::from(params.k) <= problem.capabilities.max_turns => (1, 8, 4),
        _ if params.k >= LONG_SUM => (32, 8, 1),
        _ => (8, 8, 1),
    };
    let mut variant = variant(problem, lanes);
    variant.constants.extend([("PARTS", parts), ("COLUMNS", columns), ("WIDTH", width)]);
    let count = params.m as usize * (params.n as usize / lanes).div_ceil((columns * width) as usize);
    let kernel = Kernel::new("gemv", variant, params, conv2d::reads(epilogue), count, problem.capabilities);
    let turns = params.k.div_ceil(parts) + parts;
    Candidate::one("gemv", kernel.looping(turns.into()))
}

fn as_convolution(params: &Params) -> conv2d::Params {
    conv2d::Params {
        batch: params.m,
        in_h: 1,
        in_w: 1,
        in_c: params.k,
        out_h: 1,
        out_w: 1,
        out_c: params.n,
        kernel_h: 1,
        kernel_w: 1,
        stride_h: 1,
        stride_w: 1,
        pad_top: 0,
        pad_left: 0,
        dilation_h: 1,
        dilation_w: 1,
        groups: 1,
        has_bias: params.has_bias,
        has_residual: params.has_residual,
        low: params.low,
        high: params.high,
    }
}
