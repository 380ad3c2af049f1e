//! Convolutions and the matrix product against their definitions, term by term.

use cnn_core::op::*;
use cnn_core::shape::Padding2D;
use cnn_core::{DType, Op};

use super::super::{Array, evaluate, value};
use super::Random;

/// The factors of every product of one output element.
type Terms = Vec<(f64, f64)>;

struct Case {
    op: Op,
    x: Array,
    filter: Array,
    /// What each output element sums up, from the formula in the op's documentation.
    terms: Vec<Terms>,
}

/// `x` at [n, y, x, c], or nothing outside the picture.
fn pixel(x: &Array, n: usize, iy: isize, ix: isize, c: usize) -> Option<f64> {
    let [_, h, w, channels] = x.dims4();
    let (iy, ix) = (usize::try_from(iy).ok()?, usize::try_from(ix).ok()?);
    (iy < h && ix < w).then(|| x.data[((n * h + iy) * w + ix) * channels + c])
}

fn weight(filter: &Array, index: [usize; 4]) -> f64 {
    let [_, b, c, d] = filter.dims4();
    filter.data[((index[0] * b + index[1]) * c + index[2]) * d + index[3]]
}

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |all, &size| {
        all.iter().flat_map(|index| (0..size).map(move |i| [index.as_slice(), &[i]].concat())).collect()
    })
}

fn convolution(op: Conv2D, x: Array, filter: Array) -> Case {
    let [kh, kw, filter_c, f] = filter.dims4();
    let shape = Op::Conv2D(op.clone()).output_shape(&[&x.shape, &filter.shape]).unwrap();
    let terms = indices(&shape).into_iter().map(|i| {
        let group = i[3] / (f / op.groups);
        let at = |axis: usize, tap: usize, before: usize| {
            (i[1 + axis] * op.strides[axis] + tap * op.dilation_rate[axis]) as isize - before as isize
        };
        let taps = indices(&[kh, kw, filter_c]).into_iter().filter_map(|t| {
            let (iy, ix) = (at(0, t[0], op.padding.top), at(1, t[1], op.padding.left));
            Some((pixel(&x, i[0], iy, ix, group * filter_c + t[2])?, weight(&filter, [t[0], t[1], t[2], i[3]])))
        });
        taps.collect()
    });
    let terms = terms.collect();
    Case { op: Op::Conv2D(op), x, filter, terms }
}

fn transposed(op: Conv2DTranspose, x: Array, filter: Array) -> Case {
    let ([n, h, w, c], [kh, kw, f, _]) = (x.dims4(), filter.dims4());
    let [oh, ow] = op.output_size;
    let mut terms = vec![Terms::new(); n * oh * ow * f];
    // Every input pixel is spread over the outputs it reaches.
    for i in indices(&[n, h, w, c, kh, kw, f]) {
        let at = |axis: usize| {
            (i[1 + axis] * op.strides[axis] + i[4 + axis] * op.dilation_rate[axis]).checked_sub(op.before[axis])
        };
        if let (Some(oy), Some(ox)) = (at(0), at(1))
            && oy < oh
            && ox < ow
        {
            let x = x.data[((i[0] * h + i[1]) * w + i[2]) * c + i[3]];
            terms[((i[0] * oh + oy) * ow + ox) * f + i[6]].push((x, weight(&filter, [i[4], i[5], i[6], i[3]])));
        }
    }
    Case { op: Op::Conv2DTranspose(op), x, filter, terms }
}

fn product(x: Array, filter: Array) -> Case {
    let (k, n) = (filter.shape[0], filter.shape[1]);
    let rows = x.data.len() / k;
    let term = |i: usize| (0..k).map(|j| (x.data[i / n * k + j], filter.data[j * n + i % n])).collect();
    let terms = (0..rows * n).map(term).collect();
    Case { op: Op::Gemm(Gemm::default()), x, filter, terms }
}

