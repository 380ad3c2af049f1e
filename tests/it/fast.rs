//! The fast CPU path agrees with the reference: every case of every family, and the steps of random graphs, each inside
//! its bound for the inputs it got.

use std::collections::HashMap;
use std::sync::Arc;

use cnn_core::op::{Conv2D, Function, Unary};
use cnn_core::shape::Padding2D;
use cnn_core::{DType, Graph, Mode, Op, Plan, Simplify, Source, Tensor, ValueId, Weights, simplify};
use cnn_cpu::CpuError;
use cnn_cpu::fast::{CpuWeights, Program, evaluate};
use cnn_cpu::reference::{self, Array};
use cnn_tests::cases::{self, Case, Fill};
use cnn_tests::check::{check_case, check_output};
use cnn_tests::zoo_truth::zoo_truth;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::random_graph::{build, noise, recipes, weights};

/// Random cases of a family.
const RANDOM: u32 = 200;
/// What they are drawn from: a failure is the same on every machine.
const SEED: u64 = 2026;

fn seeded(cases: u32) -> Config {
    Config { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..Config::default() }
}

fn fast(case: &Case, inputs: &[Tensor], _: DType) -> Result<Vec<f32>, String> {
    let output = evaluate(&case.op, &inputs.iter().collect::<Vec<_>>()).map_err(|error| error.to_string())?;
    assert_eq!(output.shape(), case.output_shape());
    Ok(output.into_data())
}

/// Fails with what is wrong of `cases`.
fn check_all(cases: impl IntoIterator<Item = Case>) {
    let failures = cases.into_iter().filter_map(|case| check_case(&fast, &case, DType::F32).err());
    let failures: Vec<String> = failures.map(|failure| failure.to_string()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// How products are cut into blocks depends on the number of threads.
#[test]
fn every_case_of_every_family() {
    for threads in [1, 2, 3, 16] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check_all(cases::all().into_iter().flat_map(|(_, cases)| cases)));
    }
}

/// A thread gathers one block after the other into the same buffer.
#[test]
fn a_picture_of_many_blocks() {
    let padding = Padding2D { top: 1, bottom: 1, left: 1, right: 1 };
    let op = Op::Conv2D(Conv2D { padding, ..Conv2D::default() });
    check_all([Case::new("many blocks", op, vec![vec![1, 201, 199, 3], vec![3, 3, 3, 4]])]);
}

#[test]
fn random_cases_of_every_family() {
    for (family, strategy) in cases::strategies() {
        let check = |case: Case| check_case(&fast, &case, DType::F32).map_err(|e| TestCaseError::fail(e.to_string()));
        TestRunner::new(seeded(RANDOM)).run(&strategy, check).unwrap_or_else(|error| panic!("{family}: {error}"));
    }
}

/// Where the reference has no number, and only there, there is none.
#[test]
fn not_a_number_goes_as_far_as_in_the_reference() {
    for case in cases::all().into_iter().flat_map(|(_, cases)| cases) {
        let mut inputs = case.tensors(Fill::Reals, DType::F32);
        let len = inputs[0].len();
        inputs[0].data_mut().iter_mut().step_by(len / 3 + 1).for_each(|x| *x = f32::NAN);
        let arrays: Vec<Array> = inputs.iter().map(Array::from).collect();
        let wanted = reference::value(&case.op, &arrays.iter().collect::<Vec<_>>()).unwrap();
        let got = fast(&case, &inputs, DType::F32).unwrap();
        let differs = got.iter().zip(&wanted.data).position(|(got, wanted)| got.is_nan() != wanted.is_nan());
        assert_eq!(differs, None, "{}", case.name);
    }
}

/// The weights of random graphs, and a program over them.
fn program(graph: Graph) -> Result<Program, CpuError> {
    Program::new(shared(&graph), Plan::new(graph))
}

fn shared(graph: &Graph) -> Arc<CpuWeights> {
    CpuWeights::new(Arc::new(Weights::from_iter(
        weights(graph).into_iter().map(|(path, tensor)| (path, Arc::new(tensor))),
    )))
}

fn inputs(graph: &Graph, seed: u64) -> Vec<Tensor> {
    let shapes = graph.inputs().iter().map(|&id| graph.value(id).shape.clone());
    shapes.enumerate().map(|(index, shape)| noise(shape, seed + index as u64, (-1.0, 1.0))).collect()
}

