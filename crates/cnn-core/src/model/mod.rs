//! Models: layers wired to each other.
//!
//! A [`Model`] comes from one of two builders, [`Sequential`] and [`Functional`]. It knows every layer's name,
//! configuration, wiring, shapes and weights' shapes, but no weight's value: those are in a [`crate::Weights`].

mod build;
mod classifier;
mod freeze;
mod lower;
mod names;
mod order;

use std::sync::Arc;

pub use build::{Functional, Sequential};
pub use names::to_snake_case;

use crate::error::{ModelError, ShapeError};
use crate::layers::{Layer, SymbolicShape, WeightOptions, WeightSpec};

/// What a layer's call makes: which layer, which of its calls, which of that call's outputs.
///
/// Keras writes it `[layer, node_index, tensor_index]`. It belongs to the builder or model it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorRef {
    /// Index into the layers.
    pub layer: usize,
    /// Index into that layer's calls.
    pub call: usize,
    /// Index into the call's outputs; 0 but for nested models of several outputs.
    pub tensor: usize,
}

/// One use of a layer. A layer that is shared has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What it takes.
    pub inputs: Vec<TensorRef>,
    /// Keras's argument `training` of the call ([`Functional::call_with_training`]); `None` where the call has none.
    pub training: Option<bool>,
    /// The shapes of what it makes.
    pub output_shapes: Vec<SymbolicShape>,
}

/// A layer in a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelLayer {
    name: String,
    trainable: bool,
    layer: Layer,
    calls: Vec<Call>,
    weights: Vec<WeightSpec>,
}

impl ModelLayer {
    /// Its name, which no other layer of the model has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind and arguments.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// Its uses, in the order in which they were made.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Its own weights in Keras's order; empty for a nested model, whose layers have them.
    pub fn weights(&self) -> &[WeightSpec] {
        &self.weights
    }

    /// The nested model that it is, if it is one.
    pub fn nested(&self) -> Option<&Model> {
        match &self.layer {
            Layer::Model(model) => Some(model),
            _ => None,
        }
    }

    /// The nested model that it is, if it is one, to freeze parts of it.
    pub fn nested_mut(&mut self) -> Option<&mut Model> {
        match &mut self.layer {
            Layer::Model(model) => Some(Arc::make_mut(model)),
            _ => None,
        }
    }

    /// Whether training changes it.
    pub fn trainable(&self) -> bool {
        self.nested().map_or(self.trainable, Model::trainable)
    }

    /// Freezes it, or makes it trainable; a nested model with all its layers.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
        if let Some(model) = self.nested_mut() {
            model.set_trainable(trainable);
        }
    }
}

/// How a model was built; decides its class name and how it is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// One layer after another.
    Sequential,
    /// Any wiring.
    Functional,
}

impl ModelKind {
    /// Keras 3's class name.
    pub fn class_name(self) -> &'static str {
        match self {
            ModelKind::Sequential => "Sequential",
            ModelKind::Functional => "Functional",
        }
    }
}

/// A weight of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    /// Where it is: the nested models' names, the layer's and the weight's, such as `conv1/kernel` or
    /// `inception_v3/conv2d/kernel`. The outermost model's name is not in it. Unique, and the graph variable's name.
    pub path: String,
    /// The path of its layer: `inception_v3/conv2d`.
    pub layer: String,
    /// Keras 3's name: `kernel`.
    pub name: &'static str,
    /// Its shape in Keras's layout.
    pub shape: Vec<usize>,
    /// Whether training changes it: false for moving statistics, and where its layer or a model around it is frozen.
    pub trainable: bool,
    /// How it begins, and what training asks of it.
    pub options: WeightOptions,
}

impl Weight {
    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().fold(1, |product: usize, &size| product.saturating_mul(size))
    }
}

/// Numbers of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParamCount {
    /// Those that training changes.
    pub trainable: usize,
    /// Those that it does not.
    pub non_trainable: usize,
}

impl ParamCount {
    /// All.
    pub fn total(self) -> usize {
        self.trainable + self.non_trainable
    }
}

