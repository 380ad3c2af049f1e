//! Pooling, as [`Pool2D`] defines it. A task takes a row of the output and goes over channels.

use cnn_core::op::{Pool2D, PoolKind};
use rayon::prelude::*;

use super::View;
use super::window::Window;
use crate::reference::accuracy::Real;

/// The maximum or the mean of the pixels under each window.
pub(super) fn pool(op: &Pool2D, x: View, shape: &[usize], y: &mut [f32]) {
    let [_, h, w, c] = x.dims4();
    let (oh, ow) = (shape[1], shape[2]);
    let window = |axis: usize, before: usize, size: usize| Window {
        taps: op.pool_size[axis],
        stride: op.strides[axis],
        dilation_rate: 1,
        before,
        size,
    };
    let (rows, columns) = (window(0, op.padding.top, h), window(1, op.padding.left, w));
    y.par_chunks_mut(ow * c).enumerate().for_each(|(row, y)| {
        let (n, i) = (row / oh, row % oh);
        for (j, y) in y.chunks_exact_mut(c).enumerate() {
            let (taps, beside) = (rows.inside(i), columns.inside(j));
            let count = taps.len() * beside.len();
            let pixels = taps.flat_map(|a| beside.clone().map(move |b| (rows.pixel(i, a), columns.pixel(j, b))));
            let pixels = pixels.map(|(row, column)| &x.data[((n * h + row) * w + column) * c..][..c]);
            match op.kind {
                PoolKind::Max => {
                    y.fill(f32::NEG_INFINITY);
                    pixels.for_each(|x| y.iter_mut().zip(x).for_each(|(y, &x)| *y = Real::max(*y, x)));
                }
                PoolKind::Average => {
                    y.fill(0.0);
                    pixels.for_each(|x| y.iter_mut().zip(x).for_each(|(y, x)| *y += x));
                    y.iter_mut().for_each(|y| *y /= count as f32);
                }
            }
        }
    });
}
