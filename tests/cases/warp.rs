//! Cases of projective maps. Their numbers lie around those of the identity ([`super::fill`]).

use cnn_core::Op;
use cnn_core::op::{FillMode, Interpolation, Warp};
use proptest::prelude::*;

use super::Case;

/// x `[N, H, W, C]` and the output's size, for both interpolations and all fill modes, without moves and with.
#[rustfmt::skip]
const ROWS: &[([usize; 4], [usize; 2])] = &[
    ([1, 1, 1, 1], [3, 4]),
    ([0, 2, 2, 3], [2, 2]),
    ([1, 4, 4, 3], [4, 4]),
    ([2, 3, 5, 17], [7, 9]),
    ([3, 10, 12, 3], [10, 12]),
    ([1, 9, 4, 64], [4, 9]),
    ([5, 2, 1, 4], [8, 8]),
    ([2, 33, 47, 3], [40, 31]),
];
const INTERPOLATIONS: [Interpolation; 2] = [Interpolation::Nearest, Interpolation::Bilinear];
const FILL_MODES: [FillMode; 4] = [FillMode::Constant, FillMode::Nearest, FillMode::Reflect, FillMode::Wrap];

/// The table.
pub fn cases() -> Vec<Case> {
    let modes = INTERPOLATIONS.iter().flat_map(|&interpolation| FILL_MODES.map(|mode| (interpolation, mode)));
    let rows = || ROWS.iter().flat_map(|&(x, size)| [false, true].map(|moved| (x, size, moved)));
    modes
        .flat_map(|(interpolation, mode)| rows().map(move |(x, size, moved)| case(x, size, interpolation, mode, moved)))
        .collect()
}

fn case(x: [usize; 4], size: [usize; 2], interpolation: Interpolation, fill_mode: FillMode, moved: bool) -> Case {
    let op = Op::Warp(Warp { size, interpolation, fill_mode, fill_value: 0.5 });
    let mut inputs = vec![x.to_vec(), vec![x[0], 8]];
    if moved {
        inputs.push(vec![x[0], size[0], size[1], 2]);
    }
    Case::new(format!("{interpolation:?} {fill_mode:?} to {size:?}"), op, inputs)
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let interpolation = prop::sample::select(INTERPOLATIONS.to_vec());
    let fill_mode = prop::sample::select(FILL_MODES.to_vec());
    ([1..=3usize, 1..=15, 1..=15, 1..=9], [1..=20usize, 1..=20usize], interpolation, fill_mode, any::<bool>())
        .prop_map(|(x, size, interpolation, fill_mode, moved)| case(x, size, interpolation, fill_mode, moved))
        .boxed()
}
