//! Kernels of [`cnn_core::op::Resize`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Interpolation, Resize};

use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/resize.wgsl`.
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
    /// Nothing.
    pub pad: u32,
}

/// All ways to resample.
pub fn candidates(op: &Resize, problem: &Problem) -> Vec<Candidate> {
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
        pad: 0,
    };
    let workgroups = (problem.len() / lanes).div_ceil(INVOCATIONS);
    let kernel = Kernel::new("resize", variant(problem, lanes), &params, vec![0], workgroups, problem.capabilities);
    vec![Candidate::one("resize", kernel)]
}
