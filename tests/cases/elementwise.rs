//! Cases of functions of one element and of two.

use cnn_core::Op;
use cnn_core::op::{Binary, BinaryOp, Function, Unary, UnaryGradient};
use proptest::prelude::*;

use super::{Case, dimensions};

const fn relu(max_value: f32, negative_slope: f32, threshold: f32) -> Function {
    Function::Relu { max_value, negative_slope, threshold }
}

#[rustfmt::skip]
const FUNCTIONS: &[Function] = &[
    Function::Linear, Function::RELU, Function::RELU6, relu(f32::INFINITY, 0.3, 0.0), relu(4.0, 0.1, 1.0),
    relu(f32::INFINITY, 0.0, -1.5), Function::Elu { alpha: 1.0 }, Function::Elu { alpha: 0.3 }, Function::Selu, Function::Gelu,
    Function::GeluTanh, Function::Sigmoid, Function::HardSigmoid, Function::Tanh, Function::Silu, Function::HardSilu,
    Function::Softplus, Function::Softsign, Function::Exponential, Function::Mish, Function::Sqrt, Function::InverseSqrt, Function::Log,
    Function::Affine { scale: 0.5, offset: -1.0 }, Function::Affine { scale: 1.0 / 127.5, offset: -1.0 },
    Function::Sin, Function::Cos, Function::Floor,
];

/// Shapes for the functions of one element, more than [`super::fill`]'s special numbers first.
const SHAPES: &[&[usize]] = &[&[3, 7, 5, 17]];

/// More shapes, for one function: its code does not depend on them.
const MORE_SHAPES: &[&[usize]] = &[&[], &[1], &[0, 3], &[255], &[1025], &[2, 3, 4], &[1, 64, 64, 33], &[2, 2, 3, 2, 3]];

const BINARY_OPS: &[BinaryOp] = &[
    BinaryOp::Add,
    BinaryOp::Subtract,
    BinaryOp::Multiply,
    BinaryOp::Divide,
    BinaryOp::Maximum,
    BinaryOp::Minimum,
    BinaryOp::Prelu,
    BinaryOp::GreaterEqual,
];

/// Pairs of shapes for the functions of two elements.
const PAIRS: &[(&[usize], &[usize])] =
    &[(&[2, 5, 7, 17], &[2, 5, 7, 17]), (&[2, 5, 7, 17], &[17]), (&[3], &[2, 5, 7, 3]), (&[2, 1, 7, 1], &[1, 5, 1, 3])];

/// More pairs, for addition and subtraction.
const MORE_PAIRS: &[(&[usize], &[usize])] = &[
    (&[], &[]),
    (&[1], &[1]),
    (&[], &[3, 4]),
    (&[5, 1], &[]),
    (&[0, 4], &[4]),
    (&[1025], &[1025]),
    (&[7, 1], &[1, 9]),
    (&[1, 64, 33, 16], &[1, 64, 33, 16]),
    (&[2, 9, 9, 24], &[2, 1, 1, 24]),
    (&[2, 9, 9, 24], &[9, 9, 1]),
    (&[4, 1, 3], &[2, 1, 5, 1]),
    (&[2, 1, 3, 1, 2, 1], &[1, 4, 1, 3, 1, 2]),
];

/// The table.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, &function) in FUNCTIONS.iter().enumerate() {
        let more = if index == 1 { MORE_SHAPES } else { &[] };
        cases.extend(SHAPES.iter().chain(more).map(|shape| unary(function, shape)));
        cases.extend(SHAPES.iter().chain(more).map(|shape| unary_gradient(function, shape)));
    }
    for &op in BINARY_OPS {
        cases.extend(PAIRS.iter().map(|(a, b)| binary(op, Function::Linear, a, b)));
    }
    for op in [BinaryOp::Add, BinaryOp::Subtract] {
        cases.extend(MORE_PAIRS.iter().map(|(a, b)| binary(op, Function::Linear, a, b)));
    }
    for activation in [Function::RELU, Function::RELU6, Function::Silu, Function::Affine { scale: 0.5, offset: 0.0 }] {
        cases.push(binary(BinaryOp::Add, activation, &[2, 5, 7, 17], &[2, 5, 7, 17]));
        cases.push(binary(BinaryOp::Multiply, activation, &[2, 5, 7, 17], &[2, 1, 1, 17]));
    }
    cases
}

fn unary(function: Function, shape: &[usize]) -> Case {
    Case::new(format!("{function:?}"), Op::Unary(Unary { function }), vec![shape.to_vec()])
}

fn unary_gradient(function: Function, shape: &[usize]) -> Case {
    let op = Op::UnaryGradient(UnaryGradient { function });
    Case::new(format!("{function:?}"), op, vec![shape.to_vec(), shape.to_vec()])
}

fn binary(op: BinaryOp, activation: Function, a: &[usize], b: &[usize]) -> Case {
    Case::new(format!("{op:?} {activation:?}"), Op::Binary(Binary { op, activation }), vec![a.to_vec(), b.to_vec()])
}

/// Random shapes and functions; two elements broadcast along any of the axes.
pub fn strategy() -> BoxedStrategy<Case> {
    let function = || prop::sample::select(FUNCTIONS.to_vec());
    let shape = prop::collection::vec(1..=9usize, 0..=4);
    let one = (function(), shape, any::<bool>()).prop_map(|(function, shape, gradient)| {
        if gradient { unary_gradient(function, &shape) } else { unary(function, &shape) }
    });
    let axis = (1..=7usize, 0..=3u8).prop_map(|(size, stretch)| match stretch {
        0 => (1, size),
        1 => (size, 1),
        _ => (size, size),
    });
    let shapes = (prop::collection::vec(axis, 0..=6), 0..=3usize);
    let two = (prop::sample::select(BINARY_OPS.to_vec()), shapes).prop_map(|(op, (axes, dropped))| {
        let (a, b): (Vec<usize>, Vec<usize>) = axes.into_iter().unzip();
        // The second may have fewer axes.
        binary(op, Function::Linear, &a, &b[dropped.min(b.len())..])
    });
    prop_oneof![one, two].prop_filter("small", |case| dimensions(&case.output_shape()).len() < 12).boxed()
}
