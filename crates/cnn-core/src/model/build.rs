//! The two builders.

use std::collections::HashMap;
use std::sync::Arc;

use super::names::{self, Names};
use super::order::trace;
use super::{Call, Model, ModelKind, ModelLayer, TensorRef};
use crate::error::{ModelError, ShapeError};
use crate::layers::{InputLayer, IntoShape, Layer, Named, SymbolicShape};

/// Builds a model of any wiring.
///
/// ```
/// use cnn_core::Functional;
/// use cnn_core::layers::{Activation, Add, Conv2D, GlobalAveragePooling2D, Padding};
///
/// let mut f = Functional::new();
/// let image = f.input([None, None, Some(3)])?;
/// let x = f.call(Conv2D::new(8, 3).padding(Padding::Same), &[image])?;
/// let y = f.call(Conv2D::new(8, 1).name("shortcut"), &[image])?;
/// let sum = f.call(Add, &[x, y])?;
/// let output = f.call(GlobalAveragePooling2D::new(), &[sum])?;
/// assert_eq!(f.shape(output), &[None, Some(8)]);
/// let model = f.model("two_ways", &[image], &[output])?;
/// assert_eq!(model.layers()[1].name(), "conv2d");
/// # Ok::<(), cnn_core::ModelError>(())
/// ```
///
/// A layer of your own is a function over the builder:
///
/// ```
/// use cnn_core::layers::{Activation, BatchNormalization, Conv2D};
/// use cnn_core::{Functional, ModelError, TensorRef};
///
/// fn conv_bn(f: &mut Functional, x: TensorRef, filters: usize) -> Result<TensorRef, ModelError> {
///     let x = f.call(Conv2D::new(filters, 3).use_bias(false), &[x])?;
///     let x = f.call(BatchNormalization::new(), &[x])?;
///     f.call(Activation::Relu, &[x])
/// }
/// # let mut f = Functional::new();
/// # let x = f.input([8, 8, 3])?;
/// # conv_bn(&mut f, x, 4)?;
/// # Ok::<(), ModelError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Functional {
    layers: Vec<ModelLayer>,
    by_name: HashMap<String, usize>,
    names: Names,
}

impl Functional {
    /// A builder without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder that holds the layers of `model`, to go on from any of them: the [`TensorRef`]s of the model are valid
    /// here. The layers stay the same ones, under the same names and weight paths.
    pub fn extend(model: &Model) -> Self {
        let layers = model.layers.clone();
        let mut names = Names::default();
        for layer in &layers {
            names.skip(layer.layer.class_name(), &layer.name);
        }
        let by_name = layers.iter().enumerate().map(|(i, layer)| (layer.name.clone(), i)).collect();
        Self { layers, by_name, names }
    }

