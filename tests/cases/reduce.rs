//! Cases of sums and means along axes.

use std::ops::Range;

use cnn_core::Op;
use cnn_core::op::{Reduce, ReduceKind};
use proptest::prelude::*;

use super::Case;

/// Shape and axes, for the sum and the mean.
#[rustfmt::skip]
const ROWS: &[(&[usize], Range<usize>)] = &[
    (&[1], 0..1),
    (&[5], 0..1),
    (&[7, 3], 0..0),
    (&[0, 3], 1..2),
    (&[3, 17], 1..2),
    (&[17, 3], 0..1),
    (&[2, 257], 1..2),
    (&[1000], 0..1),
    (&[65, 33], 0..2),
    (&[2, 5, 7, 64], 0..3),
    (&[2, 5, 7, 3], 0..3),
    (&[2, 9, 8, 20], 1..3),
    (&[1, 14, 14, 96], 1..3),
    (&[3, 5, 40, 6], 2..3),
    (&[2, 3, 4, 5], 0..4),
    (&[4, 2, 33, 130], 1..3),
    // Over 65,535 turns of a loop, where llvmpipe ends it.
    (&[70_001], 0..1),
    (&[70_000, 4], 0..1),
    (&[66_000, 3], 0..1),
];

/// The table.
pub fn cases() -> Vec<Case> {
    let kinds = [ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Variance];
    ROWS.iter().flat_map(|(shape, axes)| kinds.map(|kind| case(kind, shape, axes.clone()))).collect()
}

fn case(kind: ReduceKind, shape: &[usize], axes: Range<usize>) -> Case {
    Case::new(format!("{kind:?} axes {axes:?}"), Op::Reduce(Reduce { kind, axes }), vec![shape.to_vec()])
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let kind = prop_oneof![Just(ReduceKind::Sum), Just(ReduceKind::Mean), Just(ReduceKind::Variance)];
    let index = any::<prop::sample::Index>;
    (kind, prop::collection::vec(1..=12usize, 1..=4), index(), index())
        .prop_map(|(kind, shape, a, b)| {
            let (a, b) = (a.index(shape.len() + 1), b.index(shape.len() + 1));
            case(kind, &shape, a.min(b)..a.max(b))
        })
        .boxed()
}
