//! Kernels of [`cnn_core::op::Conv2DFilterGradient`].

use cnn_core::op::Conv2DFilterGradient;
use cnn_shaders::Variant;

use super::INVOCATIONS;
use super::conv2d::Params;
use crate::kernel::{Candidate, Kernel, Problem};

/// Pixels from which invocations share a sum.
const LONG_SUM: u64 = 64;

/// All ways to compute it, the static choice first.
pub fn candidates(op: &Conv2DFilterGradient, problem: &Problem) -> Vec<Candidate> {
    let (x, dy) = (problem.inputs[0], problem.inputs[1]);
    let params = Params {
        batch: x[0] as u32,
        in_h: x[1] as u32,
        in_w: x[2] as u32,
        in_c: x[3] as u32,
        out_h: dy[1] as u32,
        out_w: dy[2] as u32,
        out_c: dy[3] as u32,
        kernel_h: op.kernel_size[0] as u32,
        kernel_w: op.kernel_size[1] as u32,
        stride_h: op.strides[0] as u32,
        stride_w: op.strides[1] as u32,
        pad_top: op.padding.top as u32,
        pad_left: op.padding.left as u32,
        dilation_h: op.dilation_rate[0] as u32,
        dilation_w: op.dilation_rate[1] as u32,
        groups: op.groups as u32,
        has_bias: 0,
        has_residual: 0,
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
    };
    let mut variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    let (name, reads) = ("conv2d_filter_gradient", vec![0, 1]);
    let rows = u64::from(params.batch) * u64::from(params.out_h);
    let pixels = rows * u64::from(params.out_w);
    let count = problem.len().div_ceil(INVOCATIONS);
    let alone = Kernel::new(name, variant.clone(), &params, reads.clone(), count, problem.capabilities);
    let mut candidates = vec![Candidate::one(name, alone.looping(rows + pixels))];

    if pixels >= LONG_SUM {
        // Invocations that share a sum, and sums side by side.
        let (parts, columns) = (32, 8);
        variant.constants.extend([("PARTS", parts), ("COLUMNS", columns)]);
        let (name, count) = ("conv2d_filter_gradient_shared", problem.len().div_ceil(columns as usize));
        let shared = Kernel::new(name, variant, &params, reads, count, problem.capabilities);
        let turns = pixels.div_ceil(parts.into()) + u64::from(parts);
        candidates.push(Candidate::one(name, shared.looping(turns)));
        if !problem.capabilities.software {
            // Filters are small beside pictures, and leave most of a GPU without work.
            candidates.reverse();
        }
    }
    candidates
}
