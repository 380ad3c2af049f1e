//! Ops that move elements and compute nothing.

use cnn_core::op::{Assign, Broadcast, Concat, Pad, Slice, Transpose};

use super::array::{Array, broadcast_strides, offsets, strides};

/// The box inside the border.
pub(super) fn pad(op: &Pad, x: &Array, shape: &[usize]) -> Vec<f64> {
    let mut y = Array::zeros(shape.to_vec());
    y.data.fill(f64::from(op.value));
    put(&mut y, &op.before, x);
    y.data
}

/// The box cut out.
pub(super) fn slice(op: &Slice, x: &Array, shape: &[usize]) -> Vec<f64> {
    let strides = strides(&x.shape);
    let start = op.begin.iter().zip(&strides).map(|(begin, stride)| begin * stride).sum();
    offsets(shape, &strides, start).into_iter().map(|i| x.data[i]).collect()
}

/// The axes permuted.
pub(super) fn transpose(op: &Transpose, x: &Array, shape: &[usize]) -> Vec<f64> {
    let strides = strides(&x.shape);
    let strides: Vec<usize> = op.permutation.iter().map(|&axis| strides[axis]).collect();
    offsets(shape, &strides, 0).into_iter().map(|i| x.data[i]).collect()
}

/// One input behind the other.
pub(super) fn concat(op: &Concat, inputs: &[&Array], shape: &[usize]) -> Vec<f64> {
    let mut y = Array::zeros(shape.to_vec());
    let mut begin = vec![0; shape.len()];
    for x in inputs {
        put(&mut y, &begin, x);
        begin[op.axis] += x.shape[op.axis];
    }
    y.data
}

/// The elements repeated.
pub(super) fn broadcast(op: &Broadcast, x: &Array) -> Vec<f64> {
    offsets(&op.shape, &broadcast_strides(&x.shape, op.shape.len()), 0).into_iter().map(|i| x.data[i]).collect()
}

/// The variable's new elements, of shape `shape`.
pub(super) fn assign(op: &Assign, value: &Array, shape: &[usize]) -> Vec<f64> {
    value.data[op.first..][..shape.iter().product()].to_vec()
}

/// Writes `x` into `y` from index `begin` on.
fn put(y: &mut Array, begin: &[usize], x: &Array) {
    let strides = strides(&y.shape);
    let start = begin.iter().zip(&strides).map(|(begin, stride)| begin * stride).sum();
    for (offset, &v) in offsets(&x.shape, &strides, start).into_iter().zip(&x.data) {
        y.data[offset] = v;
    }
}
