//! Convolutions and Dense: arguments from and to a configuration.

use cnn_core::layers::{
    Activation, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Initializer, Padding, Regularizer, SeparableConv2D,
    WeightOptions,
};
use serde_json::json;

use super::args::Args;
use super::options::{regularizer, write_weights};
use super::write::{Config, activation, padding};
use crate::error::Problem;

/// What the arguments of all convolutions have in common.
struct Common {
    kernel_size: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
    dilation_rate: [usize; 2],
    activation: Activation,
    use_bias: bool,
    bias: WeightOptions,
    activity_regularizer: Option<Regularizer>,
}

fn common(args: &mut Args<'_>) -> Result<Common, Problem> {
    args.channels_last()?;
    Ok(Common {
        kernel_size: args.pair("kernel_size")?,
        strides: args.pair_or("strides", [1, 1])?,
        padding: args.padding()?,
        dilation_rate: args.pair_or("dilation_rate", [1, 1])?,
        activation: args.activation()?,
        use_bias: args.flag_or("use_bias", true)?,
        bias: args.weight("bias", Initializer::ZEROS)?,
        activity_regularizer: args.regularizer("activity_regularizer")?,
    })
}

/// Takes what Keras 2 writes for a kernel that separable and depthwise convolutions have not.
fn no_kernel(args: &mut Args<'_>) {
    for key in ["kernel_initializer", "kernel_regularizer", "kernel_constraint"] {
        args.get(key);
    }
}

pub(super) fn read_conv2d(args: &mut Args<'_>) -> Result<Conv2D, Problem> {
    let Common { kernel_size, strides, padding, dilation_rate, activation, use_bias, bias, activity_regularizer } =
        common(args)?;
    let (filters, groups) = (args.size("filters")?, args.size_or("groups", 1)?);
    let kernel = args.weight("kernel", Initializer::GLOROT_UNIFORM)?;
    Ok(Conv2D {
        filters,
        kernel_size,
        strides,
        padding,
        dilation_rate,
        groups,
        activation,
        use_bias,
        kernel,
        bias,
        activity_regularizer,
    })
}

pub(super) fn write_conv2d(layer: &Conv2D, config: &mut Config<'_>) -> Result<(), Problem> {
    config.set("filters", json!(layer.filters));
    config.set("kernel_size", json!(layer.kernel_size));
    config.set("strides", json!(layer.strides));
    config.set("padding", padding(layer.padding, config)?);
    config.set("data_format", json!("channels_last"));
    config.set("dilation_rate", json!(layer.dilation_rate));
    config.set("groups", json!(layer.groups));
    config.set("activation", activation(layer.activation, config)?);
    config.set("use_bias", json!(layer.use_bias));
    write_weights(config, &[("kernel", &layer.kernel), ("bias", &layer.bias)]);
    config.set("activity_regularizer", regularizer(layer.activity_regularizer.as_ref()));
    Ok(())
}

pub(super) fn read_depthwise_conv2d(args: &mut Args<'_>) -> Result<DepthwiseConv2D, Problem> {
    let Common { kernel_size, strides, padding, dilation_rate, activation, use_bias, bias, activity_regularizer } =
        common(args)?;
    no_kernel(args);
    let depthwise = args.weight("depthwise", Initializer::GLOROT_UNIFORM)?;
    args.only("groups", &json!(1))?;
    let depth_multiplier = args.size_or("depth_multiplier", 1)?;
    Ok(DepthwiseConv2D {
        kernel_size,
        strides,
        padding,
        depth_multiplier,
        dilation_rate,
        activation,
        use_bias,
        depthwise,
        bias,
        activity_regularizer,
    })
}

pub(super) fn write_depthwise_conv2d(layer: &DepthwiseConv2D, config: &mut Config<'_>) -> Result<(), Problem> {
    config.set("depth_multiplier", json!(layer.depth_multiplier));
    config.set("kernel_size", json!(layer.kernel_size));
    config.set("strides", json!(layer.strides));
    config.set("padding", padding(layer.padding, config)?);
    config.set("data_format", json!("channels_last"));
    config.set("dilation_rate", json!(layer.dilation_rate));
    config.set("activation", activation(layer.activation, config)?);
    config.set("use_bias", json!(layer.use_bias));
    write_weights(config, &[("depthwise", &layer.depthwise), ("bias", &layer.bias)]);
    config.set("activity_regularizer", regularizer(layer.activity_regularizer.as_ref()));
    Ok(())
}

