//! Values that others computed: Dumoulin and Visin's figures (arXiv 1603.07285), the examples in Keras's documentation,
//! formulas evaluated to 50 digits, small cases by hand.

use cnn_core::op::*;
use cnn_core::shape::Padding2D;
use cnn_core::{DType, Op};

use super::super::{Array, apply, evaluate, value};
use super::array;

/// Checks op by op: inputs as (shape, elements), then the output's elements, right to `tolerance`.
#[track_caller]
fn check(op: Op, inputs: &[(&[usize], &[f64])], expected: &[f64], tolerance: f64) {
    let inputs: Vec<Array> = inputs.iter().map(|(shape, data)| array(shape, data)).collect();
    let inputs: Vec<&Array> = inputs.iter().collect();
    let y = value(&op, &inputs).unwrap();
    assert_eq!(y.data.len(), expected.len(), "{op:?}");
    for (y, expected) in y.data.iter().zip(expected) {
        assert!((y - expected).abs() <= tolerance, "{op:?}: {y} instead of {expected}");
    }
    assert_eq!(evaluate(&op, &inputs, DType::F32).unwrap().value, y, "{op:?}");
}

/// The input of Dumoulin and Visin's figures 1.1, 1.3 and 1.5.
const PICTURE: [f64; 25] = [
    3.0, 3.0, 2.0, 1.0, 0.0, //
    0.0, 0.0, 1.0, 3.0, 1.0, //
    3.0, 1.0, 2.0, 2.0, 3.0, //
    2.0, 0.0, 0.0, 2.0, 2.0, //
    2.0, 0.0, 0.0, 0.0, 1.0,
];
/// Their kernel.
const KERNEL: [f64; 9] = [0.0, 1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 1.0, 2.0];

#[test]
fn convolutions_of_the_guide() {
    let around = Padding2D { top: 1, bottom: 1, left: 1, right: 1 };
    let cases: [(_, _, &[f64]); 2] = [
        (Padding2D::default(), [1, 1], &[12.0, 12.0, 17.0, 10.0, 17.0, 19.0, 9.0, 6.0, 14.0]),
        (around, [2, 2], &[6.0, 17.0, 3.0, 8.0, 17.0, 13.0, 6.0, 4.0, 4.0]),
    ];
    for (padding, strides, expected) in cases {
        let op = Op::Conv2D(Conv2D { padding, strides, ..Conv2D::default() });
        check(op, &[(&[1, 5, 5, 1], &PICTURE), (&[3, 3, 1, 1], &KERNEL)], expected, 0.0);
    }
}

#[test]
fn pooling_of_the_guide() {
    let cases = [
        (PoolKind::Average, [1.7, 1.7, 1.7, 1.0, 1.2, 1.8, 1.1, 0.8, 1.3], 0.05),
        (PoolKind::Max, [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 3.0], 0.0),
    ];
    for (kind, expected, tolerance) in cases {
        let op = Pool2D { kind, pool_size: [3, 3], strides: [1, 1], padding: Padding2D::default() };
        check(Op::Pool2D(op), &[(&[1, 5, 5, 1], &PICTURE)], &expected, tolerance);
    }
}

#[test]
fn pooling_of_keras() {
    let x: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    let same = Padding2D { top: 0, bottom: 1, left: 0, right: 1 };
    let cases: [(_, _, &[f64]); 4] = [
        (PoolKind::Max, Padding2D::default(), &[5.0, 6.0, 8.0, 9.0]),
        (PoolKind::Max, same, &[5.0, 6.0, 6.0, 8.0, 9.0, 9.0, 8.0, 9.0, 9.0]),
        (PoolKind::Average, Padding2D::default(), &[3.0, 4.0, 6.0, 7.0]),
        (PoolKind::Average, same, &[3.0, 4.0, 4.5, 6.0, 7.0, 7.5, 7.5, 8.5, 9.0]),
    ];
    for (kind, padding, expected) in cases {
        let op = Pool2D { kind, pool_size: [2, 2], strides: [1, 1], padding };
        check(Op::Pool2D(op), &[(&[1, 3, 3, 1], x)], expected, 0.0);
    }
}

