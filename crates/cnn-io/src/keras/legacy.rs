//! Legacy `.h5`: groups by layer name, tensors by weight name; with the configuration in an attribute, a whole model.
//!
//! Layers bind by their order, not by name: the k-th layer of the file that has weights is the k-th of the model that has
//! some. Within a layer see [`super::bind`]. Source: Keras's `legacy_h5_format.py`.

use std::collections::HashSet;
use std::sync::Arc;

use cnn_core::model::ModelLayer;
use cnn_core::{Model, Tensor, Weights};

use super::bind::{Target, Written, assign, by_names, some};
use super::config::{NOT_COMPILED, Style, for_keras, model_config, read_model};
use super::{KERAS_VERSION, checked, listed};
use crate::LoadedModel;
use crate::error::Problem;
use crate::hdf5::{Attributes, Dataset, Group, Tree};
use crate::weights::{Found, Mismatch};

/// The most bytes of one attribute, in which HDF5 keeps a list of names; longer lists are split.
const ATTRIBUTE_LIMIT: usize = 64512;
const LAYER_NAMES: &str = "layer_names";
const WEIGHT_NAMES: &str = "weight_names";
const TOP_LEVEL: &str = "top_level_model_weights";

/// What a legacy file holds.
pub(crate) struct Contents {
    weights: Group,
    config: Option<String>,
    version: Option<String>,
    compiled: bool,
}

/// What the file holds, if it has this layout.
pub(crate) fn contents(root: Group) -> Result<Option<Contents>, Problem> {
    let attributes = root.attributes()?;
    let config = attributes.text("model_config").map(str::to_owned);
    let compiled = attributes.text("training_config").is_some();
    let mut version = attributes.text("keras_version").map(str::to_owned);
    let weights = match root.group("model_weights")? {
        Some(weights) => {
            version = version.or_else(|| Some(weights.attributes().ok()?.text("keras_version")?.to_owned()));
            weights
        }
        None if names(&attributes, LAYER_NAMES).is_some() => root,
        None => return Ok(None),
    };
    if version.as_deref().is_some_and(|version| version.starts_with("1.")) {
        let version = version.unwrap_or_default();
        return Err(Problem::unsupported(format!("a file of Keras {version}"), "load and save it with Keras 2 or 3"));
    }
    Ok(Some(Contents { weights, config, version, compiled }))
}

impl Contents {
    /// The model and its weights.
    pub(crate) fn model(&self) -> Result<LoadedModel, Problem> {
        let config = self.config.as_ref().ok_or(Problem::WeightsAlone)?;
        let (model, mut notes) = read_model(config, self.version.as_deref())?;
        if self.compiled {
            notes.push(NOT_COMPILED.into());
        }
        let weights = self.find_weights(&model, Mismatch::Refuse)?.read(&model, Dataset::read)?.weights;
        Ok(LoadedModel { model, weights, notes })
    }

    /// Where the weights of `model` are.
    pub(super) fn find_weights(&self, model: &Model, mismatch: Mismatch) -> Result<Found<Dataset>, Problem> {
        let mut found = Found::new(model, mismatch);
        let saved = self.layers()?;
        let wanted: Vec<(&ModelLayer, Vec<Target>)> = listed(model)
            .map(|layer| (layer, targets(layer, model.trainable())))
            .filter(|(_, targets)| !targets.is_empty())
            .collect();
        if saved.len() == wanted.len() {
            for (saved, (layer, targets)) in saved.into_iter().zip(wanted) {
                bind_layer(saved, layer, targets, &mut found);
            }
        } else {
            compare_layers(saved, &wanted, &mut found);
        }
        if let Some(top) = self.weights.group(TOP_LEVEL)? {
            for dataset in datasets(&top)? {
                found.extra(dataset.1.path().to_owned(), dataset.1.shape());
            }
        }
        Ok(found)
    }

    /// The layers that have weights, in the file's order.
    fn layers(&self) -> Result<Vec<Saved>, Problem> {
        let listed = names(&self.weights.attributes()?, LAYER_NAMES)
            .ok_or_else(|| damaged("the attribute layer_names is missing or no list of texts"))?;
        let mut groups = self.weights.groups()?;
        let mut layers = Vec::new();
        for name in listed {
            let group = match groups.remove(&name) {
                Some(group) => Some(group),
                // A name with a slash is a group in a group.
                None => self.weights.group(&name)?,
            };
            let group = group.ok_or_else(|| damaged(format!("it lists layer '{name}' but has no group for it")))?;
            let datasets = datasets(&group)?;
            if !datasets.is_empty() {
                layers.push(Saved { name, datasets });
            }
        }
        Ok(layers)
    }
}

