//! Programs over the same weights: what one of them changes, the others read, with all that is made of it.

use std::collections::HashMap;
use std::sync::Arc;

use cnn_core::op::{Assign, Binary, BinaryOp};
use cnn_core::{Graph, Op, Plan, Tensor, ValueId, Weights};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_tests::devices::devices;
use cnn_wgpu::DeviceWeights;
use pollster::block_on;

const X: [f32; 3] = [1.0, -0.5, 2.0];
const A: [f32; 3] = [1.0, 2.0, -3.0];
const B: [f32; 3] = [-2.0, 0.5, 1.0];

/// Programs to run one after the other, each made at its first run: the one that reads, and those that change `a` and `b`.
const ORDERS: [&str; 6] = ["rararar", "rbrarar", "rararbrarbrbr", "ararabrabr", "rrabrrabrr", "aabbraabbr"];

fn tensor(values: [f32; 3]) -> Tensor {
    Tensor::new(vec![3], values.to_vec()).unwrap()
}

fn binary(graph: &mut Graph, op: BinaryOp, a: ValueId, b: ValueId) -> ValueId {
    graph.push("binary", Op::Binary(Binary::new(op)), &[a, b]).unwrap()
}

/// `x + (a·b + a)` and `x · (a·b)`: what is made of the weights is read as it is, and to make more of it.
fn reader() -> Plan {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![3]);
    let [a, b] = ["a", "b"].map(|path| graph.variable(path, vec![3]).unwrap());
    let product = binary(&mut graph, BinaryOp::Multiply, a, b);
    let sum = binary(&mut graph, BinaryOp::Add, product, a);
    let outputs = [binary(&mut graph, BinaryOp::Add, x, sum), binary(&mut graph, BinaryOp::Multiply, x, product)];
    for (name, output) in ["sum", "product"].into_iter().zip(outputs) {
        graph.output(name, output);
    }
    Plan::new(graph)
}

/// `path += x`.
fn changer(path: &str) -> Plan {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![3]);
    let variable = graph.variable(path, vec![3]).unwrap();
    let sum = binary(&mut graph, BinaryOp::Add, variable, x);
    graph.push("assign", Op::Assign(Assign { first: 0 }), &[variable, sum]).unwrap();
    Plan::new(graph)
}

/// What [`reader`] gives after each of its runs; all numbers are exact in float32.
fn wanted(order: &str) -> Vec<[Vec<f32>; 2]> {
    let (mut a, mut b, mut read) = (A, B, Vec::new());
    for program in order.chars() {
        match program {
            'a' => a = [0, 1, 2].map(|i| a[i] + X[i]),
            'b' => b = [0, 1, 2].map(|i| b[i] + X[i]),
            _ => read.push([
                (0..3).map(|i| X[i] + (a[i] * b[i] + a[i])).collect(),
                (0..3).map(|i| X[i] * (a[i] * b[i])).collect(),
            ]),
        }
    }
    read
}

fn check(what: &str, order: &str, mut run: impl FnMut(usize) -> Vec<Tensor>) {
    let mut read = wanted(order).into_iter();
    for (step, program) in order.chars().enumerate() {
        let got = run("rab".find(program).unwrap());
        if program == 'r' {
            let wanted = read.next().unwrap();
            assert_eq!(
                [got[0].data(), got[1].data()],
                [&wanted[0][..], &wanted[1][..]],
                "{what}, {order}, step {step}"
            );
        }
    }
}

fn weights() -> Arc<Weights> {
    Arc::new(Weights::from_iter([("a".to_string(), Arc::new(tensor(A))), ("b".to_string(), Arc::new(tensor(B)))]))
}

fn plan(program: usize) -> Plan {
    [reader, || changer("a"), || changer("b")][program]()
}

/// What somebody holds of a variable stays as it was read.
#[test]
fn the_cpu_reads_what_another_program_has_changed() {
    for order in ORDERS {
        let weights = CpuWeights::new(weights());
        let mut programs = HashMap::new();
        let (mut held, mut copies) = (Vec::new(), Vec::new());
        check("CPU", order, |program| {
            let make = || fast::Program::new(weights.clone(), plan(program)).unwrap();
            let outputs = programs.entry(program).or_insert_with(make).run(&[tensor(X)]).unwrap();
            held.push(weights.read("a").unwrap().unwrap());
            copies.push(held[held.len() - 1].as_ref().clone());
            outputs
        });
        assert!(held.iter().zip(&copies).all(|(held, copy)| held.as_ref() == copy), "{order}");
    }
}

#[test]
fn every_device_reads_what_another_program_has_changed() {
    for device in devices(false) {
        for order in ORDERS {
            let weights = DeviceWeights::new(device.gpu.clone(), weights());
            let mut programs = HashMap::new();
            check(&device.name, order, |program| {
                let make = || block_on(cnn_wgpu::Program::new(weights.clone(), plan(program))).unwrap();
                block_on(programs.entry(program).or_insert_with(make).run(&[tensor(X)])).unwrap()
            });
        }
    }
}
