//! Kernels of [`cnn_core::op::Conv2D`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Conv2D, Epilogue};
use cnn_shaders::Variant;

use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/shared/conv2d_params.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// Pictures.
    pub batch: u32,
    /// Height of the input.
    pub in_h: u32,
    /// Width of the input.
    pub in_w: u32,
    /// Channels of the input.
    pub in_c: u32,
    /// Height of the output.
    pub out_h: u32,
    /// Width of the output.
    pub out_w: u32,
    /// Channels of the output.
    pub out_c: u32,
    /// Height of the window.
    pub kernel_h: u32,
    /// Width of the window.
    pub kernel_w: u32,
    /// Rows between windows.
    pub stride_h: u32,
    /// Columns between windows.
    pub stride_w: u32,
    /// Zero rows above.
    pub pad_top: u32,
    /// Zero columns to the left.
    pub pad_left: u32,
    /// Rows between taps.
    pub dilation_h: u32,
    /// Columns between taps.
    pub dilation_w: u32,
    /// Groups of channels.
    pub groups: u32,
    /// 1 if a bias is bound.
    pub has_bias: u32,
    /// 1 if a residual is bound.
    pub has_residual: u32,
    /// Lower end of the clamp.
    pub low: f32,
    /// Upper end of the clamp.
    pub high: f32,
}

/// Accumulators of one invocation of the implicit GEMM: rows (pixels) and columns (vectors of four channels).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tile {
    rows: u32,
    columns: u32,
}

/// All ways to convolve, the static choice first.
pub fn candidates(op: &Conv2D, problem: &Problem) -> Vec<Candidate> {
    let params = params(op, problem);
    let mut candidates = Vec::new();
    if op.groups == 1 {
        candidates.extend(implicit_gemm(&params, &op.epilogue, problem));
    }
    if op.groups > 1 && params.in_c == params.groups && params.out_c == params.groups && params.out_c.is_multiple_of(4)
    {
        let variant = Variant { imports: vec![problem.scalar(), ("x", "x_vec4"), ("y", "y_vec4")], constants: vec![] };
        candidates.push(one(
            "conv2d_depthwise",
            variant,
            &params,
            &op.epilogue,
            (problem.len() / 4).div_ceil(64),
            problem,
        ));
    }
    let variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    candidates.push(one("conv2d", variant, &params, &op.epilogue, problem.len().div_ceil(64), problem));
    candidates
}

/// The implicit GEMM with each tile, the static choice first.
pub(super) fn implicit_gemm(params: &Params, epilogue: &Epilogue, problem: &Problem) -> Vec<Candidate> {
    let lanes = if problem.capabilities.software { 8 } else { 64 };
    let pixels = (params.batch * params.out_h * params.out_w) as usize;
    let f4_count = (params.out_c as usize).div_ceil(4);
    let x = if params.in_c.is_multiple_of(4) { "x_vec4" } else { "x_scalar" };
    let y = if params.out_c.is_multiple_of(4) { "y_vec4" } else { "y_scalar" };
    tiles(pixels, f4_count, problem)
        .into_iter()
        .map(|Tile { rows, columns }| {
            let variant = Variant {
                imports: vec![problem.scalar(), ("x", x), ("y", y)],
                constants: vec![("ROWS", rows), ("COLUMNS", columns), ("LANES", lanes)],
            };
            let invocations = pixels.div_ceil(rows as usize) * f4_count.div_ceil(columns as usize);
            let count = invocations.div_ceil(lanes as usize);
            let mut candidate = one("conv2d_implicit_gemm", variant, params, epilogue, count, problem);
            candidate.name = format!("conv2d_implicit_gemm {rows}x{}", 4 * columns);
            candidate
        })
        .collect()
}

/// Tiles to try, best first.
fn tiles(pixels: usize, f4_count: usize, problem: &Problem) -> Vec<Tile> {
    let large = Tile { rows: 16, columns: 8 };
    let small = Tile { rows: 4, columns: 2 };
    if problem.capabilities.software && pixels >= 16 && f4_count >= 8 { vec![large, small] } else { vec![small] }
}

fn one(
    shader: &'static str,
    variant: Variant,
    params: &Params,
    epilogue: &Epilogue,
    count: usize,
    problem: &Problem,
) -> Candidate {
    let kernel = Kernel::new(shader, variant, params, reads(epilogue), count, problem.capabilities);
    Candidate::one(shader, kernel)
}

/// Input, filter, bias and residual; the filter stands in for what is not there.
pub(super) fn reads(epilogue: &Epilogue) -> Vec<usize> {
    let bias = if epilogue.bias { 2 } else { 1 };
    let residual = if epilogue.residual { 2 + usize::from(epilogue.bias) } else { 1 };
    vec![0, 1, bias, residual]
}

fn params(op: &Conv2D, problem: &Problem) -> Params {
    let (x, filter, y) = (problem.inputs[0], problem.inputs[1], problem.output);
    Params {
        batch: x[0] as u32,
        in_h: x[1] as u32,
        in_w: x[2] as u32,
        in_c: x[3] as u32,
        out_h: y[1] as u32,
        out_w: y[2] as u32,
        out_c: y[3] as u32,
        kernel_h: filter[0] as u32,
        kernel_w: filter[1] as u32,
        stride_h: op.strides[0] as u32,
        stride_w: op.strides[1] as u32,
        pad_top: op.padding.top as u32,
        pad_left: op.padding.left as u32,
        dilation_h: op.dilation_rate[0] as u32,
        dilation_w: op.dilation_rate[1] as u32,
        groups: op.groups as u32,
        has_bias: op.epilogue.bias.into(),
        has_residual: op.epilogue.residual.into(),
        low: op.epilogue.clamp.low,
        high: op.epilogue.clamp.high,
    }
}
