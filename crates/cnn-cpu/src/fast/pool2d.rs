//! Pooling, as [`Pool2D`] defines it. A task takes a row of the output and goes over channels.

use std::ops::Range;

use cnn_core::op::{Pool2D, Pool2DGradient, PoolKind};
use rayon::prelude::*;

use super::View;
use super::window::Window;
use crate::reference::accuracy::Real;

/// The maximum or the mean of the pixels under each window.
pub(super) fn pool(op: &Pool2D, x: View, shape: &[usize], y: &mut [f32]) {
    let [_, h, w, c] = x.dims4();
    let (oh, ow) = (shape[1], shape[2]);
    let [rows, columns] = windows(op, [h, w]);
    y.par_chunks_mut(ow * c).enumerate().for_each(|(row, y)| {
        let (n, i) = (row / oh, row % oh);
        for (j, y) in y.chunks_exact_mut(c).enumerate() {
            let (taps, beside) = (rows.inside(i), columns.inside(j));
            let count = taps.len() * beside.len();
            let along = |a: usize| {
                let row = (n * h + rows.pixel(i, a)) * w;
                beside.clone().map(move |b| &x.data[(row + columns.pixel(j, b)) * c..][..c])
            };
            match op.kind {
                PoolKind::Max => reduce(y, f32::NEG_INFINITY, taps, count, along, Real::max),
                PoolKind::Average => {
                    reduce(y, 0.0, taps, count, along, |sum, x| sum + x);
                    y.iter_mut().for_each(|y| *y /= count as f32);
                }
            }
        }
    });
}

/// The windows along rows and columns of a picture.
fn windows(op: &Pool2D, [h, w]: [usize; 2]) -> [Window; 2] {
    let window = |axis: usize, before: usize, size: usize| {
        let (taps, stride) = (op.pool_size[axis], op.strides[axis]);
        Window { taps, stride, dilation_rate: 1, before, size }
    };
    [window(0, op.padding.top, h), window(1, op.padding.left, w)]
}

/// The gradient of the input, of shape `shape`. A task takes a picture, since windows overlap.
pub(super) fn gradient(op: &Pool2DGradient, inputs: &[View], shape: &[usize], dx: &mut [f32]) {
    let (dy, [h, w], c) = (inputs[inputs.len() - 1], op.input_size, shape[3]);
    let [_, oh, ow, _] = dy.dims4();
    let [rows, columns] = windows(&op.pool, op.input_size);
    let picture = h * w * c;
    dx.par_chunks_mut(picture).enumerate().for_each(|(n, dx)| {
        dx.fill(0.0);
        let mut largest = vec![(f32::NAN, 0); c];
        for (i, j) in (0..oh).flat_map(|i| (0..ow).map(move |j| (i, j))) {
            let dy = &dy.data[((n * oh + i) * ow + j) * c..][..c];
            let (taps, beside) = (rows.inside(i), columns.inside(j));
            let count = (taps.len() * beside.len()) as f32;
            let pixels = taps.flat_map(|a| beside.clone().map(move |b| (a, b)));
            let pixels = pixels.map(|(a, b)| (rows.pixel(i, a) * w + columns.pixel(j, b)) * c);
            if op.pool.kind == PoolKind::Average {
                pixels.for_each(|at| dx[at..][..c].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy / count));
                continue;
            }
            for (index, at) in pixels.enumerate() {
                let x = &inputs[0].data[n * picture + at..][..c];
                for (largest, &x) in largest.iter_mut().zip(x) {
                    // Of equal ones the first.
                    if index == 0 || x > largest.0 {
                        *largest = (x, at);
                    }
                }
            }
            largest.iter().zip(dy).enumerate().for_each(|(channel, (&(_, at), dy))| dx[at + channel] += dy);
        }
    });
}

/// Puts the channels of `count` pixels together, those `along` each row of a window. Of a large window the rows are put
/// together each by itself: shorter sums err less, and threads share them.
fn reduce<'a, I: Iterator<Item = &'a [f32]>>(
    y: &mut [f32],
    start: f32,
    rows: Range<usize>,
    count: usize,
    along: impl Fn(usize) -> I + Sync,
    both: impl Fn(f32, f32) -> f32 + Sync,
) {
    const LARGE: usize = 256;
    let join = |y: &mut [f32], x: &[f32]| y.iter_mut().zip(x).for_each(|(y, &x)| *y = both(*y, x));
    y.fill(start);
    if count < LARGE {
        rows.for_each(|row| along(row).for_each(|x| join(y, x)));
        return;
    }
    let whole = |row| {
        let mut part = vec![start; y.len()];
        along(row).for_each(|x| join(&mut part, x));
        part
    };
    let parts: Vec<Vec<f32>> = rows.into_par_iter().map(whole).collect();
    parts.iter().for_each(|part| join(y, part));
}
