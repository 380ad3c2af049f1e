//! Which layer takes what, in a Functional model's configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cnn_core::layers::{Layer, Named};
use cnn_core::model::ModelLayer;
use cnn_core::{Functional, Model, TensorRef};
use serde_json::Value;

use super::Dialect;
use super::args::as_size;
use crate::error::Problem;

/// The most calls of layers in a model, those in nested models counted at each use: a file of a few kilobytes could
/// otherwise name so many that building it would take for ever. The largest model of keras.applications has 1,200.
const LARGEST: usize = 20_000;

/// Refuses a model of that many calls.
pub(super) fn check_size(calls: usize, place: &str) -> Result<(), Problem> {
    if calls <= LARGEST {
        return Ok(());
    }
    Err(Problem::unsupported(format!("{place}: a model of over {LARGEST} layers"), "split it into several models"))
}

/// The calls in a model, those in nested models counted at each use.
fn expanded(model: &Model) -> usize {
    let of = |layer: &ModelLayer| layer.calls().len().saturating_mul(layer.nested().map_or(1, expanded));
    model.layers().iter().map(of).fold(0, usize::saturating_add)
}

/// What a call of a layer makes: the layer's index, which of its calls, which of that call's outputs.
pub(super) type Reference = (usize, usize, usize);

/// The same with the layer's name, as a configuration has it.
type Written<'a> = (&'a str, usize, usize);

/// A call of a layer: what it takes, and its argument `training`.
#[derive(Debug, Clone)]
pub(super) struct Taking<T> {
    pub(super) inputs: Vec<T>,
    pub(super) training: Option<bool>,
}

struct Part<'a> {
    named: Named,
    place: String,
    calls: Vec<Taking<Written<'a>>>,
}

/// The layers of a model and their calls, as far as they are read.
#[derive(Default)]
pub(super) struct Wiring<'a> {
    parts: Vec<Part<'a>>,
    by_name: HashMap<&'a str, usize>,
    size: usize,
}

impl<'a> Wiring<'a> {
    /// Adds a layer with its `inbound_nodes`.
    pub(super) fn add(&mut self, name: &'a str, named: Named, nodes: &'a Value, place: &str) -> Result<(), Problem> {
        let wrong = |reason: &str| Problem::config(place, reason);
        let nodes = match nodes {
            Value::Null => &[],
            Value::Array(nodes) => nodes.as_slice(),
            _ => return Err(wrong("inbound_nodes is no list")),
        };
        let numbers = named.layer.is_operation();
        let mut calls = nodes.iter().map(|node| inputs(node, numbers, place)).collect::<Result<Vec<_>, _>>()?;
        if matches!(named.layer, Layer::InputLayer(_)) {
            calls = vec![Taking { inputs: Vec::new(), training: None }];
        } else if calls.is_empty() {
            return Err(wrong("is never called"));
        }
        let inside = match &named.layer {
            Layer::Model(model) => expanded(model),
            _ => 1,
        };
        self.size = self.size.saturating_add(calls.len().saturating_mul(inside));
        check_size(self.size, place)?;
        if self.by_name.insert(name, self.parts.len()).is_some() {
            return Err(wrong("its name is taken by another layer"));
        }
        self.parts.push(Part { named, place: place.to_owned(), calls });
        Ok(())
    }

