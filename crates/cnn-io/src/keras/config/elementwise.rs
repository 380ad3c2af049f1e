//! Activations and normalisations: arguments from and to a configuration.

use cnn_core::Tensor;
use cnn_core::layers::{
    BatchNormalization, ELU, Initializer, LayerNormalization, LeakyReLU, Normalization, Numbers, PReLU, ReLU,
    Rescaling, Softmax,
};
use serde_json::{Value, json};

use super::args::{Args, as_numbers};
use super::options::{write_initializer, write_weights};
use super::write::{Config, one_or_more};
use crate::error::Problem;

pub(super) fn read_relu(args: &mut Args<'_>) -> Result<ReLU, Problem> {
    let max_value = match args.get("max_value") {
        None => None,
        Some(_) => Some(args.number("max_value")?),
    };
    let (negative_slope, threshold) = (args.number_or("negative_slope", 0.0)?, args.number_or("threshold", 0.0)?);
    Ok(ReLU { max_value, negative_slope, threshold })
}

pub(super) fn write_relu(layer: &ReLU, config: &mut Config<'_>) {
    config.set("max_value", json!(layer.max_value));
    config.set("negative_slope", json!(layer.negative_slope));
    config.set("threshold", json!(layer.threshold));
}

/// Keras 2 calls the slope alpha.
pub(super) fn read_leaky_relu(args: &mut Args<'_>) -> Result<LeakyReLU, Problem> {
    let alpha = args.number_or("alpha", 0.3)?;
    Ok(LeakyReLU { negative_slope: args.number_or("negative_slope", alpha)? })
}

pub(super) fn write_leaky_relu(layer: &LeakyReLU, config: &mut Config<'_>) {
    config.set("negative_slope", json!(layer.negative_slope));
}

pub(super) fn read_prelu(args: &mut Args<'_>) -> Result<PReLU, Problem> {
    let axes = args.integers("shared_axes")?.unwrap_or_default();
    let shared_axes = axes
        .iter()
        .map(|&axis| usize::try_from(axis).map_err(|_| args.error(format!("shared_axes has a negative axis {axis}"))))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(PReLU { shared_axes, alpha: args.weight("alpha", Initializer::ZEROS)? })
}

pub(super) fn write_prelu(layer: &PReLU, config: &mut Config<'_>) {
    write_weights(config, &[("alpha", &layer.alpha)]);
    let axes = if layer.shared_axes.is_empty() { Value::Null } else { json!(layer.shared_axes) };
    config.set("shared_axes", axes);
}

pub(super) fn read_elu(args: &mut Args<'_>) -> Result<ELU, Problem> {
    Ok(ELU { alpha: args.number_or("alpha", 1.0)? })
}

pub(super) fn write_elu(layer: &ELU, config: &mut Config<'_>) {
    config.set("alpha", json!(layer.alpha));
}

pub(super) fn read_softmax(args: &mut Args<'_>) -> Result<Softmax, Problem> {
    Ok(Softmax { axis: args.integers("axis")?.unwrap_or_else(|| vec![-1]) })
}

pub(super) fn write_softmax(layer: &Softmax, config: &mut Config<'_>) {
    config.set("axis", one_or_more(&layer.axis));
}

pub(super) fn read_batch_normalization(args: &mut Args<'_>) -> Result<BatchNormalization, Problem> {
    // Across how many devices statistics are gathered, by which kernel, and what only `renorm` needs: nothing here.
    for key in ["synchronized", "renorm_clipping", "renorm_momentum", "fused"] {
        args.get(key);
    }
    args.only("renorm", &json!(false))?;
    args.only("virtual_batch_size", &Value::Null)?;
    let axis = match args.integers("axis")?.as_deref() {
        None => -1,
        Some(&[axis]) => axis,
        Some(axes) => {
            return Err(args.unsupported(format!("axis {axes:?}"), "BatchNormalization takes one axis"));
        }
    };
    Ok(BatchNormalization {
        axis,
        momentum: args.number_or("momentum", 0.99)?,
        epsilon: args.number_or("epsilon", 1e-3)?,
        center: args.flag_or("center", true)?,
        scale: args.flag_or("scale", true)?,
        beta: args.weight("beta", Initializer::ZEROS)?,
        gamma: args.weight("gamma", Initializer::ONES)?,
        moving_mean: args.initializer("moving_mean", Initializer::ZEROS)?,
        moving_variance: args.initializer("moving_variance", Initializer::ONES)?,
    })
}

