//! A model as Keras 3's configuration.

use std::collections::HashSet;

use cnn_core::layers::{Activation, Layer, Named, Padding, ZeroPadding2D};
use cnn_core::model::{Call, ModelKind, ModelLayer};
use cnn_core::shape::Padding2D;
use cnn_core::{Model, Sequential, TensorRef};
use serde_json::{Map, Value, json};

use super::wiring::{Reference, Taking, assemble};
use super::{applications, layer, operation};
use crate::error::Problem;

/// The configuration as `model.to_json()` gives it; `keras.models.model_from_json` reads it.
///
/// A layer with explicit padding becomes a ZeroPadding2D layer and one without padding.
///
/// # Errors
/// If Keras has no form for a layer: gelu by tanh.
pub fn model_to_json(model: &Model) -> Result<String, Problem> {
    Ok(model_config(&for_keras(model)?, Style::Keras3)?.to_string())
}

/// The two ways in which Keras 3 writes layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `.keras` and `to_json`: each object with its module.
    Keras3,
    /// Whole-model `.h5`: class and configuration alone.
    Legacy,
}

/// A layer's arguments on their way out.
pub(super) struct Config<'a> {
    map: Map<String, Value>,
    place: &'a str,
}

impl<'a> Config<'a> {
    pub(super) fn new(place: &'a str) -> Self {
        Self { map: Map::new(), place }
    }

    pub(super) fn set(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_owned(), value);
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.map
    }
}

pub(super) fn padding(padding: Padding, config: &Config<'_>) -> Result<Value, Problem> {
    match padding {
        Padding::Valid => Ok(json!("valid")),
        Padding::Same => Ok(json!("same")),
        Padding::Explicit(_) => Err(Problem::unsupported(
            format!("{}: explicit padding in a Keras file", config.place),
            "use 'valid' or 'same', or a ZeroPadding2D layer before it",
        )),
    }
}

pub(super) fn activation(activation: Activation, config: &Config<'_>) -> Result<Value, Problem> {
    if activation == Activation::GeluTanh {
        return Err(Problem::unsupported(
            format!(
                "{}: gelu by tanh in a Keras file, which knows activations by name and has none for it,",
                config.place
            ),
            "use the exact gelu, or save as safetensors",
        ));
    }
    Ok(json!(activation.keras_name()))
}

/// One number alone, several in a list.
pub(super) fn one_or_more(axes: &[isize]) -> Value {
    match axes {
        [axis] => json!(axis),
        axes => json!(axes),
    }
}

/// Sizes, `null` where one is not known.
pub(super) fn shape(sizes: &[Option<usize>]) -> Value {
    json!(sizes)
}

/// The object that stands for a model, nested ones included. The model must be one that [`for_keras`] has made.
pub(crate) fn model_config(model: &Model, style: Style) -> Result<Value, Problem> {
    object(model, "", style)
}

fn object(model: &Model, place: &str, style: Style) -> Result<Value, Problem> {
    let inside = super::at(place, model.name());
    let mut config = Map::new();
    config.insert("name".into(), json!(model.name()));
    config.insert("trainable".into(), json!(model.trainable()));
    let mut layers = Vec::with_capacity(model.layers().len());
    for layer in model.layers() {
        let mut entry = layer_object(layer, &inside, style)?;
        if model.kind() == ModelKind::Functional {
            entry.insert("name".into(), json!(layer.name()));
            let nodes: Vec<Value> = match layer.layer() {
                Layer::InputLayer(_) => Vec::new(),
                _ => layer.calls().iter().map(|call| node(model, layer, call)).collect(),
            };
            entry.insert("inbound_nodes".into(), Value::Array(nodes));
        }
        layers.push(Value::Object(entry));
    }
    match model.kind() {
        ModelKind::Sequential => {
            config.insert("dtype".into(), json!("float32"));
            config.insert("layers".into(), Value::Array(layers));
            let input = model.input_shapes().first().map_or(Value::Null, |sizes| shape(sizes));
            config.insert("build_input_shape".into(), input);
        }
        ModelKind::Functional => {
            config.insert("layers".into(), Value::Array(layers));
            config.insert("input_layers".into(), ends(model, model.inputs()));
            config.insert("output_layers".into(), ends(model, model.outputs()));
        }
    }
    let class = model.kind().class_name();
    let (module, registered) = match model.kind() {
        ModelKind::Sequential => ("keras", Value::Null),
        ModelKind::Functional => ("keras.src.models.functional", json!("Functional")),
    };
    Ok(dressed(module, class, config, registered, style))
}

