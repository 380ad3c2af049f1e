//! Sums, means and variances, as [`Reduce`] defines them.

use cnn_core::op::{Reduce, ReduceKind};
use rayon::prelude::*;

use super::accuracy::Real;
use super::array::Array;

/// The sum, the mean or the variance along the reduced axes.
pub(super) fn reduce<R: Real>(op: &Reduce, x: &Array) -> Vec<R> {
    let [outer, n, inner] = op.dims3(&x.shape);
    let element = |index: usize| {
        let start = index / inner * n * inner + index % inner;
        let terms: Vec<R> = (0..n).map(|i| R::exact(x.data[start + i * inner])).collect();
        match op.kind {
            ReduceKind::Sum => R::sum(&terms),
            ReduceKind::Mean => mean(&terms),
            ReduceKind::Variance => {
                let centre = mean(&terms);
                let squares: Vec<R> = terms.iter().map(|&x| (x - centre) * (x - centre)).collect();
                mean(&squares)
            }
        }
    };
    (0..outer * inner).into_par_iter().map(element).collect()
}

fn mean<R: Real>(terms: &[R]) -> R {
    R::sum(terms) / R::exact(terms.len() as f64)
}
