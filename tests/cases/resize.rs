//! Cases of resampling.

use cnn_core::Op;
use cnn_core::op::{Interpolation, Resize, ResizeGradient};
use proptest::prelude::*;

use super::Case;

/// x `[N, H, W, C]` and the output's size, for both interpolations.
#[rustfmt::skip]
const ROWS: &[([usize; 4], [usize; 2])] = &[
    ([1, 1, 1, 1], [1, 1]),
    ([1, 1, 1, 5], [3, 4]),
    ([0, 2, 2, 3], [4, 4]),
    ([1, 4, 4, 3], [4, 4]),
    ([1, 2, 3, 3], [4, 6]),
    ([2, 3, 5, 17], [7, 9]),
    ([1, 7, 5, 1], [3, 2]),
    ([1, 10, 10, 4], [3, 7]),
    ([1, 9, 4, 64], [4, 9]),
    ([2, 5, 7, 3], [1, 1]),
    ([1, 7, 7, 32], [14, 14]),
    ([1, 32, 24, 3], [224, 7]),
    ([1, 61, 47, 3], [33, 50]),
    ([1, 3, 3, 65], [9, 6]),
];

/// The table.
pub fn cases() -> Vec<Case> {
    let interpolations = [Interpolation::Nearest, Interpolation::Bilinear];
    let forward = ROWS.iter().flat_map(|&(x, size)| interpolations.map(|interpolation| case(x, size, interpolation)));
    let backward =
        ROWS.iter().flat_map(|&(x, size)| interpolations.map(|interpolation| gradient(x, size, interpolation)));
    forward.chain(backward).collect()
}

/// The gradient of the resampling of x to `size`.
fn gradient(x: [usize; 4], size: [usize; 2], interpolation: Interpolation) -> Case {
    let op = ResizeGradient { interpolation, input_size: [x[1], x[2]] };
    let dy = vec![x[0], size[0], size[1], x[3]];
    Case::new(format!("{interpolation:?} of {:?}", op.input_size), Op::ResizeGradient(op), vec![dy])
}

fn case(x: [usize; 4], size: [usize; 2], interpolation: Interpolation) -> Case {
    Case::new(format!("{interpolation:?} to {size:?}"), Op::Resize(Resize { interpolation, size }), vec![x.to_vec()])
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let interpolation = prop_oneof![Just(Interpolation::Nearest), Just(Interpolation::Bilinear)];
    ([1..=2usize, 1..=15, 1..=15, 1..=9], [1..=30usize, 1..=30usize], interpolation, any::<bool>())
        .prop_map(
            |(x, size, interpolation, backwards)| {
                if backwards { gradient(x, size, interpolation) } else { case(x, size, interpolation) }
            },
        )
        .boxed()
}
