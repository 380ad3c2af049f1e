//! Gradients: those that `differentiate` makes against directional differences of the reference, in float64.

use cnn_core::op::{Binary, BinaryOp, Function, Reduce, ReduceKind, Reshape};
use cnn_core::{Graph, Op, Tensor, ValueId};
use cnn_cpu::reference::{Array, run};
use cnn_tests::cases::fill::random;
use cnn_tests::cases::{self, Case};
use cnn_train::{GradientError, differentiate};

/// Step of the central difference: its error is of the order of its square, and float64 leaves 1e-16 / 1e-6 of the loss.
const STEP: f64 = 1e-6;
/// How far gradient and difference may be apart.
const RELATIVE: f64 = 1e-6;

/// A number from -1 to 1.
fn unit(seed: u64, counter: usize) -> f64 {
    (random(seed, counter as u64) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Numbers away from where the op is not defined; kinks are met with a probability of the order of the step.
fn input(case: &Case, index: usize, shape: &[usize], seed: u64) -> Array {
    let positive = match &case.op {
        Op::Unary(op) => matches!(op.function, Function::Sqrt | Function::InverseSqrt | Function::Log),
        Op::Binary(op) => op.op == BinaryOp::Divide && index == 1,
        Op::BatchNorm(_) => index == 4,
        _ => false,
    };
    let scale = if matches!(case.op, Op::Unary(_)) { 4.0 } else { 1.0 };
    let number = |i| match unit(seed.wrapping_add(index as u64) << 8, i) {
        x if positive => 2.25 + 1.75 * x,
        x => scale * x,
    };
    Array { shape: shape.to_vec(), data: (0..shape.iter().product()).map(number).collect() }
}

/// The case's op on inputs of a graph, and the sum of its output's elements, each with a weight of its own.
fn weighted_sum(case: &Case, seed: u64) -> (Graph, Vec<ValueId>, ValueId) {
    let mut graph = Graph::new();
    let inputs: Vec<ValueId> =
        case.inputs.iter().enumerate().map(|(i, shape)| graph.input(format!("x{i}"), shape.clone())).collect();
    let y = graph.push("op", case.op.clone(), &inputs).unwrap();
    let shape = graph.value(y).shape.clone();
    let weights = Tensor::from_fn(shape.clone(), |i| unit(seed ^ 0xff, i) as f32);
    let weights = graph.constant("weights", weights);
    let weighted = graph.push("loss", Op::Binary(Binary::new(BinaryOp::Multiply)), &[y, weights]).unwrap();
    let count = shape.iter().product();
    let flat = graph.push("loss", Op::Reshape(Reshape { shape: vec![count] }), &[weighted]).unwrap();
    let loss = graph.push("loss", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..1 }), &[flat]).unwrap();
    (graph, inputs, loss)
}

fn loss_at(graph: &Graph, inputs: &[Array]) -> f64 {
    run(graph, |_| None, inputs).unwrap()[0].data[0]
}

/// The gradient by each input, along a random direction, against the difference of the loss along it.
fn check(case: &Case) -> Result<(), String> {
    let seed = case.name.bytes().fold(1, |seed, byte| random(seed, u64::from(byte)));
    let (mut graph, inputs, loss) = weighted_sum(case, seed);
    let mut forward = graph.clone();
    forward.output("loss", loss);
    let gradients = differentiate(&mut graph, loss, &inputs).map_err(|error| error.to_string())?;
    gradients.iter().flatten().for_each(|&gradient| graph.output("gradient", gradient));
    let arrays: Vec<Array> =
        case.inputs.iter().enumerate().map(|(index, shape)| input(case, index, shape, seed)).collect();
    let mut made = run(&graph, |_| None, &arrays).unwrap().into_iter();
    for (index, gradient) in gradients.iter().enumerate() {
        let direction: Vec<f64> =
            (0..arrays[index].data.len()).map(|i| unit(seed ^ 0xabc ^ (index as u64), i)).collect();
        let moved = |by: f64| {
            let mut arrays = arrays.clone();
            arrays[index].data.iter_mut().zip(&direction).for_each(|(x, d)| *x += by * d);
            loss_at(&forward, &arrays)
        };
        let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let (mut along, mut square) = (0.0, 0.0);
        if gradient.is_some() {
            let gradient = made.next().unwrap();
            assert_eq!(gradient.shape, case.inputs[index], "{}", case.name);
            for (g, d) in gradient.data.iter().zip(&direction) {
                along += g * d;
                square += (g * d).powi(2);
            }
        }
        let error = (along - difference).abs();
        if error.is_nan() || error > RELATIVE * square.sqrt().max(difference.abs()) {
            return Err(format!("{}: by input {index} {along} along a direction, difference {difference}", case.name));
        }
    }
    Ok(())
}

