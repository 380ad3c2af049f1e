//! Cases of random numbers. Seeds are the whole parts of what fills the input.

use cnn_core::Op;
use cnn_core::op::RandomUniform;
use proptest::prelude::*;

use super::{Case, dimensions};

/// Shape, stream.
#[rustfmt::skip]
const ROWS: &[(&[usize], u32)] = &[
    (&[], 0), (&[1], 1), (&[0, 3], 2), (&[2], 0xffff_ffff), (&[63], 3), (&[64], 4), (&[65], 5), (&[1025], 6), (&[3, 7, 5, 17], 7),
    (&[2, 3], 8), (&[2, 3, 4], 9), (&[8, 1, 1, 64], 10), (&[1, 64, 64, 33], 11), (&[16, 10], 12), (&[16, 10], 13), (&[5, 5], 1 << 31),
    (&[2, 2, 2, 2, 2, 2], 14), (&[70_000], 15), (&[4_200_000], 16), (&[100, 100], 12_345_678),
];

/// The table.
pub fn cases() -> Vec<Case> {
    ROWS.iter().map(|&(shape, stream)| case(shape, stream)).collect()
}

fn case(shape: &[usize], stream: u32) -> Case {
    let op = RandomUniform { shape: shape.to_vec(), stream };
    Case::new(format!("{} stream {stream}", dimensions(shape)), Op::RandomUniform(op), vec![vec![2]])
}

/// Random shapes and streams.
pub fn strategy() -> BoxedStrategy<Case> {
    (prop::collection::vec(1..=9usize, 0..=4), any::<u32>()).prop_map(|(shape, stream)| case(&shape, stream)).boxed()
}
