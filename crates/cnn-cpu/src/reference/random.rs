//! Random numbers, as [`RandomUniform`] defines them.

use cnn_core::op::RandomUniform;

use super::array::Array;

/// The numbers of a seed.
pub(super) fn uniform(op: &RandomUniform, seed: &Array, shape: &[usize]) -> Vec<f64> {
    let seed = [seed.data[0] as i32 as u32, seed.data[1] as i32 as u32];
    (0..shape.iter().product::<usize>() as u32).map(|index| f64::from(op.element(seed, index))).collect()
}