    /// The model between `ends`, the written input and output layers.
    pub(super) fn build(
        self,
        name: String,
        ends: [Option<&'a Value>; 2],
        dialect: Dialect,
        place: &str,
    ) -> Result<Model, Problem> {
        let [inputs, outputs] = ends.map(|end| {
            let mut written = Vec::new();
            end.map_or_else(
                || Err(Problem::config(place, "lacks input_layers or output_layers")),
                |end| {
                    collect_ends(end, &mut written).map(|()| written).ok_or_else(|| {
                        Problem::config(place, "input_layers or output_layers is no list of [layer, node, tensor]")
                    })
                },
            )
        });
        let (inputs, outputs) = (inputs?, outputs?);
        let shifts = self.shifts(&outputs, dialect);
        let resolve = |&(layer, node, tensor): &Written<'_>, place: &str| {
            let index = self.by_name.get(layer).copied();
            let call = index.and_then(|index| node.checked_sub(shifts[index]).map(|call| (index, call, tensor)));
            call.filter(|&(index, call, _)| call < self.parts[index].calls.len())
                .ok_or_else(|| Problem::config(place, format!("takes call {node} of '{layer}', which is not there")))
        };
        let resolve_all = |written: &[Written<'_>], place: &str| {
            written.iter().map(|reference| resolve(reference, place)).collect::<Result<Vec<Reference>, _>>()
        };
        let mut layers = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let resolved = part
                .calls
                .iter()
                .map(|call| Ok(Taking { inputs: resolve_all(&call.inputs, &part.place)?, training: call.training }));
            layers.push((part.named.clone(), resolved.collect::<Result<Vec<_>, Problem>>()?));
        }
        assemble(name, layers, &resolve_all(&inputs, place)?, &resolve_all(&outputs, place)?, place)
    }

    /// The number of each layer's first call. In Keras 2 a nested model's own creation is its call 0, so others begin at
    /// 1; but not in all its versions.
    fn shifts(&self, outputs: &[Written<'_>], dialect: Dialect) -> Vec<usize> {
        let mut named: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.parts.len()];
        let all = self.parts.iter().flat_map(|part| &part.calls).flat_map(|call| &call.inputs).chain(outputs);
        for (layer, node, _) in all {
            if let Some(&index) = self.by_name.get(layer) {
                named[index].insert(*node);
            }
        }
        let shift = |part: &Part<'_>, nodes: &BTreeSet<usize>| {
            let nested = matches!(part.named.layer, Layer::Model(_));
            usize::from(nested && dialect == Dialect::Keras2 && !nodes.contains(&0))
        };
        self.parts.iter().zip(&named).map(|(part, nodes)| shift(part, nodes)).collect()
    }
}

/// Builds the model, each call after those it takes from, whatever the order of the layers.
pub(super) fn assemble(
    name: String,
    layers: Vec<(Named, Vec<Taking<Reference>>)>,
    inputs: &[Reference],
    outputs: &[Reference],
    place: &str,
) -> Result<Model, Problem> {
    let mut waiting: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut next: HashMap<(usize, usize), Vec<(usize, usize)>> = HashMap::new();
    let mut ready = BTreeSet::new();
    for (layer, (_, calls)) in layers.iter().enumerate() {
        for (call, Taking { inputs: taken, .. }) in calls.iter().enumerate() {
            // A layer's calls are made in their order, so each waits for the one before.
            let before = call.checked_sub(1).map(|before| (layer, before));
            let needed: BTreeSet<_> = taken.iter().map(|&(layer, call, _)| (layer, call)).chain(before).collect();
            waiting.insert((layer, call), needed.len());
            if needed.is_empty() {
                ready.insert((layer, call));
            }
            for node in needed {
                next.entry(node).or_default().push((layer, call));
            }
        }
    }
    let mut builder = Functional::new();
    let mut made: HashMap<(usize, usize), Vec<TensorRef>> = HashMap::new();
    let find = |made: &HashMap<(usize, usize), Vec<TensorRef>>, &(layer, call, tensor): &Reference| {
        made.get(&(layer, call)).and_then(|tensors| tensors.get(tensor)).copied().ok_or_else(|| {
            let name = layers[layer].0.name.as_deref().unwrap_or_default();
            Problem::config(place, format!("output {tensor} of call {call} of '{name}' is not there"))
        })
    };
    let mut names = vec![String::new(); layers.len()];
    while let Some((layer, call)) = ready.pop_first() {
        waiting.remove(&(layer, call));
        let (named, calls) = &layers[layer];
        let Taking { inputs: taken, training } = &calls[call];
        let taken = taken.iter().map(|reference| find(&made, reference)).collect::<Result<Vec<_>, _>>()?;
        let tensors = if call == 0 {
            let tensors = builder.call_all(named.clone(), &taken)?;
            names[layer] = tensors.first().map(|&x| builder.layer_name(x).to_owned()).unwrap_or_default();
            tensors
        } else {
            builder.call_again_all(&names[layer], &taken)?
        };
        if let Some(&x) = tensors.first() {
            builder.set_training(x, *training)?;
        }
        made.insert((layer, call), tensors);
        for node in next.remove(&(layer, call)).unwrap_or_default() {
            let Some(left) = waiting.get_mut(&node) else { continue };
            *left -= 1;
            if *left == 0 {
                ready.insert(node);
            }
        }
    }
    if let Some(&(layer, _)) = waiting.keys().next() {
        let name = layers[layer].0.name.as_deref().unwrap_or_default();
        return Err(Problem::config(place, format!("layer '{name}' takes what depends on itself")));
    }
    let ends = |references: &[Reference]| references.iter().map(|x| find(&made, x)).collect::<Result<Vec<_>, _>>();
    let (inputs, outputs) = (ends(inputs)?, ends(outputs)?);
    Ok(builder.model(name, &inputs, &outputs)?)
}

