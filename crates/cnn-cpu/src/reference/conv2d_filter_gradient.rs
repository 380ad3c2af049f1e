//! The gradient of a convolution by its filter, as [`Conv2DFilterGradient`] defines it.

use cnn_core::op::{Conv2DFilterGradient, Epilogue};
use rayon::prelude::*;

use super::accuracy::Real;
use super::array::Array;
use super::conv2d::source;
use super::linear::{axpy, linear};

/// The output, of shape `shape`.
pub(super) fn filter_gradient<R: Real>(op: &Conv2DFilterGradient, inputs: &[&Array], shape: &[usize]) -> Vec<R> {
    let [n, oh, ow, _] = inputs[1].dims4();
    linear(|x, dy| sums(op, x, dy, shape), n * oh * ow, &Epilogue::default(), inputs)
}

/// The sums of products. Taps are computed in parallel, each by one thread in one order.
fn sums(op: &Conv2DFilterGradient, x: &Array, dy: &Array, shape: &[usize]) -> Array {
    let ([n, h, w, c], [_, oh, ow, f]) = (x.dims4(), dy.dims4());
    let (filter_c, width, kw) = (c / op.groups, f / op.groups, shape[1]);
    let mut dw = Array::zeros(shape.to_vec());
    if dw.data.is_empty() {
        return dw;
    }
    dw.data.par_chunks_mut(filter_c * f).enumerate().for_each(|(tap, dw)| {
        let (a, b) = (tap / kw, tap % kw);
        for (n, i, j) in (0..n).flat_map(|n| (0..oh).flat_map(move |i| (0..ow).map(move |j| (n, i, j)))) {
            let iy = source(i, a, op.strides[0], op.dilation_rate[0], op.padding.top, h);
            let ix = source(j, b, op.strides[1], op.dilation_rate[1], op.padding.left, w);
            let (Some(iy), Some(ix)) = (iy, ix) else { continue };
            let x = &x.data[((n * h + iy) * w + ix) * c..][..c];
            let dy = &dy.data[((n * oh + i) * ow + j) * f..][..f];
            for (channel, dw) in dw.chunks_mut(f).enumerate() {
                for group in 0..op.groups {
                    let filters = group * width..(group + 1) * width;
                    axpy(&mut dw[filters.clone()], x[group * filter_c + channel], &dy[filters]);
                }
            }
        }
    });
    dw
}
