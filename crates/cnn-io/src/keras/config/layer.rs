//! One layer's class and arguments, from and to a configuration.

use cnn_core::layers::{Activation, Add, Average, Layer, Maximum, Minimum, Multiply, Subtract};
use serde_json::{Map, Value};

use super::args::Args;
use super::write::{Config, activation};
use super::{Dialect, applications, augmentation, convolution, elementwise, shapes, spatial};
use crate::error::Problem;

/// The classes that can be read.
const KNOWN: [&str; 68] = [
    "Activation",
    "Add",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling2D",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping2D",
    "CustomScaleLayer",
    "CutMix",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "ELU",
    "Equalization",
    "Flatten",
    "Functional",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "InputLayer",
    "LayerNormalization",
    "LayerScale",
    "LeakyReLU",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "MixUp",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv2D",
    "Sequential",
    "Softmax",
    "Solarization",
    "StochasticDepth",
    "Subtract",
    "UpSampling2D",
    "ZeroPadding2D",
];

/// The layer of a Keras 3 class with the arguments that its `get_config()` gives.
///
/// # Errors
/// If the class or an argument is not known, or a value cannot be taken.
///
/// ```
/// use cnn_core::layers::{Layer, LeakyReLU};
/// let layer = cnn_io::keras::layer_from_config("LeakyReLU", &serde_json::json!({"negative_slope": 0.5}))?;
/// assert_eq!(layer, Layer::from(LeakyReLU::new().negative_slope(0.5)));
/// # Ok::<(), cnn_io::Problem>(())
/// ```
pub fn layer_from_config(class: &str, config: &Value) -> Result<Layer, Problem> {
    let config = super::simplify(config.clone());
    let Some(object) = config.as_object() else {
        return Err(Problem::config(class, "its config is no object"));
    };
    let mut args = Args::new(object, class.to_owned(), Dialect::Keras3);
    for key in ["name", "trainable"] {
        args.get(key);
    }
    args.check_dtype()?;
    let layer = read(class, &mut args)?;
    args.finish()?;
    Ok(layer)
}

/// The arguments of a layer as Keras 3's `get_config()` gives them, without name, dtype and trainable.
///
/// # Errors
/// If Keras has no form for the layer: explicit padding (in a model it becomes a layer of its own), or gelu by tanh.
pub fn layer_to_config(layer: &Layer) -> Result<Value, Problem> {
    Ok(Value::Object(write(layer, layer.class_name())?))
}

pub(super) fn unknown(place: String, class: String) -> Problem {
    Problem::UnknownLayer { place, class, known: &KNOWN }
}

