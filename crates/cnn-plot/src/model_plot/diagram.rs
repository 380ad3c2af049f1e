//! Which boxes and arrows a model has.

use std::collections::{BTreeSet, HashMap};

use cnn_core::layers::SymbolicShape;
use cnn_core::model::{Call, ModelLayer};
use cnn_core::{Layer, Model, TensorRef, summary};

use super::ModelPlot;
use crate::error::PlotError;

/// The most boxes: arranging takes time by the square of their number.
const MAX_NODES: usize = 4096;

/// Boxes, frames around them, and arrows.
pub struct Diagram {
    /// A frame comes before what is in it.
    pub nodes: Vec<Node>,
    /// From where to where, among the nodes that are boxes.
    pub edges: BTreeSet<(usize, usize)>,
}

/// A box or a frame.
pub struct Node {
    /// The layer's path.
    pub path: String,
    /// The frame that it stands in.
    pub parent: Option<usize>,
    /// What is written at its top.
    pub title: String,
    /// What is written in it; `None` for a frame.
    pub rows: Option<Vec<Row>>,
}

/// A line of a box.
pub struct Row {
    /// What it tells.
    pub name: &'static str,
    pub text: String,
    /// Whether this is good (trainable) or bad news; `None` for neither.
    pub mark: Option<bool>,
}

impl Diagram {
    pub fn new(model: &Model, options: &ModelPlot) -> Result<Self, PlotError> {
        let mut builder =
            Builder { options, diagram: Self { nodes: Vec::new(), edges: BTreeSet::new() }, inside: HashMap::new() };
        let nodes = builder.add_layers(model, None)?;
        builder.add_edges(model, &nodes);
        Ok(builder.diagram)
    }
}

/// The node of each layer of a model; none for a hidden input layer.
type Nodes = Vec<Option<usize>>;

struct Builder<'a> {
    options: &'a ModelPlot,
    diagram: Diagram,
    /// What is in each frame.
    inside: HashMap<usize, Nodes>,
}

impl Builder<'_> {
    fn add_layers(&mut self, model: &Model, parent: Option<usize>) -> Result<Nodes, PlotError> {
        let mut nodes = vec![None; model.layers().len()];
        let shown: BTreeSet<&str> = model.shown_layers().map(ModelLayer::name).collect();
        for (layer, node) in model.layers().iter().zip(&mut nodes) {
            if !shown.contains(layer.name()) {
                continue;
            }
            let index = self.diagram.nodes.len();
            if index >= MAX_NODES {
                return Err(PlotError::TooManyLayers { limit: MAX_NODES });
            }
            *node = Some(index);
            // A frame around nothing would be lost.
            let framed =
                layer.nested().filter(|model| self.options.expand_nested && model.shown_layers().next().is_some());
            let path = match parent {
                Some(parent) => format!("{}/{}", self.diagram.nodes[parent].path, layer.name()),
                None => layer.name().to_string(),
            };
            let rows = if framed.is_some() { None } else { Some(self.rows(model, layer)) };
            self.diagram.nodes.push(Node { path, parent, title: self.title(layer), rows });
            if let Some(nested) = framed {
                let nodes = self.add_layers(nested, Some(index))?;
                self.add_edges(nested, &nodes);
                self.inside.insert(index, nodes);
            }
        }
        Ok(nodes)
    }

    fn title(&self, layer: &ModelLayer) -> String {
        let class = layer.layer().class_name();
        if self.options.show_layer_names { format!("{} ({class})", layer.name()) } else { class.to_string() }
    }

    fn rows(&self, model: &Model, layer: &ModelLayer) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Some(activation) = layer.layer().activation().filter(|_| self.options.show_layer_activations) {
            rows.push(Row { name: "activation", text: activation.keras_name().into(), mark: None });
        }
        if self.options.show_shapes {
            let mut add = |name: &'static str, shapes: Vec<Vec<SymbolicShape>>| {
                for (index, text) in lines(&shapes).into_iter().enumerate() {
                    rows.push(Row { name: if index == 0 { name } else { "" }, text, mark: None });
                }
            };
            let taken = |call: &Call| call.inputs.iter().map(|&x| model.shape(x).clone()).collect();
            if !matches!(layer.layer(), Layer::InputLayer(_)) {
                add("input", layer.calls().iter().map(taken).collect());
            }
            add("output", layer.calls().iter().map(|call| call.output_shapes.clone()).collect());
        }
        let weights = !layer.weights().is_empty() || layer.nested().is_some_and(|model| !model.weights().is_empty());
        if self.options.show_trainable && weights {
            let (text, mark) = if layer.trainable() { ("yes", Some(true)) } else { ("no", Some(false)) };
            rows.push(Row { name: "trainable", text: text.into(), mark });
        }
        rows
    }

    /// The arrows between the layers of a model, whose nodes are there.
    fn add_edges(&mut self, model: &Model, nodes: &Nodes) {
        for (layer, node) in model.layers().iter().zip(nodes) {
            let Some(node) = *node else { continue };
            for call in layer.calls() {
                for (position, &x) in call.inputs.iter().enumerate() {
                    let from = self.source(model, nodes, x);
                    let to = self.destination(layer, node, position);
                    if let Some(from) = from {
                        self.diagram.edges.insert((from, to));
                    }
                }
            }
        }
    }

    /// The box that makes `x`: of a framed model, the one inside it that does; none for a hidden input layer.
    fn source(&self, model: &Model, nodes: &Nodes, x: TensorRef) -> Option<usize> {
        let node = nodes[x.layer]?;
        match (self.inside.get(&node), model.layers()[x.layer].nested()) {
            (Some(inside), Some(nested)) => self.source(nested, inside, *nested.outputs().get(x.tensor)?),
            _ => Some(node),
        }
    }

    /// The box that takes the input at `position`: of a framed model, its input layer, or where that is hidden the first
    /// layer.
    fn destination(&self, layer: &ModelLayer, node: usize, position: usize) -> usize {
        let (Some(inside), Some(nested)) = (self.inside.get(&node), layer.nested()) else { return node };
        if let Some(input) = nested.inputs().get(position).and_then(|x| inside[x.layer]) {
            return input;
        }
        let first = nested.layers().iter().zip(inside).find_map(|(layer, node)| Some((layer, (*node)?)));
        first.map_or(node, |(layer, node)| self.destination(layer, node, position))
    }
}

/// The shapes of each call, each call's once, a line for each; between calls stands "or".
fn lines(calls: &[Vec<SymbolicShape>]) -> Vec<String> {
    let mut different: Vec<&Vec<SymbolicShape>> = Vec::new();
    for call in calls {
        if !different.contains(&call) {
            different.push(call);
        }
    }
    let mut lines = Vec::new();
    for (index, shapes) in different.into_iter().enumerate() {
        for (position, shape) in shapes.iter().enumerate() {
            let between = if index > 0 && position == 0 { "or " } else { "" };
            lines.push(format!("{between}{}", summary::show(shape)));
        }
    }
    lines
}
