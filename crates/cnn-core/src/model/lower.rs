//! From layers to a graph.

use std::collections::HashMap;

use super::{Model, TensorRef};
use crate::error::{ModelError, ShapeError};
use crate::graph::{Graph, ValueId};
use crate::layers::{Layer, Lowering, Mode, SymbolicShape};

impl Model {
    /// The graph for inputs of these shapes, batch included: plain ops, none fused.
    ///
    /// Its inputs are named by the input layers, its outputs by the layers that make them. `taps` are layers by path
    /// (`inception_v3/mixed3`) whose first call's output becomes one more output each, behind the model's own.
    ///
    /// ```
    /// use cnn_core::layers::{Activation, Conv2D, Mode};
    /// use cnn_core::Sequential;
    /// let model = Sequential::new("m")
    ///     .input([4, 4, 1])?
    ///     .add(Conv2D::new(2, 3).activation(Activation::Relu))?
    ///     .model()?;
    /// let graph = model.lower(&[vec![5, 4, 4, 1]], Mode::Inference, &[])?;
    /// let ops: Vec<&str> = graph.nodes().iter().map(|node| node.op.name()).collect();
    /// assert_eq!(ops, ["Conv2D", "Binary", "Unary"]);
    /// assert_eq!(graph.value(graph.outputs()[0].1).shape, [5, 2, 2, 2]);
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If the shapes do not fit the input layers, a layer refuses what it gets, or a tap is not in the model.
    pub fn lower(&self, input_shapes: &[Vec<usize>], mode: Mode, taps: &[&str]) -> Result<Graph, ModelError> {
        let mut graph = Graph::new();
        let inputs = self.graph_inputs(&mut graph, input_shapes)?;
        let values = self.lower_behind(&mut graph, &inputs, mode, taps)?;
        let made_by = self.outputs.iter().map(|x| self.layers[x.layer].name.as_str());
        for (name, value) in made_by.chain(taps.iter().copied()).zip(values) {
            graph.output(name, value);
        }
        Ok(graph)
    }

    /// Gives a graph the model's inputs, named by the input layers, for ops ahead of the model ([`Model::lower_behind`]).
    ///
    /// # Errors
    /// If the shapes are more or fewer than the model's inputs.
    pub fn graph_inputs(&self, graph: &mut Graph, shapes: &[Vec<usize>]) -> Result<Vec<ValueId>, ShapeError> {
        if shapes.len() != self.inputs.len() {
            self.check_inputs(&symbolic(shapes))?;
        }
        let named = self.inputs.iter().zip(shapes);
        Ok(named.map(|(x, shape)| graph.input(self.layers[x.layer].name.clone(), shape.clone())).collect())
    }

    /// Appends the model's ops behind values that a graph has; the values of its outputs, and then of `taps`.
    ///
    /// ```
    /// use cnn_core::layers::{Dense, Mode};
    /// use cnn_core::{Graph, Sequential};
    /// let model = Sequential::new("m").input([4])?.add(Dense::new(3))?.model()?;
    /// let mut graph = Graph::new();
    /// let inputs = model.graph_inputs(&mut graph, &[vec![8, 4]])?;
    /// let outputs = model.lower_behind(&mut graph, &inputs, Mode::Training, &[])?;
    /// assert_eq!(graph.value(outputs[0]).shape, [8, 3]);
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::lower`].
    pub fn lower_behind(
        &self,
        graph: &mut Graph,
        inputs: &[ValueId],
        mode: Mode,
        taps: &[&str],
    ) -> Result<Vec<ValueId>, ModelError> {
        // Refuses what the layers would refuse, under their names, before any op is made.
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|&x| graph.value(x).shape.clone()).collect();
        self.output_shapes_for(&symbolic(&shapes))?;
        let mut tapped: Vec<(String, Option<ValueId>)> = taps.iter().map(|tap| (tap.to_string(), None)).collect();
        let outside = Lowering::new(graph, mode, String::new(), &mut tapped);
        let mut lowering = Lowering { trainable: self.trainable, ..outside };
        let mut values = self.lower_layers(&mut lowering, inputs)?;
        for (path, value) in tapped {
            values.push(value.ok_or_else(|| self.unknown_layer(&path))?);
        }
        Ok(values)
    }

    /// Adds the ops of a model that is a layer of another; `cx.path` is its own path.
    pub(crate) fn lower_nested(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<Vec<ValueId>, ShapeError> {
        self.lower_layers(cx, inputs)
    }

    fn lower_layers(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<Vec<ValueId>, ShapeError> {
        let mut values: HashMap<TensorRef, ValueId> = self.inputs.iter().copied().zip(inputs.iter().copied()).collect();
        for &(index, call) in &self.order {
            let layer = &self.layers[index];
            let path = if cx.path.is_empty() { layer.name.clone() } else { format!("{}/{}", cx.path, layer.name) };
            let taken: Vec<ValueId> = match &layer.layer {
                Layer::InputLayer(_) => {
                    values.get(&TensorRef { layer: index, call, tensor: 0 }).copied().into_iter().collect()
                }
                _ => layer.calls[call].inputs.iter().filter_map(|x| values.get(x).copied()).collect(),
            };
            let mode = cx.mode_of(layer.calls[call].training);
            let mut inner = Lowering {
                graph: &mut *cx.graph,
                mode,
                graph_mode: cx.graph_mode,
                path,
                weights: &layer.weights,
                trainable: layer.trainable(),
                taps: &mut *cx.taps,
            };
            let made = layer.layer.lower(&mut inner, &taken)?;
            debug_assert!(agrees(layer, &inner, &taken, &made), "{}: shapes of layer and ops differ", inner.path);
            for (path, value) in inner.taps.iter_mut() {
                if *path == inner.path && value.is_none() {
                    *value = made.first().copied();
                }
            }
            for (tensor, value) in made.into_iter().enumerate() {
                values.insert(TensorRef { layer: index, call, tensor }, value);
            }
        }
        Ok(self.outputs.iter().filter_map(|x| values.get(x).copied()).collect())
    }
}

fn symbolic(shapes: &[Vec<usize>]) -> Vec<SymbolicShape> {
    shapes.iter().map(|shape| shape.iter().copied().map(Some).collect()).collect()
}

/// Whether the ops make the shapes that the layer has said.
fn agrees(layer: &super::ModelLayer, cx: &Lowering<'_>, taken: &[ValueId], made: &[ValueId]) -> bool {
    if let Layer::InputLayer(_) = layer.layer {
        return true;
    }
    let symbolic = |values: &[ValueId]| -> Vec<SymbolicShape> {
        values.iter().map(|&value| cx.shape(value).into_iter().map(Some).collect()).collect()
    };
    layer.layer.output_shapes(&symbolic(taken)).is_ok_and(|shapes| shapes == symbolic(made))
}
