//! Softmax, as [`Softmax`] defines it.

use cnn_core::op::{Function, Softmax};
use rayon::prelude::*;

use super::View;
use super::elementwise::activate;
use super::real::{max, sum};

/// `exp(x - max) / Σ exp(x - max)`, or `(x - max) - log(Σ exp(x - max))`.
pub(super) fn softmax(op: &Softmax, x: View, y: &mut [f32]) {
    let size = x.shape[op.axis];
    let inner: usize = x.shape[op.axis + 1..].iter().product();
    let block = size * inner;
    y.par_chunks_mut(block).zip(x.data.par_chunks(block)).for_each_init(Vec::new, |line, (y, x)| {
        for start in 0..inner {
            line.clear();
            line.extend(x[start..].iter().step_by(inner));
            line_softmax(op.log, line);
            y[start..].iter_mut().step_by(inner).zip(&*line).for_each(|(y, x)| *y = *x);
        }
    });
}

/// Softmax of elements that stand together.
fn line_softmax(log: bool, line: &mut [f32]) {
    let largest = max(line);
    line.iter_mut().for_each(|x| *x -= largest);
    let mut exponentials = line.to_vec();
    activate(&Function::Exponential, &mut exponentials);
    let total = sum(&exponentials);
    if log {
        let log_total = total.ln();
        line.iter_mut().for_each(|x| *x -= log_total);
    } else {
        line.iter_mut().zip(exponentials).for_each(|(x, e)| *x = e / total);
    }
}