/// Every node's output as the program computes it, against the reference for the program's own inputs of that node.
fn check_steps(graph: &Graph) -> Result<(), String> {
    // A value that is an output keeps its slot.
    let mut tapped = graph.clone();
    graph.nodes().iter().for_each(|node| tapped.output(&node.name, node.output));
    let inputs = inputs(graph, 3);
    let outputs = program(tapped.clone()).unwrap().run(&inputs).unwrap();
    let first = graph.outputs().len();
    let made: HashMap<ValueId, &Tensor> =
        tapped.outputs()[first..].iter().map(|&(_, id)| id).zip(&outputs[first..]).collect();
    let weights = weights(graph);
    let array = |&id: &ValueId| match &graph.value(id).source {
        Source::Input => Array::from(&inputs[graph.inputs().iter().position(|&input| input == id).unwrap()]),
        Source::Variable => Array::from(&weights[&graph.value(id).name]),
        Source::Constant(tensor) => Array::from(tensor.as_ref()),
        Source::Node(_) => Array::from(made[&id]),
    };
    for node in graph.nodes() {
        let arrays: Vec<Array> = node.inputs.iter().map(array).collect();
        let wanted = reference::evaluate(&node.op, &arrays.iter().collect::<Vec<_>>(), DType::F32).unwrap();
        let check = check_output(made[&node.output].data(), &wanted, false, DType::F32);
        check.map_err(|problem| format!("{} ({}): {problem}", node.name, node.op.name()))?;
    }
    // With slots that values share, the same numbers.
    let reused = program(graph.clone()).unwrap();
    for run in 0..2 {
        if reused.run(&inputs).unwrap() != outputs[..first] {
            return Err(format!("run {run} differs where slots are used again"));
        }
    }
    Ok(())
}

#[test]
fn random_graphs() {
    let check = |(steps, others): (Vec<_>, Vec<usize>)| {
        let graph = build(&steps, &others);
        for graph in [simplify(&graph, &Simplify::default()), graph] {
            check_steps(&graph).map_err(TestCaseError::fail)?;
        }
        Ok(())
    };
    TestRunner::new(seeded(300)).run(&recipes(20), check).unwrap();
}

/// Two convolutions, a sum and a dense layer; the weights of the first are folded with its normalisation.
fn network(batch: usize) -> Graph {
    use cnn_core::layers::{self, Activation, BatchNormalization, Dense, Flatten};
    let model = cnn_core::Sequential::new("network")
        .input([12, 12, 3])
        .and_then(|model| model.add(layers::Conv2D::new(16, 3)))
        .and_then(|model| model.add(BatchNormalization::new()))
        .and_then(|model| model.add(layers::Conv2D::new(8, 3).activation(Activation::Relu)))
        .and_then(|model| model.add(Flatten))
        .and_then(|model| model.add(Dense::new(10).activation(Activation::Softmax)))
        .and_then(|model| model.model());
    let graph = model.unwrap().lower(&[vec![batch, 12, 12, 3]], Mode::Inference, &[]).unwrap();
    simplify(&graph, &Simplify::default())
}

/// Whole models with the recipe's weights: logits within 1e-4 of Keras's float64, the top 10 in its order.
#[test]
fn models_give_keras_logits() {
    for name in ["MobileNet", "MobileNetV2", "MobileNetV3Small", "ResNet50V2"] {
        let truth = zoo_truth(name);
        let graph = truth.model.lower(&[truth.picture.shape().to_vec()], Mode::Inference, &[]).unwrap();
        let weights = CpuWeights::new(Arc::new(truth.weights.clone()));
        let program = Program::new(weights, Plan::new(simplify(&graph, &Simplify::default()))).unwrap();
        let logits = program.run(&[truth.picture]).unwrap().remove(0);
        let pairs = logits.data().iter().zip(&truth.logits);
        let error = pairs.map(|(got, wanted)| (f64::from(*got) - wanted).abs()).fold(0.0, f64::max);
        println!("{name}: logits off by {error:.1e}");
        assert!(error <= 1e-4, "{name}: logits off by {error:e}");
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits.data()[b].total_cmp(&logits.data()[a]));
        assert_eq!(order[..10], truth.top10, "{name}");
    }
}

