//! Cases of softmax and its logarithm.

use cnn_core::Op;
use cnn_core::op::Softmax;
use proptest::prelude::*;

use super::Case;

/// Shape and axis, for softmax and its logarithm.
#[rustfmt::skip]
const ROWS: &[(&[usize], usize)] = &[
    (&[1], 0),
    (&[0, 3], 1),
    (&[1, 1], 1),
    (&[1, 10], 1),
    (&[1, 1000], 1),
    (&[3, 17], 1),
    (&[2, 257], 1),
    (&[65, 33], 1),
    (&[5, 3], 0),
    (&[2, 3, 5], 1),
    (&[2, 3, 5], 2),
    (&[2, 5, 7, 3], 1),
    (&[2, 5, 7, 64], 3),
    (&[1, 2, 65, 5], 2),
    // Three passes of over 21,845 turns of a loop: llvmpipe ends it at 65,535.
    (&[9, 30_000], 1),
];

/// The table.
pub fn cases() -> Vec<Case> {
    ROWS.iter().flat_map(|&(shape, axis)| [false, true].map(|log| case(shape, axis, log))).collect()
}

fn case(shape: &[usize], axis: usize, log: bool) -> Case {
    Case::new(format!("axis {axis} log {log}"), Op::Softmax(Softmax { axis, log }), vec![shape.to_vec()])
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    (prop::collection::vec(1..=9usize, 1..=4), any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|(shape, axis, log)| case(&shape, axis.index(shape.len()), log))
        .boxed()
}