/// The ops that have gradients: all but gradients themselves, assignments, what only augments,
/// and casts, which do nothing in float64.
fn has_gradient(op: &Op) -> bool {
    !matches!(
        op,
        Op::Conv2DFilterGradient(_)
            | Op::Pool2DGradient(_)
            | Op::UnaryGradient(_)
            | Op::ResizeGradient(_)
            | Op::Assign(_)
            | Op::RandomUniform(_)
            | Op::Warp(_)
            | Op::Histogram(_)
            | Op::Lookup(_)
            | Op::OptimizerStep(_)
    )
}

#[test]
fn every_case_agrees_with_differences() {
    let cases: Vec<Case> = cases::all().into_iter().flat_map(|(_, cases)| cases).collect();
    let checked = cases.iter().filter(|case| has_gradient(&case.op));
    let failures: Vec<String> = checked.filter_map(|case| check(case).err()).collect();
    assert!(failures.is_empty(), "{} fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn random_cases_agree_with_differences() {
    use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
    for (family, strategy) in cases::strategies() {
        let config =
            Config { cases: 100, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..Config::default() };
        let checked = |case: Case| match has_gradient(&case.op) {
            true => check(&case).map_err(TestCaseError::fail),
            false => Ok(()),
        };
        TestRunner::new(config).run(&strategy, checked).unwrap_or_else(|error| panic!("{family}: {error}"));
    }
}

/// Normalisation by the batch's own statistics, whose gradient goes through these too: channels last, which has a formula of
/// its own, and first.
#[test]
fn batch_statistics_are_differentiated() {
    use cnn_core::layers::BatchNormalization;
    use cnn_core::{Mode, Sequential};
    for (axis, shape) in [(-1, [3, 4, 5, 6]), (1, [2, 3, 4, 5])] {
        let layer = BatchNormalization::new().axis(axis).name("bn");
        let model = Sequential::new("m").input(&shape[1..]).and_then(|m| m.add(layer)).unwrap().model().unwrap();
        let lowered = model.lower(&[shape.to_vec()], Mode::Training, &[]).unwrap();
        let (x, y) = (lowered.inputs()[0], lowered.outputs()[0].1);
        let mut graph = lowered.without_outputs();
        let count: usize = shape.iter().product();
        let weights = Tensor::from_fn(shape.to_vec(), |i| unit(77, i) as f32);
        let weights = graph.constant("weights", weights);
        let weighted = graph.push("loss", Op::Binary(Binary::new(BinaryOp::Multiply)), &[y, weights]).unwrap();
        let flat = graph.push("loss", Op::Reshape(Reshape { shape: vec![count] }), &[weighted]).unwrap();
        let loss = graph.push("loss", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..1 }), &[flat]).unwrap();
        let channels = if axis == 1 { shape[1] } else { shape[3] };
        let gamma = graph.variable("bn/gamma", vec![channels]).unwrap();
        let mut forward = graph.clone();
        forward.output("loss", loss);
        let gradients = differentiate(&mut graph, loss, &[x, gamma]).unwrap();
        gradients.iter().flatten().for_each(|&gradient| graph.output("gradient", gradient));
        let variables = |by: f64| {
            move |path: &str| {
                let number = |i| if path == "bn/gamma" { 1.0 + 0.3 * unit(5, i) + by * unit(6, i) } else { 0.5 };
                Some(Array { shape: vec![channels], data: (0..channels).map(number).collect() })
            }
        };
        let input = |by: f64| Array {
            shape: shape.to_vec(),
            data: (0..count).map(|i| 2.0 * unit(8, i) + by * unit(9, i)).collect(),
        };
        let loss_at = |by_x: f64, by_gamma: f64| {
            cnn_cpu::reference::step(&forward, variables(by_gamma), &[input(by_x)]).unwrap().outputs[0].data[0]
        };
        let made = cnn_cpu::reference::step(&graph, variables(0.0), &[input(0.0)]).unwrap().outputs;
        for (gradient, seed, moved) in [(&made[0], 9, [1.0, 0.0]), (&made[1], 6, [0.0, 1.0])] {
            let at = |by: f64| loss_at(by * moved[0], by * moved[1]);
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let along: f64 = gradient.data.iter().enumerate().map(|(i, g)| g * unit(seed, i)).sum();
            assert!(
                (along - difference).abs() <= RELATIVE * difference.abs().max(1.0),
                "{axis}: {along}, {difference}"
            );
        }
    }
}