pub(super) fn write_batch_normalization(layer: &BatchNormalization, config: &mut Config<'_>) {
    config.set("axis", json!(layer.axis));
    config.set("momentum", json!(layer.momentum));
    config.set("epsilon", json!(layer.epsilon));
    config.set("center", json!(layer.center));
    config.set("scale", json!(layer.scale));
    write_weights(config, &[("beta", &layer.beta), ("gamma", &layer.gamma)]);
    write_initializer(config, "moving_mean", &layer.moving_mean);
    write_initializer(config, "moving_variance", &layer.moving_variance);
    config.set("synchronized", json!(false));
}

pub(super) fn read_layer_normalization(args: &mut Args<'_>) -> Result<LayerNormalization, Problem> {
    args.only("rms_scaling", &json!(false))?;
    Ok(LayerNormalization {
        axis: args.integers("axis")?.unwrap_or_else(|| vec![-1]),
        epsilon: args.number_or("epsilon", 1e-3)?,
        center: args.flag_or("center", true)?,
        scale: args.flag_or("scale", true)?,
        beta: args.weight("beta", Initializer::ZEROS)?,
        gamma: args.weight("gamma", Initializer::ONES)?,
    })
}

pub(super) fn write_layer_normalization(layer: &LayerNormalization, config: &mut Config<'_>) {
    config.set("axis", one_or_more(&layer.axis));
    config.set("epsilon", json!(layer.epsilon));
    config.set("center", json!(layer.center));
    config.set("scale", json!(layer.scale));
    write_weights(config, &[("beta", &layer.beta), ("gamma", &layer.gamma)]);
}

pub(super) fn read_normalization(args: &mut Args<'_>) -> Result<Normalization, Problem> {
    // `axis` null is one mean for all; missing, it is -1.
    let missing = !args.has("axis");
    let axis = args.integers("axis")?.unwrap_or_else(|| if missing { vec![-1] } else { Vec::new() });
    let statistics = match (args.get("mean"), args.get("variance")) {
        (Some(mean), Some(variance)) => {
            let tensor = |key: &str, value| {
                tensor(value).ok_or_else(|| args.error(format!("{key} is no number and no array of numbers")))
            };
            Some((tensor("mean", mean)?, tensor("variance", variance)?))
        }
        (None, None) => None,
        _ => return Err(args.error("mean and variance must be given together")),
    };
    Ok(Normalization { axis, statistics, invert: args.flag_or("invert", false)? })
}

pub(super) fn write_normalization(layer: &Normalization, config: &mut Config<'_>) {
    config.set("axis", if layer.axis.is_empty() { Value::Null } else { json!(layer.axis) });
    config.set("invert", json!(layer.invert));
    let (mean, variance) = match &layer.statistics {
        Some((mean, variance)) => {
            let list = |tensor: &Tensor| nested(tensor.shape(), tensor.data(), shortest);
            (list(mean), list(variance))
        }
        None => (Value::Null, Value::Null),
    };
    config.set("mean", mean);
    config.set("variance", variance);
}

/// Nested lists of numbers as a tensor.
fn tensor(value: &Value) -> Option<Tensor> {
    let Numbers { shape, data } = as_numbers(value)?;
    Tensor::new(shape, data.into_iter().map(|number| number as f32).collect()).ok()
}

/// An array as nested lists, `number` of each element.
fn nested<T: Copy>(shape: &[usize], data: &[T], number: fn(T) -> Value) -> Value {
    match shape.split_first() {
        None => data.first().map_or(Value::Null, |&value| number(value)),
        Some((&size, rest)) => {
            let step = data.len() / size.max(1);
            Value::Array((0..size).map(|i| nested(rest, &data[i * step..(i + 1) * step], number)).collect())
        }
    }
}

/// A number as its shortest decimal, which float32 reads back as the same.
fn shortest(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, |value| json!(value))
}

pub(super) fn read_rescaling(args: &mut Args<'_>) -> Result<Rescaling, Problem> {
    Ok(Rescaling { scale: args.numbers("scale", 1.0)?, offset: args.numbers("offset", 0.0)? })
}

pub(super) fn write_rescaling(layer: &Rescaling, config: &mut Config<'_>) {
    for (key, numbers) in [("scale", &layer.scale), ("offset", &layer.offset)] {
        config.set(key, nested(&numbers.shape, &numbers.data, |number: f64| json!(number)));
    }
}