/// Takes the layer's own arguments.
pub(super) fn read(class: &str, args: &mut Args<'_>) -> Result<Layer, Problem> {
    Ok(match class {
        "InputLayer" => shapes::read_input(args)?.into(),
        "Conv2D" => convolution::read_conv2d(args)?.into(),
        "DepthwiseConv2D" => convolution::read_depthwise_conv2d(args)?.into(),
        "SeparableConv2D" => convolution::read_separable_conv2d(args)?.into(),
        "Conv2DTranspose" => convolution::read_conv2d_transpose(args)?.into(),
        "Dense" => convolution::read_dense(args)?.into(),
        "MaxPooling2D" => spatial::read_max_pooling2d(args)?.into(),
        "AveragePooling2D" => spatial::read_average_pooling2d(args)?.into(),
        "GlobalMaxPooling2D" => spatial::read_global_max_pooling2d(args)?.into(),
        "GlobalAveragePooling2D" => spatial::read_global_average_pooling2d(args)?.into(),
        "ZeroPadding2D" => spatial::read_zero_padding2d(args)?.into(),
        "Cropping2D" => spatial::read_cropping2d(args)?.into(),
        "UpSampling2D" => spatial::read_up_sampling2d(args)?.into(),
        "Resizing" => spatial::read_resizing(args)?.into(),
        "BatchNormalization" => elementwise::read_batch_normalization(args)?.into(),
        "LayerNormalization" => elementwise::read_layer_normalization(args)?.into(),
        "Normalization" => elementwise::read_normalization(args)?.into(),
        "Rescaling" => elementwise::read_rescaling(args)?.into(),
        "Activation" => args.activation()?.into(),
        "ReLU" => elementwise::read_relu(args)?.into(),
        "LeakyReLU" => elementwise::read_leaky_relu(args)?.into(),
        "PReLU" => elementwise::read_prelu(args)?.into(),
        "ELU" => elementwise::read_elu(args)?.into(),
        "Softmax" => elementwise::read_softmax(args)?.into(),
        "Add" => Add.into(),
        "Subtract" => Subtract.into(),
        "Multiply" => Multiply.into(),
        "Average" => Average.into(),
        "Maximum" => Maximum.into(),
        "Minimum" => Minimum.into(),
        "Concatenate" => shapes::read_concatenate(args)?.into(),
        "Flatten" => shapes::read_flatten(args)?.into(),
        "Reshape" => shapes::read_reshape(args)?.into(),
        "Permute" => shapes::read_permute(args)?.into(),
        "Dropout" => shapes::read_dropout(args)?.into(),
        "AutoContrast" => augmentation::read_auto_contrast(args)?.into(),
        "Equalization" => augmentation::read_equalization(args)?.into(),
        "RandAugment" => augmentation::read_rand_augment(args)?.into(),
        "CenterCrop" => augmentation::read_center_crop(args)?.into(),
        "RandomBrightness" => augmentation::read_random_brightness(args)?.into(),
        "RandomColorDegeneration" => augmentation::read_random_color_degeneration(args)?.into(),
        "RandomColorJitter" => augmentation::read_random_color_jitter(args)?.into(),
        "RandomContrast" => augmentation::read_random_contrast(args)?.into(),
        "RandomCrop" => augmentation::read_random_crop(args)?.into(),
        "AugMix" => augmentation::read_aug_mix(args)?.into(),
        "CutMix" => augmentation::read_cut_mix(args)?.into(),
        "MixUp" => augmentation::read_mix_up(args)?.into(),
        "RandomElasticTransform" => augmentation::read_random_elastic_transform(args)?.into(),
        "RandomErasing" => augmentation::read_random_erasing(args)?.into(),
        "RandomFlip" => augmentation::read_random_flip(args)?.into(),
        "RandomGaussianBlur" => augmentation::read_random_gaussian_blur(args)?.into(),
        "RandomGrayscale" => augmentation::read_random_grayscale(args)?.into(),
        "RandomHue" => augmentation::read_random_hue(args)?.into(),
        "RandomInvert" => augmentation::read_random_invert(args)?.into(),
        "RandomPerspective" => augmentation::read_random_perspective(args)?.into(),
        "RandomPosterization" => augmentation::read_random_posterization(args)?.into(),
        "RandomRotation" => augmentation::read_random_rotation(args)?.into(),
        "RandomSaturation" => augmentation::read_random_saturation(args)?.into(),
        "RandomSharpness" => augmentation::read_random_sharpness(args)?.into(),
        "RandomShear" => augmentation::read_random_shear(args)?.into(),
        "RandomTranslation" => augmentation::read_random_translation(args)?.into(),
        "RandomZoom" => augmentation::read_random_zoom(args)?.into(),
        "Solarization" => augmentation::read_solarization(args)?.into(),
        "LayerScale" => applications::read_layer_scale(args)?.into(),
        "StochasticDepth" => applications::read_stochastic_depth(args)?.into(),
        "CustomScaleLayer" => applications::read_custom_scale_layer(args)?.into(),
        other => return Err(unknown(args.place.clone(), other.to_owned())),
    })
}

