//! Matrix product, as [`Gemm`] defines it.

use cnn_core::op::Gemm;
use rayon::prelude::*;

use super::accuracy::Real;
use super::array::Array;
use super::linear::{axpy, axpy4, linear};

/// The output, of shape `shape`.
pub(super) fn gemm<R: Real>(op: &Gemm, inputs: &[&Array], shape: &[usize]) -> Vec<R> {
    let sums = |a: &Array, b: &Array| multiply(a, b, shape);
    linear(sums, inputs[1].shape[0], &op.epilogue, inputs)
}

/// The sums of products. Four rows of the output go together, so that `b` is read once for them.
fn multiply(a: &Array, b: &Array, shape: &[usize]) -> Array {
    let (k, n) = (b.shape[0], b.shape[1]);
    let mut y = Array::zeros(shape.to_vec());
    if y.data.is_empty() || k == 0 {
        return y;
    }
    y.data.par_chunks_mut(4 * n).zip(a.data.par_chunks(4 * k)).for_each(|(y, a)| {
        let mut rows = y.chunks_mut(n);
        match (rows.next(), rows.next(), rows.next(), rows.next()) {
            (Some(y0), Some(y1), Some(y2), Some(y3)) => {
                for (i, b) in b.data.chunks(n).enumerate() {
                    axpy4([y0, y1, y2, y3], [a[i], a[k + i], a[2 * k + i], a[3 * k + i]], b);
                }
            }
            (first, second, third, _) => {
                for (y, a) in [first, second, third].into_iter().flatten().zip(a.chunks(k)) {
                    a.iter().zip(b.data.chunks(n)).for_each(|(&a, b)| axpy(y, a, b));
                }
            }
        }
    });
    y
}