    /// Adds an input; `shape` is without the batch.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn input(&mut self, shape: impl IntoShape) -> Result<TensorRef, ModelError> {
        self.call(InputLayer::new(shape), &[])
    }

    /// Adds a layer and calls it.
    ///
    /// # Errors
    /// If the layer cannot take these inputs, or its name is taken.
    pub fn call(&mut self, layer: impl Into<Named>, inputs: &[TensorRef]) -> Result<TensorRef, ModelError> {
        let outputs = self.call_all(layer, inputs)?;
        self.only(&outputs)
    }

    /// Adds a layer, such as a nested model of several outputs, and calls it.
    ///
    /// # Errors
    /// If the layer cannot take these inputs, or its name is taken.
    pub fn call_all(&mut self, layer: impl Into<Named>, inputs: &[TensorRef]) -> Result<Vec<TensorRef>, ModelError> {
        let layer = self.named(layer.into())?;
        let shapes = self.shapes_of(inputs)?;
        let output_shapes = layer.infer(&shapes)?;
        let weights = layer.layer.weights(&shapes).map_err(|e| layer.label(e))?;
        self.by_name.insert(layer.name.clone(), self.layers.len());
        self.layers.push(ModelLayer { weights, ..layer });
        Ok(self.push_call(self.layers.len() - 1, inputs, output_shapes))
    }

    /// Calls a layer that is here already: the same weights on another input.
    ///
    /// # Errors
    /// If there is no layer of that name, or it cannot take these inputs.
    pub fn call_again(&mut self, name: &str, inputs: &[TensorRef]) -> Result<TensorRef, ModelError> {
        let outputs = self.call_again_all(name, inputs)?;
        self.only(&outputs)
    }

    /// [`Functional::call_again`] for a layer of several outputs.
    ///
    /// # Errors
    /// If there is no layer of that name, or it cannot take these inputs.
    pub fn call_again_all(&mut self, name: &str, inputs: &[TensorRef]) -> Result<Vec<TensorRef>, ModelError> {
        let Some(&index) = self.by_name.get(name) else {
            let near = names::near(name, self.layers.iter().map(|layer| layer.name.clone()).collect());
            return Err(ModelError::UnknownLayer { model: "under construction".into(), name: name.into(), near });
        };
        let shapes = self.shapes_of(inputs)?;
        let output_shapes = self.layers[index].infer(&shapes)?;
        Ok(self.push_call(index, inputs, output_shapes))
    }

    /// Adds a layer and calls it with Keras's argument `training`: with `false` it does in a training step what it does in
    /// inference. `BatchNormalization` normalises by its moving statistics and leaves them as they are, dropout and augmentation
    /// do nothing; weights learn nevertheless, unless they are frozen. What is said of a nested model's call holds for every
    /// call in it, but for those that have an argument of their own. With `true` a call is one of training where the model around
    /// it is called with `false`.
    ///
    /// Inference is inference whatever a call says, as in Keras 3's `predict` and `evaluate`. In training the innermost call that
    /// says something decides, as in Keras 2 and in `Layer.__call__` of Keras 3; but the `fit` of Keras 3.15 calls every layer of a
    /// functional model with `training=True`, whatever the model says.
    ///
    /// A shared normalisation that is called in inference and, behind that, in training cannot be trained through: the gradient of
    /// the first call reads statistics that the second has changed, and differentiation refuses it.
    ///
    /// ```
    /// use cnn_core::layers::{BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, Mode};
    /// use cnn_core::{Functional, Op, Sequential};
    /// let base = Sequential::new("base").input([8, 8, 3])?.add(Conv2D::new(4, 3))?.add(BatchNormalization::new())?.model()?;
    /// let mut f = Functional::new();
    /// let image = f.input([8, 8, 3])?;
    /// let x = f.call_with_training(base, &[image], false)?;
    /// let x = f.call(GlobalAveragePooling2D::new(), &[x])?;
    /// let y = f.call(Dense::new(2), &[x])?;
    /// let model = f.model("transfer", &[image], &[y])?;
    /// let step = model.lower(&[vec![16, 8, 8, 3]], Mode::Training, &[])?;
    /// assert!(!step.nodes().iter().any(|node| matches!(node.op, Op::Assign(_))), "its statistics stay");
    /// assert!(model.weights()[0].trainable);
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Functional::call`].
    pub fn call_with_training(
        &mut self,
        layer: impl Into<Named>,
        inputs: &[TensorRef],
        training: bool,
    ) -> Result<TensorRef, ModelError> {
        let output = self.call(layer, inputs)?;
        self.set_training(output, Some(training))?;
        Ok(output)
    }

    /// Gives the call that makes `x` the argument `training` ([`Functional::call_with_training`]), or takes it away.
    ///
    /// # Errors
    /// If `x` is not of this builder.
    pub fn set_training(&mut self, x: TensorRef, training: Option<bool>) -> Result<(), ModelError> {
        self.shapes_of(&[x])?;
        self.layers[x.layer].calls[x.call].training = training;
        Ok(())
    }

    /// The shape of a layer's output.
    ///
    /// # Panics
    /// If `x` is not of this builder.
    pub fn shape(&self, x: TensorRef) -> &SymbolicShape {
        &self.layers[x.layer].calls[x.call].output_shapes[x.tensor]
    }

    /// The name of the layer that makes `x`.
    ///
    /// # Panics
    /// If `x` is not of this builder.
    pub fn layer_name(&self, x: TensorRef) -> &str {
        &self.layers[x.layer].name
    }

    /// The model from `inputs` to `outputs`. Layers that no output needs are left out.
    ///
    /// # Errors
    /// If an input is not an input layer's output, or the outputs need one that is not among them.
    pub fn model(
        self,
        name: impl Into<String>,
        inputs: &[TensorRef],
        outputs: &[TensorRef],
    ) -> Result<Model, ModelError> {
        self.finish(name.into(), ModelKind::Functional, inputs, outputs)
    }

    fn finish(
        self,
        name: String,
        kind: ModelKind,
        inputs: &[TensorRef],
        outputs: &[TensorRef],
    ) -> Result<Model, ModelError> {
        let wrong = |reason: String| ModelError::Graph { model: name.clone(), reason };
        self.shapes_of(inputs)?;
        self.shapes_of(outputs)?;
        if outputs.is_empty() {
            return Err(wrong("it has no output".into()));
        }
        for (i, x) in inputs.iter().enumerate() {
            if !matches!(self.layers[x.layer].layer, Layer::InputLayer(_)) {
                return Err(wrong(format!("its input '{}' is not an input layer", self.layers[x.layer].name)));
            }
            if inputs[..i].contains(x) {
                return Err(wrong(format!("its input '{}' is given twice", self.layers[x.layer].name)));
            }
        }
        let trace = trace(&self.layers, inputs, outputs).map_err(wrong)?;
        Ok(self.assemble(name, kind, trace, inputs, outputs))
    }

    /// Keeps what the trace has found, under new indices.
    fn assemble(
        self,
        name: String,
        kind: ModelKind,
        trace: super::order::Trace,
        inputs: &[TensorRef],
        outputs: &[TensorRef],
    ) -> Model {
        let mut kept: Vec<(usize, usize)> = trace.nodes.clone();
        kept.sort_unstable();
        let place: HashMap<usize, usize> = trace.layers.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        let call_index = |layer: usize, call: usize| kept.iter().filter(|&&(l, c)| l == layer && c < call).count();
        let moved =
            |x: &TensorRef| TensorRef { layer: place[&x.layer], call: call_index(x.layer, x.call), tensor: x.tensor };
        let order = trace.nodes.iter().map(|&(layer, call)| (place[&layer], call_index(layer, call))).collect();
        let (inputs, outputs) = (inputs.iter().map(moved).collect(), outputs.iter().map(moved).collect());
        let mut old: Vec<Option<ModelLayer>> = self.layers.into_iter().map(Some).collect();
        let mut layers = Vec::with_capacity(trace.layers.len());
        for &index in &trace.layers {
            let Some(mut layer) = old[index].take() else { continue };
            let calls = std::mem::take(&mut layer.calls).into_iter().enumerate();
            layer.calls = calls
                .filter(|(call, _)| kept.binary_search(&(index, *call)).is_ok())
                .map(|(_, call)| Call { inputs: call.inputs.iter().map(moved).collect(), ..call })
                .collect();
            layers.push(layer);
        }
        Model { name, kind, trainable: true, layers, inputs, outputs, order }
    }

    /// The layer under its name, automatic or given, not called yet.
    fn named(&mut self, named: Named) -> Result<ModelLayer, ModelError> {
        let name = match named.name {
            Some(name) => name,
            None => self.names.next(named.layer.class_name()),
        };
        let wrong = |reason| ModelError::LayerName { model: "under construction".into(), name: name.clone(), reason };
        if self.by_name.contains_key(&name) {
            return Err(wrong("is taken by another layer; give one of them another name"));
        }
        if name.is_empty() || name.contains('/') {
            return Err(wrong("is empty or has a '/', which separates the parts of a path"));
        }
        let mut layer = named.layer;
        if let Layer::Model(model) = &mut layer {
            if model.name() != name {
                Arc::make_mut(model).set_name(&name);
            }
            if model.trainable() != named.trainable {
                Arc::make_mut(model).set_trainable(named.trainable);
            }
        }
        Ok(ModelLayer { name, trainable: named.trainable, layer, calls: Vec::new(), weights: Vec::new() })
    }

    fn shapes_of(&self, refs: &[TensorRef]) -> Result<Vec<SymbolicShape>, ModelError> {
        refs.iter()
            .map(|x| {
                let call = self.layers.get(x.layer).and_then(|layer| layer.calls.get(x.call));
                call.and_then(|call| call.output_shapes.get(x.tensor)).cloned().ok_or_else(|| ModelError::Graph {
                    model: "under construction".into(),
                    reason: format!("{x:?} is not a tensor of this builder"),
                })
            })
            .collect()
    }

    fn push_call(&mut self, layer: usize, inputs: &[TensorRef], output_shapes: Vec<SymbolicShape>) -> Vec<TensorRef> {
        let calls = &mut self.layers[layer].calls;
        let outputs = 0..output_shapes.len();
        calls.push(Call { inputs: inputs.to_vec(), training: None, output_shapes });
        let call = calls.len() - 1;
        outputs.map(|tensor| TensorRef { layer, call, tensor }).collect()
    }

    fn only(&self, outputs: &[TensorRef]) -> Result<TensorRef, ModelError> {
        match outputs {
            &[output] => Ok(output),
            _ => Err(ModelError::Graph {
                model: "under construction".into(),
                reason: format!("a layer makes {} outputs where one is wanted (see call_all)", outputs.len()),
            }),
        }
    }
}

/// Builds a model of one layer after another.
///
/// Where the input's shape is not given, layers are only collected until [`Sequential::build`] gives it.
///
/// ```
/// use cnn_core::Sequential;
/// use cnn_core::layers::{Conv2D, Padding};
///
/// let later = Sequential::new("later").add(Conv2D::new(3, 3).strides(3).padding(Padding::Same))?;
/// let model = later.build([28, 28, 3])?;
/// assert_eq!(model.output_shapes(), [[None, Some(10), Some(10), Some(3)]]);
/// assert_eq!(model.count_params().total(), 84);
/// # Ok::<(), cnn_core::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sequential {
    name: String,
    waiting: Vec<Named>,
    built: Functional,
    ends: Option<(TensorRef, TensorRef)>,
}

