//! Where a layer's maps speak for a class (Selvaraju et al., Grad-CAM, ICCV 2017, arXiv 1610.02391).

use cnn_core::op::{Binary, BinaryOp, Function, Reduce, ReduceKind, Unary};
use cnn_core::{DType, Graph, Layer, Mode, Model, Op, ShapeError, Tensor, ValueId};
use cnn_train::{differentiate, one_hot};

use super::{ExplainError, no_such_class};
use crate::backend::Program;
use crate::error::Error;
use crate::runner::Runner;

/// The nodes of the map, and the name of the input that says which class of which picture is asked for.
const NAME: &str = "grad_cam";

/// The class activation map of a layer: its channels, each weighted by the mean over all places of the gradient of the
/// class's score before softmax or sigmoid, added up, and what speaks against the class set to 0.
///
/// It is a program for pictures of one shape, made once; see the module for an example.
#[derive(Debug)]
pub struct GradCam {
    layer: String,
    graph: Graph,
    program: Program,
}

impl GradCam {
    /// For pictures of that shape, `[batch, height, width, channels]`, as the network takes them. `layer` is a path
    /// (`inception_v3/mixed10`); without one it is the last layer that has more than one place and is no pooling.
    /// Computes in float32, whatever the runner stores.
    ///
    /// # Errors
    /// If there is no such layer or it has no places, the network is no classifier, a layer behind it has no gradient, or the
    /// device cannot hold the program.
    pub async fn new(runner: &Runner, layer: Option<&str>, input_shape: &[usize]) -> Result<Self, Error> {
        let (graph, layer) = Self::graph(runner.network().model(), layer, input_shape)?;
        let program = runner.backend().program(runner.device().plan(&graph, DType::F32)).await?;
        Ok(Self { layer, graph, program })
    }

    /// [`GradCam::new`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`GradCam::new`].
    pub fn new_blocking(runner: &Runner, layer: Option<&str>, input_shape: &[usize]) -> Result<Self, Error> {
        pollster::block_on(Self::new(runner, layer, input_shape))
    }

    /// The layer that is looked at.
    pub fn layer(&self) -> &str {
        &self.layer
    }

    /// The maps of `pictures`, each for its class, `[batch, height, width, 1]` in the layer's height and width: 0 where
    /// nothing speaks for the class.
    ///
    /// # Errors
    /// If pictures have another shape, there is not one class for each, or no such class, or the device is lost.
    pub async fn maps(&self, pictures: &Tensor, classes: &[usize]) -> Result<Tensor, Error> {
        let [picture, chosen] = [0, 1].map(|input| self.graph.value(self.graph.inputs()[input]).shape.as_slice());
        if pictures.shape() != picture || classes.len() != chosen[0] {
            let wanted = format!("expects pictures {picture:?} and a class for each, got {} classes", classes.len());
            return Err(ShapeError::new(NAME, wanted, &[pictures.shape()]).into());
        }
        let signs = || classes.iter().map(|&class| super::score(&[1.0], class)).collect::<Option<Vec<f32>>>();
        let picked = match chosen[1] {
            1 => signs().map(|signs| Tensor::new(chosen.to_vec(), signs)).transpose()?,
            outputs => one_hot(classes, outputs),
        };
        let chosen = picked.ok_or_else(|| no_such_class(classes, chosen[1]))?;
        let mut outputs = self.program.run(&[pictures, &chosen]).await?;
        Ok(outputs.remove(0))
    }

    /// [`GradCam::maps`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`GradCam::maps`].
    pub fn maps_blocking(&self, pictures: &Tensor, classes: &[usize]) -> Result<Tensor, Error> {
        pollster::block_on(self.maps(pictures, classes))
    }

