//! Cases of counting pixels by value, and of looking them up.

use cnn_core::Op;
use cnn_core::op::{Histogram, Lookup};
use proptest::prelude::*;

use super::Case;

/// x `[N, H, W, C]` and bins.
#[rustfmt::skip]
const ROWS: &[([usize; 4], usize)] = &[
    ([1, 1, 1, 1], 1), ([0, 2, 2, 3], 4), ([1, 0, 3, 2], 5), ([1, 4, 4, 3], 256), ([2, 3, 5, 17], 9), ([3, 10, 12, 3], 64),
    ([1, 9, 4, 64], 65), ([5, 2, 1, 4], 8), ([2, 33, 47, 3], 256), ([1, 70, 60, 1], 2048), ([7, 1, 65, 2], 63),
];

/// The table.
pub fn cases() -> Vec<Case> {
    let both = |&(x, bins): &([usize; 4], usize)| [histogram(x, bins), lookup(x, bins)];
    ROWS.iter().flat_map(both).collect()
}

fn histogram(x: [usize; 4], bins: usize) -> Case {
    Case::new(format!("{bins} bins"), Op::Histogram(Histogram { bins }), vec![x.to_vec()])
}

fn lookup(x: [usize; 4], bins: usize) -> Case {
    Case::new("", Op::Lookup(Lookup), vec![x.to_vec(), vec![bins, x[3]]])
}

/// Random shapes and bins.
pub fn strategy() -> BoxedStrategy<Case> {
    ([1..=3usize, 1..=15, 1..=15, 1..=9], 1..=300usize, any::<bool>())
        .prop_map(|(x, bins, counts)| if counts { histogram(x, bins) } else { lookup(x, bins) })
        .boxed()
}