/// The layer's own arguments; `place` is where it stands, for the message.
pub(super) fn write(layer: &Layer, place: &str) -> Result<Map<String, Value>, Problem> {
    let mut config = Config::new(place);
    let c = &mut config;
    match layer {
        Layer::InputLayer(layer) => shapes::write_input(layer, c),
        Layer::Conv2D(layer) => convolution::write_conv2d(layer, c)?,
        Layer::DepthwiseConv2D(layer) => convolution::write_depthwise_conv2d(layer, c)?,
        Layer::SeparableConv2D(layer) => convolution::write_separable_conv2d(layer, c)?,
        Layer::Conv2DTranspose(layer) => convolution::write_conv2d_transpose(layer, c)?,
        Layer::Dense(layer) => convolution::write_dense(layer, c)?,
        Layer::MaxPooling2D(layer) => spatial::write_max_pooling2d(layer, c)?,
        Layer::AveragePooling2D(layer) => spatial::write_average_pooling2d(layer, c)?,
        Layer::GlobalMaxPooling2D(layer) => spatial::write_global(layer.keepdims, c),
        Layer::GlobalAveragePooling2D(layer) => spatial::write_global(layer.keepdims, c),
        Layer::ZeroPadding2D(layer) => spatial::write_zero_padding2d(layer, c),
        Layer::Cropping2D(layer) => spatial::write_cropping2d(layer, c),
        Layer::UpSampling2D(layer) => spatial::write_up_sampling2d(layer, c),
        Layer::Resizing(layer) => spatial::write_resizing(layer, c),
        Layer::BatchNormalization(layer) => elementwise::write_batch_normalization(layer, c),
        Layer::LayerNormalization(layer) => elementwise::write_layer_normalization(layer, c),
        Layer::Normalization(layer) => elementwise::write_normalization(layer, c),
        Layer::Rescaling(layer) => elementwise::write_rescaling(layer, c),
        Layer::Activation(function) => write_activation(*function, c)?,
        Layer::ReLU(layer) => elementwise::write_relu(layer, c),
        Layer::LeakyReLU(layer) => elementwise::write_leaky_relu(layer, c),
        Layer::PReLU(layer) => elementwise::write_prelu(layer, c),
        Layer::ELU(layer) => elementwise::write_elu(layer, c),
        Layer::Softmax(layer) => elementwise::write_softmax(layer, c),
        Layer::Concatenate(layer) => shapes::write_concatenate(layer, c),
        Layer::Flatten(_) => shapes::write_flatten(c),
        Layer::Reshape(layer) => shapes::write_reshape(layer, c),
        Layer::Permute(layer) => shapes::write_permute(layer, c),
        Layer::Dropout(layer) => shapes::write_dropout(layer, c),
        Layer::AutoContrast(layer) => augmentation::write_auto_contrast(layer, c),
        Layer::Equalization(layer) => augmentation::write_equalization(layer, c),
        Layer::RandAugment(layer) => augmentation::write_rand_augment(layer, c),
        Layer::CenterCrop(layer) => augmentation::write_center_crop(layer, c),
        Layer::RandomBrightness(layer) => augmentation::write_random_brightness(layer, c),
        Layer::RandomColorDegeneration(layer) => augmentation::write_random_color_degeneration(layer, c),
        Layer::RandomColorJitter(layer) => augmentation::write_random_color_jitter(layer, c),
        Layer::RandomContrast(layer) => augmentation::write_random_contrast(layer, c),
        Layer::RandomCrop(layer) => augmentation::write_random_crop(layer, c),
        Layer::AugMix(layer) => augmentation::write_aug_mix(layer, c),
        Layer::CutMix(layer) => augmentation::write_cut_mix(layer, c),
        Layer::MixUp(layer) => augmentation::write_mix_up(layer, c),
        Layer::RandomElasticTransform(layer) => augmentation::write_random_elastic_transform(layer, c),
        Layer::RandomErasing(layer) => augmentation::write_random_erasing(layer, c),
        Layer::RandomFlip(layer) => augmentation::write_random_flip(layer, c),
        Layer::RandomGaussianBlur(layer) => augmentation::write_random_gaussian_blur(layer, c),
        Layer::RandomGrayscale(layer) => augmentation::write_random_grayscale(layer, c),
        Layer::RandomHue(layer) => augmentation::write_random_hue(layer, c),
        Layer::RandomInvert(layer) => augmentation::write_random_invert(layer, c),
        Layer::RandomPerspective(layer) => augmentation::write_random_perspective(layer, c),
        Layer::RandomPosterization(layer) => augmentation::write_random_posterization(layer, c),
        Layer::RandomRotation(layer) => augmentation::write_random_rotation(layer, c),
        Layer::RandomSaturation(layer) => augmentation::write_random_saturation(layer, c),
        Layer::RandomSharpness(layer) => augmentation::write_random_sharpness(layer, c),
        Layer::RandomShear(layer) => augmentation::write_random_shear(layer, c),
        Layer::RandomTranslation(layer) => augmentation::write_random_translation(layer, c),
        Layer::RandomZoom(layer) => augmentation::write_random_zoom(layer, c),
        Layer::Solarization(layer) => augmentation::write_solarization(layer, c),
        Layer::LayerScale(layer) => applications::write_layer_scale(layer, c),
        Layer::StochasticDepth(layer) => applications::write_stochastic_depth(layer, c),
        Layer::CustomScaleLayer(layer) => applications::write_custom_scale_layer(layer, c),
        Layer::Add(_)
        | Layer::Subtract(_)
        | Layer::Multiply(_)
        | Layer::Average(_)
        | Layer::Maximum(_)
        | Layer::Minimum(_)
        | Layer::Operation(_) => {}
        Layer::Model(_) => {
            return Err(Problem::config(place, "a nested model has no arguments; write the model instead"));
        }
    }
    Ok(config.into_map())
}

fn write_activation(function: Activation, config: &mut Config<'_>) -> Result<(), Problem> {
    let name = activation(function, config)?;
    config.set("activation", name);
    Ok(())
}
