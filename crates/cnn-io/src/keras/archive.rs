//! Keras 3's `.keras`: a zip archive of `metadata.json`, `config.json` and `model.weights.h5`.

use std::io::{Cursor, Write};

use cnn_core::{Model, Weights};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::KERAS_VERSION;
use super::config::{Style, for_keras, model_config, read_model};
use crate::LoadedModel;
use crate::archive::member;
use crate::error::Problem;
use crate::hdf5;
use crate::weights::{Matching, Mismatch};

/// The bytes a zip archive opens with.
pub(crate) const MAGIC: &[u8] = b"PK\x03\x04";

const FORMAT: &str = ".keras";
const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &str = "model.weights.h5";

/// The model in the archive, with its weights.
pub(crate) fn read(bytes: &[u8]) -> Result<LoadedModel, Problem> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let metadata = member(&mut archive, METADATA, bytes.len(), FORMAT)?;
    let metadata: Option<Value> = metadata.and_then(|text| serde_json::from_slice(&text).ok());
    let version = metadata.as_ref().and_then(|metadata| metadata.get("keras_version")?.as_str());
    let config = member(&mut archive, CONFIG, bytes.len(), FORMAT)?.ok_or_else(|| damaged("it has no config.json"))?;
    let config = String::from_utf8(config).map_err(damaged)?;
    let (model, notes) = read_model(&config, version)?;
    let weights = read_weights(bytes, &model, Mismatch::Refuse)?.weights;
    Ok(LoadedModel { model, weights, notes })
}

/// The archive's weights for `model`.
pub(crate) fn read_weights(bytes: &[u8], model: &Model, mismatch: Mismatch) -> Result<Matching, Problem> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let Some(weights) = member(&mut archive, WEIGHTS, bytes.len(), FORMAT)? else {
        if archive.index_for_name("model.weights.npz").is_some() {
            return Err(Problem::unsupported("weights in .npz form", "save the model with weights_format=\"h5\""));
        }
        return Err(damaged("it has no model.weights.h5"));
    };
    super::read_weights(hdf5::open(weights)?, model, mismatch)
}

/// The bytes of a `.keras` file. The same model and weights give the same bytes: the date it was saved is left out.
///
/// # Errors
/// If `weights` are not this model's, or Keras has no form for a layer (see [`super::model_to_json`]).
pub fn write(model: &Model, weights: &Weights) -> Result<Vec<u8>, Problem> {
    let model_h5 = super::write_weights(model, weights)?;
    let config = model_config(&for_keras(model)?, Style::Keras3)?.to_string();
    let metadata = json!({"keras_version": KERAS_VERSION}).to_string();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let members = [(METADATA, metadata.as_bytes()), (CONFIG, config.as_bytes()), (WEIGHTS, &model_h5)];
    for (name, bytes) in members {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(bytes.len() > u32::MAX as usize);
        archive.start_file(name, options).map_err(damaged)?;
        archive.write_all(bytes).map_err(damaged)?;
    }
    Ok(archive.finish().map_err(damaged)?.into_inner())
}

fn damaged(reason: impl ToString) -> Problem {
    Problem::damaged(FORMAT, reason)
}