/// What one node takes: Keras 3's `{args, kwargs}`, or Keras 2's list of `[layer, node, tensor, kwargs]`. Among the
/// arguments may be `numbers`, which an operation has read already.
fn inputs<'a>(node: &'a Value, numbers: bool, place: &str) -> Result<Taking<Written<'a>>, Problem> {
    let wrong = |reason: &str| Problem::config(place, reason);
    let mut taken = Vec::new();
    let mut training = None;
    match node {
        Value::Object(node) => {
            let (Some(args), kwargs) = (node.get("args"), node.get("kwargs").unwrap_or(&Value::Null)) else {
                return Err(wrong("a node in inbound_nodes has no args"));
            };
            match args.as_array() {
                Some(args) if numbers => {
                    let mut tensors = args.iter().filter(|value| !value.is_number());
                    tensors.try_for_each(|value| collect_tensors(value, &mut taken)).map_err(wrong)?;
                }
                _ => collect_tensors(args, &mut taken).map_err(wrong)?,
            }
            training = read_kwargs(kwargs, place)?;
        }
        Value::Array(items) if items.first().is_some_and(Value::is_string) => {
            let (written, said) = keras2_item(node, place)?;
            taken.push(written);
            training = said;
        }
        Value::Array(items) => {
            // The arguments stand behind each of several inputs.
            for item in items {
                let (written, said) = keras2_item(item, place)?;
                taken.push(written);
                training = training.or(said);
            }
        }
        _ => return Err(wrong("a node in inbound_nodes is neither an object nor a list")),
    }
    Ok(Taking { inputs: taken, training })
}

/// The tensors in Keras 3's nested arguments, in Keras's order: dictionaries by key.
fn collect_tensors<'a>(value: &'a Value, taken: &mut Vec<Written<'a>>) -> Result<(), &'static str> {
    match value {
        Value::Null => Ok(()),
        Value::Array(values) => values.iter().try_for_each(|value| collect_tensors(value, taken)),
        Value::Object(object) if object.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__") => {
            let history = object.get("config").and_then(|config| config.get("keras_history"));
            let written = history.and_then(reference).ok_or("a tensor it takes has no keras_history")?;
            taken.push(written);
            Ok(())
        }
        Value::Object(object) => {
            let sorted: BTreeMap<&String, &Value> = object.iter().collect();
            sorted.into_values().try_for_each(|value| collect_tensors(value, taken))
        }
        _ => Err("it is called with an argument that is no tensor; only tensors are supported"),
    }
}

fn keras2_item<'a>(item: &'a Value, place: &str) -> Result<(Written<'a>, Option<bool>), Problem> {
    let written = reference(item)
        .ok_or_else(|| Problem::config(place, "an input in inbound_nodes is no [layer, node, tensor]"))?;
    Ok((written, read_kwargs(item.get(3).unwrap_or(&Value::Null), place)?))
}

/// The argument `training` of a call. No other is known beside its inputs, but for a `mask`, which means nothing to the layers
/// that are read.
fn read_kwargs(kwargs: &Value, place: &str) -> Result<Option<bool>, Problem> {
    let unknown = match kwargs {
        Value::Null => None,
        Value::Object(kwargs) => kwargs.iter().find(|(key, value)| match key.as_str() {
            "training" | "mask" => !value.is_null() && !value.is_boolean(),
            _ => !value.is_null(),
        }),
        _ => return Err(Problem::config(place, "the kwargs of a call are no object")),
    };
    match unknown {
        None => Ok(kwargs.get("training").and_then(Value::as_bool)),
        Some((key, _)) => Err(Problem::unsupported(
            format!("{place}: a call with the argument '{key}'"),
            "layers are called with their inputs and 'training' alone",
        )),
    }
}

/// `[layer, node, tensor]`, with or without more behind it.
fn reference(value: &Value) -> Option<Written<'_>> {
    Some((value.get(0)?.as_str()?, as_size(value.get(1)?)?, as_size(value.get(2)?)?))
}

/// The references in `input_layers` or `output_layers`: one, a list, or a dictionary by key, nested.
fn collect_ends<'a>(value: &'a Value, written: &mut Vec<Written<'a>>) -> Option<()> {
    match value {
        Value::Array(items) if items.first().is_some_and(Value::is_string) => {
            written.push(reference(value)?);
            Some(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| collect_ends(item, written)),
        Value::Object(object) => {
            let sorted: BTreeMap<&String, &Value> = object.iter().collect();
            sorted.into_values().try_for_each(|item| collect_ends(item, written))
        }
        _ => None,
    }
}