fn cases(random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    let asymmetric = Padding2D { top: 0, bottom: 2, left: 3, right: 1 };
    // (input, filter, strides, dilation rate, padding, groups)
    let convolutions = [
        ([1, 1, 1, 1], [1, 1, 1, 1], [1, 1], [1, 1], Padding2D::default(), 1),
        ([2, 5, 7, 3], [3, 3, 3, 5], [1, 1], [1, 1], Padding2D::same([5, 7], [3, 3], [1, 1], [1, 1]), 1),
        ([1, 9, 11, 4], [3, 2, 4, 6], [2, 3], [1, 1], asymmetric, 1),
        ([1, 9, 8, 2], [3, 3, 2, 3], [1, 1], [2, 3], asymmetric, 1),
        ([2, 6, 6, 6], [3, 3, 2, 9], [1, 2], [1, 1], asymmetric, 3),
        ([1, 8, 8, 5], [3, 3, 1, 5], [2, 2], [1, 1], Padding2D::same([8, 8], [3, 3], [2, 2], [1, 1]), 5),
        ([1, 6, 7, 3], [2, 3, 1, 6], [1, 1], [1, 1], Padding2D::default(), 3),
        ([1, 3, 2, 2], [5, 6, 2, 3], [1, 1], [1, 1], Padding2D { top: 2, bottom: 2, left: 3, right: 3 }, 1),
        ([1, 7, 7, 2], [1, 1, 2, 4], [3, 3], [1, 1], Padding2D::default(), 1),
        ([1, 10, 10, 64], [3, 3, 64, 8], [1, 1], [1, 1], Padding2D::default(), 1),
    ];
    for (x, filter, strides, dilation_rate, padding, groups) in convolutions {
        let op = Conv2D { strides, padding, dilation_rate, groups, epilogue: Epilogue::default() };
        cases.push(convolution(op, random.array(&x, 1.0), random.array(&filter, 1.0)));
    }
    // (input, filter, strides, dilation rate, before, output)
    let transposed_convolutions = [
        ([1, 3, 4, 2], [3, 3, 5, 2], [1, 1], [1, 1], [0, 0], [5, 6]),
        ([2, 3, 4, 3], [3, 2, 2, 3], [2, 3], [1, 1], [1, 0], [6, 12]),
        ([1, 4, 3, 2], [3, 3, 3, 2], [1, 1], [2, 3], [1, 2], [7, 6]),
        ([1, 3, 3, 2], [2, 2, 1, 2], [4, 4], [1, 1], [0, 0], [12, 11]),
        ([1, 3, 3, 2], [5, 4, 2, 2], [2, 2], [2, 1], [3, 1], [9, 8]),
    ];
    for (x, filter, strides, dilation_rate, before, output_size) in transposed_convolutions {
        let op =
            Conv2DTranspose { strides, dilation_rate, before, output_size, groups: 1, epilogue: Epilogue::default() };
        cases.push(transposed(op, random.array(&x, 1.0), random.array(&filter, 1.0)));
    }
    for (rows, k, n) in [(vec![], 7, 5), (vec![1], 1, 1), (vec![9], 33, 4), (vec![2, 3], 5, 6), (vec![4], 500, 3)] {
        let x = random.array(&[rows.as_slice(), &[k]].concat(), 2.0);
        cases.push(product(x, random.array(&[k, n], 2.0)));
    }
    cases
}

/// The sum in float32 in a random order, each product fused with its addition or not.
fn float32_sum(terms: &[(f64, f64)], random: &mut Random) -> f32 {
    match terms {
        [] => 0.0,
        [(x, w)] => *x as f32 * *w as f32,
        [(x, w), rest @ ..] if random.below(2) == 0 => (*x as f32).mul_add(*w as f32, float32_sum(rest, random)),
        _ => {
            let (left, right) = terms.split_at(1 + random.below(terms.len() - 1));
            float32_sum(left, random) + float32_sum(right, random)
        }
    }
}

#[test]
fn values_are_the_sums_of_the_definition() {
    for Case { op, x, filter, terms } in cases(&mut Random(20)) {
        let y = value(&op, &[&x, &filter]).unwrap();
        assert_eq!(y.data.len(), terms.len());
        for (y, terms) in y.data.iter().zip(&terms) {
            let (sum, magnitude) = terms.iter().fold((0.0, 0.0), |(s, m), (x, w)| (s + x * w, f64::abs(x * w) + m));
            assert!((y - sum).abs() <= 1e-13 * magnitude, "{op:?}: {y} instead of {sum}");
        }
    }
}

#[test]
fn float32_sums_stay_inside_the_bound_and_wrong_ones_do_not() {
    let mut random = Random(21);
    for Case { op, x, filter, terms } in cases(&mut random) {
        let reference = evaluate(&op, &[&x, &filter], DType::F32).unwrap();
        let mut largest = 0.0f64;
        for _ in 0..5 {
            let got: Vec<f32> = terms.iter().map(|terms| float32_sum(terms, &mut random)).collect();
            largest = largest.max(reference.worst(&got).unwrap().ratio);
        }
        let (index, dropped) = terms.iter().enumerate().max_by_key(|(_, terms)| terms.len()).unwrap();
        // Errors of k additions cancel, and the bound grows with k; a few elements alone may err by nothing.
        let least = if terms.len() < 8 { 0.0 } else { 0.02 / dropped.len() as f64 };
        assert!(largest <= 1.0 && largest > least, "{op:?}: an error of {largest} bounds");
        let mut got: Vec<f32> = terms.iter().map(|terms| float32_sum(terms, &mut random)).collect();
        got[index] = float32_sum(&dropped[..dropped.len() - 1], &mut random);
        assert_eq!(reference.worst(&got).unwrap().index, index);
        assert!(reference.worst(&got).unwrap().ratio > 1.0, "{op:?}: a dropped product is inside the bound");
    }
}

