//! Kernels of [`cnn_core::op::Pool2D`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Pool2D, Pool2DGradient, PoolKind};

use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/shared/pool2d_params.wgsl`.
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

/// Elements of a window from which invocations share it.
const LARGE_WINDOW: u64 = 32;

/// Elements of a window from which many share it.
const VERY_LARGE_WINDOW: u64 = 1 << 12;

/// All ways to pool, the static choice first.
pub fn candidates(op: &Pool2D, problem: &Problem) -> Vec<Candidate> {
    let (x, y) = (problem.inputs[0], problem.output);
    let (lanes, params) = params(op, x, y);
    let mut variant = variant(problem, lanes);
    variant.constants.push(("AVERAGE", (op.kind == PoolKind::Average).into()));
    let area = u64::from(params.kernel_h.min(params.in_h)) * u64::from(params.kernel_w.min(params.in_w));
    let mut candidates = Vec::new();

    let count = (problem.len() / lanes).div_ceil(INVOCATIONS);
    let alone = Kernel::new("pool2d", variant.clone(), &params, vec![0], count, problem.capabilities);
    candidates.push(Candidate::one("pool2d", alone.looping(area + u64::from(params.kernel_h))));

    if area >= LARGE_WINDOW {
        // Invocations that share a window, and elements of the channels side by side.
        let (parts, columns) = if area < VERY_LARGE_WINDOW { (8, 8) } else { (32, 8) };
        variant.constants.extend([("PARTS", parts), ("COLUMNS", columns)]);
        let count = problem.len() / x[3] * (x[3] / lanes).div_ceil(columns as usize);
        let shared = Kernel::new("pool2d_shared", variant, &params, vec![0], count, problem.capabilities);
        let turns = area.div_ceil(parts.into()) + u64::from(parts);
        candidates.push(Candidate::one("pool2d_shared", shared.looping(turns)));
        // Large windows are few, and leave most of a GPU without work; very large ones are few for any device, and long
        // sums err more.
        if !problem.capabilities.software || area >= VERY_LARGE_WINDOW {
            candidates.reverse();
        }
    }
    candidates
}

/// All ways to make the gradient.
pub fn gradient(op: &Pool2DGradient, problem: &Problem) -> Vec<Candidate> {
    let (pool, dy) = (&op.pool, problem.inputs[problem.inputs.len() - 1]);
    let (lanes, params) = params(pool, problem.output, dy);
    let workgroups = (problem.len() / lanes).div_ceil(INVOCATIONS);
    // Windows that hold a pixel, at most; each of them is looked through for its maximum.
    let windows = |kernel: u32, stride: u32, count: u32| u64::from(kernel.div_ceil(stride).min(count));
    let rows = windows(params.kernel_h, params.stride_h, params.out_h);
    let all = rows * windows(params.kernel_w, params.stride_w, params.out_w);
    let (shader, reads, turns) = match pool.kind {
        PoolKind::Average => ("pool2d_average_gradient", vec![0], rows + all),
        PoolKind::Max => {
            let height = u64::from(params.kernel_h.min(params.in_h));
            let area = height * u64::from(params.kernel_w.min(params.in_w));
            ("pool2d_max_gradient", vec![0, 1], rows + all * (1 + height + area))
        }
    };
    let kernel = Kernel::new(shader, variant(problem, lanes), &params, reads, workgroups, problem.capabilities);
    vec![Candidate::one(shader, kernel.looping(turns))]
}

/// Elements side by side, and the parameters of a pooling from x to y.
fn params(op: &Pool2D, x: &[usize], y: &[usize]) -> (usize, Params) {
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
    (lanes, params)
}
