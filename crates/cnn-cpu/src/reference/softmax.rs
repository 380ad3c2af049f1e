//! Softmax, as [`Softmax`] defines it, in the steps of [`accuracy`](super::accuracy).

use cnn_core::op::Softmax;

use super::accuracy::Real;
use super::array::Array;

/// `exp(x - max) / Σ exp(x - max)`, or `(x - max) - log(Σ exp(x - max))`.
pub(super) fn softmax<R: Real>(op: &Softmax, x: &Array) -> Vec<R> {
    let size = x.shape[op.axis];
    let inner: usize = x.shape[op.axis + 1..].iter().product();
    let mut y = vec![R::exact(0.0); x.data.len()];
    let lines = if y.is_empty() { 0 } else { y.len() / size };
    for line in 0..lines {
        let start = line / inner * size * inner + line % inner;
        let at = |i: usize| start + i * inner;
        let max = (0..size).map(|i| x.data[at(i)]).fold(f64::NEG_INFINITY, f64::max);
        let shifted: Vec<R> = (0..size).map(|i| R::exact(x.data[at(i)]) - R::exact(max)).collect();
        let exponentials: Vec<R> = shifted.iter().map(|d| d.exp()).collect();
        let sum = R::sum(&exponentials);
        for i in 0..size {
            y[at(i)] = if op.log { shifted[i] - sum.log() } else { exponentials[i] / sum };
        }
    }
    y
}