/// A layer of the file: its name, its tensors and their names.
struct Saved {
    name: String,
    datasets: Vec<(Written, Dataset)>,
}

/// A list of names, in one attribute or in several numbered ones.
fn names(attributes: &Attributes, name: &str) -> Option<Vec<String>> {
    if let Some(names) = attributes.texts(name) {
        return Some(names);
    }
    let parts = (0..).map_while(|part| attributes.texts(&format!("{name}{part}")));
    let names: Vec<Vec<String>> = parts.collect();
    (!names.is_empty()).then(|| names.concat())
}

/// The tensors of a layer's group in the order of `weight_names`.
fn datasets(group: &Group) -> Result<Vec<(Written, Dataset)>, Problem> {
    let names = names(&group.attributes()?, WEIGHT_NAMES)
        .ok_or_else(|| damaged(format!("group '{}' has no attribute weight_names", group.path())))?;
    let find = |name: String| {
        let dataset = group
            .dataset(&name)?
            .ok_or_else(|| damaged(format!("group '{}' lists '{name}' but does not hold it", group.path())))?;
        Ok((Written { name, shape: dataset.shape().to_vec() }, dataset))
    };
    names.into_iter().map(find).collect()
}

/// The weights of a layer, those of its layers if it is a nested model.
fn targets(layer: &ModelLayer, trainable: bool) -> Vec<Target> {
    let mut targets = Vec::new();
    collect(layer, layer.name(), "", trainable, &mut targets);
    targets
}

fn collect(layer: &ModelLayer, path: &str, owner: &str, trainable: bool, targets: &mut Vec<Target>) {
    let trainable = trainable && layer.trainable();
    if let Some(model) = layer.nested() {
        for inner in model.layers() {
            let path = format!("{path}/{}", inner.name());
            let owner = if owner.is_empty() { inner.name().to_owned() } else { format!("{owner}/{}", inner.name()) };
            collect(inner, &path, &owner, trainable, targets);
        }
    }
    targets.extend(layer.weights().iter().map(|spec| Target {
        path: format!("{path}/{}", spec.name),
        owner: owner.to_owned(),
        role: spec.name,
        shape: spec.shape.clone(),
        trainable_now: trainable && spec.trainable,
        trainable_ever: spec.trainable,
    }));
}

fn bind_layer(saved: Saved, layer: &ModelLayer, targets: Vec<Target>, found: &mut Found<Dataset>) {
    let (written, datasets): (Vec<Written>, Vec<Dataset>) = saved.datasets.into_iter().unzip();
    if written.len() != targets.len() {
        compare_weights(&saved.name, &written, &datasets, layer, &targets, found);
        return;
    }
    match assign(&written, &targets) {
        Err(reason) => found.conflict(format!("{} ('{}' in the file): {reason}", layer.name(), saved.name)),
        Ok(assignment) => {
            for ((written, dataset), index) in written.into_iter().zip(datasets).zip(assignment) {
                let target = &targets[index];
                let place = dataset.path().to_owned();
                found.bind(target.path.clone(), &target.shape, &place, &written.shape, dataset);
            }
        }
    }
}

/// Says which weights a layer has and the file has not, and the other way round.
fn compare_weights(
    saved: &str,
    written: &[Written],
    datasets: &[Dataset],
    layer: &ModelLayer,
    targets: &[Target],
    found: &mut Found<Dataset>,
) {
    let known: Vec<Option<usize>> =
        written.iter().map(|w| by_names(std::slice::from_ref(w), targets).map(|indices| indices[0])).collect();
    let bound: HashSet<usize> = known.iter().flatten().copied().collect();
    let clear = bound.len() + known.iter().filter(|index| index.is_none()).count() == written.len();
    if found.skips() || !clear || bound.is_empty() {
        found.conflict(format!(
            "{} ('{saved}' in the file): wants {} tensors, but the file has {} ({})",
            layer.name(),
            targets.len(),
            written.len(),
            some(written.iter().map(|w| w.name.as_str()))
        ));
        return;
    }
    for (index, target) in targets.iter().enumerate() {
        if !bound.contains(&index) {
            found.missing(target.path.clone(), &target.shape);
        }
    }
    for (dataset, _) in datasets.iter().zip(&known).filter(|(_, index)| index.is_none()) {
        found.extra(dataset.path().to_owned(), dataset.shape());
    }
}