    /// The graph that makes the maps, and the layer's path. It takes pictures and their classes, one-hot,
    /// `[batch, classes]`, or of one output 1 and -1; see [`GradCam::new`].
    ///
    /// # Errors
    /// As [`GradCam::new`], but for the device's.
    pub fn graph(model: &Model, layer: Option<&str>, input_shape: &[usize]) -> Result<(Graph, String), Error> {
        let mut paths = Vec::new();
        match layer {
            Some(layer) => paths.push(layer.to_string()),
            None => collect_layers(model, "", &mut paths),
        }
        let taps: Vec<&str> = paths.iter().map(String::as_str).collect();
        let lowered = model.lower(&[input_shape.to_vec()], Mode::Inference, &taps)?;
        let (outputs, tapped) = lowered.outputs().split_at(model.outputs().len());
        let shapes: Vec<Vec<usize>> = outputs.iter().map(|(_, x)| lowered.value(*x).shape.clone()).collect();
        let &[(_, prediction)] = outputs else {
            return Err(ExplainError::NoClassifier { model: model.name().into(), shapes }.into());
        };
        if shapes[0].len() != 2 {
            return Err(ExplainError::NoClassifier { model: model.name().into(), shapes }.into());
        }
        let score = score(&lowered, prediction);
        let (path, activation) = match (layer, tapped) {
            (Some(_), [(path, value)]) => (path.clone(), *value),
            _ => {
                last_with_places(&lowered, tapped, score).ok_or(ExplainError::NoLayer { model: model.name().into() })?
            }
        };
        let shape = &lowered.value(activation).shape;
        if shape.len() != 4 {
            return Err(ExplainError::NoPlaces { layer: path, shape: shape.clone() }.into());
        }
        let mut graph = lowered.without_outputs();
        let not_on_the_way = || ExplainError::NotOnTheWay { model: model.name().into(), layer: path.clone() };
        let map = map(&mut graph, score, activation)?.ok_or_else(not_on_the_way)?;
        graph.output(NAME, map);
        Ok((graph, path))
    }
}

/// The paths of all layers that are no inputs, poolings or models.
fn collect_layers(model: &Model, prefix: &str, paths: &mut Vec<String>) {
    for layer in model.layers() {
        let path = format!("{prefix}{}", layer.name());
        match layer.layer() {
            Layer::InputLayer(_) | Layer::MaxPooling2D(_) | Layer::AveragePooling2D(_) => {}
            Layer::Model(model) => collect_layers(model, &format!("{path}/"), paths),
            _ => paths.push(path),
        }
    }
}

/// The activation that is made last of those that have more than one place and lead to the score; of layers that hand one on
/// as it is, the first.
fn last_with_places(graph: &Graph, tapped: &[(String, ValueId)], score: ValueId) -> Option<(String, ValueId)> {
    let mut leads = vec![false; graph.values().len()];
    leads[score.index()] = true;
    for node in graph.nodes().iter().rev().filter(|node| node.output <= score) {
        if leads[node.output.index()] {
            node.inputs.iter().for_each(|input| leads[input.index()] = true);
        }
    }
    let has_places = |value: ValueId| matches!(graph.value(value).shape[..], [_, h, w, _] if h * w > 1);
    let fitting = tapped.iter().rev().filter(|(_, value)| leads[value.index()] && has_places(*value));
    fitting.max_by_key(|(_, value)| *value).cloned()
}

/// The scores before the softmax or sigmoid that makes them probabilities.
fn score(graph: &Graph, prediction: ValueId) -> ValueId {
    match graph.made_by(prediction) {
        Some(node) if matches!(node.op, Op::Softmax(_) | Op::Unary(Unary { function: Function::Sigmoid })) => {
            node.inputs[0]
        }
        _ => prediction,
    }
}

/// Appends the map of `activation`; `None` if `score` does not depend on it.
fn map(graph: &mut Graph, score: ValueId, activation: ValueId) -> Result<Option<ValueId>, Error> {
    let classes = graph.value(score).shape.clone();
    let chosen = graph.input(NAME, classes);
    let multiply = Op::Binary(Binary::new(BinaryOp::Multiply));
    let reduce = |kind, axes| Op::Reduce(Reduce { kind, axes });
    // Examples do not depend on each other in inference, so the sum's gradient is that of each.
    let score = graph.push(NAME, multiply.clone(), &[score, chosen])?;
    let score = graph.push(NAME, reduce(ReduceKind::Sum, 0..2), &[score])?;
    let Some(gradient) = differentiate(graph, score, &[activation]).map_err(ExplainError::from)?[0] else {
        return Ok(None);
    };
    let weights = graph.push(NAME, reduce(ReduceKind::Mean, 1..3), &[gradient])?;
    let weighted = graph.push(NAME, multiply, &[activation, weights])?;
    let sum = graph.push(NAME, reduce(ReduceKind::Sum, 3..4), &[weighted])?;
    Ok(Some(graph.push(NAME, Op::Unary(Unary { function: Function::RELU }), &[sum])?))
}
