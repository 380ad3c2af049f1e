//! Random numbers, as [`RandomUniform`] defines them.

use cnn_core::op::RandomUniform;
use rayon::prelude::*;

use super::{CHUNK, View};

/// The numbers of a seed.
pub(super) fn uniform(op: &RandomUniform, seed: View, y: &mut [f32]) {
    let seed = [seed.data[0] as i32 as u32, seed.data[1] as i32 as u32];
    y.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, y)| {
        (chunk * CHUNK..).zip(y).for_each(|(index, y)| *y = op.element(seed, index as u32));
    });
}
