//! Keras's files: `.keras`, `.weights.h5`, and `.h5` of Keras 2 and 3.
//!
//! | file | read by | written by |
//! |---|---|---|
//! | `.keras` | [`crate::read_model`], [`crate::read_weights`] | [`write_keras`] |
//! | whole-model `.h5` | the same | [`write_legacy_model`] |
//! | `.weights.h5` (Keras 3) | [`crate::read_weights`] | [`write_weights`] |
//! | legacy `.h5` weights | [`crate::read_weights`] | [`write_legacy_weights`] |
//! | `model.to_json()` | [`model_from_json`] | [`model_to_json`] |

mod archive;
mod bind;
mod config;
mod legacy;
mod weights;

pub use archive::write as write_keras;
pub(crate) use archive::{MAGIC as ARCHIVE_MAGIC, read as read_archive, read_weights as read_archive_weights};
pub use config::{layer_from_config, layer_to_config, model_from_json, model_to_json};
pub(crate) use legacy::contents as legacy_contents;
pub use legacy::{write_model as write_legacy_model, write_weights as write_legacy_weights};
pub(crate) use weights::is_keras3;
pub use weights::write as write_weights;

use std::collections::HashMap;
use std::sync::Arc;

use cnn_core::layers::Layer;
use cnn_core::model::{ModelKind, ModelLayer, to_snake_case};
use cnn_core::{Model, Tensor, Weights};

use crate::error::Problem;
use crate::hdf5::{Dataset, Group};
use crate::weights::{Found, Matching, Mismatch};

/// The version of Keras whose files these are like.
const KERAS_VERSION: &str = "3.15.1";

/// The layers as Keras's `model.layers` lists them: a Sequential's input layer and bare operations are not among them.
fn listed(model: &Model) -> impl Iterator<Item = &ModelLayer> {
    let sequential = model.kind() == ModelKind::Sequential;
    model.layers().iter().filter(move |layer| match layer.layer() {
        Layer::InputLayer(_) => !sequential,
        kind => !kind.is_operation(),
    })
}

/// Names by class and number, as Keras names groups in a file: `conv2d`, `conv2d_1`.
#[derive(Default)]
struct Counter(HashMap<String, usize>);

impl Counter {
    fn next(&mut self, class: &str) -> String {
        let stem = to_snake_case(class);
        let count = self.0.entry(stem.clone()).or_default();
        *count += 1;
        if *count == 1 { stem } else { format!("{stem}_{}", *count - 1) }
    }
}

/// The weights to write, which must be this model's. Numbers that are not finite are written as they are.
pub(crate) fn checked<'a>(model: &Model, weights: &'a Weights) -> Result<impl Fn(&str) -> Arc<Tensor> + 'a, Problem> {
    if let Err(mut error) = model.check_weights(weights) {
        error.not_finite.clear();
        if !(error.missing.is_empty() && error.extra.is_empty() && error.misshaped.is_empty()) {
            return Err(Problem::Weights { weights: Box::new(error), conflicts: Vec::new() });
        }
    }
    // Every path asked for is one of the model's, which are all there.
    Ok(|path: &str| weights.get(path).cloned().unwrap_or_else(|| Arc::new(Tensor::scalar(0.0))))
}

/// Where the weights of `model` are in an HDF5 file, whichever of Keras's layouts it has.
pub(crate) fn find_weights(root: Group, model: &Model, mismatch: Mismatch) -> Result<Found<Dataset>, Problem> {
    if is_keras3(&root)? {
        return weights::find(&root, model, mismatch);
    }
    legacy_contents(root)?.ok_or_else(|| crate::not_of_keras(crate::WEIGHTS_WANTED))?.find_weights(model, mismatch)
}

/// The weights of `model` from an HDF5 file.
pub(crate) fn read_weights(root: Group, model: &Model, mismatch: Mismatch) -> Result<Matching, Problem> {
    find_weights(root, model, mismatch)?.read(model, Dataset::read)
}
