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

/// All ways to convolve, the static choice first.
pub fn candidates(op: &Conv2D, problem: &Problem) -> Vec<Candidate> {
    let params = params(op, problem.inputs[0], problem.inputs[1], problem.output);
    let mut candidates = Vec::new();
    if op.groups == 1 {
        candidates.extend(implicit_gemm(&params, &op.epilogue, problem));
    }
    let depthwise = op.groups > 1 && params.in_c == params.groups && params.out_c == params.groups;
    if depthwise && params.out_c.is_multiple_of(4) {
        candidates.extend(depthwise_tiled(&params, op, problem));
        let variant = Variant { imports: imports(&params, &op.epilogue, problem), constants: vec![] };
        let count = (problem.len() / 4).div_ceil(64);
        candidates.push(one("conv2d_depthwise", variant, &params, &op.epilogue, count, problem));
        if !problem.capabilities.software {
            // Many small invocations fill a GPU; its caches see to what they share.
            candidates.rotate_right(1);
        }
    }
    let variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    candidates.push(one("conv2d", variant, &params, &op.epilogue, problem.len().div_ceil(64), problem));
    candidates
}

/// The implicit GEMM with each tile that the driver's compiler can take, the static choice first.
pub(super) fn implicit_gemm(params: &Params, epilogue: &Epilogue, problem: &Problem) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let wide = problem.capabilities.wide_tiles;
    // Channels past the end cost a branch in each of its accumulators, and the driver seconds to compile.
    let shares = problem.capabilities.software && params.out_c.is_multiple_of(4);
    if let Some(lanes) = problem.capabilities.subgroup_size.filter(|lanes| shares && *lanes == 8) {
        candidates.push(subgroup_tile(lanes, params, epilogue, problem));
    }
    // Rows (pixels) and columns (vectors of four channels) of one invocation's accumulators, the best first.
    let (pixels, f4_count) = (pixels(params), f4_count(params));
    let large = wide && shares && pixels >= 16 && f4_count >= 4;
    let tiles: &[(u32, u32)] = if large { &[(8, 4), (4, 2)] } else { &[(4, 2)] };
    let lanes = if problem.capabilities.software { 8 } else { 64 };
    for &(rows, columns) in tiles {
        let variant = Variant {
            imports: imports(params, epilogue, problem),
            constants: vec![("ROWS", rows), ("COLUMNS", columns), ("LANES", lanes)],
        };
        let invocations = pixels.div_ceil(rows) as usize * f4_count.div_ceil(columns) as usize;
        let count = invocations.div_ceil(lanes as usize);
        let mut candidate = one("conv2d_implicit_gemm", variant, params, epilogue, count, problem);
        candidate.name = format!("conv2d_implicit_gemm {rows}x{}", 4 * columns);
        candidates.push(candidate);
    }
    let tiled = if wide { workgroup_tiles(params, epilogue, problem) } else { Vec::new() };
    let at = if problem.capabilities.software { candidates.len() } else { 0 };
    candidates.splice(at..at, tiled);
    candidates
}

