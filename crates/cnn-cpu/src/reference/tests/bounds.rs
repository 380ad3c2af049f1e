//! No device that keeps to WGSL's accuracy table leaves a bound, and no bound is so wide that it says nothing.

use cnn_core::op::*;
use cnn_core::shape::Padding2D;
use cnn_core::{DType, Op};

use super::super::accuracy::{Approx, Real, formula, slope_formula};
use super::super::{Array, apply, compute, evaluate, output_shape, slope};
use super::device::Device;
use super::{Random, array};

const FUNCTIONS: [Function; 28] = [
    Function::Linear,
    Function::RELU,
    Function::RELU6,
    Function::Relu { max_value: f32::INFINITY, negative_slope: 0.3, threshold: 0.0 },
    Function::Relu { max_value: 3.0, negative_slope: 0.25, threshold: 1.5 },
    Function::Elu { alpha: 1.0 },
    Function::Elu { alpha: 0.3 },
    Function::Selu,
    Function::Gelu,
    Function::GeluTanh,
    Function::Sigmoid,
    Function::HardSigmoid,
    Function::Tanh,
    Function::Silu,
    Function::HardSilu,
    Function::Softplus,
    Function::Softsign,
    Function::Exponential,
    Function::Log,
    Function::Sin,
    Function::Cos,
    Function::Floor,
    Function::Mish,
    Function::Sqrt,
    Function::InverseSqrt,
    Function::Affine { scale: 0.1, offset: -0.3 },
    Function::Affine { scale: 1.0 / 127.5, offset: -1.0 },
    Function::Affine { scale: 1.0, offset: 1e-3 },
];

/// Whether the function takes every number, or those above 0 alone.
fn takes_negative(function: &Function) -> bool {
    !matches!(function, Function::Sqrt | Function::InverseSqrt | Function::Log)
}

const EXACT: f64 = 0.0;
const STEPS: f64 = 0.1;
const SUMS: f64 = 0.01;

/// Whether a kernel computes the function without rounding anywhere.
fn is_exact(function: &Function) -> bool {
    matches!(function, Function::Linear | Function::Floor) || function.as_clamp().is_some()
}

/// Where functions are tried: around 0 and a threshold, in the middle, in both tails.
fn arguments(function: &Function, random: &mut Random) -> Vec<f64> {
    let scales = [0.0, 1e-30, 1e-6, 0.01, 0.5, 2.0, 8.0, 32.0, 80.0];
    let drawn = scales.iter().flat_map(|scale| (0..200).map(|_| scale * random.unit()).collect::<Vec<_>>());
    let near_threshold = (0..100).map(|i| 1.5 + f64::from(i - 50) * 1.2e-7);
    let all = drawn.chain(near_threshold).map(|x| f64::from(x as f32));
    all.map(|x| if takes_negative(function) { x } else { x.abs() }).collect()
}

#[test]
fn the_kernels_formula_is_the_definition() {
    let mut random = Random(2);
    for function in &FUNCTIONS {
        for x in arguments(function, &mut random) {
            let (kernel, definition) = (formula(function, x), apply(function, x));
            let error = (kernel - definition).abs();
            assert!(
                kernel == definition || error <= 1e-13 * definition.abs().max(1.0),
                "{function:?} at {x}: {kernel}, {definition}"
            );
        }
    }
}

#[test]
fn the_kernels_slope_is_the_definition() {
    let mut random = Random(12);
    for function in &FUNCTIONS {
        for x in arguments(function, &mut random) {
            let (kernel, definition) = (slope_formula(function, x), slope(function, x));
            let error = (kernel - definition).abs();
            assert!(
                kernel == definition || error <= 1e-12 * definition.abs().max(1.0),
                "{function:?} at {x}: {kernel}, {definition}"
            );
        }
    }
}

/// Central differences of the definition, at steps that make their error about 1e-9.
#[test]
fn slopes_are_those_of_the_functions() {
    for function in &FUNCTIONS {
        for i in -400..400 {
            let (x, h) = (0.0137 * f64::from(i) + 0.00411, 1e-5);
            if !takes_negative(function) && x <= 0.05
                || [1.5, 3.0].iter().any(|kink| (x.abs() - kink).abs() < 1e-4)
                || (x - x.round()).abs() < 1e-4
            {
                continue;
            }
            let difference = (apply(function, x + h) - apply(function, x - h)) / (2.0 * h);
            let error = (difference - slope(function, x)).abs();
            assert!(error <= 1e-6 * difference.abs().max(1.0), "{function:?} at {x}: {difference}, {error}");
        }
    }
}