/// Layers wired to each other, from inputs to outputs.
///
/// ```
/// use cnn_core::layers::{Activation, Conv2D, Dense, Flatten, MaxPooling2D};
/// use cnn_core::Sequential;
///
/// let model = Sequential::new("digits")
///     .input([8, 8, 1])?
///     .add(Conv2D::new(16, 3).activation(Activation::Relu))?
///     .add(MaxPooling2D::new(2))?
///     .add(Flatten)?
///     .add(Dense::new(10).activation(Activation::Softmax).name("predictions"))?
///     .model()?;
/// assert_eq!(model.weights()[0].path, "conv2d/kernel");
/// assert_eq!(model.count_params().total(), 16 * 9 + 16 + 144 * 10 + 10);
/// # Ok::<(), cnn_core::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    name: String,
    kind: ModelKind,
    trainable: bool,
    layers: Vec<ModelLayer>,
    inputs: Vec<TensorRef>,
    outputs: Vec<TensorRef>,
    /// Layer and call, each after those it takes from.
    order: Vec<(usize, usize)>,
}

impl Model {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives it another name. Weight paths inside it do not change.
    pub fn set_name(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// Sequential or functional.
    pub fn kind(&self) -> ModelKind {
        self.kind
    }

    /// Its layers in Keras's order, input layers included, also in a sequential model, and bare operations among them
    /// ([`Layer::is_operation`]), which Keras lists in `model.operations` alone.
    pub fn layers(&self) -> &[ModelLayer] {
        &self.layers
    }

    /// The layer of that name; a `/` leads into a nested model: `inception_v3/mixed3`.
    pub fn layer(&self, path: &str) -> Option<&ModelLayer> {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let layer = self.layers.iter().find(|layer| layer.name == name)?;
        match rest {
            None => Some(layer),
            Some(rest) => layer.nested()?.layer(rest),
        }
    }

    /// [`Model::layer`], or which layers have names much like that one.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn find_layer(&self, path: &str) -> Result<&ModelLayer, ModelError> {
        self.layer(path).ok_or_else(|| self.unknown_layer(path))
    }

    fn unknown_layer(&self, path: &str) -> ModelError {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        ModelError::UnknownLayer { model: self.name.clone(), name: path.into(), near: names::near(path, paths) }
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        for layer in &self.layers {
            let path = format!("{prefix}{}", layer.name);
            if let Some(model) = layer.nested() {
                model.collect_paths(&format!("{path}/"), paths);
            }
            paths.push(path);
        }
    }

    /// The layer of that name, to freeze it; a `/` leads into a nested model.
    pub fn layer_mut(&mut self, path: &str) -> Option<&mut ModelLayer> {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let layer = self.layers.iter_mut().find(|layer| layer.name == name)?;
        match rest {
            None => Some(layer),
            Some(rest) => layer.nested_mut()?.layer_mut(rest),
        }
    }

    /// Every layer, to freeze some.
    pub fn layers_mut(&mut self) -> impl Iterator<Item = &mut ModelLayer> {
        self.layers.iter_mut()
    }

    /// What it takes, each an input layer's output.
    pub fn inputs(&self) -> &[TensorRef] {
        &self.inputs
    }

    /// What it makes.
    pub fn outputs(&self) -> &[TensorRef] {
        &self.outputs
    }

    /// The shapes of what it takes.
    pub fn input_shapes(&self) -> Vec<SymbolicShape> {
        self.inputs.iter().map(|&x| self.shape(x).clone()).collect()
    }

    /// The shapes of what it makes.
    pub fn output_shapes(&self) -> Vec<SymbolicShape> {
        self.outputs.iter().map(|&x| self.shape(x).clone()).collect()
    }

    /// The shape of what a call of a layer makes.
    ///
    /// # Panics
    /// If `x` is not of this model.
    pub fn shape(&self, x: TensorRef) -> &SymbolicShape {
        &self.layers[x.layer].calls[x.call].output_shapes[x.tensor]
    }

    /// Whether training changes any of it.
    pub fn trainable(&self) -> bool {
        self.trainable
    }

