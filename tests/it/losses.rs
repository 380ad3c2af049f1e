//! Losses and their gradients by what a model hands them, against real Keras (`vectors/losses.json.gz`, made by
//! `vectors/scripts/losses.py`), on the reference in float64 and on the CPU.

use std::io::Read;

use cnn_core::op::{Function, Softmax, Unary};
use cnn_core::{Graph, Op, Plan, Simplify, Tensor, Weights, simplify};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_cpu::reference::{self, Array};
use cnn_tests::steps::check_steps;
use cnn_train::{Loss, differentiate, one_hot};
use serde_json::Value;

/// A loss is made by at most a hundred operations on numbers that are at most about a hundred times as large as it is, or as
/// the largest element of its gradient: in units of the rounding of one of them.
const ROUNDINGS: f64 = 1e4;
const FLOAT64: f64 = ROUNDINGS * (f64::EPSILON / 2.0);
/// By how much the factor of a mean's gradient, in float32, is off where it is no power of two.
const FACTOR: f64 = (f32::EPSILON / 2.0) as f64;
/// As for the gradients of a training's first step.
const FLOAT32: f64 = 1e-5;

fn cases() -> Vec<Value> {
    let packed = include_bytes!("../vectors/losses.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|x| x as f32).collect()
}

/// The loss of Keras's class and arguments.
fn loss(case: &Value) -> Loss {
    let args = &case["args"];
    let is = |name: &str| args[name].as_bool().unwrap_or(false);
    let or = |name: &str, default: f32| args[name].as_f64().map_or(default, |x| x as f32);
    let (from_logits, label_smoothing) = (is("from_logits"), or("label_smoothing", 0.0));
    let (alpha, gamma) = (or("alpha", 0.25), or("gamma", 2.0));
    match case["class"].as_str().unwrap() {
        "CategoricalCrossentropy" | "SparseCategoricalCrossentropy" => {
            Loss::CategoricalCrossentropy { from_logits, label_smoothing }
        }
        "BinaryCrossentropy" => Loss::BinaryCrossentropy { from_logits, label_smoothing },
        "MeanSquaredError" => Loss::MeanSquaredError,
        "MeanAbsoluteError" => Loss::MeanAbsoluteError,
        "Huber" => Loss::Huber { delta: or("delta", 1.0) },
        "CategoricalFocalCrossentropy" => {
            Loss::CategoricalFocalCrossentropy { alpha, gamma, from_logits, label_smoothing }
        }
        "BinaryFocalCrossentropy" => {
            let alpha = is("apply_class_balancing").then_some(alpha);
            Loss::BinaryFocalCrossentropy { alpha, gamma, from_logits, label_smoothing }
        }
        other => panic!("there is no loss {other}"),
    }
}

/// A case as graph, with what its inputs take.
struct Setting {
    graph: Graph,
    inputs: Vec<Tensor>,
}

impl Setting {
    fn new(case: &Value) -> Self {
        let shape: Vec<usize> = numbers(&case["shape"]).into_iter().map(|size| size as usize).collect();
        let mut graph = Graph::new();
        let x = graph.input("x", shape.clone());
        let target = graph.input("targets", shape.clone());
        let mut inputs = vec![Tensor::new(shape.clone(), floats(&case["x"])).unwrap()];
        inputs.push(match case["class"].as_str() {
            Some("SparseCategoricalCrossentropy") => {
                let labels: Vec<usize> = numbers(&case["y"]).into_iter().map(|label| label as usize).collect();
                one_hot(&labels, shape[shape.len() - 1]).unwrap().reshape(shape.clone()).unwrap()
            }
            _ => Tensor::new(shape.clone(), floats(&case["y"])).unwrap(),
        });
        let weights = case["weights"].as_array().map(|_| {
            inputs.push(Tensor::new(vec![shape[0]], floats(&case["weights"])).unwrap());
            graph.input("weights", vec![shape[0]])
        });
        let activation = match case["activation"].as_str() {
            Some("softmax") => Some(Op::Softmax(Softmax { axis: shape.len() - 1, log: false })),
            Some("sigmoid") => Some(Op::Unary(Unary { function: Function::Sigmoid })),
            _ => None,
        };
        let prediction = activation.map_or(x, |op| graph.push("activation", op, &[x]).unwrap());
        let value = loss(case).apply(&mut graph, prediction, target, weights).unwrap();
        let gradients = differentiate(&mut graph, value, &[x]).unwrap();
        graph.output("loss", value);
        graph.output("gradient", gradients[0].unwrap());
        Self { graph, inputs }
    }
}

/// Loss and gradient beside Keras's, within `relative` of the largest element.
fn compare(case: &Value, outputs: [Vec<f64>; 2], relative: f64) -> Result<(), String> {
    let wanted = [vec![case["loss"].as_f64().unwrap()], numbers(&case["gradient"])];
    for (what, got, wanted) in [("loss", &outputs[0], &wanted[0]), ("gradient", &outputs[1], &wanted[1])] {
        assert_eq!(got.len(), wanted.len(), "{what}");
        let largest = wanted.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        for (index, (got, wanted)) in got.iter().zip(wanted).enumerate() {
            let error = (got - wanted).abs();
            if error.is_nan() || error > relative * largest {
                return Err(format!("{what}[{index}] is {got:e}, Keras {wanted:e}, off by {:.1e}", error / largest));
            }
        }
    }
    Ok(())
}

fn check_all(check: impl Fn(&Value, &Setting) -> Result<(), String>) {
    let named = |case: &Value, error: String| {
        let weighted = if case["weights"].is_null() { "" } else { ", weighted" };
        let [class, args, activation, shape] = ["class", "args", "activation", "shape"].map(|name| &case[name]);
        format!("{class} {args} behind {activation} of {shape}{weighted}: {error}")
    };
    let cases = cases();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case, &Setting::new(case)).err().map(|error| named(case, error)))
        .collect();
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn losses_and_gradients_are_those_of_keras() {
    check_all(|case, Setting { graph, inputs }| {
        let inputs: Vec<Array> = inputs.iter().map(Array::from).collect();
        let outputs = reference::run(graph, |_| None, &inputs).map_err(|error| error.to_string())?;
        let exact = numbers(&case["shape"]).iter().all(|&size| (size as usize).is_power_of_two());
        let relative = match case["floatx"].as_str() {
            Some("float64") => FLOAT64 + if exact { 0.0 } else { FACTOR },
            _ => FLOAT32,
        };
        compare(case, [0, 1].map(|i| outputs[i].data.clone()), relative)
    });
}

#[test]
fn on_the_cpu_too() {
    check_all(|case, Setting { graph, inputs }| {
        let graph = simplify(graph, &Simplify::default());
        let run = |graph: &Graph| {
            let weights = CpuWeights::new(std::sync::Arc::new(Weights::new()));
            let program = fast::Program::new(weights, Plan::new(graph.clone())).map_err(|error| error.to_string())?;
            program.run(inputs).map_err(|error| error.to_string())
        };
        let outputs = run(&graph)?;
        compare(case, [0, 1].map(|i| outputs[i].data().iter().map(|&x| f64::from(x)).collect()), FLOAT32)?;
        check_steps(&graph, &Weights::new(), inputs, run).map(drop)
    });
}
