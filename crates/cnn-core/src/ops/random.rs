//! Random numbers that depend on a seed alone.

use super::{Shape, exactly};

/// Uniform random numbers in `[0, 1)`, multiples of 2^-24.
///
/// The one input is a seed of two whole numbers below 2^24: of the run, and of its step. An element depends on seed, `stream`
/// and its row-major index, by pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020): the same
/// numbers on every device.
///
/// ```
/// use cnn_core::op::{Op, RandomUniform};
/// let noise = Op::RandomUniform(RandomUniform { shape: vec![8, 100], stream: 1 });
/// assert_eq!(noise.output_shape(&[&[2]])?, [8, 100]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomUniform {
    /// The output's shape.
    pub shape: Vec<usize>,
    /// Which of many independent sequences.
    pub stream: u32,
}

impl RandomUniform {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        match exactly(inputs)? {
            [[2]] => Ok(self.shape.clone()),
            _ => Err("expects a seed of two numbers".into()),
        }
    }

    /// Element `index` for a seed.
    pub fn element(&self, seed: [u32; 2], index: u32) -> f32 {
        let mut v =
            [index, self.stream, seed[0], seed[1]].map(|v| v.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        mix(&mut v);
        v = v.map(|v| v ^ (v >> 16));
        mix(&mut v);
        (v[0] >> 8) as f32 / (1 << 24) as f32
    }
}

fn mix(v: &mut [u32; 4]) {
    for (to, a, b) in [(0, 1, 3), (1, 2, 0), (2, 0, 1), (3, 1, 2)] {
        v[to] = v[to].wrapping_add(v[a].wrapping_mul(v[b]));
    }
}
