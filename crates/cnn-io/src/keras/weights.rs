//! Keras 3's `.weights.h5`: groups by class and number, tensors by number.
//!
//! Each layer of `model.layers` has the group `layers/<class>_<number>`, a nested model its own `layers` in there; a
//! layer's tensors are `vars/0`, `vars/1`, in the order in which the layer created them. Names play no part: `vars` bears
//! the layer's as an attribute for the reader's eye alone. Source: Keras's `saving_lib.py`.

use cnn_core::{Model, Weights};

use super::{Counter, checked, listed};
use crate::error::Problem;
use crate::hdf5::{Dataset, Group, Tree};
use crate::weights::{Found, Mismatch};

/// What the list of layers is called; the second is TensorFlow 2.13's.
const LISTS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// Whether the file has this layout.
pub(crate) fn is_keras3(root: &Group) -> Result<bool, Problem> {
    Ok(list(root)?.is_some())
}

fn list(group: &Group) -> Result<Option<Group>, Problem> {
    for name in LISTS {
        if let Some(list) = group.group(name)? {
            return Ok(Some(list));
        }
    }
    Ok(None)
}

/// Where the weights of `model` are.
pub(super) fn find(root: &Group, model: &Model, mismatch: Mismatch) -> Result<Found<Dataset>, Problem> {
    let mut found = Found::new(model, mismatch);
    bind(Some(root), model, "", &mut found)?;
    Ok(found)
}

/// Finds the weights of `model`, whose own path is `prefix`, in its group, if that is there.
fn bind(group: Option<&Group>, model: &Model, prefix: &str, found: &mut Found<Dataset>) -> Result<(), Problem> {
    let list = group.map(list).transpose()?.flatten();
    let mut groups = list.map(|list| list.groups()).transpose()?.unwrap_or_default();
    let mut names = Counter::default();
    for layer in listed(model) {
        let own = groups.remove(&names.next(layer.layer().class_name()));
        let path = format!("{prefix}{}/", layer.name());
        if let Some(nested) = layer.nested() {
            bind(own.as_ref(), nested, &path, found)?;
            continue;
        }
        let mut vars = variables(own.as_ref())?;
        let mut fits = vars.len() == layer.weights().len();
        for (index, spec) in layer.weights().iter().enumerate() {
            let path = format!("{path}{}", spec.name);
            match vars.remove(&index.to_string()) {
                None => found.missing(path, &spec.shape),
                Some(dataset) if found.skips() && !fits && dataset.shape() == spec.shape => {
                    found.skip_with_its_layer(path);
                }
                Some(dataset) => {
                    let (place, shape) = (dataset.path().to_owned(), dataset.shape().to_vec());
                    fits &= shape == spec.shape;
                    found.bind(path, &spec.shape, &place, &shape, dataset);
                }
            }
        }
        for dataset in vars.into_values() {
            found.extra(dataset.path().to_owned(), dataset.shape());
        }
    }
    for dataset in variables(group)?.into_values() {
        found.extra(dataset.path().to_owned(), dataset.shape());
    }
    groups.values().try_for_each(|group| extras(group, found, 0))
}

fn variables(group: Option<&Group>) -> Result<std::collections::BTreeMap<String, Dataset>, Problem> {
    let vars = group.map(|group| group.group("vars")).transpose()?.flatten();
    vars.map_or_else(|| Ok(Default::default()), |vars| vars.datasets())
}

/// Notes the tensors of a layer that the model does not have, nested ones included.
fn extras(group: &Group, found: &mut Found<Dataset>, depth: usize) -> Result<(), Problem> {
    /// A group can hold itself, in a hostile file.
    const DEEPEST: usize = 16;
    for dataset in variables(Some(group))?.into_values() {
        found.extra(dataset.path().to_owned(), dataset.shape());
    }
    match list(group)? {
        Some(list) if depth < DEEPEST => list.groups()?.values().try_for_each(|group| extras(group, found, depth + 1)),
        _ => Ok(()),
    }
}

/// The bytes of a `.weights.h5` file.
///
/// # Errors
/// If `weights` are not this model's, or Keras has no form for a layer (see [`super::model_to_json`]).
pub fn write(model: &Model, weights: &Weights) -> Result<Vec<u8>, Problem> {
    let tensor = checked(model, weights)?;
    let model = super::config::for_keras(model)?;
    let mut root = Tree::default();
    fill(&mut root, &model, "", &tensor);
    root.into_bytes()
}

fn fill(group: &mut Tree, model: &Model, prefix: &str, tensor: &impl Fn(&str) -> std::sync::Arc<cnn_core::Tensor>) {
    group.group("vars").set_text("name", model.name());
    let list = group.group(LISTS[0]);
    let mut names = Counter::default();
    for layer in listed(model) {
        let own = list.group(&names.next(layer.layer().class_name()));
        let path = format!("{prefix}{}/", layer.name());
        if let Some(nested) = layer.nested() {
            fill(own, nested, &path, tensor);
            continue;
        }
        let vars = own.group("vars");
        vars.set_text("name", layer.name());
        for (index, spec) in layer.weights().iter().enumerate() {
            vars.insert(&index.to_string(), tensor(&format!("{path}{}", spec.name)));
        }
    }
}
