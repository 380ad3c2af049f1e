//! Sums, means and variances, as [`Reduce`] defines them.

use cnn_core::op::{Reduce, ReduceKind};
use rayon::prelude::*;

use super::real::sum;
use super::vectors::vectorised;
use super::{CHUNK, View};

/// Elements of a block.
const BLOCK: usize = 1 << 13;

/// The sum, the mean or the variance along the reduced axes.
pub(super) fn reduce(op: &Reduce, x: View, y: &mut [f32]) {
    let [_, n, inner] = op.dims3(x.shape);
    if n == 0 {
        return y.fill(0.0);
    }
    y.par_chunks_mut(inner).zip(x.data.par_chunks(n * inner)).for_each(|(y, x)| {
        add_up(x, None, y);
        if op.kind == ReduceKind::Sum {
            return;
        }
        y.iter_mut().for_each(|y| *y /= n as f32);
        if op.kind == ReduceKind::Variance {
            let means = y.to_vec();
            add_up(x, Some(&means), y);
            y.iter_mut().for_each(|y| *y /= n as f32);
        }
    });
}

/// The sums of the columns of `x`, or of their squared distances from `means`. Rows are added up in blocks, and then the
/// blocks: shorter sums err less, and threads share them.
fn add_up(x: &[f32], means: Option<&[f32]>, y: &mut [f32]) {
    let inner = y.len();
    let block = (BLOCK / inner).max(1) * inner;
    let total = |x| {
        vectorised(
            #[inline(always)]
            || add_up_block(x, means, inner),
        )
    };
    let blocks: Vec<Vec<f32>> = x.par_chunks(block).with_min_len(CHUNK / BLOCK).map(total).collect();
    y.fill(0.0);
    blocks.iter().for_each(|block| y.iter_mut().zip(block).for_each(|(y, x)| *y += x));
}

#[inline(always)]
fn add_up_block(x: &[f32], means: Option<&[f32]>, inner: usize) -> Vec<f32> {
    let square = |x: f32, mean: f32| (x - mean) * (x - mean);
    if inner == 1 {
        return match means {
            None => vec![sum(x)],
            Some(means) => vec![sum(&x.iter().map(|&x| square(x, means[0])).collect::<Vec<f32>>())],
        };
    }
    let mut total = vec![0.0; inner];
    for row in x.chunks_exact(inner) {
        let columns = total.iter_mut().zip(row);
        match means {
            None => columns.for_each(|(total, x)| *total += x),
            Some(means) => columns.zip(means).for_each(|((total, &x), &mean)| *total += square(x, mean)),
        }
    }
    total
}