#[test]
fn runs_at_the_same_time_do_not_meet() {
    let program = &program(network(2)).unwrap();
    std::thread::scope(|scope| {
        let run = |seed: u64| {
            let inputs = inputs(program.plan().graph(), seed);
            (program.run(&inputs).unwrap(), inputs)
        };
        let threads: Vec<_> = (0..8)
            .map(|thread| scope.spawn(move || (0..20).map(|i| run(100 * thread + i)).collect::<Vec<_>>()))
            .collect();
        for (outputs, inputs) in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            assert_eq!(program.run(&inputs).unwrap(), outputs);
        }
    });
}

#[test]
fn programs_of_two_batch_sizes_hold_the_weights_once() {
    let weights = shared(&network(1));
    assert_eq!(weights.bytes(), 0);
    let one = Program::new(weights.clone(), Plan::new(network(1))).unwrap();
    // The two convolutions with a bias each, the dense layer with its own.
    let count = (3 * 3 * 3 * 16 + 16) + (3 * 3 * 16 * 8 + 8) + (8 * 8 * 8 * 10 + 10);
    assert_eq!(weights.bytes(), 4 * count);
    let four = Program::new(weights.clone(), Plan::new(network(4))).unwrap();
    assert_eq!(weights.bytes(), 4 * count);
    assert_eq!(four.activation_bytes(), 4 * one.activation_bytes());
    // A picture's probabilities do not depend on those beside it, but for the order of sums.
    let batch = noise(vec![4, 12, 12, 3], 5, (-1.0, 1.0));
    let together = four.run(std::slice::from_ref(&batch)).unwrap();
    for (picture, together) in batch.data().chunks(12 * 12 * 3).zip(together[0].data().chunks(10)) {
        let alone = one.run(&[Tensor::new(vec![1, 12, 12, 3], picture.to_vec()).unwrap()]).unwrap();
        let close = alone[0].data().iter().zip(together).all(|(alone, together)| (alone - together).abs() < 1e-5);
        assert!(close, "{alone:?} is not {together:?}");
    }
}

#[test]
fn a_profile_has_a_time_for_each_step() {
    let program = program(network(1)).unwrap();
    let inputs = inputs(program.plan().graph(), 1);
    let (outputs, profile) = program.run_profiled(&inputs).unwrap();
    assert_eq!(outputs, program.run(&inputs).unwrap());
    assert_eq!(profile.steps.len(), program.plan().steps().len());
}

#[test]
fn what_does_not_fit_is_an_error() {
    let graph = network(1);
    let missing = Program::new(CpuWeights::new(Arc::new(Weights::new())), Plan::new(graph.clone())).unwrap_err();
    assert!(matches!(&missing, CpuError::MissingWeight { path, .. } if path.starts_with("conv2d")), "{missing}");
    let paths: Vec<String> = weights(&graph).into_keys().collect();
    let scalars: Weights = paths.into_iter().map(|path| (path, Arc::new(Tensor::scalar(0.0)))).collect();
    let scalars = CpuWeights::new(Arc::new(scalars));
    let misshaped = Program::new(scalars, Plan::new(graph.clone())).unwrap_err();
    assert!(matches!(&misshaped, CpuError::WeightShape { got, .. } if got.is_empty()), "{misshaped}");

    let program = program(graph).unwrap();
    assert_eq!(program.run(&[] as &[Tensor]), Err(CpuError::InputCount { wanted: 1, got: 0 }));
    let error = program.run(&[Tensor::full(vec![2, 12, 12, 3], 0.0)]).unwrap_err();
    assert!(matches!(&error, CpuError::InputShape { wanted, .. } if *wanted == [1, 12, 12, 3]), "{error}");

    let mut graph = Graph::new();
    let x = graph.input("x", vec![3]);
    let y = graph.push("tanh", Op::Unary(Unary { function: Function::Tanh }), &[x]).unwrap();
    graph.output("tanh", y);
    let halves = simplify(&graph, &Simplify { storage: DType::F16, weight_limit: None });
    let error = Program::new(CpuWeights::new(Arc::new(Weights::new())), Plan::new(halves)).unwrap_err();
    assert!(error.to_string().contains("computes in float32"), "{error}");
}
