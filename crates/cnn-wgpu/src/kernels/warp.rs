//! Kernels of [`cnn_core::op::Warp`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{FillMode, Interpolation, Warp};

use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/warp.wgsl`.
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
    /// 1 for bilinear, 0 for nearest.
    pub bilinear: u32,
    /// 0 for constant, 1 for nearest, 2 for reflect, 3 for wrap.
    pub fill_mode: u32,
    /// What lies outside where that is constant.
    pub fill_value: f32,
    /// 1 where pixels have moves of their own.
    pub moved: u32,
    /// Nothing.
    pub pad: [u32; 2],
}

/// All ways to warp.
pub fn candidates(op: &Warp, problem: &Problem) -> Vec<Candidate> {
    let (x, y) = (problem.inputs[0], problem.output);
    let lanes = lanes(&[x[3]]);
    let params = Params {
        batch: x[0] as u32,
        in_h: x[1] as u32,
        in_w: x[2] as u32,
        channels: (x[3] / lanes) as u32,
        out_h: y[1] as u32,
        out_w: y[2] as u32,
        bilinear: (op.interpolation == Interpolation::Bilinear).into(),
        fill_mode: match op.fill_mode {
            FillMode::Constant => 0,
            FillMode::Nearest => 1,
            FillMode::Reflect => 2,
            FillMode::Wrap => 3,
        },
        fill_value: op.fill_value,
        moved: (problem.inputs.len() == 3).into(),
        pad: [0; 2],
    };
    let workgroups = (problem.len() / lanes).div_ceil(INVOCATIONS);
    // Without moves their binding gets the maps, and nothing is read of it.
    let reads = vec![0, 1, problem.inputs.len() - 1];
    let kernel = Kernel::new("warp", variant(problem, lanes), &params, reads, workgroups, problem.capabilities);
    vec![Candidate::one("warp", kernel)]
}