#[test]
fn slopes_stay_inside_their_bounds() {
    let mut random = Random(13);
    for function in &FUNCTIONS {
        let x = arguments(function, &mut random);
        let dy: Vec<f64> = x.iter().map(|_| f64::from(random.unit() as f32)).collect();
        let op = Op::UnaryGradient(UnaryGradient { function: *function });
        // A power of two, or nothing, times dy.
        let power =
            matches!(function, Function::Relu { negative_slope: 0.0 | 0.25, .. } | Function::Linear | Function::Floor)
                || matches!(function, Function::Affine { scale: 1.0, .. });
        let least = if power { EXACT } else { STEPS };
        check(&op, &[&array(&[x.len()], &x), &array(&[x.len()], &dy)], least);
    }
}

#[test]
fn functions_stay_inside_their_bounds() {
    let mut random = Random(3);
    for function in &FUNCTIONS {
        let x = arguments(function, &mut random);
        check(
            &Op::Unary(Unary { function: *function }),
            &[&array(&[x.len()], &x)],
            if is_exact(function) { EXACT } else { STEPS },
        );
    }
}

#[test]
fn functions_of_an_inexact_argument_stay_inside_their_bounds() {
    let mut random = Random(4);
    for function in &FUNCTIONS {
        let mut worst = 0.0f64;
        for z in arguments(function, &mut random) {
            let error = [1e-7, 1e-5, 1e-3, 0.1][random.below(4)] * z.abs().max(0.1);
            if !takes_negative(function) && z <= error {
                continue;
            }
            let bound = Approx { value: z, error }.activate(function).stored_error(DType::F32);
            for at in [-1.0, 1.0, random.unit()] {
                // Rounded towards z, so that it stays within the error.
                let x = f64::from((z + at * error * (1.0 - 1e-7)) as f32);
                if (x - z).abs() <= error {
                    let got = Device::exact(x).activate(function).0;
                    let error = (f64::from(got) - apply(function, z)).abs();
                    let ratio = if error == 0.0 { 0.0 } else { error / bound };
                    assert!(ratio <= 1.0 || got.is_infinite(), "{function:?} at {z} ± {error}: {ratio} of {bound}");
                    worst = if bound.is_finite() { worst.max(ratio) } else { worst };
                }
            }
        }
        assert!(worst > 0.5, "{function:?}: only {worst} of its bound");
    }
}

/// Runs `op` on the simulated device several times, in float32 and with f16 storage.
///
/// The largest error is more than `least` of its bound: a device that errs by all it may comes near the bound of a few
/// steps ([`STEPS`]), but errors of a long sum cancel ([`SUMS`]). What does not round ([`EXACT`]) has no error.
fn check(op: &Op, inputs: &[&Array], least: f64) {
    let shape = output_shape(op, inputs).unwrap();
    let reference = evaluate(op, inputs, DType::F32).unwrap();
    let mut largest = 0.0f64;
    for _ in 0..20 {
        let got: Vec<f32> = compute::<Device>(op, inputs, &shape).iter().map(|y| y.0).collect();
        let worst = reference.worst(&got).unwrap();
        largest = largest.max(worst.ratio);
        let (value, bound) = (reference.value.data[worst.index], reference.bound.data[worst.index]);
        assert!(worst.ratio <= 1.0, "{op:?} at {}: {} instead of {value} ± {bound}", worst.index, got[worst.index]);
    }
    let enough = if least == EXACT { largest == 0.0 } else { largest > least };
    assert!(enough, "{op:?}: the largest error is {largest} of its bound");
    check_f16(op, inputs, &shape);
}

fn check_f16(op: &Op, inputs: &[&Array], shape: &[usize]) {
    let round = |v: &f64| half::f16::from_f64(*v).to_f64();
    let rounded = inputs.iter().map(|x| Array { shape: x.shape.clone(), data: x.data.iter().map(round).collect() });
    let rounded: Vec<Array> = rounded.collect();
    let inputs: Vec<&Array> = rounded.iter().collect();
    let reference = evaluate(op, &inputs, DType::F16).unwrap();
    let got = compute::<Device>(op, &inputs, shape);
    let got: Vec<f32> = got.iter().map(|y| half::f16::from_f32(y.0).to_f32()).collect();
    let worst = reference.worst(&got).unwrap();
    let (value, bound) = (reference.value.data[worst.index], reference.bound.data[worst.index]);
    assert!(worst.ratio <= 1.0, "{op:?} in f16: {} instead of {value} ± {bound}", got[worst.index]);
}