pub(super) fn read_separable_conv2d(args: &mut Args<'_>) -> Result<SeparableConv2D, Problem> {
    let Common { kernel_size, strides, padding, dilation_rate, activation, use_bias, bias, activity_regularizer } =
        common(args)?;
    no_kernel(args);
    let depthwise = args.weight("depthwise", Initializer::GLOROT_UNIFORM)?;
    let pointwise = args.weight("pointwise", Initializer::GLOROT_UNIFORM)?;
    args.only("groups", &json!(1))?;
    let (filters, depth_multiplier) = (args.size("filters")?, args.size_or("depth_multiplier", 1)?);
    Ok(SeparableConv2D {
        filters,
        kernel_size,
        strides,
        padding,
        dilation_rate,
        depth_multiplier,
        activation,
        use_bias,
        depthwise,
        pointwise,
        bias,
        activity_regularizer,
    })
}

pub(super) fn write_separable_conv2d(layer: &SeparableConv2D, config: &mut Config<'_>) -> Result<(), Problem> {
    config.set("depth_multiplier", json!(layer.depth_multiplier));
    config.set("filters", json!(layer.filters));
    config.set("kernel_size", json!(layer.kernel_size));
    config.set("strides", json!(layer.strides));
    config.set("padding", padding(layer.padding, config)?);
    config.set("data_format", json!("channels_last"));
    config.set("dilation_rate", json!(layer.dilation_rate));
    config.set("activation", activation(layer.activation, config)?);
    config.set("use_bias", json!(layer.use_bias));
    write_weights(config, &[("depthwise", &layer.depthwise), ("pointwise", &layer.pointwise), ("bias", &layer.bias)]);
    config.set("activity_regularizer", regularizer(layer.activity_regularizer.as_ref()));
    Ok(())
}

pub(super) fn read_conv2d_transpose(args: &mut Args<'_>) -> Result<Conv2DTranspose, Problem> {
    let Common { kernel_size, strides, padding, dilation_rate, activation, use_bias, bias, activity_regularizer } =
        common(args)?;
    args.only("groups", &json!(1))?;
    let filters = args.size("filters")?;
    let output_padding = match args.get("output_padding") {
        None => None,
        Some(_) => Some(args.pair("output_padding")?),
    };
    let kernel = args.weight("kernel", Initializer::GLOROT_UNIFORM)?;
    Ok(Conv2DTranspose {
        filters,
        kernel_size,
        strides,
        padding,
        output_padding,
        dilation_rate,
        activation,
        use_bias,
        kernel,
        bias,
        activity_regularizer,
    })
}

pub(super) fn write_conv2d_transpose(layer: &Conv2DTranspose, config: &mut Config<'_>) -> Result<(), Problem> {
    config.set("filters", json!(layer.filters));
    config.set("kernel_size", json!(layer.kernel_size));
    config.set("strides", json!(layer.strides));
    config.set("padding", padding(layer.padding, config)?);
    config.set("data_format", json!("channels_last"));
    config.set("dilation_rate", json!(layer.dilation_rate));
    config.set("activation", activation(layer.activation, config)?);
    config.set("use_bias", json!(layer.use_bias));
    write_weights(config, &[("kernel", &layer.kernel), ("bias", &layer.bias)]);
    config.set("activity_regularizer", regularizer(layer.activity_regularizer.as_ref()));
    config.set("output_padding", json!(layer.output_padding));
    Ok(())
}

pub(super) fn read_dense(args: &mut Args<'_>) -> Result<Dense, Problem> {
    if args.get("quantization_config").is_some() || args.get("lora_rank").is_some() {
        return Err(args.unsupported("a quantised or LoRA Dense", "save the model with plain float32 weights"));
    }
    Ok(Dense {
        units: args.size("units")?,
        activation: args.activation()?,
        use_bias: args.flag_or("use_bias", true)?,
        kernel: args.weight("kernel", Initializer::GLOROT_UNIFORM)?,
        bias: args.weight("bias", Initializer::ZEROS)?,
        activity_regularizer: args.regularizer("activity_regularizer")?,
    })
}

pub(super) fn write_dense(layer: &Dense, config: &mut Config<'_>) -> Result<(), Problem> {
    config.set("units", json!(layer.units));
    config.set("activation", activation(layer.activation, config)?);
    config.set("use_bias", json!(layer.use_bias));
    write_weights(config, &[("kernel", &layer.kernel), ("bias", &layer.bias)]);
    // Keras leaves it out where there is none.
    if layer.activity_regularizer.is_some() {
        config.set("activity_regularizer", regularizer(layer.activity_regularizer.as_ref()));
    }
    Ok(())
}