/// Says which layers the model has and the file has not, and the other way round, as far as names tell.
fn compare_layers(saved: Vec<Saved>, wanted: &[(&ModelLayer, Vec<Target>)], found: &mut Found<Dataset>) {
    found.conflict(format!("the file has {} layers with weights, the model {}", saved.len(), wanted.len()));
    let theirs: HashSet<&str> = saved.iter().map(|saved| saved.name.as_str()).collect();
    let ours: HashSet<&str> = wanted.iter().map(|(layer, _)| layer.name()).collect();
    for (_, targets) in wanted.iter().filter(|(layer, _)| !theirs.contains(layer.name())) {
        for target in targets {
            found.missing(target.path.clone(), &target.shape);
        }
    }
    for saved in saved.iter().filter(|saved| !ours.contains(saved.name.as_str())) {
        for (_, dataset) in &saved.datasets {
            found.extra(dataset.path().to_owned(), dataset.shape());
        }
    }
}

/// The bytes of a legacy `.h5` file of weights alone.
///
/// Keras binds them by the layers' order; in a nested model that order is the one of the layers frozen now, so the model
/// that Keras loads them into must be frozen likewise.
///
/// # Errors
/// If `weights` are not this model's, or Keras has no form for a layer (see [`super::model_to_json`]).
pub fn write_weights(model: &Model, weights: &Weights) -> Result<Vec<u8>, Problem> {
    let tensor = checked(model, weights)?;
    let mut root = Tree::default();
    fill(&mut root, &for_keras(model)?, &tensor);
    root.into_bytes()
}

/// The bytes of a whole-model `.h5` file: configuration and weights.
///
/// # Errors
/// As [`write_weights`].
pub fn write_model(model: &Model, weights: &Weights) -> Result<Vec<u8>, Problem> {
    let tensor = checked(model, weights)?;
    let model = for_keras(model)?;
    let mut root = Tree::default();
    root.set_text("backend", "tensorflow");
    root.set_text("keras_version", KERAS_VERSION);
    root.set_text("model_config", &model_config(&model, Style::Legacy)?.to_string());
    fill(root.group("model_weights"), &model, &tensor);
    root.into_bytes()
}

fn fill(group: &mut Tree, model: &Model, tensor: &impl Fn(&str) -> Arc<Tensor>) {
    group.set_text("backend", "tensorflow");
    group.set_text("keras_version", KERAS_VERSION);
    set_names(group, LAYER_NAMES, listed(model).map(|layer| layer.name().to_owned()).collect());
    for layer in listed(model) {
        let own = group.group(layer.name());
        let mut targets = targets(layer, model.trainable());
        // A stable sort: trainable first, each part in the model's order.
        targets.sort_by_key(|target| !target.trainable_now);
        set_names(own, WEIGHT_NAMES, targets.iter().map(|target| target.path.clone()).collect());
        for target in &targets {
            own.insert(&target.path, tensor(&target.path));
        }
    }
    set_names(group.group(TOP_LEVEL), WEIGHT_NAMES, Vec::new());
}

/// Sets a list of names, in several numbered attributes if it is too long for one. As Keras counts, each name takes the
/// room of the longest.
fn set_names(group: &mut Tree, name: &str, names: Vec<String>) {
    let longest = names.iter().map(String::len).max().unwrap_or(0).max(1);
    let parts = (names.len() * longest).div_ceil(ATTRIBUTE_LIMIT);
    if parts <= 1 {
        group.set_texts(name, names);
        return;
    }
    for (part, names) in names.chunks(ATTRIBUTE_LIMIT / longest).enumerate() {
        group.set_texts(&format!("{name}{part}"), names.to_vec());
    }
}

fn damaged(reason: impl ToString) -> Problem {
    Problem::damaged("Keras .h5", reason)
}