fn dressed(module: &str, class: &str, config: Map<String, Value>, registered: Value, style: Style) -> Value {
    match style {
        Style::Keras3 => {
            json!({"module": module, "class_name": class, "config": config, "registered_name": registered})
        }
        Style::Legacy => json!({"class_name": class, "config": config}),
    }
}

fn layer_object(layer: &ModelLayer, place: &str, style: Style) -> Result<Map<String, Value>, Problem> {
    let value = match layer.layer() {
        Layer::Model(model) => object(model, place, style)?,
        kind => {
            let class = kind.class_name();
            let mut config = Map::new();
            config.insert("name".into(), json!(layer.name()));
            let (module, registered) = match applications::module(kind) {
                Some(module) => (module, json!(class)),
                None if kind.is_operation() => (operation::MODULE, json!(class)),
                None => ("keras.layers", Value::Null),
            };
            if !matches!(kind, Layer::InputLayer(_) | Layer::Operation(_)) {
                config.insert("trainable".into(), json!(layer.trainable()));
            }
            if !kind.is_operation() {
                config.insert("dtype".into(), json!("float32"));
            }
            config.extend(layer::write(kind, &format!("{} ({class})", super::at(place, layer.name())))?);
            dressed(module, class, config, registered, style)
        }
    };
    match value {
        Value::Object(object) => Ok(object),
        _ => Ok(Map::new()),
    }
}

/// A call of a layer: a list in a list where the layer merges several, as Keras calls it.
fn node(model: &Model, layer: &ModelLayer, call: &Call) -> Value {
    let tensors: Vec<Value> = call.inputs.iter().map(|&x| tensor(model, x)).collect();
    let merges = matches!(
        layer.layer(),
        Layer::Add(_)
            | Layer::Subtract(_)
            | Layer::Multiply(_)
            | Layer::Average(_)
            | Layer::Maximum(_)
            | Layer::Minimum(_)
            | Layer::CustomScaleLayer(_)
            | Layer::Concatenate(_)
    );
    if let Layer::Operation(operation) = layer.layer() {
        return json!({"args": operation::write_arguments(operation, tensors), "kwargs": {}});
    }
    let args = if merges || tensors.len() != 1 { json!([tensors]) } else { json!(tensors) };
    let kwargs = call.training.map_or(json!({}), |training| json!({"training": training}));
    json!({"args": args, "kwargs": kwargs})
}

fn tensor(model: &Model, x: TensorRef) -> Value {
    let config = json!({"shape": shape(model.shape(x)), "dtype": "float32", "keras_history": reference(model, x)});
    json!({"class_name": "__keras_tensor__", "config": config})
}

fn reference(model: &Model, x: TensorRef) -> Value {
    json!([model.layers()[x.layer].name(), x.call, x.tensor])
}

/// One input or output stands alone, several stand in a list.
fn ends(model: &Model, ends: &[TensorRef]) -> Value {
    match ends {
        &[one] => reference(model, one),
        many => Value::Array(many.iter().map(|&x| reference(model, x)).collect()),
    }
}

