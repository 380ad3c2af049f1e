//! Sums and means, as [`Reduce`] defines them.

use cnn_core::op::{Reduce, ReduceKind};
use rayon::prelude::*;

use super::real::sum;
use super::{CHUNK, View};

/// The sum or the mean along the reduced axes. Rows are added up in blocks, and then the blocks: shorter sums err less, and
/// threads share them.
pub(super) fn reduce(op: &Reduce, x: View, y: &mut [f32]) {
    let [_, n, inner] = op.dims3(x.shape);
    if n == 0 {
        return y.fill(0.0);
    }
    y.par_chunks_mut(inner).zip(x.data.par_chunks(n * inner)).for_each(|(y, x)| {
        if inner == 1 {
            y[0] = sum(&x.par_chunks(CHUNK).map(sum).collect::<Vec<f32>>());
        } else {
            let block = (CHUNK / inner).max(1) * inner;
            let blocks: Vec<Vec<f32>> =
                x.par_chunks(block).map(|rows| add_up(rows.chunks_exact(inner), inner)).collect();
            y.copy_from_slice(&add_up(blocks.iter().map(Vec::as_slice), inner));
        }
        if op.kind == ReduceKind::Mean {
            y.iter_mut().for_each(|y| *y /= n as f32);
        }
    });
}

fn add_up<'a>(rows: impl Iterator<Item = &'a [f32]>, len: usize) -> Vec<f32> {
    let mut total = vec![0.0; len];
    rows.for_each(|row| total.iter_mut().zip(row).for_each(|(total, x)| *total += x));
    total
}