#[test]
fn functions_of_two_elements_stay_inside_their_bounds() {
    let mut random = Random(5);
    let operations = [
        (BinaryOp::Add, STEPS),
        (BinaryOp::Subtract, STEPS),
        (BinaryOp::Multiply, STEPS),
        (BinaryOp::Divide, STEPS),
        (BinaryOp::Maximum, EXACT),
        (BinaryOp::Minimum, EXACT),
        (BinaryOp::Prelu, STEPS),
        (BinaryOp::GreaterEqual, EXACT),
    ];
    for (op, least) in operations {
        let (a, b) = (random.array(&[3, 4, 50], 4.0), random.array(&[4, 1], 2.0));
        check(&Op::Binary(Binary::new(op)), &[&a, &b], least);
        check(&Op::Binary(Binary { op, activation: Function::Sigmoid }), &[&a, &b], STEPS);
    }
}

#[test]
fn batch_norm_stays_inside_its_bound() {
    let mut random = Random(6);
    for (shape, axis, mean) in [(vec![2, 5, 5, 6], 3, 0.0), (vec![40, 3], 1, 512.0), (vec![2, 4, 9], 1, 8.0)] {
        let channels = [shape[axis]];
        let mut x = random.array(&shape, 2.0);
        let [gamma, beta, mut means, mut variance] = [0; 4].map(|_| random.array(&channels, 1.0));
        x.data.iter_mut().for_each(|x| *x = f64::from((*x + mean) as f32));
        means.data.iter_mut().for_each(|m| *m = f64::from((*m + mean) as f32));
        variance.data.iter_mut().for_each(|v| *v = v.abs());
        for activation in [Function::Linear, Function::RELU, Function::Silu] {
            let op = Op::BatchNorm(BatchNorm { axis, epsilon: 1e-3, activation });
            check(&op, &[&x, &gamma, &beta, &means, &variance], STEPS);
        }
    }
}

#[test]
fn layer_norm_stays_inside_its_bound() {
    let mut random = Random(7);
    for (shape, axes, mean) in [(vec![30, 8], 1, 0.0), (vec![4, 3, 40], 1, 16.0), (vec![3, 4, 5, 6], 3, 1.0)] {
        let tail = &shape[shape.len() - axes..];
        let (gamma, beta) = (random.array(tail, 1.0), random.array(tail, 1.0));
        let mut x = random.array(&shape, 2.0);
        x.data.iter_mut().for_each(|x| *x = f64::from((*x + mean) as f32));
        let op = |scale, center| Op::LayerNorm(LayerNorm { axes, epsilon: 1e-3, scale, center });
        check(&op(true, true), &[&x, &gamma, &beta], SUMS);
        check(&op(true, false), &[&x, &gamma], SUMS);
        check(&op(false, false), &[&x], SUMS);
    }
}

#[test]
fn softmax_stays_inside_its_bound() {
    let mut random = Random(8);
    for (shape, axis, scale) in
        [(vec![20, 10], 1, 4.0), (vec![2, 300], 1, 32.0), (vec![2, 5, 3, 4], 1, 64.0), (vec![7, 1], 1, 1.0)]
    {
        let x = random.array(&shape, scale);
        for log in [false, true] {
            check(&Op::Softmax(Softmax { axis, log }), &[&x], SUMS);
        }
    }
}

/// Numbers divided by 3: all bits of the mantissa are in use, so that any sum rounds.
fn thirds(x: Array) -> Array {
    Array { data: x.data.iter().map(|x| f64::from((x / 3.0) as f32)).collect(), shape: x.shape }
}

#[test]
fn pooling_stays_inside_its_bound() {
    let mut random = Random(9);
    let padding = Padding2D { top: 1, bottom: 0, left: 1, right: 2 };
    for (pool_size, strides) in [([3, 3], [2, 2]), ([2, 3], [1, 3]), ([7, 9], [1, 1])] {
        let x = random.array(&[2, 7, 9, 3], 4.0);
        for kind in [PoolKind::Max, PoolKind::Average] {
            let op = Op::Pool2D(Pool2D { kind, pool_size, strides, padding });
            check(&op, &[&x], if kind == PoolKind::Max { EXACT } else { SUMS });
            let dy = thirds(random.array(&output_shape(&op, &[&x]).unwrap(), 1.0));
            let pool = Pool2D { kind, pool_size, strides, padding };
            let gradient = Op::Pool2DGradient(Pool2DGradient { pool, input_size: [7, 9] });
            let inputs: &[&Array] = if kind == PoolKind::Max { &[&x, &dy] } else { &[&dy] };
            check(&gradient, inputs, SUMS);
        }
    }
}

