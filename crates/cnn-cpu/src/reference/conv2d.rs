//! Convolution, as [`Conv2D`] defines it.

use cnn_core::op::Conv2D;
use rayon::prelude::*;

use super::accuracy::Real;
use super::array::Array;
use super::linear::{axpy, axpy4, linear};

/// The output, of shape `shape`.
pub(super) fn conv2d<R: Real>(op: &Conv2D, inputs: &[&Array], shape: &[usize]) -> Vec<R> {
    let [kh, kw, filter_c, _] = inputs[1].dims4();
    let sums = |x: &Array, filter: &Array| convolve(op, x, filter, shape);
    linear(sums, kh * kw * filter_c, &op.epilogue, inputs)
}

/// The sums of products. Rows of the output are computed in parallel, each by one thread in one order.
fn convolve(op: &Conv2D, x: &Array, filter: &Array, shape: &[usize]) -> Array {
    let ([_, h, w, c], [kh, kw, filter_c, f]) = (x.dims4(), filter.dims4());
    let (oh, ow) = (shape[1], shape[2]);
    let mut y = Array::zeros(shape.to_vec());
    if y.data.is_empty() {
        return y;
    }
    y.data.par_chunks_mut(ow * f).enumerate().for_each(|(row, y)| {
        let (n, i) = (row / oh, row % oh);
        for (a, b) in (0..kh).flat_map(|a| (0..kw).map(move |b| (a, b))) {
            let Some(iy) = source(i, a, op.strides[0], op.dilation_rate[0], op.padding.top, h) else { continue };
            let x_row = &x.data[(n * h + iy) * w * c..][..w * c];
            let tap = Tap { filter: &filter.data[(a * kw + b) * filter_c * f..][..filter_c * f], groups: op.groups };
            // The pixels that this tap sees, with the outputs they go to.
            let mut pixels = y.chunks_mut(f).enumerate().filter_map(|(j, y)| {
                let ix = source(j, b, op.strides[1], op.dilation_rate[1], op.padding.left, w)?;
                Some((&x_row[ix * c..][..c], y))
            });
            while let Some(first) = pixels.next() {
                match (pixels.next(), pixels.next(), pixels.next()) {
                    (Some(second), Some(third), Some(fourth)) => tap.add_four([first, second, third, fourth]),
                    (second, third, _) => {
                        [Some(first), second, third].into_iter().flatten().for_each(|(x, y)| tap.add_one(x, y));
                    }
                }
            }
        }
    });
    y
}

/// The input's row (or column) under tap `tap` of output `i`, or `None` where that is padding.
pub(super) fn source(
    i: usize,
    tap: usize,
    stride: usize,
    dilation_rate: usize,
    before: usize,
    size: usize,
) -> Option<usize> {
    (i * stride + tap * dilation_rate).checked_sub(before).filter(|&source| source < size)
}

/// One tap of the filter: a matrix of input channels of a group by all output channels.
struct Tap<'a> {
    filter: &'a [f64],
    groups: usize,
}

impl Tap<'_> {
    /// Adds the products of pixel `x` to output `y`.
    fn add_one(&self, x: &[f64], y: &mut [f64]) {
        let (f, filter_c) = (y.len(), x.len() / self.groups);
        let width = f / self.groups;
        for (c, w) in self.filter.chunks(f).enumerate() {
            for group in 0..self.groups {
                let outputs = group * width..(group + 1) * width;
                axpy(&mut y[outputs.clone()], x[group * filter_c + c], &w[outputs]);
            }
        }
    }

    /// [`Tap::add_one`] for four pixels.
    fn add_four(&self, pixels: [(&[f64], &mut [f64]); 4]) {
        if self.groups > 1 {
            return pixels.into_iter().for_each(|(x, y)| self.add_one(x, y));
        }
        let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = pixels;
        for (c, w) in self.filter.chunks(y0.len()).enumerate() {
            axpy4([y0, y1, y2, y3], [x0[c], x1[c], x2[c], x3[c]], w);
        }
    }
}