/// The implicit GEMM over workgroup memory, the best tile first: large ones need many workgroups to fill a GPU.
fn workgroup_tiles(params: &Params, epilogue: &Epilogue, problem: &Problem) -> Vec<Candidate> {
    /// Workgroups that fill a large GPU twice.
    const PLENTY: usize = 256;
    let mut tiles = Vec::new();
    // Quads of pixels and vectors of channels of one invocation.
    for (quads, columns) in [(2, 2), (1, 2), (1, 1)] {
        let count = pixels(params).div_ceil(64 * quads) as usize * f4_count(params).div_ceil(16 * columns) as usize;
        let variant = Variant {
            imports: imports(params, epilogue, problem),
            constants: vec![("QUADS", quads), ("COLUMNS", columns)],
        };
        let mut candidate = one("conv2d_implicit_gemm_tiled", variant, params, epilogue, count, problem);
        candidate.name = format!("conv2d_implicit_gemm_tiled {}x{}", 64 * quads, 64 * columns);
        tiles.push((count < PLENTY, candidate));
    }
    // Stable: among those that fill the GPU the largest first, else the smallest.
    if tiles.iter().all(|(short, _)| *short) {
        tiles.reverse();
    }
    tiles.sort_by_key(|(short, _)| *short);
    tiles.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The implicit GEMM whose lanes share what they load, 7 pixels a lane, since the sides of ImageNet models are multiples
/// of 7. Its tiles are few, and none is without a residual: the driver takes half a second for a pipeline.
fn subgroup_tile(lanes: u32, params: &Params, epilogue: &Epilogue, problem: &Problem) -> Candidate {
    const ROWS: u32 = 7;
    let (x, depth) = match params.in_c {
        3 => ("x_rgb", 3),
        c if c.is_multiple_of(4) => ("x_vec4", 4),
        _ => ("x_scalar", 4),
    };
    // With few pixels the time goes into reading the filter, which is faster by longer pieces of its rows.
    let wide = pixels(params) <= 64 && f4_count(params) > lanes && depth == 4;
    let groups = if wide { 2 } else { 1 };
    let variant = Variant {
        imports: vec![problem.scalar(), ("x", x), ("y", "y_vec4"), ("residual", "residual_vec4")],
        constants: vec![("ROWS", ROWS), ("GROUPS", groups), ("LANES", lanes), ("DEPTH", depth)],
    };
    let count = pixels(params).div_ceil(lanes * ROWS) as usize * f4_count(params).div_ceil(lanes * groups) as usize;
    let mut candidate = one("conv2d_implicit_gemm_subgroup", variant, params, epilogue, count, problem);
    candidate.name = format!("conv2d_implicit_gemm_subgroup {}x{}", lanes * ROWS, 4 * lanes * groups);
    candidate
}

/// The depthwise convolution that loads once what its output pixels share, for the windows that models have.
fn depthwise_tiled(params: &Params, op: &Conv2D, problem: &Problem) -> Option<Candidate> {
    let (taps, stride) = (params.kernel_h, params.stride_h);
    let square = params.kernel_w == taps && params.stride_w == stride && op.dilation_rate == [1, 1];
    if !problem.capabilities.wide_tiles || !square || !matches!((taps, stride), (3 | 5, 1 | 2)) {
        return None;
    }
    let (rows, columns) = if stride == 1 { (2, 2) } else { (1, 4) };
    let under = |outputs: u32| (outputs - 1) * stride + taps;
    let variant = Variant {
        imports: imports(params, &op.epilogue, problem),
        constants: vec![
            ("TAPS", taps),
            ("AREA", taps * taps),
            ("STRIDE", stride),
            ("ROWS", rows),
            ("COLUMNS", columns),
            ("IN_ROWS", under(rows)),
            ("IN_COLUMNS", under(columns)),
        ],
    };
    let tiles = params.batch as usize * params.out_h.div_ceil(rows) as usize * params.out_w.div_ceil(columns) as usize;
    let count = (tiles * f4_count(params) as usize).div_ceil(64);
    let mut candidate = one("conv2d_depthwise_tiled", variant, params, &op.epilogue, count, problem);
    candidate.name = format!("conv2d_depthwise_tiled {taps}x{taps}/{stride}");
    Some(candidate)
}

fn pixels(params: &Params) -> u32 {
    params.batch * params.out_h * params.out_w
}

fn f4_count(params: &Params) -> u32 {
    params.out_c.div_ceil(4)
}

/// Vectors where the channels allow them, and a residual's code only where there is one.
fn imports(params: &Params, epilogue: &Epilogue, problem: &Problem) -> Vec<(&'static str, &'static str)> {
    let x = if params.in_c.is_multiple_of(4) { "x_vec4" } else { "x_scalar" };
    let y = if params.out_c.is_multiple_of(4) { "y_vec4" } else { "y_scalar" };
    let residual = match (epilogue.residual, y) {
        (false, _) => "residual_none",
        (true, "y_vec4") => "residual_vec4",
        (true, _) => "residual_scalar",
    };
    vec![problem.scalar(), ("x", x), ("y", y), ("residual", residual)]
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
    Candidate::one(shader, kernel.looping(turns(shader, params)))
}

/// How often an invocation of a kernel goes round its loops at most.
fn turns(shader: &str, params: &Params) -> u64 {
    let taps = u64::from(params.kernel_h) * u64::from(params.kernel_w);
    let channels = u64::from(params.in_c / params.groups.max(1));
    let vectors = channels.div_ceil(4);
    // Over rows, taps, channels; the residual and the stores take no more than a few dozen.
    let over_taps = |inner: u64| u64::from(params.kernel_h) + taps * (1 + inner) + 64;
    match shader {
        "conv2d" => over_taps(channels),
        "conv2d_depthwise" | "conv2d_depthwise_tiled" => over_taps(0),
        // Slices of four vectors, each of 16 elements.
        "conv2d_implicit_gemm_tiled" => (taps * vectors).div_ceil(4) * 17 + 64,
        // Three channels at a time, or four.
        _ => over_taps(vectors),
    }
}

/// Input, filter, bias and residual; the filter stands in for what is not there.
pub(super) fn reads(epilogue: &Epilogue) -> Vec<usize> {
    let bias = if epilogue.bias { 2 } else { 1 };
    let residual = if epilogue.residual { 2 + usize::from(epilogue.bias) } else { 1 };
    vec![0, 1, bias, residual]
}

/// The parameters of a convolution by the shapes of its input, filter and output.
pub(super) fn params(op: &Conv2D, x: &[usize], filter: &[usize], y: &[usize]) -> Params {
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
