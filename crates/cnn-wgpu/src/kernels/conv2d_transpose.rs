//! Kernels of [`cnn_core::op::Conv2DTranspose`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::Conv2DTranspose;
use cnn_shaders::Variant;

use super::conv2d::reads;
use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/shared/conv2d_transpose_params.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// Pictures.
    pub batch: u32,
    /// Height of the input.
    pub in_h: u32,
    /// Width of the input.
    pub in_w: u32,
    /// Channels of the input, in lanes.
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
    /// Rows between the input's pixels in the output.
    pub stride_h: u32,
    /// Columns between the input's pixels in the output.
    pub stride_w: u32,
    /// Rows cut off at the top.
    pub before_h: u32,
    /// Columns cut off at the left.
    pub before_w: u32,
    /// Rows between taps.
    pub dilation_h: u32,
    /// Columns between taps.
    pub dilation_w: u32,
    /// 1 if a bias is bound.
    pub has_bias: u32,
    /// 1 if a residual is bound.
    pub has_residual: u32,
    /// Lower end of the clamp.
    pub low: f32,
    /// Upper end of the clamp.
    pub high: f32,
    /// Groups of channels.
    pub groups: u32,
}

/// All ways to convolve, transposed.
pub fn candidates(op: &Conv2DTranspose, problem: &Problem) -> Vec<Candidate> {
    let (x, filter, y) = (problem.inputs[0], problem.inputs[1], problem.output);
    let lanes = lanes(&[x[3] / op.groups]);
    let params = Params {
        batch: x[0] as u32,
        in_h: x[1] as u32,
        in_w: x[2] as u32,
        in_c: (x[3] / lanes) as u32,
        out_h: y[1] as u32,
        out_w: y[2] as u32,
        out_c: y[3] as u32,
        kernel_h: filter[0] as u32,
        kernel_w: filter[1] as u32,
        stride_h: op.strides[0] as u32,
        stride_w: op.strides[1] as u32,
        before_h: op.before[0] as u32,
        before_w: op.before[1] as u32,
        dilation_h: op.dilation_rate[0] as u32,
        dilation_w: op.dilation_rate[1] as u32,
        has_bias: op.epilogue.bias.into(),
        has_residual: op.epilogue.residual.into(),
        low: op.epilogue.clamp.low,
        high: op.epilogue.clamp.high,
        groups: op.groups as u32,
    };
    let pixels = y[0] * y[1] * y[2];
    let workgroups = (pixels * y[3].div_ceil(4)).div_ceil(INVOCATIONS);
    let reads = reads(&op.epilogue);
    let kernel =
        Kernel::new("conv2d_transpose", variant(problem, lanes), &params, reads, workgroups, problem.capabilities);
    let taps = u64::from(params.kernel_h) * u64::from(params.kernel_w);
    let turns = u64::from(params.kernel_h) + taps * (1 + u64::from(params.in_c / params.groups));
    let mut candidates: Vec<Candidate> = tiled(&params, turns, op, problem).into_iter().collect();
    candidates.push(Candidate::one("conv2d_transpose", kernel.looping(turns)));
    candidates
}

/// The kernel with named accumulators, as many as the driver takes.
fn tiled(params: &Params, turns: u64, op: &Conv2DTranspose, problem: &Problem) -> Option<Candidate> {
    let (capabilities, name) = (problem.capabilities, "conv2d_transpose_tiled");
    if op.groups != 1 || !problem.inputs[0][3].is_multiple_of(4) {
        return None;
    }
    // Output pixels and channels of one invocation.
    let (rows, columns) = if capabilities.wide_tiles { (8, 8) } else { (4, 4) };
    let lanes = if capabilities.software { 8 } else { 64 };
    let constants = vec![("ROWS", rows), ("COLUMNS", columns), ("LANES", lanes)];
    let variant = Variant { imports: vec![problem.scalar()], constants };
    let phase = params.batch * params.out_h.div_ceil(params.stride_h) * params.out_w.div_ceil(params.stride_w);
    let tiles = (phase.div_ceil(rows) * params.stride_h * params.stride_w) as usize;
    let invocations = tiles * params.out_c.div_ceil(columns) as usize;
    let count = invocations.div_ceil(lanes as usize);
    let kernel = Kernel::new(name, variant, params, reads(&op.epilogue), count, capabilities);
    Some(Candidate::one(format!("{name} {rows}x{columns}"), kernel.looping(turns)))
}
