//! Whether every step of a whole model is right: each node, given the inputs that the backend itself made, stays inside
//! its bound. A bound from the first input to the last output would mean nothing, since worst cases multiply.

use cnn_core::{Graph, Source, Tensor, ValueId, Weights};
use cnn_cpu::reference::{Array, evaluate};

/// How one node went.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The layer and the op.
    pub name: String,
    /// The largest error of an element, of its bound.
    pub ratio: f64,
    /// The element where that is, what it is and what it should be.
    pub worst: String,
}

/// `graph` with the output of every node as one more output, behind its own, in the order of the nodes.
pub fn with_all_outputs(graph: &Graph) -> Graph {
    let mut all = graph.clone();
    for node in graph.nodes() {
        all.output(format!("{} ({})", node.name, node.op.name()), node.output);
    }
    all
}

/// Runs `graph` with every node's output as an output, and holds each node against the reference, which is given the
/// inputs that the backend itself made.
///
/// `run` runs a graph on `inputs` with `weights` and returns its outputs; those of float16 values widened.
///
/// # Errors
/// If the backend fails or gives an output of another shape.
pub fn steps(
    graph: &Graph,
    weights: &Weights,
    inputs: &[Tensor],
    run: impl FnOnce(&Graph) -> Result<Vec<Tensor>, String>,
) -> Result<Vec<Step>, String> {
    let all = with_all_outputs(graph);
    let outputs = run(&all)?;
    let own = graph.outputs().len();
    if outputs.len() != own + graph.nodes().len() {
        return Err(format!("{} outputs instead of {}", outputs.len(), own + graph.nodes().len()));
    }
    let mut made: Vec<Option<&Tensor>> = vec![None; graph.values().len()];
    for (id, input) in graph.inputs().iter().zip(inputs) {
        made[id.index()] = Some(input);
    }
    for (node, output) in graph.nodes().iter().zip(&outputs[own..]) {
        made[node.output.index()] = Some(output);
    }
    let array = |id: ValueId| -> Result<Array, String> {
        let value = graph.value(id);
        let tensor = match &value.source {
            Source::Constant(tensor) => Some(tensor.as_ref()),
            Source::Variable => weights.get(&value.name).map(|tensor| tensor.as_ref()),
            Source::Input | Source::Node(_) => made[id.index()],
        };
        let tensor = tensor.ok_or_else(|| format!("{}: no value", value.name))?;
        if tensor.shape() != value.shape {
            return Err(format!("{}: shape {:?} instead of {:?}", value.name, tensor.shape(), value.shape));
        }
        Ok(Array::from(tensor))
    };
    let step = |(node, output): (&cnn_core::Node, &Tensor)| {
        let inputs = node.inputs.iter().map(|&id| array(id)).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<&Array> = inputs.iter().collect();
        let dtype = graph.value(node.output).dtype;
        let wanted = evaluate(&node.op, &inputs, dtype).map_err(|error| error.to_string())?;
        let name = format!("{} ({})", node.name, node.op.name());
        if output.shape() != wanted.value.shape {
            return Err(format!("{name}: shape {:?} instead of {:?}", output.shape(), wanted.value.shape));
        }
        let Some(worst) = wanted.worst(output.data()) else {
            return Ok(Step { name, ratio: 0.0, worst: "no elements".into() });
        };
        let i = worst.index;
        let (got, exact, bound) = (output.data()[i], wanted.value.data[i], wanted.bound.data[i]);
        let worst_element = format!("element {i}: got {got:e}, wanted {exact:e} within {bound:.1e}");
        Ok(Step { name, ratio: worst.ratio, worst: worst_element })
    };
    graph.nodes().iter().zip(&outputs[own..]).map(step).collect()
}