impl Sequential {
    /// A builder without layers.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), waiting: Vec::new(), built: Functional::new(), ends: None }
    }

    /// Gives the shape of the input, without the batch.
    ///
    /// # Errors
    /// If it is known already, a size is 0, or a layer that was waiting for it refuses.
    pub fn input(self, shape: impl IntoShape) -> Result<Self, ModelError> {
        self.add(InputLayer::new(shape))
    }

    /// Adds a layer on top.
    ///
    /// # Errors
    /// If the layer cannot take what the one before it makes, or its name is taken.
    #[allow(clippy::should_implement_trait)] // Keras's word.
    pub fn add(mut self, layer: impl Into<Named>) -> Result<Self, ModelError> {
        let layer = layer.into();
        if let Layer::InputLayer(_) = layer.layer {
            return self.begin(layer);
        }
        if self.ends.is_none()
            && self.waiting.is_empty()
            && let Layer::Model(model) = &layer.layer
            && let [shape] = model.input_shapes().as_slice()
        {
            let input = InputLayer { batch_shape: shape.clone() };
            self = self.begin(input.into())?;
        }
        match self.ends {
            None => self.waiting.push(layer),
            Some((input, last)) => self.ends = Some((input, self.push(layer, last)?)),
        }
        Ok(self)
    }

    /// The model, its input's shape given now, without the batch.
    ///
    /// # Errors
    /// As [`Sequential::input`] and [`Sequential::model`].
    pub fn build(self, shape: impl IntoShape) -> Result<Model, ModelError> {
        self.input(shape)?.model()
    }

    /// The model.
    ///
    /// # Errors
    /// If the input's shape is not known.
    pub fn model(self) -> Result<Model, ModelError> {
        let Some((input, last)) = self.ends else {
            let reason = "its input's shape is not known; give it by build()".to_string();
            return Err(ModelError::Graph { model: self.name, reason });
        };
        self.built.finish(self.name, ModelKind::Sequential, &[input], &[last])
    }

    fn begin(mut self, input: Named) -> Result<Self, ModelError> {
        if let Some((known, _)) = self.ends {
            let got = self.built.shape(known).clone();
            let wanted = "has its input's shape already";
            return Err(ShapeError::symbolic(self.name, wanted, vec![got]).into());
        }
        let input = self.built.call(input, &[]).map_err(|e| of_model(e, &self.name))?;
        let mut last = input;
        for layer in std::mem::take(&mut self.waiting) {
            last = self.push(layer, last)?;
        }
        self.ends = Some((input, last));
        Ok(self)
    }

    fn push(&mut self, layer: Named, x: TensorRef) -> Result<TensorRef, ModelError> {
        self.built.call(layer, &[x]).map_err(|e| of_model(e, &self.name))
    }
}

/// The error under the name of the model that is being built.
fn of_model(error: ModelError, name: &str) -> ModelError {
    match error {
        ModelError::Shape(error) => ModelError::Shape(error),
        ModelError::LayerName { name: layer, reason, .. } => {
            ModelError::LayerName { model: name.into(), name: layer, reason }
        }
        ModelError::UnknownLayer { name: layer, near, .. } => {
            ModelError::UnknownLayer { model: name.into(), name: layer, near }
        }
        ModelError::Graph { reason, .. } => ModelError::Graph { model: name.into(), reason },
        ModelError::LayerRange { first, end, layers, .. } => {
            ModelError::LayerRange { model: name.into(), first, end, layers }
        }
        ModelError::UnknownPrefix { prefix, layers, near, .. } => {
            ModelError::UnknownPrefix { model: name.into(), prefix, layers, near }
        }
    }
}
