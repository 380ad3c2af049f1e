//! Pooling, as [`Pool2D`] defines it.

use cnn_core::op::{Pool2D, Pool2DGradient, PoolKind};
use rayon::prelude::*;

use super::accuracy::Real;
use super::array::Array;

/// The maximum or the mean of the pixels under each window.
///
/// A window with a value that is not a number gives not a number (TensorFlow promises nothing there).
pub(super) fn pool<R: Real>(op: &Pool2D, x: &Array, shape: &[usize]) -> Vec<R> {
    let [_, h, w, c] = x.dims4();
    let (oh, ow) = (shape[1], shape[2]);
    let rows = (0..shape[0] * oh).into_par_iter().map(|row| {
        let (n, i) = (row / oh, row % oh);
        let rows = range(i, op.strides[0], op.pool_size[0], op.padding.top, h);
        let mut y = Vec::with_capacity(ow * c);
        let mut window = Vec::new();
        for j in 0..ow {
            let columns = range(j, op.strides[1], op.pool_size[1], op.padding.left, w);
            for channel in 0..c {
                window.clear();
                for iy in rows.clone() {
                    window.extend(columns.clone().map(|ix| R::exact(x.data[((n * h + iy) * w + ix) * c + channel])));
                }
                y.push(reduce(op.kind, &window));
            }
        }
        y
    });
    rows.flatten_iter().collect()
}

/// The pixels of the picture under window `i` along one axis.
fn range(i: usize, stride: usize, window: usize, before: usize, size: usize) -> std::ops::Range<usize> {
    let end = (i * stride + window).saturating_sub(before).min(size);
    (i * stride).saturating_sub(before).min(end)..end
}

/// The maximum or the mean of a window that is not empty.
fn reduce<R: Real>(kind: PoolKind, window: &[R]) -> R {
    match kind {
        PoolKind::Max => window.iter().copied().reduce(R::max).unwrap_or(R::exact(f64::NEG_INFINITY)),
        PoolKind::Average => R::sum(window) / R::exact(window.len() as f64),
    }
}

/// The gradient of the input, of shape `shape`.
pub(super) fn gradient<R: Real>(op: &Pool2DGradient, inputs: &[&Array], shape: &[usize]) -> Vec<R> {
    let (pool, dy) = (&op.pool, inputs[inputs.len() - 1]);
    let ([n, h, w, c], [_, oh, ow, _]) = ([shape[0], shape[1], shape[2], shape[3]], dy.dims4());
    let pictures = (0..n).into_par_iter().map(|n| {
        let mut terms: Vec<Vec<R>> = vec![Vec::new(); h * w * c];
        for (i, j, channel) in (0..oh).flat_map(|i| (0..ow).flat_map(move |j| (0..c).map(move |k| (i, j, k)))) {
            let rows = range(i, pool.strides[0], pool.pool_size[0], pool.padding.top, h);
            let columns = range(j, pool.strides[1], pool.pool_size[1], pool.padding.left, w);
            let count = rows.len() * columns.len();
            let window = rows.flat_map(|iy| columns.clone().map(move |ix| (iy * w + ix) * c + channel));
            let dy = R::exact(dy.data[((n * oh + i) * ow + j) * c + channel]);
            match pool.kind {
                PoolKind::Max => {
                    let x = |at: &usize| inputs[0].data[n * h * w * c + at];
                    // Of equal ones the first.
                    let largest = window.reduce(|max, next| if x(&next) > x(&max) { next } else { max });
                    largest.into_iter().for_each(|at| terms[at].push(dy));
                }
                PoolKind::Average => window.for_each(|at| terms[at].push(dy / R::exact(count as f64))),
            }
        }
        terms.iter().map(|terms| R::sum(terms)).collect::<Vec<R>>()
    });
    pictures.flatten_iter().collect()
}
