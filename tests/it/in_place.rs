//! Steps of optimizers that write over the weight and its states: the bits of those that have an output of their own, which the
//! checks of `agreement` are made of.

use std::sync::Arc;

use cnn_core::op::{Assign, OptimizerStep};
use cnn_core::plan::Location;
use cnn_core::{Graph, Op, Plan, Tensor, ValueId, Weights};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_tests::cases::{self, Case};
use cnn_tests::devices::devices;
use cnn_tests::recipe;
use cnn_wgpu::DeviceWeights;
use pollster::block_on;

/// The step of a case and its assignments; with `output`, the new elements come out too, and lie in a tensor of their own.
fn plan(case: &Case, output: bool) -> Plan {
    let mut graph = Graph::new();
    let mut inputs =
        vec![graph.input("settings", case.inputs[0].clone()), graph.input("gradient", case.inputs[1].clone())];
    for (number, shape) in OptimizerStep::variables(&case.inputs).iter().enumerate() {
        inputs.push(graph.variable(&number.to_string(), shape.clone()).unwrap());
    }
    let count: usize = case.inputs[1].iter().product();
    let new = graph.push("step", case.op.clone(), &inputs).unwrap();
    for (row, &variable) in OptimizerStep::variables(&inputs).iter().enumerate() {
        graph.push("step", Op::Assign(Assign { first: row * count }), &[variable, new]).unwrap();
    }
    if output {
        graph.output("new", new);
    }
    let plan = Plan::new(graph);
    assert_eq!(plan.location(new) == Some(Location::InPlace), !output, "{}", case.name);
    assert_eq!(plan.steps().len(), if output { 1 + inputs.len() - 2 } else { 1 });
    plan
}

fn number(case: &Case, input: usize, low: f64, high: f64) -> Tensor {
    recipe::uniform(&format!("in place/{}/{input}", case.name), &case.inputs[input], low, high)
}

#[test]
fn a_step_in_place_makes_the_bits_of_one_that_is_not() {
    let gpus: Vec<_> = devices(false).into_iter().map(|device| device.gpu).collect();
    let cases = cases::all().into_iter().find(|(family, _)| *family == "optimizer_step").unwrap().1;
    let mut checked = 0;
    for case in cases.iter().filter(|case| !case.inputs[1].contains(&0)) {
        let mut weights = Weights::new();
        let count = OptimizerStep::variables(&case.inputs).len();
        // Squares and their sums, which rules keep, are positive.
        (0..count).for_each(|i| weights.insert(i.to_string(), number(case, 2 + i, 0.1, 1.0)));
        for done in [1.0, 0.0] {
            let settings = Tensor::new(vec![OptimizerStep::SETTINGS], vec![0.05, 0.9, 1.1, 0.01, done]).unwrap();
            let inputs = [settings, number(case, 1, -1.0, 1.0)];
            let bits = |tensor: &Tensor| tensor.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let on_cpu = |output: bool| -> Vec<Vec<u32>> {
                let weights = CpuWeights::new(Arc::new(weights.clone()));
                let program = fast::Program::new(weights.clone(), plan(case, output)).unwrap();
                // Twice: the second run writes into what the first has left.
                (0..2).for_each(|_| drop(program.run(&inputs).unwrap()));
                (0..count).map(|i| bits(&weights.read(&i.to_string()).unwrap().unwrap())).collect()
            };
            assert!(on_cpu(false) == on_cpu(true), "{}, CPU", case.name);
            for gpu in &gpus {
                let on_gpu = |output: bool| -> Vec<Vec<u32>> {
                    let weights = DeviceWeights::new(gpu.clone(), Arc::new(weights.clone()));
                    let program = block_on(cnn_wgpu::Program::new(weights.clone(), plan(case, output))).unwrap();
                    (0..2).for_each(|_| drop(block_on(program.run(&inputs)).unwrap()));
                    (0..count).map(|i| bits(&block_on(weights.read(&i.to_string())).unwrap())).collect()
                };
                let (got, wanted) = (on_gpu(false), on_gpu(true));
                assert!(got == wanted, "{}, {}", case.name, gpu.info().name);
                assert_eq!(
                    done == 0.0,
                    got == (0..count).map(|i| bits(weights.get(&i.to_string()).unwrap())).collect::<Vec<_>>()
                );
                checked += 1;
            }
        }
    }
    assert!(checked >= 2 * gpus.len() * 30, "{checked}");
}

/// Where something else reads what comes out, or stands between, the new elements keep a tensor of their own.
#[test]
fn what_is_read_elsewhere_is_not_written_in_place() {
    /// Adds what follows the first assignment: to a graph with the state and what is new.
    type Change<'a> = &'a dyn Fn(&mut Graph, ValueId, ValueId);
    let build = |change: Change| {
        let mut graph = Graph::new();
        let [settings, gradient] = [("settings", 5), ("gradient", 3)].map(|(name, len)| graph.input(name, vec![len]));
        let [w, m] = ["w", "m"].map(|path| graph.variable(path, vec![3]).unwrap());
        let rule = cnn_core::op::Rule::Sgd { momentum: 0.9, nesterov: false };
        let new = graph.push("step", Op::OptimizerStep(OptimizerStep { rule }), &[settings, gradient, w, m]).unwrap();
        graph.push("w", Op::Assign(Assign { first: 0 }), &[w, new]).unwrap();
        change(&mut graph, m, new);
        let place = Plan::new(graph).location(new);
        place == Some(Location::InPlace)
    };
    let assign = |first| Op::Assign(Assign { first });
    let cases: [(&str, bool, Change); 5] = [
        ("whole", true, &|graph, m, new| {
            graph.push("m", assign(3), &[m, new]).unwrap();
        }),
        ("a state stays", false, &|_, _, _| ()),
        ("the other part", false, &|graph, m, new| {
            graph.push("m", assign(0), &[m, new]).unwrap();
        }),
        ("another variable", false, &|graph, _, new| {
            let other = graph.variable("other", vec![3]).unwrap();
            graph.push("m", assign(3), &[other, new]).unwrap();
        }),
        ("an output", false, &|graph, m, new| {
            graph.push("m", assign(3), &[m, new]).unwrap();
            graph.output("new", new);
        }),
    ];
    for (name, wanted, change) in cases {
        assert_eq!(build(change), wanted, "{name}");
    }
    // The gradient of a weight decay by itself: a step cannot read what it writes.
    let mut graph = Graph::new();
    let settings = graph.input("settings", vec![5]);
    let w = graph.variable("w", vec![3]).unwrap();
    let rule = cnn_core::op::Rule::Sgd { momentum: 0.0, nesterov: false };
    let new = graph.push("step", Op::OptimizerStep(OptimizerStep { rule }), &[settings, w, w]).unwrap();
    graph.push("w", assign(0), &[w, new]).unwrap();
    assert_ne!(Plan::new(graph).location(new), Some(Location::InPlace));
}
