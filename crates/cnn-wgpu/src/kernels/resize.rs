//! Kernels of [`cnn_core::op::Resize`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Interpolation, Resize, ResizeGradient};

use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/shared/resize_params.wgsl`.
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
    let (lanes, params) = params(op.interpolation, problem.inputs[0], problem.output);
    let workgroups = (problem.len() / lanes).div_ceil(INVOCATIONS);
    let kernel = Kernel::new("resize", variant(problem, lanes), &params, vec![0], workgroups, problem.capabilities);
    vec![Candidate::one("resize", kernel)]
}

/// All ways to make the gradient of that.
pub fn gradient(op: &ResizeGradient, problem: &Problem) -> Vec<Candidate> {
    let (lanes, params) = params(op.interpolation, problem.output, problem.inputs[0]);
    let workgroups = (problem.len() / lanes).div_ceil(INVOCATIONS);
    let (variant, capabilities) = (variant(problem, lanes), problem.capabilities);
    let kernel = Kernel::new("resize_gradient", variant, &params, vec![0], workgroups, capabilities);
    // An input pixel has readers over two units of its axis, and the kernel looks at up to two more.
    let readers = |input: u32, output: u32| u64::from((2 * output).div_ceil(input).min(output)) + 3;
    let rows = readers(params.in_h, params.out_h);
    let turns = rows * (1 + readers(params.in_w, params.out_w));
    vec![Candidate::one("resize_gradient", kernel.looping(turns))]
}

/// Elements side by side, and the parameters of a resampling from x to y.
fn params(interpolation: Interpolation, x: &[usize], y: &[usize]) -> (usize, Params) {
    let lanes = lanes(&[x[3]]);
    let params = Params {
        batch: x[0] as u32,
        in_h: x[1] as u32,
        in_w: x[2] as u32,
        channels: (x[3] / lanes) as u32,
        out_h: y[1] as u32,
        out_w: y[2] as u32,
        bilinear: (interpolation == Interpolation::Bilinear).into(),
        pad: 0,
    };
    (lanes, params)
}
