//! Layers that change pictures at random.

use cnn_core::layers::{
    AugMix, AutoContrast, CenterCrop, CutMix, Equalization, Factor, FillMode, FlipMode, MixUp, RandAugment,
    RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop, RandomElasticTransform,
    RandomErasing, RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective,
    RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom,
    Solarization,
};
use serde_json::{Value, json};

use super::args::Args;
use super::spatial::{interpolation, interpolation_name};
use super::write::Config;
use crate::error::Problem;

/// Pixels are bytes unless a layer says otherwise.
const BYTES: [f64; 2] = [0.0, 255.0];

/// One number or two; `None` where it is missing or null.
fn optional_factor(args: &mut Args<'_>, key: &'static str) -> Result<Option<Factor>, Problem> {
    if args.get(key).is_none() {
        return Ok(None);
    }
    let numbers = args.numbers(key, 0.0)?;
    match *numbers.data.as_slice() {
        [one] => Ok(Some(one.into())),
        [low, high] => Ok(Some([low, high].into())),
        _ => Err(args.error(format!("{key} should be a number or two"))),
    }
}

fn factor(args: &mut Args<'_>, key: &'static str, default: f64) -> Result<Factor, Problem> {
    Ok(optional_factor(args, key)?.unwrap_or(default.into()))
}

fn two(factor: Factor) -> Value {
    json!([factor.low, factor.high])
}

/// Where both ends are as far from 0, the one number that stands for them: Keras takes -1 in that form alone, and RandomShear
/// nothing below 0.
fn one_or_two(factor: Factor) -> Value {
    if factor.low == -factor.high { json!(factor.high) } else { two(factor) }
}

fn value_range(args: &mut Args<'_>) -> Result<[f64; 2], Problem> {
    let numbers = args.numbers("value_range", 0.0)?;
    match *numbers.data.as_slice() {
        // Missing.
        [0.0] if numbers.shape.is_empty() => Ok(BYTES),
        [low, high] => Ok([low.min(high), low.max(high)]),
        _ => Err(args.error("value_range should be two numbers")),
    }
}

fn fill_mode(args: &mut Args<'_>) -> Result<FillMode, Problem> {
    match args.text_or("fill_mode", "reflect")? {
        "constant" => Ok(FillMode::Constant),
        "nearest" => Ok(FillMode::Nearest),
        "reflect" => Ok(FillMode::Reflect),
        "wrap" => Ok(FillMode::Wrap),
        text => Err(args.error(format!("fill_mode is '{text}', but should be constant, nearest, reflect or wrap"))),
    }
}

fn fill_mode_name(fill_mode: FillMode) -> Value {
    json!(match fill_mode {
        FillMode::Constant => "constant",
        FillMode::Nearest => "nearest",
        FillMode::Reflect => "reflect",
        FillMode::Wrap => "wrap",
    })
}

/// What all classes have.
fn common(config: &mut Config<'_>, seed: Option<u64>) {
    config.set("data_format", json!("channels_last"));
    config.set("seed", json!(seed));
}

pub(super) fn read_random_flip(args: &mut Args<'_>) -> Result<RandomFlip, Problem> {
    args.channels_last()?;
    let mode = match args.text_or("mode", "horizontal_and_vertical")? {
        "horizontal" => FlipMode::Horizontal,
        "vertical" => FlipMode::Vertical,
        "horizontal_and_vertical" => FlipMode::HorizontalAndVertical,
        text => {
            let wanted = "horizontal, vertical or horizontal_and_vertical";
            return Err(args.error(format!("mode is '{text}', but should be {wanted}")));
        }
    };
    Ok(RandomFlip { mode, seed: args.seed()? })
}

pub(super) fn write_random_flip(layer: &RandomFlip, config: &mut Config<'_>) {
    common(config, layer.seed);
    let mode = match layer.mode {
        FlipMode::Horizontal => "horizontal",
        FlipMode::Vertical => "vertical",
        FlipMode::HorizontalAndVertical => "horizontal_and_vertical",
    };
    config.set("mode", json!(mode));
}

/// Reading and writing of classes that are a map with factors of these names.
macro_rules! mapped {
    ($layer:ident, $read:ident, $write:ident, $form:ident, $($field:ident),*) => {
        pub(super) fn $read(args: &mut Args<'_>) -> Result<$layer, Problem> {
            args.channels_last()?;
            Ok($layer {
                $($field: factor(args, stringify!($field), 0.0)?,)*
                fill_mode: fill_mode(args)?,
                fill_value: args.number_or("fill_value", 0.0)?,
                interpolation: interpolation(args, "bilinear")?,
                seed: args.seed()?,
            })
        }

        pub(super) fn $write(layer: &$layer, config: &mut Config<'_>) {
            common(config, layer.seed);
            $(config.set(stringify!($field), $form(layer.$field));)*
            config.set("fill_mode", fill_mode_name(layer.fill_mode));
            config.set("fill_value", json!(layer.fill_value));
            config.set("interpolation", interpolation_name(layer.interpolation));
        }
    };
}

