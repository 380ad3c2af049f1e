//! Transposed convolution, as [`Conv2DTranspose`] defines it: each output gathers its taps.

use cnn_core::op::Conv2DTranspose;
use rayon::prelude::*;

use super::accuracy::Real;
use super::array::Array;
use super::linear::linear;

/// The output, of shape `shape`.
pub(super) fn conv2d_transpose<R: Real>(op: &Conv2DTranspose, inputs: &[&Array], shape: &[usize]) -> Vec<R> {
    let [kh, kw, _, c] = inputs[1].dims4();
    let sums = |x: &Array, filter: &Array| convolve_transposed(op, x, filter, shape);
    let products = taps(kh, op.strides[0], op.dilation_rate[0]) * taps(kw, op.strides[1], op.dilation_rate[1]);
    linear(sums, products * c / op.groups, &op.epilogue, inputs)
}

/// How many of an axis's `k` taps reach one output at most: they stand `stride / gcd(stride, dilation)` apart.
fn taps(k: usize, stride: usize, dilation_rate: usize) -> usize {
    let (mut gcd, mut rest) = (stride, dilation_rate);
    while rest > 0 {
        (gcd, rest) = (rest, gcd % rest);
    }
    k.div_ceil(stride / gcd)
}

/// The sums of products.
fn convolve_transposed(op: &Conv2DTranspose, x: &Array, filter: &Array, shape: &[usize]) -> Array {
    let ([_, h, w, c], [kh, kw, group_f, _]) = (x.dims4(), filter.dims4());
    let (f, group_c) = (shape[3], c / op.groups);
    let (oh, ow) = (shape[1], shape[2]);
    let mut y = Array::zeros(shape.to_vec());
    if y.data.is_empty() {
        return y;
    }
    y.data.par_chunks_mut(ow * f).enumerate().for_each(|(row, y)| {
        let (n, oy) = (row / oh, row % oh);
        for a in 0..kh {
            let Some(iy) = source(oy, a, op.strides[0], op.dilation_rate[0], op.before[0], h) else { continue };
            for (ox, y) in y.chunks_mut(f).enumerate() {
                for b in 0..kw {
                    let Some(ix) = source(ox, b, op.strides[1], op.dilation_rate[1], op.before[1], w) else { continue };
                    let x = &x.data[((n * h + iy) * w + ix) * c..][..c];
                    let tap = &filter.data[(a * kw + b) * group_f * c..][..group_f * c];
                    for (f, y) in y.iter_mut().enumerate() {
                        let group = f / group_f * group_c..(f / group_f + 1) * group_c;
                        let w = &tap[f % group_f * c..][..c];
                        *y += x[group.clone()].iter().zip(&w[group]).map(|(x, w)| x * w).sum::<f64>();
                    }
                }
            }
        }
    });
    y
}

/// The input's row (or column) i with `i · stride + tap · dilation_rate - before = o`, if there is one.
fn source(o: usize, tap: usize, stride: usize, dilation_rate: usize, before: usize, size: usize) -> Option<usize> {
    let position = (o + before).checked_sub(tap * dilation_rate)?;
    (position % stride == 0 && position / stride < size).then_some(position / stride)
}
