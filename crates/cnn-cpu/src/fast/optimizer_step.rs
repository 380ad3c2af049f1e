//! One step of an optimizer.

use cnn_core::op::OptimizerStep;
use rayon::prelude::*;

use super::{CHUNK, View};
use crate::reference::optimizer_step::element;

/// Weight and states after the step, stacked.
pub(super) fn step(op: &OptimizerStep, inputs: &[View], y: &mut [f32]) {
    let settings = inputs[0].data;
    let settings = [settings[0], settings[1], settings[2], settings[3]];
    let n = inputs[1].data.len();
    let mut rows: Vec<_> = y.chunks_exact_mut(n).map(|row| row.chunks_mut(CHUNK)).collect();
    let pieces: Vec<Vec<&mut [f32]>> =
        (0..n.div_ceil(CHUNK)).map(|_| rows.iter_mut().filter_map(Iterator::next).collect()).collect();
    pieces.into_par_iter().enumerate().for_each(|(chunk, mut rows)| {
        for i in 0..rows[0].len() {
            let at = |input: usize| inputs.get(input).map_or(0.0, |x| x.data[chunk * CHUNK + i]);
            let new = element(&op.rule, settings, at(1), at(2), [at(3), at(4), at(5)]);
            rows.iter_mut().zip(new).for_each(|(row, new)| row[i] = new);
        }
    });
}