mapped!(RandomRotation, read_random_rotation, write_random_rotation, two, factor);
mapped!(RandomTranslation, read_random_translation, write_random_translation, one_or_two, height_factor, width_factor);
mapped!(RandomShear, read_random_shear, write_random_shear, one_or_two, x_factor, y_factor);

pub(super) fn read_random_zoom(args: &mut Args<'_>) -> Result<RandomZoom, Problem> {
    args.channels_last()?;
    Ok(RandomZoom {
        height_factor: factor(args, "height_factor", 0.0)?,
        width_factor: optional_factor(args, "width_factor")?,
        fill_mode: fill_mode(args)?,
        fill_value: args.number_or("fill_value", 0.0)?,
        interpolation: interpolation(args, "bilinear")?,
        seed: args.seed()?,
    })
}

pub(super) fn write_random_zoom(layer: &RandomZoom, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("height_factor", one_or_two(layer.height_factor));
    config.set("width_factor", layer.width_factor.map_or(Value::Null, one_or_two));
    config.set("fill_mode", fill_mode_name(layer.fill_mode));
    config.set("fill_value", json!(layer.fill_value));
    config.set("interpolation", interpolation_name(layer.interpolation));
}

pub(super) fn read_random_perspective(args: &mut Args<'_>) -> Result<RandomPerspective, Problem> {
    args.channels_last()?;
    let layer = RandomPerspective::new(factor(args, "factor", 1.0)?).scale(args.number_or("scale", 1.0)?);
    Ok(RandomPerspective {
        fill_value: args.number_or("fill_value", 0.0)?,
        interpolation: interpolation(args, "bilinear")?,
        seed: args.seed()?,
        ..layer
    })
}

pub(super) fn write_random_perspective(layer: &RandomPerspective, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("factor", two(layer.factor));
    config.set("scale", json!(layer.scale));
    config.set("fill_value", json!(layer.fill_value));
    config.set("interpolation", interpolation_name(layer.interpolation));
}

pub(super) fn read_center_crop(args: &mut Args<'_>) -> Result<CenterCrop, Problem> {
    args.channels_last()?;
    Ok(CenterCrop::new(args.size("height")?, args.size("width")?))
}

pub(super) fn write_center_crop(layer: &CenterCrop, config: &mut Config<'_>) {
    config.set("height", json!(layer.height));
    config.set("width", json!(layer.width));
    config.set("data_format", json!("channels_last"));
}

pub(super) fn read_random_crop(args: &mut Args<'_>) -> Result<RandomCrop, Problem> {
    args.channels_last()?;
    Ok(RandomCrop { height: args.size("height")?, width: args.size("width")?, seed: args.seed()? })
}

pub(super) fn write_random_crop(layer: &RandomCrop, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("height", json!(layer.height));
    config.set("width", json!(layer.width));
}

/// Reading and writing of classes that have a factor, a value range and a seed.
macro_rules! ranged {
    ($layer:ident, $read:ident, $write:ident, $default:literal) => {
        pub(super) fn $read(args: &mut Args<'_>) -> Result<$layer, Problem> {
            args.channels_last()?;
            let layer = $layer::new(factor(args, "factor", $default)?).value_range(value_range(args)?);
            Ok($layer { seed: args.seed()?, ..layer })
        }

        pub(super) fn $write(layer: &$layer, config: &mut Config<'_>) {
            common(config, layer.seed);
            config.set("factor", two(layer.factor));
            config.set("value_range", json!(layer.value_range));
        }
    };
}

ranged!(RandomBrightness, read_random_brightness, write_random_brightness, 0.0);
ranged!(RandomContrast, read_random_contrast, write_random_contrast, 0.0);
ranged!(RandomSaturation, read_random_saturation, write_random_saturation, 0.0);
ranged!(RandomHue, read_random_hue, write_random_hue, 0.0);
ranged!(RandomColorDegeneration, read_random_color_degeneration, write_random_color_degeneration, 0.0);
ranged!(RandomSharpness, read_random_sharpness, write_random_sharpness, 0.0);
ranged!(RandomInvert, read_random_invert, write_random_invert, 1.0);