#[test]
fn a_window_with_no_number_has_none() {
    let op = |kind| Pool2D { kind, pool_size: [1, 2], strides: [1, 1], padding: Padding2D::default() };
    for kind in [PoolKind::Max, PoolKind::Average] {
        let x = array(&[1, 1, 4, 1], &[1.0, f64::NAN, 2.0, 3.0]);
        let y = value(&Op::Pool2D(op(kind)), &[&x]).unwrap().data;
        assert!(y[0].is_nan() && y[1].is_nan() && !y[2].is_nan(), "{kind:?}: {y:?}");
    }
    for op in [BinaryOp::Maximum, BinaryOp::Minimum] {
        let (a, b) = (array(&[3], &[1.0, f64::NAN, f64::NAN]), array(&[3], &[f64::NAN, 1.0, f64::NAN]));
        let y = value(&Op::Binary(Binary::new(op)), &[&a, &b]).unwrap().data;
        assert!(y.iter().all(|y| y.is_nan()), "{op:?}: {y:?}");
    }
}

#[test]
fn a_transposed_convolution_spreads_its_input() {
    // (strides, before, output size, output) of [[1, 2], [3, 4]] and the filter [[1, 10], [100, 1000]].
    let cases: [(_, _, _, &[f64]); 3] = [
        (
            [2, 2],
            [0, 0],
            [4, 4],
            &[1.0, 10.0, 2.0, 20.0, 100.0, 1000.0, 200.0, 2000.0, 3.0, 30.0, 4.0, 40.0, 300.0, 3000.0, 400.0, 4000.0],
        ),
        ([1, 1], [0, 0], [3, 3], &[1.0, 12.0, 20.0, 103.0, 1234.0, 2040.0, 300.0, 3400.0, 4000.0]),
        ([3, 3], [0, 1], [3, 4], &[10.0, 0.0, 2.0, 20.0, 1000.0, 0.0, 200.0, 2000.0, 0.0, 0.0, 0.0, 0.0]),
    ];
    for (strides, before, output_size, expected) in cases {
        let op = Conv2DTranspose {
            strides,
            dilation_rate: [1, 1],
            before,
            output_size,
            groups: 1,
            epilogue: Epilogue::default(),
        };
        let x: &[f64] = &[1.0, 2.0, 3.0, 4.0];
        let filter: &[f64] = &[1.0, 10.0, 100.0, 1000.0];
        check(Op::Conv2DTranspose(op), &[(&[1, 2, 2, 1], x), (&[2, 2, 1, 1], filter)], expected, 0.0);
    }
}

/// Formulas of `keras.activations` at -3.5, -0.75, 0.25 and 4, evaluated to 50 digits.
#[test]
fn functions() {
    let cases = [
        (Function::Gelu, [-0.0008142017766243376, -0.16997051428265114, 0.14967658142073093, 3.9998733150326675]),
        (Function::GeluTanh, [-0.0006161976553736633, -0.1700394448343797, 0.149675350701685, 3.9999297540518075]),
        (Function::Selu, [-1.705009340957283, -0.9276320158350512, 0.2626752468388701, 4.202803949421922]),
        (Function::Elu { alpha: 0.5 }, [-0.48490130828884076, -0.26381672362949266, 0.25, 4.0]),
        (Function::Sigmoid, [0.02931223075135632, 0.320821300824607, 0.5621765008857981, 0.9820137900379085]),
        (Function::HardSigmoid, [0.0, 0.375, 0.5416666666666666, 1.0]),
        (Function::Tanh, [-0.9981778976111987, -0.6351489523872873, 0.24491866240370913, 0.999329299739067]),
        (Function::Silu, [-0.10259280762974711, -0.24061597561845527, 0.14054412522144952, 3.928055160151634]),
        (Function::HardSilu, [0.0, -0.28125, 0.13541666666666666, 4.0]),
        (Function::Softplus, [0.029750418272620566, 0.38687100611489994, 0.8259394198788436, 4.0181499279178094]),
        (Function::Softsign, [-0.7777777777777778, -0.42857142857142855, 0.2, 0.8]),
        (Function::Exponential, [0.0301973834223185, 0.4723665527410147, 1.2840254166877414, 54.598150033144236]),
        (Function::Mish, [-0.10409575448637122, -0.2764947145054652, 0.1695724096638176, 3.9974128069762385]),
        (Function::Sin, [0.35078322768961984, -0.6816387600233341, 0.24740395925452294, -0.7568024953079282]),
        (Function::Cos, [-0.9364566872907963, 0.7316888688738209, 0.9689124217106447, -0.6536436208636119]),
        (Function::Floor, [-4.0, -1.0, 0.0, 4.0]),
        (Function::Linear, [-3.5, -0.75, 0.25, 4.0]),
        (Function::Affine { scale: 2.0, offset: -1.0 }, [-8.0, -2.5, -0.5, 7.0]),
    ];
    for (function, expected) in cases {
        check(Op::Unary(Unary { function }), &[(&[4], &[-3.5, -0.75, 0.25, 4.0])], &expected, 1e-14);
    }
    for (function, expected) in [(Function::Sqrt, [0.5, 3.0]), (Function::InverseSqrt, [2.0, 1.0 / 3.0])] {
        check(Op::Unary(Unary { function }), &[(&[2], &[0.25, 9.0])], &expected, 1e-15);
    }
}

