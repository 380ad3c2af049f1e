//! A whole graph in float64.

use std::borrow::Cow;

use cnn_core::{Graph, Op, Source, Tensor, Value, ValueId, plan};

use super::{Array, value};
use crate::CpuError;

/// The outputs of `graph`, in its order, for `inputs` in its order; all in float64, element types aside.
///
/// `weights` finds a variable by its path. A value is dropped after its last use.
///
/// ```
/// use cnn_core::{Graph, Op, Tensor, op::{Function, Unary}};
/// use cnn_cpu::reference::{Array, run};
/// let mut graph = Graph::new();
/// let x = graph.input("x", vec![3]);
/// let y = graph.push("relu", Op::Unary(Unary { function: Function::RELU }), &[x]).unwrap();
/// graph.output("y", y);
/// let x = Array::from(&Tensor::new(vec![3], vec![-1.0, 0.0, 2.0]).unwrap());
/// assert_eq!(run(&graph, |_| None, &[x]).unwrap()[0].data, [0.0, 0.0, 2.0]);
/// ```
///
/// # Errors
/// If an input or weight is missing or has another shape than in the graph.
pub fn run<'a>(
    graph: &Graph,
    weights: impl Fn(&str) -> Option<&'a Tensor>,
    inputs: &[Array],
) -> Result<Vec<Array>, CpuError> {
    step(graph, |path| weights(path).map(Array::from), inputs).map(|(outputs, _)| outputs)
}

/// What a graph assigns to variables, by path.
pub type Assigned = Vec<(String, Array)>;

/// As [`run`], with variables in float64; behind the outputs, what the graph assigns to variables, by path.
///
/// # Errors
/// As [`run`].
pub fn step(
    graph: &Graph,
    variables: impl Fn(&str) -> Option<Array>,
    inputs: &[Array],
) -> Result<(Vec<Array>, Assigned), CpuError> {
    check_inputs(graph, inputs)?;
    // What can be read now, by the value's index.
    let mut slots: Vec<Option<Cow<Array>>> = vec![None; graph.values().len()];
    for (id, input) in graph.inputs().iter().zip(inputs) {
        slots[id.index()] = Some(Cow::Borrowed(input));
    }
    let last_uses = last_uses(graph);
    let mut assigned = Vec::new();
    for (index, node) in graph.nodes().iter().enumerate() {
        for &id in &node.inputs {
            load(&mut slots[id.index()], graph.value(id), &variables)?;
        }
        let is_last = |id: &ValueId| last_uses[id.index()] == Some(index);
        let output = match (&node.op, node.inputs.as_slice()) {
            // Nothing moves where nobody else reads the elements.
            (Op::Reshape(op), [x]) if is_last(x) => {
                let x = slots[x.index()].take().map(Cow::into_owned).unwrap_or_default();
                Array { shape: op.shape.clone(), data: x.data }
            }
            (op, ids) => {
                let inputs: Vec<&Array> = ids.iter().filter_map(|id| slots[id.index()].as_deref()).collect();
                value(op, &inputs)?
            }
        };
        if let Op::Assign(_) = node.op {
            let variable = graph.value(plan::storage(graph, node.output));
            assigned.push((variable.name.clone(), output.clone()));
        }
        for id in node.inputs.iter().filter(|id| is_last(id)) {
            slots[id.index()] = None;
        }
        slots[node.output.index()] = Some(Cow::Owned(output));
    }
    let outputs = graph.outputs().iter().map(|&(_, id)| {
        load(&mut slots[id.index()], graph.value(id), &variables)?;
        Ok(slots[id.index()].as_deref().cloned().unwrap_or_default())
    });
    let outputs: Result<Vec<Array>, CpuError> = outputs.collect();
    Ok((outputs?, assigned))
}

fn check_inputs(graph: &Graph, inputs: &[Array]) -> Result<(), CpuError> {
    let wanted = graph.inputs();
    if wanted.len() != inputs.len() {
        return Err(CpuError::InputCount { wanted: wanted.len(), got: inputs.len() });
    }
    for (&id, input) in wanted.iter().zip(inputs) {
        let Value { name, shape, .. } = graph.value(id);
        if *shape != input.shape || input.data.len() != input.shape.iter().product() {
            let (name, wanted, got) = (name.clone(), shape.clone(), input.shape.clone());
            return Err(CpuError::InputShape { name, wanted, got });
        }
    }
    Ok(())
}

/// Fills the slot of a variable or constant that is about to be read.
fn load(slot: &mut Option<Cow<Array>>, value: &Value, weights: impl Fn(&str) -> Option<Array>) -> Result<(), CpuError> {
    if slot.is_some() {
        return Ok(());
    }
    match &value.source {
        Source::Input | Source::Node(_) => {}
        Source::Constant(tensor) => *slot = Some(Cow::Owned(Array::from(tensor.as_ref()))),
        Source::Variable => {
            let (path, wanted) = (value.name.clone(), value.shape.clone());
            match weights(&value.name) {
                None => return Err(CpuError::MissingWeight { path, shape: wanted }),
                Some(array) if array.shape != value.shape => {
                    return Err(CpuError::WeightShape { path, wanted, got: array.shape });
                }
                Some(array) => *slot = Some(Cow::Owned(array)),
            }
        }
    }
    Ok(())
}

/// For each value the node that reads it last; `None` for outputs, which live on.
fn last_uses(graph: &Graph) -> Vec<Option<usize>> {
    let mut uses = vec![None; graph.values().len()];
    for (index, node) in graph.nodes().iter().enumerate() {
        node.inputs.iter().for_each(|id| uses[id.index()] = Some(index));
    }
    graph.outputs().iter().for_each(|(_, id)| uses[id.index()] = None);
    uses
}