/// [`steps`], and the largest ratio of them all.
///
/// # Errors
/// As [`steps`], and if a step is outside its bound; the message lists those.
pub fn check_steps(
    graph: &Graph,
    weights: &Weights,
    inputs: &[Tensor],
    run: impl FnOnce(&Graph) -> Result<Vec<Tensor>, String>,
) -> Result<f64, String> {
    let steps = steps(graph, weights, inputs, run)?;
    let outside = |step: &&Step| step.ratio > 1.0 || step.ratio.is_nan();
    let wrong: Vec<String> = steps
        .iter()
        .filter(outside)
        .map(|step| format!("{}: {:.3} times its bound; {}", step.name, step.ratio, step.worst))
        .collect();
    if wrong.is_empty() {
        Ok(steps.iter().map(|step| step.ratio).fold(0.0, f64::max))
    } else {
        Err(format!("{} of {} steps are outside their bounds:\n{}", wrong.len(), steps.len(), wrong.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cnn_core::layers::{Activation, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D};
    use cnn_core::{DType, Mode, Sequential, Simplify, simplify};

    use super::*;
    use crate::recipe;

    /// A small network, simplified, with weights and a picture.
    fn network(storage: DType) -> (Graph, Weights, Vec<Tensor>) {
        let model = Sequential::new("m")
            .input([9, 9, 3])
            .and_then(|m| m.add(Conv2D::new(8, 3).name("conv")))
            .and_then(|m| m.add(BatchNormalization::new().name("bn")))
            .and_then(|m| m.add(Activation::Silu))
            .and_then(|m| m.add(GlobalAveragePooling2D::new()))
            .and_then(|m| m.add(Dense::new(5).activation(Activation::Softmax).name("dense")))
            .and_then(Sequential::model)
            .unwrap();
        let weight = |path: &str, shape: &[usize]| {
            let (lo, hi) = recipe::range(path.rsplit('/').next().unwrap_or(path), shape, false);
            Arc::new(recipe::uniform(path, shape, lo, hi))
        };
        let weights = model.weights().into_iter().map(|w| (w.path.clone(), weight(&w.path, &w.shape))).collect();
        let graph = model.lower(&[vec![1, 9, 9, 3]], Mode::Inference, &[]).unwrap();
        let graph = simplify(&graph, &Simplify { weight_limit: None, storage });
        (graph, weights, vec![recipe::uniform("steps", &[1, 9, 9, 3], -1.0, 1.0)])
    }

    /// Each node by the reference, rounded to its element type; `fault` then changes what the node of that name made.
    fn rounded(
        graph: &Graph,
        weights: &Weights,
        inputs: &[Tensor],
        fault: &dyn Fn(&str, &mut Tensor),
    ) -> Result<Vec<Tensor>, String> {
        let mut made: Vec<Option<Tensor>> = vec![None; graph.values().len()];
        for (id, input) in graph.inputs().iter().zip(inputs) {
            made[id.index()] = Some(input.clone());
        }
        for id in graph.value_ids() {
            let value = graph.value(id);
            let tensor = match &value.source {
                Source::Input => continue,
                Source::Constant(tensor) => tensor.as_ref().clone(),
                Source::Variable => weights.get(&value.name).unwrap().as_ref().clone(),
                Source::Node(node) => {
                    let node = &graph.nodes()[node.index()];
                    let inputs: Vec<Array> =
                        node.inputs.iter().map(|id| Array::from(made[id.index()].as_ref().unwrap())).collect();
                    let output = cnn_cpu::reference::value(&node.op, &inputs.iter().collect::<Vec<_>>()).unwrap();
                    let mut tensor = Tensor::from_fn(output.shape, |i| match value.dtype {
                        DType::F32 => output.data[i] as f32,
                        DType::F16 => half::f16::from_f64(output.data[i]).to_f32(),
                    });
                    fault(&node.name, &mut tensor);
                    tensor
                }
            };
            made[id.index()] = Some(tensor);
        }
        Ok(graph.outputs().iter().map(|(_, id)| made[id.index()].clone().unwrap()).collect())
    }

    #[test]
    fn what_is_right_passes() {
        for storage in [DType::F32, DType::F16] {
            let (graph, weights, inputs) = network(storage);
            let run = |graph: &Graph| rounded(graph, &weights, &inputs, &|_, _| ());
            let worst = check_steps(&graph, &weights, &inputs, run).unwrap();
            assert!(worst > 0.0 && worst <= 1.0, "{worst}");
        }
    }

    #[test]
    fn the_step_at_fault_is_named_and_no_other() {
        for (storage, fault) in [(DType::F32, 1.00001), (DType::F16, 1.01)] {
            let (graph, weights, inputs) = network(storage);
            let last = |name: &str, tensor: &mut Tensor| {
                if name == "dense" {
                    tensor.data_mut().iter_mut().for_each(|x| *x *= fault);
                }
            };
            let error = check_steps(&graph, &weights, &inputs, |graph| rounded(graph, &weights, &inputs, &last));
            let error = error.unwrap_err();
            assert!(error.contains("dense (Softmax)") && !error.contains("conv"), "{error}");
        }
        let (graph, weights, inputs) = network(DType::F32);
        let short = check_steps(&graph, &weights, &inputs, |_| Ok(Vec::new())).unwrap_err();
        assert!(short.contains("0 outputs instead of"), "{short}");
    }
}