/// The examples of `keras.activations.relu`.
#[test]
fn relu_of_keras() {
    let relu = |max_value, negative_slope, threshold| Function::Relu { max_value, negative_slope, threshold };
    let cases = [
        (Function::RELU, [0.0, 0.0, 0.0, 5.0, 10.0]),
        (relu(f32::INFINITY, 0.5, 0.0), [-5.0, -2.5, 0.0, 5.0, 10.0]),
        (relu(5.0, 0.0, 0.0), [0.0, 0.0, 0.0, 5.0, 5.0]),
        (relu(f32::INFINITY, 0.0, 5.0), [0.0, 0.0, 0.0, 0.0, 10.0]),
    ];
    for (function, expected) in cases {
        check(Op::Unary(Unary { function }), &[(&[5], &[-10.0, -5.0, 0.0, 5.0, 10.0])], &expected, 0.0);
    }
}

#[test]
fn functions_do_not_overflow_before_their_result() {
    let cases = [
        (Function::Sigmoid, 0.0, 1.0),
        (Function::Tanh, -1.0, 1.0),
        (Function::Silu, 0.0, 1000.0),
        (Function::Softplus, 0.0, 1000.0),
        (Function::Mish, 0.0, 1000.0),
        (Function::Gelu, 0.0, 1000.0),
        (Function::GeluTanh, 0.0, 1000.0),
        (Function::Selu, -1.0507009873554805 * 1.6732632423543772, 1050.7009873554805),
    ];
    for (function, below, above) in cases {
        for (x, expected) in [(-1000.0, below), (1000.0, above)] {
            assert!((apply(&function, x) - expected).abs() <= 1e-12, "{function:?} at {x}: {}", apply(&function, x));
        }
    }
}

#[test]
fn functions_of_two_elements() {
    let a = (&[2, 1, 2][..], &[1.0, -2.0, 3.0, 0.0][..]);
    let b = (&[2, 1][..], &[2.0, -1.0][..]);
    let cases: [(_, &[f64]); 7] = [
        (BinaryOp::Add, &[3.0, 0.0, 0.0, -3.0, 5.0, 2.0, 2.0, -1.0]),
        (BinaryOp::Subtract, &[-1.0, -4.0, 2.0, -1.0, 1.0, -2.0, 4.0, 1.0]),
        (BinaryOp::Multiply, &[2.0, -4.0, -1.0, 2.0, 6.0, 0.0, -3.0, 0.0]),
        (BinaryOp::Divide, &[0.5, -1.0, -1.0, 2.0, 1.5, 0.0, -3.0, 0.0]),
        (BinaryOp::Maximum, &[2.0, 2.0, 1.0, -1.0, 3.0, 2.0, 3.0, 0.0]),
        (BinaryOp::Minimum, &[1.0, -2.0, -1.0, -2.0, 2.0, 0.0, -1.0, -1.0]),
        (BinaryOp::Prelu, &[1.0, -4.0, 1.0, 2.0, 3.0, 0.0, 3.0, 0.0]),
    ];
    for (op, expected) in cases {
        check(Op::Binary(Binary::new(op)), &[a, b], expected, 0.0);
        let rectified: Vec<f64> = expected.iter().map(|y| y.max(0.0)).collect();
        check(Op::Binary(Binary { op, activation: Function::RELU }), &[a, b], &rectified, 0.0);
    }
    check(Op::Binary(Binary::new(BinaryOp::Add)), &[(&[], &[1.0]), (&[2], &[1.0, 2.0])], &[2.0, 3.0], 0.0);
}

