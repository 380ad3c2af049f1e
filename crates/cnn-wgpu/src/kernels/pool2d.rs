//! Kernels of [`cnn_core::op::Pool2D`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Pool2D, PoolKind};

use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/pool2d.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// Pictures.
    pub batch: u32,
    /// Height of the input.
    pub in_h: u32,
    /// Width of the input.
    pub in_w: u32,
    /// Channels, in lanes.
    pub channels: u32,
    /// Height of the output.
    pub out_h: u32,
    /// Width of the output.
    pub out_w: u32,
    /// Height of the window.
    pub kernel_h: u32,
    /// Width of the window.
    pub kernel_w: u32,
    /// Rows between windows.
    pub stride_h: u32,
    /// Columns between windows.
    pub stride_w: u32,
    /// Rows above.
    pub pad_top: u32,
    /// Columns to the left.
    pub pad_left: u32,
}

/// All ways to pool.
pub fn candidates(op: &Pool2D, problem: &Problem) -> Vec<Candidate> {
    let (x, y) = (problem.inputs[0], problem.output);
    let lanes = lanes(&[x[3]]);
    let params = Params {
        batch: x[0] as u32,
        in_h: x[1] as u32,
        in_w: x[2] as u32,
        channels: (x[3] / lanes) as u32,
        out_h: y[1] as u32,
        out_w: y[2] as u32,
        kernel_h: op.pool_size[0] as u32,
        kernel_w: op.pool_size[1] as u32,
        stride_h: op.strides[0] as u32,
        stride_w: op.strides[1] as u32,
        pad_top: op.padding.top as u32,
        pad_left: op.padding.left as u32,
    };
    let mut variant = variant(problem, lanes);
    variant.constants.push(("AVERAGE", (op.kind == PoolKind::Average).into()));
    let workgroups = (problem.len() / lanes).div_ceil(INVOCATIONS);
    let kernel = Kernel::new("pool2d", variant, &params, vec![0], workgroups, problem.capabilities);
    vec![Candidate::one("pool2d", kernel)]
}
