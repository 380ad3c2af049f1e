//! Plans of small graphs, and invariants over random ones.

use proptest::prelude::*;

use super::*;
use crate::op::{Binary, BinaryOp, Concat, Function, Gemm, Reshape, Slice, Transpose, Unary};
use crate::tensor::Tensor;

fn unary(graph: &mut Graph, name: &str, x: ValueId) -> ValueId {
    graph.push(name, Op::Unary(Unary { function: Function::Tanh }), &[x]).unwrap()
}

fn binary(graph: &mut Graph, op: BinaryOp, a: ValueId, b: ValueId) -> ValueId {
    graph.push("binary", Op::Binary(Binary::new(op)), &[a, b]).unwrap()
}

fn reshape(graph: &mut Graph, x: ValueId, shape: &[usize]) -> ValueId {
    graph.push("reshape", Op::Reshape(Reshape { shape: shape.to_vec() }), &[x]).unwrap()
}

/// Runs the plan on slots that remember which value they hold, and checks every read.
fn simulate(plan: &Plan) -> Result<(), String> {
    let graph = plan.graph();
    let mut slots: Vec<Option<ValueId>> = vec![None; plan.slots().len()];
    for (&input, &slot) in graph.inputs().iter().zip(plan.input_slots()) {
        if slots[slot].replace(input).is_some() || plan.slots()[slot] < bytes(graph, input) {
            return Err(format!("input {input:?} finds no room in slot {slot}"));
        }
    }
    let check_read = |slots: &[Option<ValueId>], value: ValueId, reader: &str| {
        let wanted = storage(graph, value);
        match (plan.location(value), &graph.value(wanted).source) {
            (Some(Location::Slot(slot)), Source::Node(_)) if slots[slot] == Some(wanted) => Ok(slot),
            (Some(Location::Input(index)), Source::Input) if graph.inputs()[index] == wanted => {
                let slot = plan.input_slots()[index];
                (slots[slot] == Some(wanted)).then_some(slot).ok_or(format!("input {index} is no longer in its slot"))
            }
            (Some(Location::Resident(index)), source) if *source != Source::Input => {
                let resident = &plan.residents()[index];
                (resident.key == key(graph, wanted)).then_some(usize::MAX).ok_or("another resident".to_string())
            }
            (location, _) => Err(format!("{reader} reads {value:?} in {location:?}, which holds something else")),
        }
    };
    for &id in plan.steps() {
        let node = &graph.nodes()[id.index()];
        let mut read = Vec::new();
        for &input in &node.inputs {
            read.push(check_read(&slots, input, &node.name)?);
        }
        let Some(Location::Slot(slot)) = plan.location(node.output) else {
            return Err(format!("{} writes to no slot", node.name));
        };
        if read.contains(&slot) {
            return Err(format!("{} reads and writes slot {slot}", node.name));
        }
        if plan.slots()[slot] < bytes(graph, node.output) {
            return Err(format!("slot {slot} is too small for {}", node.name));
        }
        slots[slot] = Some(storage(graph, node.output));
    }
    graph.outputs().iter().try_for_each(|(name, value)| check_read(&slots, *value, name).map(drop))
}

/// The liveness bound from its definition: for each step, the bytes of what has been written and is read there or later.
/// Inputs are written before the first step, and are there at it.
fn liveness_bound(plan: &Plan) -> usize {
    let graph = plan.graph();
    let node = |step: usize| &graph.nodes()[plan.steps()[step].index()];
    let is_output = |value: ValueId| graph.outputs().iter().any(|&(_, output)| storage(graph, output) == value);
    let live_at = |value: ValueId, made: usize, step: usize| {
        let read = |step: usize| node(step).inputs.iter().any(|&input| storage(graph, input) == value);
        made == step || is_output(value) || (step..plan.steps().len()).any(read)
    };
    let inputs = graph.inputs().iter().map(|&input| (input, 0));
    let values: Vec<(ValueId, usize)> = inputs.chain((0..plan.steps().len()).map(|i| (node(i).output, i))).collect();
    let at = |step: usize| {
        let live = values.iter().filter(|&&(value, made)| made <= step && live_at(value, made, step));
        live.map(|&(value, _)| bytes(graph, value)).sum::<usize>()
    };
    (0..plan.steps().len().max(1)).map(at).max().unwrap_or(0)
}

