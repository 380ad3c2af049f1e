//! Layers that move, join or drop elements: arguments from and to a configuration.

use cnn_core::layers::{Concatenate, Dropout, Flatten, InputLayer, Permute, Reshape};
use serde_json::json;

use super::args::Args;
use super::write::{Config, shape};
use crate::error::Problem;

/// Keras 3's `batch_shape`, Keras 2's `batch_input_shape`.
pub(super) fn read_input(args: &mut Args<'_>) -> Result<InputLayer, Problem> {
    for key in ["sparse", "ragged", "optional"] {
        args.only(key, &json!(false))?;
    }
    let (new, old) = (args.shape("batch_shape")?, args.shape("batch_input_shape")?);
    let batch_shape = new.or(old).ok_or_else(|| args.error("argument batch_shape is missing"))?;
    Ok(InputLayer { batch_shape })
}

pub(super) fn write_input(layer: &InputLayer, config: &mut Config<'_>) {
    config.set("batch_shape", shape(&layer.batch_shape));
}

pub(super) fn read_concatenate(args: &mut Args<'_>) -> Result<Concatenate, Problem> {
    match args.integers("axis")?.as_deref() {
        None => Ok(Concatenate::new()),
        Some(&[axis]) => Ok(Concatenate { axis }),
        Some(axes) => Err(args.error(format!("axis is {axes:?}, but should be one axis"))),
    }
}

pub(super) fn write_concatenate(layer: &Concatenate, config: &mut Config<'_>) {
    config.set("axis", json!(layer.axis));
}

pub(super) fn read_flatten(args: &mut Args<'_>) -> Result<Flatten, Problem> {
    args.channels_last()?;
    Ok(Flatten)
}

pub(super) fn write_flatten(config: &mut Config<'_>) {
    config.set("data_format", json!("channels_last"));
}

pub(super) fn read_reshape(args: &mut Args<'_>) -> Result<Reshape, Problem> {
    let target_shape = args.integers("target_shape")?;
    Ok(Reshape { target_shape: target_shape.ok_or_else(|| args.error("argument target_shape is missing"))? })
}

pub(super) fn write_reshape(layer: &Reshape, config: &mut Config<'_>) {
    config.set("target_shape", json!(layer.target_shape));
}

pub(super) fn read_permute(args: &mut Args<'_>) -> Result<Permute, Problem> {
    let dims = args.integers("dims")?.ok_or_else(|| args.error("argument dims is missing"))?;
    let dims: Option<Vec<usize>> = dims.iter().map(|&axis| usize::try_from(axis).ok()).collect();
    Ok(Permute { dims: dims.ok_or_else(|| args.error("dims has a negative axis"))? })
}

pub(super) fn write_permute(layer: &Permute, config: &mut Config<'_>) {
    config.set("dims", json!(layer.dims));
}

pub(super) fn read_dropout(args: &mut Args<'_>) -> Result<Dropout, Problem> {
    Ok(Dropout { rate: args.number("rate")?, noise_shape: args.shape("noise_shape")?, seed: args.seed()? })
}

pub(super) fn write_dropout(layer: &Dropout, config: &mut Config<'_>) {
    config.set("rate", json!(layer.rate));
    config.set("seed", json!(layer.seed));
    config.set("noise_shape", layer.noise_shape.as_ref().map_or(json!(null), |sizes| shape(sizes)));
}