pub(super) fn read_random_grayscale(args: &mut Args<'_>) -> Result<RandomGrayscale, Problem> {
    args.channels_last()?;
    Ok(RandomGrayscale { factor: args.number_or("factor", 0.5)?, seed: args.seed()? })
}

pub(super) fn write_random_grayscale(layer: &RandomGrayscale, config: &mut Config<'_>) {
    config.set("data_format", json!("channels_last"));
    config.set("factor", json!(layer.factor));
    if let Some(seed) = layer.seed {
        // Keras takes it, but does not write it.
        config.set("seed", json!(seed));
    }
}

pub(super) fn read_random_posterization(args: &mut Args<'_>) -> Result<RandomPosterization, Problem> {
    args.channels_last()?;
    let integers = args.integers("factor")?.ok_or_else(|| args.error("argument factor is missing"))?;
    let bits: Vec<u32> = integers.iter().filter_map(|&bits| u32::try_from(bits).ok()).collect();
    let factor = match *bits.as_slice() {
        [most] if integers.len() == 1 => [1, most],
        [a, b] if integers.len() == 2 => [a.min(b), a.max(b)],
        _ => return Err(args.error("factor should be one whole number of bits or two")),
    };
    Ok(RandomPosterization { factor, value_range: value_range(args)?, seed: args.seed()? })
}

pub(super) fn write_random_posterization(layer: &RandomPosterization, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("factor", json!(layer.factor));
    config.set("value_range", json!(layer.value_range));
}

pub(super) fn read_solarization(args: &mut Args<'_>) -> Result<Solarization, Problem> {
    args.channels_last()?;
    let layer = Solarization::new(factor(args, "addition_factor", 0.0)?, factor(args, "threshold_factor", 0.0)?);
    Ok(Solarization { value_range: value_range(args)?, seed: args.seed()?, ..layer })
}

pub(super) fn write_solarization(layer: &Solarization, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("addition_factor", two(layer.addition_factor));
    config.set("threshold_factor", two(layer.threshold_factor));
    config.set("value_range", json!(layer.value_range));
}

pub(super) fn read_auto_contrast(args: &mut Args<'_>) -> Result<AutoContrast, Problem> {
    args.channels_last()?;
    Ok(AutoContrast { value_range: value_range(args)? })
}

pub(super) fn write_auto_contrast(layer: &AutoContrast, config: &mut Config<'_>) {
    config.set("data_format", json!("channels_last"));
    config.set("value_range", json!(layer.value_range));
}

pub(super) fn read_equalization(args: &mut Args<'_>) -> Result<Equalization, Problem> {
    args.channels_last()?;
    Ok(Equalization { bins: args.size_or("bins", 256)?, value_range: value_range(args)? })
}

pub(super) fn write_equalization(layer: &Equalization, config: &mut Config<'_>) {
    config.set("data_format", json!("channels_last"));
    config.set("bins", json!(layer.bins));
    config.set("value_range", json!(layer.value_range));
}

pub(super) fn read_rand_augment(args: &mut Args<'_>) -> Result<RandAugment, Problem> {
    args.channels_last()?;
    let layer = RandAugment::new(factor(args, "factor", 0.5)?).value_range(value_range(args)?);
    let (num_ops, interpolation) = (args.size_or("num_ops", 2)?, interpolation(args, "bilinear")?);
    Ok(RandAugment { num_ops, interpolation, seed: args.seed()?, ..layer })
}

pub(super) fn write_rand_augment(layer: &RandAugment, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("value_range", json!(layer.value_range));
    config.set("num_ops", json!(layer.num_ops));
    config.set("factor", two(layer.factor));
    config.set("interpolation", interpolation_name(layer.interpolation));
}

pub(super) fn read_aug_mix(args: &mut Args<'_>) -> Result<AugMix, Problem> {
    args.channels_last()?;
    let layer = AugMix::new(factor(args, "factor", 0.3)?).value_range(value_range(args)?);
    Ok(AugMix {
        num_chains: args.size_or("num_chains", 3)?,
        chain_depth: args.size_or("chain_depth", 3)?,
        alpha: args.number_or("alpha", 1.0)?,
        all_ops: args.flag_or("all_ops", true)?,
        interpolation: interpolation(args, "bilinear")?,
        seed: args.seed()?,
        ..layer
    })
}

pub(super) fn write_aug_mix(layer: &AugMix, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("value_range", json!(layer.value_range));
    config.set("num_chains", json!(layer.num_chains));
    config.set("chain_depth", json!(layer.chain_depth));
    config.set("factor", two(layer.factor));
    config.set("alpha", json!(layer.alpha));
    config.set("all_ops", json!(layer.all_ops));
    config.set("interpolation", interpolation_name(layer.interpolation));
}

