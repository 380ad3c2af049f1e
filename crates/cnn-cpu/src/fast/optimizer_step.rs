//! One step of an optimizer.

use cnn_core::op::OptimizerStep;
use rayon::prelude::*;

use super::{CHUNK, View};
use crate::reference::optimizer_step::element;

/// Weight and states after the step, stacked.
pub(super) fn step(op: &OptimizerStep, inputs: &[View], y: &mut [f32]) {
    let settings = [0, 1, 2, 3].map(|i| inputs[0].data[i]);
    let done = inputs[0].data[4] != 0.0;
    let n = inputs[1].data.len();
    let mut rows: Vec<_> = y.chunks_exact_mut(n).map(|row| row.chunks_mut(CHUNK)).collect();
    let pieces: Vec<Vec<&mut [f32]>> =
        (0..n.div_ceil(CHUNK)).map(|_| rows.iter_mut().filter_map(Iterator::next).collect()).collect();
    pieces.into_par_iter().enumerate().for_each(|(chunk, mut rows)| {
        for i in 0..rows[0].len() {
            let at = |input: usize| inputs.get(input).map_or(0.0, |x| x.data[chunk * CHUNK + i]);
            let (w, states) = (at(2), [at(3), at(4), at(5)]);
            let new =
                if done { element(&op.rule, settings, at(1), w, states) } else { [w, states[0], states[1], states[2]] };
            rows.iter_mut().zip(new).for_each(|(row, new)| row[i] = new);
        }
    });
}