    /// Freezes it, or makes it trainable, with all its layers, as Keras does.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
        for layer in &mut self.layers {
            layer.set_trainable(trainable);
        }
    }

    /// Freezes it, or makes it trainable, but leaves its layers as they are.
    pub fn set_own_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
    }

    /// All weights, in Keras's order: layer by layer, each layer's as it created them.
    pub fn weights(&self) -> Vec<Weight> {
        let mut weights = Vec::new();
        self.collect_weights("", true, &mut weights);
        weights
    }

    fn collect_weights(&self, prefix: &str, trainable: bool, weights: &mut Vec<Weight>) {
        let trainable = trainable && self.trainable;
        for layer in &self.layers {
            let path = format!("{prefix}{}", layer.name);
            match &layer.layer {
                Layer::Model(model) => model.collect_weights(&format!("{path}/"), trainable, weights),
                _ => weights.extend(layer.weights.iter().map(|spec| Weight {
                    path: format!("{path}/{}", spec.name),
                    layer: path.clone(),
                    name: spec.name,
                    shape: spec.shape.clone(),
                    trainable: trainable && layer.trainable && spec.trainable,
                    options: spec.options.clone(),
                })),
            }
        }
    }

    /// Numbers of parameters.
    pub fn count_params(&self) -> ParamCount {
        let mut count = ParamCount::default();
        for weight in self.weights() {
            let side = if weight.trainable { &mut count.trainable } else { &mut count.non_trainable };
            *side = side.saturating_add(weight.count());
        }
        count
    }

    /// The shapes it makes of inputs of other shapes than it was built for, where its input layers allow them.
    ///
    /// # Errors
    /// If they do not, or a layer inside refuses; the error names it.
    pub fn output_shapes_for(&self, inputs: &[SymbolicShape]) -> Result<Vec<SymbolicShape>, ShapeError> {
        self.check_inputs(inputs)?;
        let mut shapes = std::collections::HashMap::new();
        for (&x, shape) in self.inputs.iter().zip(inputs) {
            shapes.insert(x, shape.clone());
        }
        for &(index, call) in &self.order {
            let layer = &self.layers[index];
            if let Layer::InputLayer(_) = layer.layer {
                continue;
            }
            let taken: Vec<SymbolicShape> =
                layer.calls[call].inputs.iter().filter_map(|x| shapes.get(x).cloned()).collect();
            let made = layer.infer(&taken)?;
            for (tensor, shape) in made.into_iter().enumerate() {
                shapes.insert(TensorRef { layer: index, call, tensor }, shape);
            }
        }
        Ok(self.outputs.iter().filter_map(|x| shapes.get(x).cloned()).collect())
    }

    /// Whether shapes go together with what the input layers say.
    fn check_inputs(&self, inputs: &[SymbolicShape]) -> Result<(), ShapeError> {
        let wanted = self.input_shapes();
        let fits = |wanted: &SymbolicShape, got: &SymbolicShape| {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(a, b)| a.is_none() || b.is_none() || a == b)
        };
        if wanted.len() != inputs.len() || !wanted.iter().zip(inputs).all(|(a, b)| fits(a, b)) {
            let shown = ShapeError::symbolic("", "", wanted).to_string();
            let shown = shown.split_once("got ").map_or("", |(_, shapes)| shapes).to_string();
            let name = format!("{} ({})", self.name, self.kind.class_name());
            return Err(ShapeError::symbolic(name, format!("expects {shown}"), inputs.to_vec()));
        }
        Ok(())
    }
}

impl ModelLayer {
    /// The shapes of a call with inputs of these shapes; the error names this layer.
    fn infer(&self, inputs: &[SymbolicShape]) -> Result<Vec<SymbolicShape>, ShapeError> {
        let label = format!("{} ({})", self.name, self.layer.class_name());
        let shapes = self.layer.output_shapes(inputs).map_err(|e| self.label(e))?;
        let weights = self.layer.weights(inputs).map_err(|e| self.label(e))?;
        if !self.calls.is_empty() && weights != self.weights {
            let wanted: Vec<String> = self.weights.iter().map(|w| format!("{} {:?}", w.name, w.shape)).collect();
            let wanted = format!("expects inputs that fit its weights ({})", wanted.join(", "));
            return Err(ShapeError::symbolic(label, wanted, inputs.to_vec()));
        }
        let too_large = |sizes: &[Option<usize>]| {
            let mut product: u128 = 1;
            sizes.iter().flatten().any(|&size| {
                product = product.saturating_mul(size as u128);
                product > 1 << 48 || size as u128 > 1 << 31
            })
        };
        let weight_sizes = weights.iter().map(|w| w.shape.iter().copied().map(Some).collect::<Vec<_>>());
        if shapes.iter().cloned().chain(weight_sizes).any(|sizes| too_large(&sizes)) {
            return Err(ShapeError::symbolic(
                label,
                "makes or needs a tensor of over 2^48 elements or 2^31 along an axis",
                inputs.to_vec(),
            ));
        }
        Ok(shapes)
    }

    /// The error under this layer's name, unless a layer inside it has given its own.
    fn label(&self, error: ShapeError) -> ShapeError {
        match &self.layer {
            Layer::Model(_) => {
                let name = format!("{}/{}", self.name, error.name);
                error.named(name)
            }
            layer => error.named(format!("{} ({})", self.name, layer.class_name())),
        }
    }
}
