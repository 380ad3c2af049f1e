//! Sums, means and variances, as [`Reduce`] defines them.

use cnn_core::op::{Reduce, ReduceKind};
use rayon::prelude::*;

use super::real::sum;
use super::{CHUNK, View};

/// The sum, the mean or the variance along the reduced axes.
pub(super) fn reduce(op: &Reduce, x: View, y: &mut [f32]) {
    let [_, n, inner] = op.dims3(x.shape);
    if n == 0 {
        return y.fill(0.0);
    }
    y.par_chunks_mut(inner).zip(x.data.par_chunks(n * inner)).for_each(|(y, x)| {
        add_up(x, y, |x, _| x);
        if op.kind == ReduceKind::Sum {
            return;
        }
        y.iter_mut().for_each(|y| *y /= n as f32);
        if op.kind == ReduceKind::Variance {
            let means = y.to_vec();
            add_up(x, y, |x, i| (x - means[i]) * (x - means[i]));
            y.iter_mut().for_each(|y| *y /= n as f32);
        }
    });
}

/// The sums of the rows of `x` as `each` makes them of an element and its column. Rows are added up in blocks, and then the
/// blocks: shorter sums err less, and threads share them.
fn add_up(x: &[f32], y: &mut [f32], each: impl Fn(f32, usize) -> f32 + Sync) {
    let inner = y.len();
    let block = (CHUNK / inner).max(1) * inner;
    let blocks: Vec<Vec<f32>> = x
        .par_chunks(block)
        .map(|x| {
            if inner == 1 {
                return vec![sum(&x.iter().map(|&x| each(x, 0)).collect::<Vec<f32>>())];
            }
            let mut total = vec![0.0; inner];
            for row in x.chunks_exact(inner) {
                total.iter_mut().zip(row).enumerate().for_each(|(i, (total, &x))| *total += each(x, i));
            }
            total
        })
        .collect();
    y.fill(0.0);
    blocks.iter().for_each(|block| y.iter_mut().zip(block).for_each(|(y, x)| *y += x));
}