#[test]
fn sums_and_means_stay_inside_their_bounds() {
    let mut random = Random(12);
    for (shape, axes) in [(vec![10, 20], 0..1), (vec![300, 8], 1..2), (vec![20, 5, 3, 4], 1..3), (vec![8, 40], 0..1)] {
        let x = random.array(&shape, 4.0);
        for kind in [ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Variance] {
            check(&Op::Reduce(Reduce { kind, axes: axes.clone() }), &[&x], SUMS);
        }
    }
}

#[test]
fn resampling_stays_inside_its_bound() {
    let mut random = Random(10);
    for size in [[8, 5], [9, 3], [14, 10], [4, 13], [2, 1]] {
        let x = random.array(&[2, 7, 5, 3], 4.0);
        for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
            check(
                &Op::Resize(Resize { interpolation, size }),
                &[&x],
                if interpolation == Interpolation::Nearest { EXACT } else { STEPS },
            );
            let dy = thirds(random.array(&[2, size[0], size[1], 3], 4.0));
            let shrinks = interpolation == Interpolation::Nearest && size[0] <= 7 && size[1] <= 5;
            let gradient = Op::ResizeGradient(ResizeGradient { interpolation, input_size: [7, 5] });
            check(&gradient, &[&dy], if shrinks { EXACT } else { SUMS });
        }
    }
}

#[test]
fn moving_is_exact() {
    let mut random = Random(11);
    let x = random.array(&[2, 3, 4], 1.0);
    let ops = [
        Op::Pad(Pad { before: vec![1, 0, 2], after: vec![0, 1, 0], value: -1.5 }),
        Op::Slice(Slice { begin: vec![1, 0, 2], size: vec![1, 3, 2] }),
        Op::Transpose(Transpose { permutation: vec![2, 0, 1] }),
        Op::Concat(Concat { axis: 2 }),
        Op::Broadcast(Broadcast { shape: vec![5, 2, 3, 4] }),
        Op::Reshape(Reshape { shape: vec![6, 4] }),
        Op::Cast(Cast { to: DType::F32 }),
    ];
    for op in ops {
        let inputs: &[&Array] = if op.name() == "Concat" { &[&x, &x] } else { &[&x] };
        check(&op, inputs, EXACT);
    }
}

#[test]
fn storing_as_f16_rounds_what_is_no_f16() {
    let cast = Op::Cast(Cast { to: DType::F16 });
    // (value, bound)
    let cases = [
        (0.0, 0.0),
        (1.5, 0.0),
        (65504.0, 0.0),
        (0.1, 0.1 / 2048.0 + (-24f64).exp2()),
        (1e-9, 1e-9 / 2048.0 + (-24f64).exp2()),
        (65505.0, f64::INFINITY),
        (1e6, f64::INFINITY),
    ];
    for (value, bound) in cases {
        assert_eq!(evaluate(&cast, &[&array(&[1], &[value])], DType::F16).unwrap().bound.data, [bound], "{value}");
    }
}

#[test]
fn nothing_is_promised_outside_of_float32() {
    let exp = Op::Unary(Unary { function: Function::Exponential });
    let divide = Op::Binary(Binary::new(BinaryOp::Divide));
    let multiply = Op::Binary(Binary::new(BinaryOp::Multiply));
    let cases: [(&Op, &[f64]); 4] =
        [(&exp, &[89.0]), (&divide, &[1.0, 0.0]), (&divide, &[1.0, 1e38]), (&multiply, &[1e20, 1e20])];
    for (op, inputs) in cases {
        let inputs: Vec<Array> = inputs.iter().map(|&v| array(&[1], &[f64::from(v as f32)])).collect();
        let bound = evaluate(op, &inputs.iter().collect::<Vec<_>>(), DType::F32).unwrap().bound.data;
        assert_eq!(bound, [f64::INFINITY], "{op:?} of {inputs:?}");
    }
}