/// At ties and kinks TensorFlow's choice; the numbers are of `tf.GradientTape`.
#[test]
fn ties_and_kinks_are_tensorflows() {
    use cnn_core::op::{Pool2D, PoolKind, Unary};
    use cnn_core::shape::Padding2D;
    let pool = Pool2D { kind: PoolKind::Max, pool_size: [2, 2], strides: [1, 1], padding: Padding2D::default() };
    let unary = |function| Op::Unary(Unary { function });
    let binary = |op| Op::Binary(Binary::new(op));
    let leaky = Function::Relu { max_value: f32::INFINITY, negative_slope: 0.25, threshold: 0.0 };
    /// An op, shape and elements of its inputs, and the gradients by them of the sum of its output.
    type Case = (Op, Vec<(Vec<usize>, Vec<f64>)>, Vec<Vec<f64>>);
    let cases: Vec<Case> = vec![
        // Windows of [[1, 1], [1, 1]] and [[1, 0], [1, 1]]: the first pixel, row by row.
        (
            Op::Pool2D(pool),
            vec![(vec![1, 2, 3, 1], vec![1.0, 1.0, 0.0, 1.0, 1.0, 1.0])],
            vec![vec![1.0, 1.0, 0.0, 0.0, 0.0, 0.0]],
        ),
        (unary(Function::RELU), vec![(vec![3], vec![-1.0, 0.0, 1.0])], vec![vec![0.0, 0.0, 1.0]]),
        (unary(Function::RELU6), vec![(vec![3], vec![0.0, 6.0, 3.0])], vec![vec![0.0, 0.0, 1.0]]),
        (unary(leaky), vec![(vec![3], vec![-1.0, 0.0, 1.0])], vec![vec![0.25, 0.25, 1.0]]),
        (
            binary(BinaryOp::Maximum),
            vec![(vec![3], vec![1.0, 2.0, 3.0]), (vec![3], vec![2.0, 2.0, 2.0])],
            vec![vec![0.0, 1.0, 1.0], vec![1.0, 0.0, 0.0]],
        ),
        (
            binary(BinaryOp::Minimum),
            vec![(vec![3], vec![1.0, 2.0, 3.0]), (vec![3], vec![2.0, 2.0, 2.0])],
            vec![vec![1.0, 1.0, 0.0], vec![0.0, 0.0, 1.0]],
        ),
    ];
    for (op, inputs, wanted) in cases {
        let mut graph = Graph::new();
        let ids: Vec<ValueId> = inputs.iter().map(|(shape, _)| graph.input("x", shape.clone())).collect();
        let y = graph.push("op", op.clone(), &ids).unwrap();
        let axes = 0..graph.value(y).shape.len();
        let loss = graph.push("loss", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes }), &[y]).unwrap();
        let gradients = differentiate(&mut graph, loss, &ids).unwrap();
        gradients.iter().flatten().for_each(|&gradient| graph.output("gradient", gradient));
        let arrays: Vec<Array> = inputs.into_iter().map(|(shape, data)| Array { shape, data }).collect();
        let made: Vec<Vec<f64>> = run(&graph, |_| None, &arrays).unwrap().into_iter().map(|array| array.data).collect();
        assert_eq!(made, wanted, "{op:?}");
    }
}

#[test]
fn what_is_not_wanted_costs_nothing() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![2, 3]);
    let [a, b] = ["a", "b"].map(|name| graph.variable(name, vec![3, 3]).unwrap());
    let gemm = || Op::Gemm(cnn_core::op::Gemm::default());
    let y = graph.push("first", gemm(), &[x, a]).unwrap();
    let y = graph.push("second", gemm(), &[y, b]).unwrap();
    let loss = graph.push("loss", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..2 }), &[y]).unwrap();
    let before = graph.nodes().len();
    let unused = graph.variable("c", vec![3]).unwrap();
    let gradients = differentiate(&mut graph, loss, &[b, unused]).unwrap();
    assert!(gradients[0].is_some() && gradients[1].is_none());
    assert!(graph.nodes()[before..].iter().all(|node| node.name != "gradient/first"));
    let error = differentiate(&mut graph, y, &[b]).unwrap_err();
    assert_eq!(error, GradientError::Loss { name: "second".into(), shape: vec![2, 3] });
    let gradient = gradients[0].unwrap();
    let again = graph.push("loss", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..2 }), &[gradient]).unwrap();
    assert!(differentiate(&mut graph, again, &[x]).is_ok(), "a matrix product's gradient is made of matrix products");
}