pub(super) fn read_mix_up(args: &mut Args<'_>) -> Result<MixUp, Problem> {
    args.channels_last()?;
    Ok(MixUp { alpha: args.number_or("alpha", 0.2)?, seed: args.seed()? })
}

pub(super) fn write_mix_up(layer: &MixUp, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("alpha", json!(layer.alpha));
}

pub(super) fn read_cut_mix(args: &mut Args<'_>) -> Result<CutMix, Problem> {
    args.channels_last()?;
    Ok(CutMix { seed: args.seed()?, ..CutMix::new(factor(args, "factor", 1.0)?) })
}

pub(super) fn write_cut_mix(layer: &CutMix, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("factor", two(layer.factor));
}

pub(super) fn read_random_elastic_transform(args: &mut Args<'_>) -> Result<RandomElasticTransform, Problem> {
    args.channels_last()?;
    let layer = RandomElasticTransform::new(factor(args, "factor", 1.0)?).scale(factor(args, "scale", 1.0)?);
    Ok(RandomElasticTransform {
        interpolation: interpolation(args, "bilinear")?,
        fill_mode: fill_mode(args)?,
        fill_value: args.number_or("fill_value", 0.0)?,
        value_range: value_range(args)?,
        seed: args.seed()?,
        ..layer
    })
}

pub(super) fn write_random_elastic_transform(layer: &RandomElasticTransform, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("factor", two(layer.factor));
    config.set("scale", two(layer.scale));
    config.set("interpolation", interpolation_name(layer.interpolation));
    config.set("fill_mode", fill_mode_name(layer.fill_mode));
    config.set("fill_value", json!(layer.fill_value));
    config.set("value_range", json!(layer.value_range));
}

pub(super) fn read_random_color_jitter(args: &mut Args<'_>) -> Result<RandomColorJitter, Problem> {
    args.channels_last()?;
    Ok(RandomColorJitter {
        value_range: value_range(args)?,
        brightness_factor: optional_factor(args, "brightness_factor")?,
        contrast_factor: optional_factor(args, "contrast_factor")?,
        saturation_factor: optional_factor(args, "saturation_factor")?,
        hue_factor: optional_factor(args, "hue_factor")?,
        seed: args.seed()?,
    })
}

pub(super) fn write_random_color_jitter(layer: &RandomColorJitter, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("value_range", json!(layer.value_range));
    for (key, factor) in [
        ("brightness_factor", layer.brightness_factor),
        ("contrast_factor", layer.contrast_factor),
        ("saturation_factor", layer.saturation_factor),
        ("hue_factor", layer.hue_factor),
    ] {
        config.set(key, factor.map_or(Value::Null, one_or_two));
    }
}

pub(super) fn read_random_gaussian_blur(args: &mut Args<'_>) -> Result<RandomGaussianBlur, Problem> {
    args.channels_last()?;
    let layer = RandomGaussianBlur::new(factor(args, "factor", 1.0)?).sigma(factor(args, "sigma", 1.0)?);
    Ok(RandomGaussianBlur {
        kernel_size: args.pair_or("kernel_size", [3; 2])?,
        value_range: value_range(args)?,
        seed: args.seed()?,
        ..layer
    })
}

pub(super) fn write_random_gaussian_blur(layer: &RandomGaussianBlur, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("factor", two(layer.factor));
    config.set("kernel_size", json!(layer.kernel_size));
    config.set("sigma", two(layer.sigma));
    config.set("value_range", json!(layer.value_range));
}

pub(super) fn read_random_erasing(args: &mut Args<'_>) -> Result<RandomErasing, Problem> {
    args.channels_last()?;
    let scale = optional_factor(args, "scale")?.unwrap_or(Factor { low: 0.02, high: 0.33 });
    let layer = RandomErasing::new(factor(args, "factor", 1.0)?).scale(scale);
    let fill_value = if args.get("fill_value").is_some() { Some(args.numbers("fill_value", 0.0)?) } else { None };
    Ok(RandomErasing { fill_value, value_range: value_range(args)?, seed: args.seed()?, ..layer })
}

pub(super) fn write_random_erasing(layer: &RandomErasing, config: &mut Config<'_>) {
    common(config, layer.seed);
    config.set("factor", two(layer.factor));
    config.set("scale", two(layer.scale));
    let fill_value = layer.fill_value.as_ref().map(|numbers| match *numbers.data.as_slice() {
        [one] if numbers.shape.is_empty() => json!(one),
        ref several => json!(several),
    });
    config.set("fill_value", json!(fill_value));
    config.set("value_range", json!(layer.value_range));
}
