//! Whole graphs.

use cnn_core::op::*;
use cnn_core::{DType, Graph, Op, Tensor};

use super::super::{Array, run, value};
use super::{Random, array};
use crate::CpuError;

/// Dense, softmax, and outputs on the way: an input, a weight, a value read again after a Reshape.
fn graph() -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![2, 2, 3]);
    let flat = graph.push("flatten", Op::Reshape(Reshape { shape: vec![2, 6] }), &[x]).unwrap();
    let kernel = graph.variable("dense/kernel", vec![6, 4]).unwrap();
    let y = graph.push("dense", Op::Gemm(Gemm::default()), &[flat, kernel]).unwrap();
    let half = graph.constant("half", Tensor::scalar(0.5));
    let y = graph.push("scale", Op::Binary(Binary::new(BinaryOp::Multiply)), &[y, half]).unwrap();
    let shaped = graph.push("reshape", Op::Reshape(Reshape { shape: vec![8] }), &[y]).unwrap();
    let cast = graph.push("cast", Op::Cast(Cast { to: DType::F16 }), &[shaped]).unwrap();
    let back = graph.push("reshape_1", Op::Reshape(Reshape { shape: vec![2, 4] }), &[cast]).unwrap();
    let softmax = graph.push("softmax", Op::Softmax(Softmax { axis: 1, log: false }), &[back]).unwrap();
    let sum = graph.push("add", Op::Binary(Binary::new(BinaryOp::Add)), &[softmax, y]).unwrap();
    for (name, id) in [("sum", sum), ("x", x), ("kernel", kernel), ("shaped", shaped)] {
        graph.output(name, id);
    }
    graph
}

#[test]
fn a_graph_is_its_ops_in_order() {
    let mut random = Random(30);
    let (x, kernel) = (random.array(&[2, 2, 3], 1.0), random.array(&[6, 4], 1.0));
    let weights = kernel.to_tensor();
    let got = run(&graph(), |path| (path == "dense/kernel").then_some(&weights), std::slice::from_ref(&x)).unwrap();
    let flat = Array { shape: vec![2, 6], data: x.data.clone() };
    let mut y = value(&Op::Gemm(Gemm::default()), &[&flat, &kernel]).unwrap();
    y.data.iter_mut().for_each(|y| *y *= 0.5);
    // The cast to f16 does not round: a graph is evaluated in float64 throughout.
    let softmax = value(&Op::Softmax(Softmax { axis: 1, log: false }), &[&y]).unwrap();
    let sum = softmax.data.iter().zip(&y.data).map(|(a, b)| a + b).collect();
    let shaped = Array { shape: vec![8], data: y.data.clone() };
    assert_eq!(got, [Array { shape: vec![2, 4], data: sum }, x, kernel, shaped]);
}

#[test]
fn what_does_not_fit_is_named() {
    let kernel = Tensor::full(vec![6, 4], 1.0);
    let transposed = Tensor::full(vec![4, 6], 1.0);
    let x = array(&[2, 2, 3], &[0.0; 12]);
    let cases: [(&[Array], Option<&Tensor>, &str); 4] = [
        (&[], Some(&kernel), "the graph takes 1 inputs, got 0"),
        (
            &[array(&[3, 2, 2], &[0.0; 12])],
            Some(&kernel),
            "input x: expects shape [2, 2, 3], got [3, 2, 2]; build the graph for that shape",
        ),
        (std::slice::from_ref(&x), None, "weight dense/kernel: missing; the graph reads a tensor of shape [6, 4]"),
        (
            std::slice::from_ref(&x),
            Some(&transposed),
            "weight dense/kernel: expects shape [6, 4], got [4, 6]; these are weights of another model",
        ),
    ];
    for (inputs, weights, message) in cases {
        let error: CpuError = run(&graph(), |_| weights, inputs).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
