//! Cases of ops that move elements.

use cnn_core::op::{Assign, Broadcast, Cast, Concat, Pad, Reshape, Slice, Transpose};
use cnn_core::{DType, Op};
use proptest::prelude::*;

use super::Case;

/// Shape, before, after, value.
type PadRow = (&'static [usize], &'static [usize], &'static [usize], f32);

#[rustfmt::skip]
const PADS: &[PadRow] = &[
    (&[], &[], &[], 0.0),
    (&[5], &[2], &[3], 0.0),
    (&[1, 1, 1, 1], &[0, 0, 0, 0], &[0, 0, 0, 0], 0.0),
    (&[2, 5, 7, 3], &[0, 1, 1, 0], &[0, 1, 1, 0], 0.0),
    (&[2, 5, 7, 17], &[0, 0, 3, 0], &[0, 2, 0, 0], -1.5),
    (&[1, 6, 6, 64], &[0, 3, 3, 0], &[0, 3, 3, 0], 0.0),
    (&[2, 3, 4], &[1, 0, 2], &[0, 3, 1], 7.0),
    (&[2, 3, 4, 5], &[1, 1, 1, 1], &[1, 1, 1, 1], 1.0),
    (&[0, 3], &[1, 0], &[1, 2], 2.0),
    (&[2, 1, 3, 2, 1, 2], &[0, 1, 0, 1, 0, 1], &[1, 0, 1, 0, 1, 0], 0.5),
];

/// Shape, begin, size.
#[rustfmt::skip]
const SLICES: &[(&[usize], &[usize], &[usize])] = &[
    (&[], &[], &[]),
    (&[9], &[4], &[3]),
    (&[2, 5, 7, 3], &[0, 0, 0, 0], &[2, 5, 7, 3]),
    (&[2, 5, 7, 3], &[0, 1, 2, 0], &[2, 3, 4, 3]),
    (&[2, 5, 7, 17], &[1, 4, 6, 5], &[1, 1, 1, 12]),
    (&[4, 6], &[1, 2], &[0, 3]),
    (&[3, 4, 5], &[2, 0, 1], &[1, 4, 3]),
    (&[2, 3, 2, 3, 2, 3], &[0, 1, 0, 1, 1, 1], &[2, 2, 1, 2, 1, 2]),
    (&[1, 30, 30, 24], &[0, 1, 1, 8], &[1, 28, 28, 16]),
];

/// Shape, permutation.
#[rustfmt::skip]
const TRANSPOSES: &[(&[usize], &[usize])] = &[
    (&[], &[]),
    (&[7], &[0]),
    (&[33, 65], &[1, 0]),
    (&[2, 5, 7, 3], &[0, 3, 1, 2]),
    (&[2, 5, 7, 3], &[0, 2, 1, 3]),
    (&[2, 5, 7, 17], &[3, 2, 1, 0]),
    (&[1, 14, 14, 64], &[0, 3, 1, 2]),
    (&[4, 3, 2], &[2, 0, 1]),
    (&[0, 3], &[1, 0]),
    (&[2, 3, 2, 3, 2, 4], &[5, 1, 3, 0, 2, 4]),
];

/// Axis, shapes.
#[rustfmt::skip]
const CONCATS: &[(usize, &[&[usize]])] = &[
    (0, &[&[3]]),
    (0, &[&[3], &[5]]),
    (3, &[&[2, 5, 7, 3], &[2, 5, 7, 17]]),
    (3, &[&[1, 8, 8, 64], &[1, 8, 8, 32], &[1, 8, 8, 5], &[1, 8, 8, 1]]),
    (1, &[&[2, 5, 7, 3], &[2, 1, 7, 3], &[2, 3, 7, 3]]),
    (2, &[&[1, 4, 3, 6], &[1, 4, 9, 6]]),
    (0, &[&[2, 5], &[1, 5], &[4, 5]]),
    (1, &[&[3, 0], &[3, 4]]),
    (1, &[&[2, 1], &[2, 1], &[2, 1], &[2, 1], &[2, 1], &[2, 1], &[2, 1], &[2, 1], &[2, 1], &[2, 1]]),
];

/// Shape, shape to stretch to.
#[rustfmt::skip]
const BROADCASTS: &[(&[usize], &[usize])] = &[
    (&[], &[]),
    (&[], &[2, 3]),
    (&[5], &[5]),
    (&[1], &[0, 3]),
    (&[2, 1, 1, 17], &[2, 5, 7, 17]),
    (&[1, 1, 1, 32], &[2, 14, 14, 32]),
    (&[2, 5, 1, 1], &[2, 5, 7, 3]),
    (&[16], &[3, 4, 16]),
    (&[2, 1, 3, 1, 2, 1], &[2, 2, 3, 2, 2, 2]),
];

/// Shape of the variable, first element, shape of the value.
#[rustfmt::skip]
const ASSIGNS: &[(&[usize], usize, &[usize])] = &[
    (&[], 0, &[1]),
    (&[64], 0, &[64]),
    (&[3, 3, 5, 7], 0, &[3, 3, 3, 5, 7]),
    (&[3, 3, 5, 7], 315, &[3, 3, 3, 5, 7]),
    (&[4, 8], 64, &[3, 4, 8]),
    (&[10], 7, &[20]),
];

/// The table.
pub fn cases() -> Vec<Case> {
    let pads = PADS.iter().map(|&(shape, before, after, value)| pad(shape, before, after, value));
    let slices = SLICES.iter().map(|&(shape, begin, size)| slice(shape, begin, size));
    let transposes = TRANSPOSES.iter().map(|&(shape, permutation)| transpose(shape, permutation));
    let concats = CONCATS.iter().map(|&(axis, shapes)| concat(axis, shapes.iter().map(|s| s.to_vec()).collect()));
    let reshapes = [(vec![2, 3, 4], vec![6, 4]), (vec![1, 1], vec![]), (vec![2, 5, 7, 3], vec![2, 105])];
    let reshapes =
        reshapes.map(|(from, shape)| Case::new(format!("to {shape:?}"), Op::Reshape(Reshape { shape }), vec![from]));
    let cast = Case::new("to F32", Op::Cast(Cast { to: DType::F32 }), vec![vec![3, 5]]);
    let broadcasts = BROADCASTS.iter().map(|&(from, shape)| broadcast(from, shape));
    let assigns = ASSIGNS.iter().map(|&(variable, first, value)| {
        Case::new(format!("from {first}"), Op::Assign(Assign { first }), vec![variable.to_vec(), value.to_vec()])
    });
    let moved = pads.chain(slices).chain(transposes).chain(concats).chain(broadcasts);
    moved.chain(reshapes).chain([cast]).chain(assigns).collect()
}

fn broadcast(from: &[usize], shape: &[usize]) -> Case {
    Case::new(format!("to {shape:?}"), Op::Broadcast(Broadcast { shape: shape.to_vec() }), vec![from.to_vec()])
}

fn pad(shape: &[usize], before: &[usize], after: &[usize], value: f32) -> Case {
    let op = Pad { before: before.to_vec(), after: after.to_vec(), value };
    Case::new(format!("before {before:?} after {after:?} value {value}"), Op::Pad(op), vec![shape.to_vec()])
}

fn slice(shape: &[usize], begin: &[usize], size: &[usize]) -> Case {
    let op = Slice { begin: begin.to_vec(), size: size.to_vec() };
    Case::new(format!("{size:?} from {begin:?}"), Op::Slice(op), vec![shape.to_vec()])
}

fn transpose(shape: &[usize], permutation: &[usize]) -> Case {
    let op = Transpose { permutation: permutation.to_vec() };
    Case::new(format!("{permutation:?}"), Op::Transpose(op), vec![shape.to_vec()])
}

fn concat(axis: usize, shapes: Vec<Vec<usize>>) -> Case {
    Case::new(format!("axis {axis}"), Op::Concat(Concat { axis }), shapes)
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let shape = || prop::collection::vec(1..=6usize, 1..=5);
    let pads = prop::collection::vec((1..=5usize, 0..=3usize, 0..=3usize), 1..=4).prop_map(|axes| {
        let [shape, before, after] = [0, 1, 2].map(|i| axes.iter().map(|&(n, b, a)| [n, b, a][i]).collect::<Vec<_>>());
        pad(&shape, &before, &after, 0.5)
    });
    let slices = prop::collection::vec((0..=3usize, 1..=4usize, 0..=3usize), 1..=4).prop_map(|axes| {
        let shape: Vec<usize> = axes.iter().map(|&(begin, size, rest)| begin + size + rest).collect();
        let (begin, size): (Vec<usize>, Vec<usize>) = axes.iter().map(|&(begin, size, _)| (begin, size)).unzip();
        slice(&shape, &begin, &size)
    });
    let transposes = shape().prop_flat_map(|shape| {
        let axes: Vec<usize> = (0..shape.len()).collect();
        Just(axes).prop_shuffle().prop_map(move |permutation| transpose(&shape, &permutation))
    });
    let concats = (shape(), any::<prop::sample::Index>(), prop::collection::vec(0..=5usize, 1..=4)).prop_map(
        |(shape, axis, sizes)| {
            let axis = axis.index(shape.len());
            let with = |size: &usize| [&shape[..axis], &[*size], &shape[axis + 1..]].concat();
            concat(axis, sizes.iter().map(with).collect())
        },
    );
    let axes = prop::collection::vec((1..=6usize, any::<bool>()), 0..=5);
    let broadcasts = (axes, 0..=3usize).prop_map(|(axes, dropped)| {
        let shape: Vec<usize> = axes.iter().map(|&(size, _)| size).collect();
        let from: Vec<usize> = axes.iter().map(|&(size, stretches)| if stretches { 1 } else { size }).collect();
        broadcast(&from[dropped.min(from.len())..], &shape)
    });
    prop_oneof![pads, slices, transposes, concats, broadcasts].boxed()
}