/// The model in layers that Keras has: explicit padding of a convolution becomes a ZeroPadding2D layer before it.
/// Names and weights of the other layers stay.
pub(crate) fn for_keras(model: &Model) -> Result<Model, Problem> {
    let clean = |layer: &ModelLayer| match layer.layer() {
        Layer::Model(model) => is_keras(model),
        kind => explicit(kind).is_none(),
    };
    if model.layers().iter().all(clean) {
        return Ok(model.clone());
    }
    let mut names: HashSet<String> = model.layers().iter().map(|layer| layer.name().to_owned()).collect();
    let mut parts = Vec::new();
    for layer in model.layers() {
        parts.push(split(layer, &mut names)?);
    }
    let mut changed = match model.kind() {
        ModelKind::Sequential => {
            let mut sequential = Sequential::new(model.name());
            for (pad, named) in parts {
                if let Some(pad) = pad {
                    sequential = sequential.add(pad)?;
                }
                sequential = sequential.add(named)?;
            }
            sequential.model()?
        }
        ModelKind::Functional => rewired(model, parts)?,
    };
    changed.set_own_trainable(model.trainable());
    Ok(changed)
}

fn is_keras(model: &Model) -> bool {
    model.layers().iter().all(|layer| match layer.layer() {
        Layer::Model(model) => is_keras(model),
        kind => explicit(kind).is_none(),
    })
}

/// A layer and, where it has explicit padding, the layer that goes before it.
fn split(layer: &ModelLayer, names: &mut HashSet<String>) -> Result<(Option<Named>, Named), Problem> {
    let keep = |kind: Layer| Named::from(kind).name(layer.name()).trainable(layer.trainable());
    if let Layer::Model(inner) = layer.layer() {
        return Ok((None, keep(for_keras(inner)?.into())));
    }
    let Some(padding) = explicit(layer.layer()) else { return Ok((None, keep(layer.layer().clone()))) };
    let stem = format!("{}_pad", layer.name());
    let name = std::iter::once(stem.clone()).chain((1..).map(|i| format!("{stem}_{i}"))).find(|n| !names.contains(n));
    let name = name.unwrap_or(stem);
    names.insert(name.clone());
    let mut kind = layer.layer().clone();
    match &mut kind {
        Layer::Conv2D(conv) => conv.padding = Padding::Valid,
        Layer::DepthwiseConv2D(conv) => conv.padding = Padding::Valid,
        Layer::SeparableConv2D(conv) => conv.padding = Padding::Valid,
        _ => {}
    }
    Ok((Some(ZeroPadding2D { padding }.name(name)), keep(kind)))
}

/// The padding of a convolution, if it is explicit.
fn explicit(layer: &Layer) -> Option<Padding2D> {
    let padding = match layer {
        Layer::Conv2D(conv) => conv.padding,
        Layer::DepthwiseConv2D(conv) => conv.padding,
        Layer::SeparableConv2D(conv) => conv.padding,
        _ => return None,
    };
    match padding {
        Padding::Explicit(padding) => Some(padding),
        Padding::Valid | Padding::Same => None,
    }
}

/// The same calls with the padding layers between.
fn rewired(model: &Model, parts: Vec<(Option<Named>, Named)>) -> Result<Model, Problem> {
    // Where each layer stands behind the padding layers that have come before it.
    let mut place = 0;
    let places: Vec<usize> = parts
        .iter()
        .map(|(pad, _)| {
            place += usize::from(pad.is_some()) + 1;
            place - 1
        })
        .collect();
    let moved = |x: &TensorRef| (places[x.layer], x.call, x.tensor);
    let mut layers: Vec<(Named, Vec<Taking<Reference>>)> = Vec::new();
    for (index, (layer, (pad, named))) in model.layers().iter().zip(parts).enumerate() {
        let taking = |call: &Call| Taking { inputs: call.inputs.iter().map(moved).collect(), training: call.training };
        let calls: Vec<Taking<Reference>> = layer.calls().iter().map(taking).collect();
        match pad {
            None => layers.push((named, calls)),
            Some(pad) => {
                let behind = |(number, call): (usize, &Taking<Reference>)| Taking {
                    inputs: vec![(places[index] - 1, number, 0)],
                    training: call.training,
                };
                let behind = calls.iter().enumerate().map(behind).collect();
                layers.push((pad, calls));
                layers.push((named, behind));
            }
        }
    }
    let ends = |ends: &[TensorRef]| ends.iter().map(moved).collect::<Vec<_>>();
    assemble(model.name().to_owned(), layers, &ends(model.inputs()), &ends(model.outputs()), model.name())
}