/// What a random graph does next: an op's number and which of the values so far it reads.
type Recipe = Vec<(u8, usize, usize)>;

/// A graph over vectors of several lengths: inputs, weights, branches, shared readers, reshapes, nodes on weights alone.
fn build(recipe: &Recipe, outputs: &[usize]) -> Graph {
    let mut graph = Graph::new();
    let mut values = vec![graph.input("a", vec![8]), graph.input("b", vec![4])];
    values.push(graph.variable("w", vec![8]).unwrap());
    values.push(graph.constant("c", Tensor::full(vec![4], 2.0)));
    for (step, &(op, a, b)) in recipe.iter().enumerate() {
        let name = format!("{step}");
        let (a, b) = (values[a % values.len()], values[b % values.len()]);
        let shape = graph.value(a).shape.clone();
        let count: usize = shape.iter().product();
        let made = match op {
            0 => reshape(&mut graph, a, &[count]),
            1 => reshape(&mut graph, a, &[1, count]),
            2 if shape.len() == 1 && count > 1 => {
                let half = Slice { begin: vec![count / 2], size: vec![count - count / 2] };
                graph.push(name, Op::Slice(half), &[a]).unwrap()
            }
            3 if shape.len() == 1 && graph.value(b).shape.len() == 1 && count < 64 => {
                graph.push(name, Op::Concat(Concat { axis: 0 }), &[a, b]).unwrap()
            }
            4..=6 if graph.value(b).shape == shape => binary(&mut graph, BinaryOp::Add, a, b),
            _ => unary(&mut graph, &name, a),
        };
        values.push(made);
    }
    for (index, &output) in outputs.iter().enumerate() {
        graph.output(format!("{index}"), values[values.len() - 1 - output % values.len()]);
    }
    graph
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_read_finds_its_value(
        recipe in prop::collection::vec((0u8..9, any::<usize>(), any::<usize>()), 0..40),
        outputs in prop::collection::vec(0usize..6, 1..4),
    ) {
        let plan = Plan::new(build(&recipe, &outputs));
        prop_assert_eq!(simulate(&plan), Ok(()));
        prop_assert_eq!(plan.liveness_bound(), liveness_bound(&plan));
        prop_assert!(plan.slots().iter().sum::<usize>() >= plan.liveness_bound());
        let mut keys: Vec<&str> = plan.residents().iter().map(|resident| resident.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        prop_assert_eq!(keys.len(), plan.residents().len());
    }
}

#[test]
fn the_simulation_sees_a_clobbered_slot() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![4]);
    let a = unary(&mut graph, "a", x);
    let b = unary(&mut graph, "b", a);
    let y = binary(&mut graph, BinaryOp::Add, a, b);
    graph.output("y", y);
    let plan = Plan::new(graph);
    assert_eq!(simulate(&plan), Ok(()));
    let input = Location::Slot(plan.input_slots()[0]);
    for (value, taken) in [(a, input), (b, plan.locations[&a]), (y, plan.locations[&b])] {
        let mut wrong = plan.clone();
        wrong.locations.insert(value, taken);
        assert!(simulate(&wrong).unwrap_err().contains("reads and writes slot"));
    }
    let mut wrong = plan.clone();
    wrong.slots[2] = 15;
    assert!(simulate(&wrong).unwrap_err().contains("too small"));
}

