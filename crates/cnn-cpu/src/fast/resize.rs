//! Resampling, as [`Resize`] defines it. A task takes a row of the output and goes over channels.

use cnn_core::op::{Interpolation, Resize, ResizeGradient};
use rayon::prelude::*;

use super::View;

/// The picture at another size.
pub(super) fn resize(op: &Resize, x: View, y: &mut [f32]) {
    let [_, h, w, c] = x.dims4();
    let [oh, ow] = op.size;
    let pixel = |n: usize, row: usize, column: usize| &x.data[((n * h + row) * w + column) * c..][..c];
    y.par_chunks_mut(ow * c).enumerate().for_each(|(row, y)| {
        let (n, i) = (row / oh, row % oh);
        match op.interpolation {
            Interpolation::Nearest => {
                let row = nearest(i, h, oh);
                for (j, y) in y.chunks_exact_mut(c).enumerate() {
                    y.copy_from_slice(pixel(n, row, nearest(j, w, ow)));
                }
            }
            Interpolation::Bilinear => {
                let (top, bottom, down) = bilinear(i, h, oh);
                for (j, y) in y.chunks_exact_mut(c).enumerate() {
                    let (left, right, across) = bilinear(j, w, ow);
                    let upper = pixel(n, top, left).iter().zip(pixel(n, top, right));
                    let lower = pixel(n, bottom, left).iter().zip(pixel(n, bottom, right));
                    for ((y, upper), lower) in y.iter_mut().zip(upper).zip(lower) {
                        *y = mix(mix(*upper.0, *upper.1, across), mix(*lower.0, *lower.1, across), down);
                    }
                }
            }
        }
    });
}

/// `floor((i + 1/2) · input / output)`
fn nearest(i: usize, input: usize, output: usize) -> usize {
    ((2 * i + 1) * input / (2 * output)).min(input - 1)
}

/// The two pixels around `(i + 1/2) · input / output - 1/2`, and how far it is from the first to the second.
fn bilinear(i: usize, input: usize, output: usize) -> (usize, usize, f32) {
    let position = ((2 * i + 1) * input).saturating_sub(output);
    let (first, rest) = (position / (2 * output), position % (2 * output));
    let second = (first + 1).min(input - 1);
    (first.min(input - 1), second, rest as f32 / (2 * output) as f32)
}

/// `a · (1 - t) + b · t`
fn mix(a: f32, b: f32, t: f32) -> f32 {
    a * (1.0 - t) + b * t
}

/// The gradient of the input, of shape `shape`. A task takes a picture.
pub(super) fn gradient(op: &ResizeGradient, dy: View, shape: &[usize], dx: &mut [f32]) {
    let ([_, oh, ow, c], [h, w]) = (dy.dims4(), op.input_size);
    let weights = |i: usize, input: usize, output: usize| match op.interpolation {
        Interpolation::Nearest => [(nearest(i, input, output), 1.0); 2],
        Interpolation::Bilinear => {
            let (first, second, t) = bilinear(i, input, output);
            [(first, 1.0 - t), (second, t)]
        }
    };
    let taps = if op.interpolation == Interpolation::Nearest { 1 } else { 2 };
    dx.par_chunks_mut(shape[1] * shape[2] * c).enumerate().for_each(|(n, dx)| {
        dx.fill(0.0);
        for (i, j) in (0..oh).flat_map(|i| (0..ow).map(move |j| (i, j))) {
            let dy = &dy.data[((n * oh + i) * ow + j) * c..][..c];
            let (rows, columns) = (weights(i, h, oh), weights(j, w, ow));
            for (&(iy, row), &(ix, column)) in
                rows[..taps].iter().flat_map(|row| columns[..taps].iter().map(move |column| (row, column)))
            {
                let dx = &mut dx[(iy * w + ix) * c..][..c];
                dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * (row * column));
            }
        }
    });
}
