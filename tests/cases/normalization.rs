//! Cases of batch and layer normalisation.

use cnn_core::Op;
use cnn_core::op::{BatchNorm, Function, LayerNorm};
use proptest::prelude::*;

use super::Case;

/// Shape, axis, epsilon, activation.
type BatchRow = (&'static [usize], usize, f32, Function);

#[rustfmt::skip]
const BATCH_ROWS: &[BatchRow] = &[
    (&[1, 1, 1, 1], 3, 1e-3, Function::Linear),
    (&[0, 4, 4, 3], 3, 1e-3, Function::Linear),
    (&[2, 5, 7, 3], 3, 1e-3, Function::Linear),
    (&[1, 9, 9, 17], 3, 1.001e-5, Function::RELU),
    (&[1, 14, 14, 64], 3, 1e-3, Function::RELU6),
    (&[2, 5, 7, 3], 1, 1e-3, Function::Linear),
    (&[2, 5, 7, 3], 2, 1e-3, Function::RELU),
    (&[4, 5], 1, 1e-3, Function::Linear),
    (&[3, 65], 1, 0.1, Function::Sigmoid),
    (&[2, 6, 5], 2, 1e-3, Function::Silu),
    (&[2, 6, 5], 1, 1e-3, Function::Linear),
    (&[1, 28, 28, 33], 3, 1e-3, Function::Linear),
    (&[5, 3], 0, 1e-3, Function::Linear),
];

/// Shape, trailing axes, epsilon, scale, center.
type LayerRow = (&'static [usize], usize, f32, bool, bool);

#[rustfmt::skip]
const LAYER_ROWS: &[LayerRow] = &[
    (&[1, 1], 1, 1e-3, true, true),
    (&[0, 5], 1, 1e-3, true, true),
    (&[3, 5], 1, 1e-3, true, true),
    (&[3, 17], 1, 1e-3, false, false),
    (&[2, 64], 1, 1e-6, true, false),
    (&[2, 65], 1, 1e-6, false, true),
    (&[1, 1000], 1, 1e-3, true, true),
    (&[2, 4, 6], 1, 1e-3, true, true),
    (&[2, 4, 6], 2, 1e-3, true, true),
    (&[2, 5, 7, 3], 1, 1e-3, true, true),
    (&[2, 5, 7, 3], 2, 1e-3, true, false),
    (&[2, 5, 7, 3], 3, 1e-3, false, true),
    (&[2, 3, 2], 3, 1e-3, true, true),
    (&[1, 9, 9, 96], 1, 1e-6, true, true),
    (&[129, 33], 1, 1e-3, true, true),
    // Three passes of over 21,845 turns of a loop: llvmpipe ends it at 65,535.
    (&[9, 30_000], 1, 1e-3, true, true),
];

/// The table.
pub fn cases() -> Vec<Case> {
    BATCH_ROWS.iter().map(|&row| batch(row)).chain(LAYER_ROWS.iter().map(|&row| layer(row))).collect()
}

fn batch((shape, axis, epsilon, activation): (&[usize], usize, f32, Function)) -> Case {
    let mut inputs = vec![shape.to_vec()];
    inputs.extend(std::iter::repeat_n(vec![shape[axis]], 4));
    let label = format!("axis {axis} epsilon {epsilon} {activation:?}");
    Case::new(label, Op::BatchNorm(BatchNorm { axis, epsilon, activation }), inputs)
}

fn layer((shape, axes, epsilon, scale, center): (&[usize], usize, f32, bool, bool)) -> Case {
    let mut inputs = vec![shape.to_vec()];
    let parameters = usize::from(scale) + usize::from(center);
    inputs.extend(std::iter::repeat_n(shape[shape.len() - axes..].to_vec(), parameters));
    let label = format!("axes {axes} epsilon {epsilon} scale {scale} center {center}");
    Case::new(label, Op::LayerNorm(LayerNorm { axes, epsilon, scale, center }), inputs)
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let shape = || prop::collection::vec(1..=9usize, 1..=4);
    let activation = prop_oneof![Just(Function::Linear), Just(Function::RELU)];
    let one = (shape(), any::<prop::sample::Index>(), activation)
        .prop_map(|(shape, axis, activation)| batch((&shape, axis.index(shape.len()), 1e-3, activation)));
    let other = (shape(), any::<prop::sample::Index>(), any::<bool>(), any::<bool>())
        .prop_map(|(shape, axes, scale, center)| layer((&shape, 1 + axes.index(shape.len()), 1e-3, scale, center)));
    prop_oneof![one, other].boxed()
}
