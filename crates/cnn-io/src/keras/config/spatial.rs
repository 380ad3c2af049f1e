//! Pooling, padding, cropping and resampling: arguments from and to a configuration.

use cnn_core::layers::{
    AveragePooling2D, Cropping2D, GlobalAveragePooling2D, GlobalMaxPooling2D, Interpolation, MaxPooling2D, Padding,
    Resizing, UpSampling2D, ZeroPadding2D,
};
use cnn_core::shape::Padding2D;
use serde_json::{Value, json};

use super::args::Args;
use super::write::{Config, padding};
use crate::error::Problem;

/// Window, strides and padding of a pooling layer.
fn window(args: &mut Args<'_>) -> Result<([usize; 2], [usize; 2], Padding), Problem> {
    args.channels_last()?;
    let pool_size = args.pair_or("pool_size", [2, 2])?;
    Ok((pool_size, args.pair_or("strides", pool_size)?, args.padding()?))
}

fn write_window(
    config: &mut Config<'_>,
    pool_size: [usize; 2],
    strides: [usize; 2],
    pad: Padding,
) -> Result<(), Problem> {
    config.set("pool_size", json!(pool_size));
    config.set("padding", padding(pad, config)?);
    config.set("strides", json!(strides));
    config.set("data_format", json!("channels_last"));
    Ok(())
}

pub(super) fn read_max_pooling2d(args: &mut Args<'_>) -> Result<MaxPooling2D, Problem> {
    let (pool_size, strides, padding) = window(args)?;
    Ok(MaxPooling2D { pool_size, strides, padding })
}

pub(super) fn write_max_pooling2d(layer: &MaxPooling2D, config: &mut Config<'_>) -> Result<(), Problem> {
    write_window(config, layer.pool_size, layer.strides, layer.padding)
}

pub(super) fn read_average_pooling2d(args: &mut Args<'_>) -> Result<AveragePooling2D, Problem> {
    let (pool_size, strides, padding) = window(args)?;
    Ok(AveragePooling2D { pool_size, strides, padding })
}

pub(super) fn write_average_pooling2d(layer: &AveragePooling2D, config: &mut Config<'_>) -> Result<(), Problem> {
    write_window(config, layer.pool_size, layer.strides, layer.padding)
}

pub(super) fn read_global_max_pooling2d(args: &mut Args<'_>) -> Result<GlobalMaxPooling2D, Problem> {
    args.channels_last()?;
    Ok(GlobalMaxPooling2D { keepdims: args.flag_or("keepdims", false)? })
}

pub(super) fn read_global_average_pooling2d(args: &mut Args<'_>) -> Result<GlobalAveragePooling2D, Problem> {
    args.channels_last()?;
    Ok(GlobalAveragePooling2D { keepdims: args.flag_or("keepdims", false)? })
}

pub(super) fn write_global(keepdims: bool, config: &mut Config<'_>) {
    config.set("data_format", json!("channels_last"));
    config.set("keepdims", json!(keepdims));
}

fn sides(args: &mut Args<'_>, key: &'static str, default: usize) -> Result<Padding2D, Problem> {
    args.channels_last()?;
    if args.get(key).is_none() {
        return Ok(Padding2D { top: default, bottom: default, left: default, right: default });
    }
    let [[top, bottom], [left, right]] = args.sides(key)?;
    Ok(Padding2D { top, bottom, left, right })
}

fn write_sides(config: &mut Config<'_>, key: &'static str, sides: &Padding2D) {
    config.set(key, json!([[sides.top, sides.bottom], [sides.left, sides.right]]));
    config.set("data_format", json!("channels_last"));
}

pub(super) fn read_zero_padding2d(args: &mut Args<'_>) -> Result<ZeroPadding2D, Problem> {
    Ok(ZeroPadding2D { padding: sides(args, "padding", 1)? })
}

pub(super) fn write_zero_padding2d(layer: &ZeroPadding2D, config: &mut Config<'_>) {
    write_sides(config, "padding", &layer.padding);
}

pub(super) fn read_cropping2d(args: &mut Args<'_>) -> Result<Cropping2D, Problem> {
    Ok(Cropping2D { cropping: sides(args, "cropping", 0)? })
}

pub(super) fn write_cropping2d(layer: &Cropping2D, config: &mut Config<'_>) {
    write_sides(config, "cropping", &layer.cropping);
}

pub(super) fn interpolation(args: &mut Args<'_>, default: &'static str) -> Result<Interpolation, Problem> {
    match args.text_or("interpolation", default)? {
        text if text.eq_ignore_ascii_case("nearest") => Ok(Interpolation::Nearest),
        text if text.eq_ignore_ascii_case("bilinear") => Ok(Interpolation::Bilinear),
        text => {
            let what = format!("interpolation '{text}'");
            Err(args.unsupported(what, "rebuild the model with 'nearest' or 'bilinear'"))
        }
    }
}

pub(super) fn interpolation_name(interpolation: Interpolation) -> Value {
    match interpolation {
        Interpolation::Nearest => json!("nearest"),
        Interpolation::Bilinear => json!("bilinear"),
    }
}

pub(super) fn read_up_sampling2d(args: &mut Args<'_>) -> Result<UpSampling2D, Problem> {
    args.channels_last()?;
    Ok(UpSampling2D { size: args.pair_or("size", [2, 2])?, interpolation: interpolation(args, "nearest")? })
}

pub(super) fn write_up_sampling2d(layer: &UpSampling2D, config: &mut Config<'_>) {
    config.set("size", json!(layer.size));
    config.set("data_format", json!("channels_last"));
    config.set("interpolation", interpolation_name(layer.interpolation));
}

pub(super) fn read_resizing(args: &mut Args<'_>) -> Result<Resizing, Problem> {
    args.channels_last()?;
    args.only("antialias", &json!(false))?;
    args.only("fill_mode", &json!("constant"))?;
    Ok(Resizing {
        height: args.size("height")?,
        width: args.size("width")?,
        interpolation: interpolation(args, "bilinear")?,
        crop_to_aspect_ratio: args.flag_or("crop_to_aspect_ratio", false)?,
        pad_to_aspect_ratio: args.flag_or("pad_to_aspect_ratio", false)?,
        fill_value: args.number_or("fill_value", 0.0)?,
    })
}

pub(super) fn write_resizing(layer: &Resizing, config: &mut Config<'_>) {
    config.set("height", json!(layer.height));
    config.set("width", json!(layer.width));
    config.set("interpolation", interpolation_name(layer.interpolation));
    config.set("crop_to_aspect_ratio", json!(layer.crop_to_aspect_ratio));
    if layer.pad_to_aspect_ratio {
        // Later than the first Keras 3, so written only where it matters.
        config.set("pad_to_aspect_ratio", json!(true));
        config.set("fill_mode", json!("constant"));
        config.set("fill_value", json!(layer.fill_value));
    }
    config.set("data_format", json!("channels_last"));
}