#[test]
fn normalisations() {
    let parameters: [(&[usize], &[f64]); 4] =
        [(&[2], &[2.0, 3.0]), (&[2], &[0.5, -1.0]), (&[2], &[1.0, -1.0]), (&[2], &[3.75, 8.75])];
    let [gamma, beta, mean, variance] = parameters;
    for (axis, x, expected) in
        [(1, [3.0, 5.0, -1.0, 2.0], [2.5, 5.0, -1.5, 2.0]), (0, [3.0, 5.0, -1.0, 2.0], [2.5, 4.5, -1.0, 2.0])]
    {
        let op = BatchNorm { axis, epsilon: 0.25, activation: Function::Linear };
        check(Op::BatchNorm(op), &[(&[2, 2], &x), gamma, beta, mean, variance], &expected, 1e-15);
    }
    // Rows 0, 10 and 20, 30: the example of keras.layers.LayerNormalization.
    let x: (&[usize], &[f64]) = (&[2, 2], &[0.0, 10.0, 20.0, 30.0]);
    let op = |axes, scale, center| Op::LayerNorm(LayerNorm { axes, epsilon: 0.0, scale, center });
    check(op(1, false, false), &[x], &[-1.0, 1.0, -1.0, 1.0], 1e-15);
    check(op(1, true, true), &[x, gamma, beta], &[-1.5, 2.0, -1.5, 2.0], 1e-15);
    check(op(1, false, true), &[x, beta], &[-0.5, 0.0, -0.5, 0.0], 1e-15);
    // Deviations -15, -5, 5, 15; mean square 125.
    let [far, near] = [15.0 / 125f64.sqrt(), 5.0 / 125f64.sqrt()];
    check(op(2, false, false), &[x], &[-far, -near, near, far], 1e-15);
}

/// The example of `keras.layers.Softmax`, along each axis.
#[test]
fn softmax_of_keras() {
    let expected = [0.21194157, 0.5761169, 0.21194157];
    for (shape, axis) in [(&[1, 3][..], 1), (&[3, 1], 0), (&[3], 0)] {
        for shift in [0.0, 1000.0, -1000.0] {
            let x = [1.0, 2.0, 1.0].map(|x| x + shift);
            check(Op::Softmax(Softmax { axis, log: false }), &[(shape, &x)], &expected, 5e-8);
            check(Op::Softmax(Softmax { axis, log: true }), &[(shape, &x)], &expected.map(f64::ln), 3e-7);
        }
    }
    // Two lines side by side.
    let x = [1.0, 0.0, 2.0, 0.0, 1.0, 0.0];
    let [a, b, third] = [expected[0], expected[1], 1.0 / 3.0];
    check(Op::Softmax(Softmax { axis: 0, log: false }), &[(&[3, 2], &x)], &[a, third, b, third, a, third], 5e-8);
}

#[test]
fn resampling() {
    let cases: [(_, _, &[f64], &[f64]); 6] = [
        (Interpolation::Nearest, 4, &[1.0, 2.0], &[1.0, 1.0, 2.0, 2.0]),
        (Interpolation::Nearest, 2, &[1.0, 2.0, 3.0], &[1.0, 3.0]),
        (Interpolation::Nearest, 5, &[1.0, 2.0, 3.0], &[1.0, 1.0, 2.0, 3.0, 3.0]),
        (Interpolation::Bilinear, 4, &[1.0, 2.0], &[1.0, 1.25, 1.75, 2.0]),
        (Interpolation::Bilinear, 2, &[1.0, 2.0, 4.0, 8.0], &[1.5, 6.0]),
        (Interpolation::Bilinear, 3, &[6.0], &[6.0, 6.0, 6.0]),
    ];
    for (interpolation, size, x, expected) in cases {
        let row = Resize { interpolation, size: [1, size] };
        check(Op::Resize(row), &[(&[1, 1, x.len(), 1], x)], expected, 1e-15);
        let column = Resize { interpolation, size: [size, 1] };
        check(Op::Resize(column), &[(&[1, x.len(), 1, 1], x)], expected, 1e-15);
    }
    let op = Resize { interpolation: Interpolation::Bilinear, size: [1, 1] };
    check(Op::Resize(op), &[(&[1, 2, 2, 1], &[1.0, 2.0, 3.0, 6.0])], &[3.0], 0.0);
}

