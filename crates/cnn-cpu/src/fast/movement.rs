//! Ops that move elements and compute nothing.

use cnn_core::DType;
use cnn_core::op::{Broadcast, Cast, Concat, Pad, Slice, Transpose};
use rayon::prelude::*;

use super::walk::{Walk, broadcast_strides, strides};
use super::{CHUNK, View};

/// The box inside the border. A task takes a run along the last axis, with the axes behind it that have no border.
pub(super) fn pad(op: &Pad, x: View, shape: &[usize], y: &mut [f32]) {
    let bordered = (0..shape.len()).rev().find(|&axis| op.before[axis] + op.after[axis] > 0);
    let Some(last) = bordered else { return y.copy_from_slice(x.data) };
    let inner: usize = shape[last + 1..].iter().product();
    let (run, before) = (x.shape[last] * inner, op.before[last] * inner);
    y.par_chunks_mut(shape[last] * inner).enumerate().for_each(|(index, y)| {
        y.fill(op.value);
        if let Some(source) = inside(op, x.shape, shape, last, index) {
            y[before..before + run].copy_from_slice(&x.data[source * run..][..run]);
        }
    });
}

/// For the run `index` of the output, as its axes before `last` count, the input's; `None` for a run of border.
fn inside(op: &Pad, from: &[usize], shape: &[usize], last: usize, mut index: usize) -> Option<usize> {
    let (mut source, mut stride) = (0, 1);
    for axis in (0..last).rev() {
        let position = (index % shape[axis]).checked_sub(op.before[axis]).filter(|&position| position < from[axis])?;
        source += position * stride;
        stride *= from[axis];
        index /= shape[axis];
    }
    Some(source)
}

/// The box cut out.
pub(super) fn slice(op: &Slice, x: View, shape: &[usize], y: &mut [f32]) {
    let strides = strides(x.shape);
    let start: usize = op.begin.iter().zip(&strides).map(|(begin, stride)| begin * stride).sum();
    gather(&x.data[start..], &strides, shape, y);
}

/// The axes permuted.
pub(super) fn transpose(op: &Transpose, x: View, shape: &[usize], y: &mut [f32]) {
    let strides = strides(x.shape);
    let strides: Vec<usize> = op.permutation.iter().map(|&axis| strides[axis]).collect();
    gather(x.data, &strides, shape, y);
}

/// The elements repeated.
pub(super) fn broadcast(op: &Broadcast, x: View, y: &mut [f32]) {
    gather(x.data, &broadcast_strides(x.shape, op.shape.len()), &op.shape, y);
}

/// `y[index] = x[index · strides]` for every index of `shape`.
fn gather(x: &[f32], strides: &[usize], shape: &[usize], y: &mut [f32]) {
    Walk::new(shape, [strides]).for_each_run(y, |y, [at], [step]| {
        if step == 1 {
            y.copy_from_slice(&x[at..][..y.len()]);
        } else {
            y.iter_mut().enumerate().for_each(|(i, y)| *y = x[at + i * step]);
        }
    });
}

/// One input behind the other.
pub(super) fn concat(op: &Concat, inputs: &[View], shape: &[usize], y: &mut [f32]) {
    let run = |shape: &[usize]| shape[op.axis..].iter().product::<usize>();
    let width = run(shape);
    let rows = (CHUNK / width).max(1);
    y.par_chunks_mut(rows * width).enumerate().for_each(|(index, y)| {
        for (row, mut y) in (index * rows..).zip(y.chunks_exact_mut(width)) {
            for x in inputs {
                let run = run(x.shape);
                let (part, rest) = y.split_at_mut(run);
                part.copy_from_slice(&x.data[row * run..][..run]);
                y = rest;
            }
        }
    });
}

/// The numbers that the element type holds, still as float32.
pub(super) fn cast(op: &Cast, x: View, y: &mut [f32]) {
    match op.to {
        DType::F32 => y.copy_from_slice(x.data),
        DType::F16 => y.iter_mut().zip(x.data).for_each(|(y, &x)| *y = half::f16::from_f32(x).to_f32()),
    }
}
