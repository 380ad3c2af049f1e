//! Weights for every model of the zoo: the recipe's ranges, some of them scaled, so that the logits of any depth are of use.
//!
//! With statistics near 0 and 1 a deep network blows up or dies. So, layer by layer, the variance of each BatchNormalization
//! is scaled by the power of 4 that brings its output near a mean square of 1, and the classifier's kernel by the power of 2
//! that brings the logits near a deviation of 2, as `vectors/README.md` tells of the models there.

use std::collections::HashMap;
use std::sync::Arc;

use cnn_core::layers::Layer;
use cnn_core::model::Weight;
use cnn_core::{Graph, Mode, Model, Op, Source, Tensor, ValueId, Weights};
use cnn_cpu::fast::evaluate;

use crate::recipe;

/// Weights for `model`, which ends in logits, scaled for `picture`.
///
/// # Errors
/// If the model cannot take the picture.
pub fn scaled_weights(model: &Model, picture: &Tensor) -> Result<Weights, String> {
    let graph = model.lower(&[picture.shape().to_vec()], Mode::Inference, &[]).map_err(|error| error.to_string())?;
    let specs = model.weights();
    let mut tensors: HashMap<String, Arc<Tensor>> =
        specs.iter().map(|weight| (weight.path.clone(), Arc::new(tensor(model, weight, 1.0)))).collect();
    let logits = run(&graph, picture, &mut tensors, |path, scale| {
        let variance = specs.iter().find(|weight| weight.path == path)?;
        Some(tensor(model, variance, scale))
    })?;
    let classifier = specs.iter().rfind(|weight| weight.name == "kernel").ok_or("a model without a classifier")?;
    let scale = (2.0 / deviation(&logits)).log2().round().exp2();
    tensors.insert(classifier.path.clone(), Arc::new(tensor(model, classifier, scale)));
    Ok(tensors.into_iter().collect())
}

/// The recipe's tensor, its range scaled.
fn tensor(model: &Model, weight: &Weight, scale: f64) -> Tensor {
    let layer = model.layer(&weight.layer).map(|layer| layer.layer());
    let depthwise = match layer {
        Some(Layer::DepthwiseConv2D(_)) => true,
        _ => weight.name == "depthwise_kernel",
    };
    let (lo, hi) = match layer {
        Some(Layer::LayerScale(_)) => (0.1, 0.3),
        _ => recipe::range(weight.name, &weight.shape, depthwise),
    };
    recipe::uniform(&weight.path, &weight.shape, lo * scale, hi * scale)
}

/// The graph's output, node after node; `scaled` gives a BatchNormalization's variance by its path and scale.
fn run(
    graph: &Graph,
    picture: &Tensor,
    tensors: &mut HashMap<String, Arc<Tensor>>,
    scaled: impl Fn(&str, f64) -> Option<Tensor>,
) -> Result<Tensor, String> {
    let mut last_use: HashMap<ValueId, usize> = HashMap::new();
    for (index, node) in graph.nodes().iter().enumerate() {
        last_use.extend(node.inputs.iter().map(|&id| (id, index)));
    }
    let mut made: HashMap<ValueId, Arc<Tensor>> =
        graph.inputs().iter().map(|&id| (id, Arc::new(picture.clone()))).collect();
    for (index, node) in graph.nodes().iter().enumerate() {
        if let (Op::BatchNorm(_), &[x, _, _, mean, variance]) = (&node.op, node.inputs.as_slice()) {
            let scale = mean_square(&made[&x], &tensors[&graph.value(mean).name]).log(4.0).round();
            let path = &graph.value(variance).name;
            let variance = scaled(path, 4f64.powf(scale)).ok_or_else(|| format!("no weight {path}"))?;
            tensors.insert(path.clone(), Arc::new(variance));
        }
        let value = |id: &ValueId| match &graph.value(*id).source {
            Source::Constant(tensor) => tensor.clone(),
            Source::Variable => tensors[&graph.value(*id).name].clone(),
            Source::Input | Source::Node(_) => made[id].clone(),
        };
        let inputs: Vec<Arc<Tensor>> = node.inputs.iter().map(value).collect();
        let inputs: Vec<&Tensor> = inputs.iter().map(Arc::as_ref).collect();
        let output = evaluate(&node.op, &inputs).map_err(|error| error.to_string())?;
        made.insert(node.output, Arc::new(output));
        made.retain(|id, _| last_use.get(id).is_none_or(|&last| last > index));
    }
    let output = graph.outputs().first().and_then(|(_, id)| made.get(id)).ok_or("a graph without an output")?;
    Ok(output.as_ref().clone())
}

/// Of the elements less their channel's mean.
fn mean_square(x: &Tensor, mean: &Tensor) -> f64 {
    let channels = mean.len();
    let square = |(i, &x): (usize, &f32)| f64::from(x - mean.data()[i % channels]).powi(2);
    x.data().iter().enumerate().map(square).sum::<f64>() / x.len() as f64
}

fn deviation(x: &Tensor) -> f64 {
    let n = x.len() as f64;
    let mean = x.data().iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    (x.data().iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt()
}