#[test]
fn movement() {
    let x: (&[usize], &[f64]) = (&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let pad = Pad { before: vec![1, 0], after: vec![0, 2], value: 9.0 };
    let padded = [9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 2.0, 3.0, 9.0, 9.0, 4.0, 5.0, 6.0, 9.0, 9.0];
    check(Op::Pad(pad), &[x], &padded, 0.0);
    check(Op::Slice(Slice { begin: vec![0, 1], size: vec![2, 2] }), &[x], &[2.0, 3.0, 5.0, 6.0], 0.0);
    check(Op::Transpose(Transpose { permutation: vec![1, 0] }), &[x], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], 0.0);
    let rotate = Op::Transpose(Transpose { permutation: vec![2, 0, 1] });
    check(rotate, &[(&[2, 1, 3], x.1)], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], 0.0);
    let beside: (&[usize], &[f64]) = (&[2, 1], &[7.0, 8.0]);
    check(Op::Concat(Concat { axis: 1 }), &[x, beside], &[1.0, 2.0, 3.0, 7.0, 4.0, 5.0, 6.0, 8.0], 0.0);
    let below: (&[usize], &[f64]) = (&[1, 3], &[7.0, 8.0, 9.0]);
    check(Op::Concat(Concat { axis: 0 }), &[x, below], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 0.0);
    check(Op::Reshape(Reshape { shape: vec![3, 2] }), &[x], x.1, 0.0);
    // A graph is evaluated in float64 throughout: the value of a cast is what went in.
    check(Op::Cast(Cast { to: DType::F16 }), &[(&[1], &[0.1])], &[0.1], 0.0);
}

#[test]
fn sums_and_means() {
    let x: (&[usize], &[f64]) = (&[2, 3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let rows: &[(std::ops::Range<usize>, &[f64])] = &[
        (0..1, &[8.0, 10.0, 12.0, 14.0, 16.0, 18.0]),
        (1..2, &[9.0, 12.0, 27.0, 30.0]),
        (2..3, &[3.0, 7.0, 11.0, 15.0, 19.0, 23.0]),
        (0..2, &[36.0, 42.0]),
        (1..3, &[21.0, 57.0]),
        (0..3, &[78.0]),
        (1..1, x.1),
    ];
    for (axes, sums) in rows {
        let count = (x.1.len() / sums.len()) as f64;
        let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        check(Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: axes.clone() }), &[x], sums, 0.0);
        check(Op::Reduce(Reduce { kind: ReduceKind::Mean, axes: axes.clone() }), &[x], &means, 0.0);
    }
    // A sum of nothing is 0; a mean of nothing there is none.
    let nothing = Array::zeros(vec![0, 3]);
    let reduce = |kind| value(&Op::Reduce(Reduce { kind, axes: 0..1 }), &[&nothing]);
    assert_eq!(reduce(ReduceKind::Sum).unwrap().data, [0.0; 3]);
    assert!(reduce(ReduceKind::Mean).unwrap_err().to_string().contains("no mean of none"));
}

#[test]
fn outputs_without_elements() {
    let cases: [(Op, &[&[usize]]); 8] = [
        (Op::Conv2D(Conv2D::default()), &[&[0, 4, 4, 1], &[3, 3, 1, 2]]),
        (Op::Conv2D(Conv2D::default()), &[&[1, 4, 4, 1], &[3, 3, 1, 0]]),
        (Op::Gemm(Gemm::default()), &[&[0, 3], &[3, 2]]),
        (Op::Gemm(Gemm::default()), &[&[2, 3], &[3, 0]]),
        (Op::Softmax(Softmax { axis: 1, log: false }), &[&[2, 0]]),
        (Op::LayerNorm(LayerNorm { axes: 1, epsilon: 1e-3, scale: false, center: false }), &[&[2, 0]]),
        (
            Op::BatchNorm(BatchNorm { axis: 1, epsilon: 1e-3, activation: Function::Linear }),
            &[&[2, 0], &[0], &[0], &[0], &[0]],
        ),
        (Op::Transpose(Transpose { permutation: vec![1, 0] }), &[&[2, 0]]),
    ];
    for (op, shapes) in cases {
        let inputs: Vec<Array> = shapes.iter().map(|shape| Array::zeros(shape.to_vec())).collect();
        let reference = evaluate(&op, &inputs.iter().collect::<Vec<_>>(), DType::F32).unwrap();
        assert!(reference.value.data.is_empty() && reference.worst(&[]).is_none(), "{op:?}");
    }
    // Sums of nothing are 0.
    let y = value(&Op::Gemm(Gemm::default()), &[&Array::zeros(vec![2, 0]), &Array::zeros(vec![0, 1])]).unwrap();
    assert_eq!(y.data, [0.0, 0.0]);
}