#[test]
fn memory_is_used_again() {
    // (what, graph, bytes of each slot)
    let chain = |reshaped: bool| {
        let mut graph = Graph::new();
        let mut x = graph.input("x", vec![4]);
        for step in 0..5 {
            x = unary(&mut graph, &format!("{step}"), x);
            if reshaped {
                x = reshape(&mut graph, x, &[2, 2]);
            }
        }
        graph.output("y", x);
        graph
    };
    let mut block = Graph::new();
    let x = block.input("x", vec![4]);
    let a = unary(&mut block, "a", x);
    let b = unary(&mut block, "b", a);
    let c = unary(&mut block, "c", b);
    let y = binary(&mut block, BinaryOp::Add, a, c);
    block.output("y", y);
    let mut kept = chain(false);
    kept.output("first", kept.nodes()[0].output);
    let mut passed_on = Graph::new();
    let x = passed_on.input("x", vec![4]);
    let w = passed_on.variable("w", vec![4]).unwrap();
    let y = reshape(&mut passed_on, x, &[2, 2]);
    passed_on.output("y", y);
    passed_on.output("w", w);
    for (what, graph, slots) in [
        ("a chain", chain(false), vec![16, 16]),
        ("a chain with reshapes", chain(true), vec![16, 16]),
        ("a residual", block, vec![16, 16, 16]),
        ("a chain whose first value is an output", kept, vec![16, 16, 16]),
        ("outputs that nothing makes", passed_on, vec![16]),
    ] {
        let plan = Plan::new(graph);
        assert_eq!(plan.slots(), slots, "{what}");
        assert_eq!(plan.liveness_bound(), slots.iter().sum::<usize>(), "{what}");
        assert_eq!(simulate(&plan), Ok(()), "{what}");
    }
}

#[test]
fn residents_are_the_weight_prologues_results() {
    let mut graph = Graph::new();
    let x = graph.input("x", vec![2, 2]);
    let w = graph.variable("w", vec![4]).unwrap();
    let square = reshape(&mut graph, w, &[2, 2]);
    let unused = unary(&mut graph, "unused", w);
    let mut y = x;
    for _ in 0..2 {
        // Spelled out twice, held once.
        let prologue = unary(&mut graph, "prologue", square);
        y = graph.push("gemm", Op::Gemm(Gemm::default()), &[y, prologue]).unwrap();
        y = binary(&mut graph, BinaryOp::Add, y, square);
    }
    graph.output("y", y);
    graph.output("w", w);
    let plan = Plan::new(graph);
    assert_eq!(plan.residents().len(), 2);
    assert_eq!(plan.location(w), plan.location(square), "a reshape lies where its input does");
    assert_eq!(plan.location(w), Some(Location::Resident(1)));
    assert_eq!(plan.residents()[1].key, "w");
    assert_eq!(plan.location(unused), None);
    assert_eq!(plan.steps().len(), 4);
}

#[test]
fn equal_keys_are_equal_values() {
    // All of these differ, although some are the same ops over the same variables but for a reshape.
    let mut graph = Graph::new();
    let x = graph.input("x", vec![2, 2]);
    let filter = graph.variable("filter", vec![2, 2]).unwrap();
    let scale = graph.variable("scale", vec![2]).unwrap();
    let column = reshape(&mut graph, scale, &[2, 1]);
    let line = reshape(&mut graph, filter, &[1, 4]);
    let transpose = || Op::Transpose(Transpose { permutation: vec![1, 0] });
    let mut values = vec![
        binary(&mut graph, BinaryOp::Multiply, filter, scale),
        binary(&mut graph, BinaryOp::Multiply, filter, column),
        binary(&mut graph, BinaryOp::Subtract, filter, scale),
        graph.constant("c", Tensor::full(vec![2, 2], 1.0)),
        graph.constant("c", Tensor::full(vec![2, 2], -1.0)),
        graph.constant("c", Tensor::full(vec![1, 2], 1.0)),
    ];
    for matrix in [filter, line] {
        let matrix = graph.push("t", transpose(), &[matrix]).unwrap();
        values.push(reshape(&mut graph, matrix, &[2, 2]));
    }
    let distinct = values.len();
    for value in values {
        let y = binary(&mut graph, BinaryOp::Add, x, value);
        graph.output("y", y);
    }
    assert_eq!(Plan::new(graph).residents().len(), distinct);
}
