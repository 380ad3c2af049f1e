//! The layers of `keras.applications`' own: arguments from and to a configuration.

use cnn_core::layers::{CustomScaleLayer, Layer, LayerScale, StochasticDepth};
use serde_json::json;

use super::args::Args;
use super::write::Config;
use crate::error::Problem;

/// The module in which Keras finds the layer's class, for one of these.
pub(super) fn module(layer: &Layer) -> Option<&'static str> {
    match layer {
        Layer::LayerScale(_) | Layer::StochasticDepth(_) => Some("keras.src.applications.convnext"),
        Layer::CustomScaleLayer(_) => Some("keras.src.applications.inception_resnet_v2"),
        _ => None,
    }
}

pub(super) fn read_layer_scale(args: &mut Args<'_>) -> Result<LayerScale, Problem> {
    Ok(LayerScale { init_values: args.number("init_values")?, projection_dim: args.size("projection_dim")? })
}

pub(super) fn write_layer_scale(layer: &LayerScale, config: &mut Config<'_>) {
    config.set("init_values", json!(layer.init_values));
    config.set("projection_dim", json!(layer.projection_dim));
}

pub(super) fn read_stochastic_depth(args: &mut Args<'_>) -> Result<StochasticDepth, Problem> {
    Ok(StochasticDepth { drop_path_rate: args.number("drop_path_rate")? })
}

pub(super) fn write_stochastic_depth(layer: &StochasticDepth, config: &mut Config<'_>) {
    config.set("drop_path_rate", json!(layer.drop_path_rate));
}

pub(super) fn read_custom_scale_layer(args: &mut Args<'_>) -> Result<CustomScaleLayer, Problem> {
    Ok(CustomScaleLayer { scale: args.number("scale")? })
}

pub(super) fn write_custom_scale_layer(layer: &CustomScaleLayer, config: &mut Config<'_>) {
    config.set("scale", json!(layer.scale));
}