#[test]
fn epilogues_come_last_and_in_order() {
    let mut random = Random(22);
    let (low, high) = (-0.25, 1.0);
    for (bias, residual) in [(false, false), (true, false), (false, true), (true, true)] {
        let epilogue = Epilogue { bias, residual, clamp: Clamp { low, high } };
        for Case { op, x, filter, .. } in cases(&mut random) {
            let plain = value(&op, &[&x, &filter]).unwrap();
            let terms = [
                (bias, random.array(&plain.shape[plain.shape.len() - 1..], 1.0)),
                (residual, random.array(&plain.shape, 1.0)),
            ];
            let op = match op {
                Op::Conv2D(op) => Op::Conv2D(Conv2D { epilogue, ..op }),
                Op::Conv2DTranspose(op) => Op::Conv2DTranspose(Conv2DTranspose { epilogue, ..op }),
                _ => Op::Gemm(Gemm { epilogue }),
            };
            let extra = terms.iter().filter(|(given, _)| *given).map(|(_, term)| term);
            let inputs: Vec<&Array> = [&x, &filter].into_iter().chain(extra).collect();
            let reference = evaluate(&op, &inputs, DType::F32).unwrap();
            let channels = terms[0].1.data.len();
            let expected = plain.data.iter().enumerate().map(|(i, y)| {
                let bias = if bias { terms[0].1.data[i % channels] } else { 0.0 };
                let residual = if residual { terms[1].1.data[i] } else { 0.0 };
                (y + bias + residual).clamp(low.into(), high.into())
            });
            assert_eq!(reference.value.data, expected.collect::<Vec<_>>(), "{op:?}");
            assert_eq!(reference.value, value(&op, &inputs).unwrap());
        }
    }
}

/// A convolution is linear in its filter, so its gradient is the adjoint: for any direction v of the filter and any
/// gradient dy of the output, Σ conv(x, v) · dy = Σ dw · v.
#[test]
fn filter_gradients_are_adjoint_to_convolution() {
    let mut random = Random(13);
    for (x, kernel_size, filters, strides, [top, bottom, left, right], dilation_rate, groups) in [
        ([2, 5, 7, 3], [3, 3], 4, [1, 1], [1, 1, 1, 1], [1, 1], 1),
        ([1, 8, 9, 4], [3, 2], 6, [2, 3], [0, 1, 1, 0], [1, 2], 2),
        ([3, 6, 6, 5], [3, 3], 10, [1, 2], [2, 2, 2, 2], [2, 1], 5),
        ([1, 4, 3, 2], [1, 1], 3, [3, 1], [0, 0, 0, 0], [1, 1], 1),
    ] {
        let padding = Padding2D { top, bottom, left, right };
        let convolution = Conv2D { strides, padding, dilation_rate, groups, epilogue: Epilogue::default() };
        let gradient = Conv2DFilterGradient { kernel_size, strides, padding, dilation_rate, groups };
        let v = random.array(&[kernel_size[0], kernel_size[1], x[3] / groups, filters], 1.0);
        let x = random.array(&x, 1.0);
        let y = value(&Op::Conv2D(convolution), &[&x, &v]).unwrap();
        let dy = random.array(&y.shape, 1.0);
        let dw = value(&Op::Conv2DFilterGradient(gradient.clone()), &[&x, &dy]).unwrap();
        assert_eq!(dw.shape, v.shape);
        let dot = |a: &Array, b: &Array| a.data.iter().zip(&b.data).map(|(a, b)| a * b).sum::<f64>();
        let (forward, backward) = (dot(&y, &dy), dot(&dw, &v));
        assert!((forward - backward).abs() <= 1e-12 * forward.abs().max(1.0), "{gradient:?}: {forward} {backward}");
        assert!(forward.abs() > 1e-3, "{gradient:?}");
    }
    // A gradient of another output's shape is refused.
    let gradient = Conv2DFilterGradient {
        kernel_size: [3, 3],
        strides: [1, 1],
        padding: Padding2D::default(),
        dilation_rate: [1, 1],
        groups: 1,
    };
    let [x, dy] = [[1, 5, 5, 2], [1, 5, 5, 3]].map(|shape| Array::zeros(shape.to_vec()));
    let error = value(&Op::Conv2DFilterGradient(gradient), &[&x, &dy]).unwrap_err().to_string();
    assert!(error.contains("expects a gradient of shape [1, 3, 3, F]"), "{error}");
}
