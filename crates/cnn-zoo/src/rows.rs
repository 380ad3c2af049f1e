//! The table of models.

use cnn_core::Model;

use crate::Preprocess::{self, Caffe, Tf, Torch};
use crate::weight_files::{self as files, WeightFile};
use crate::{Arguments, ZooError};
use crate::{
    convnext::convnext,
    densenet::densenet,
    efficientnet::efficientnet,
    efficientnet_v2::{self as v2, efficientnet_v2},
    inception_resnet_v2::inception_resnet_v2,
    inception_v3::inception_v3,
    mobilenet::mobilenet,
    mobilenet_v2::mobilenet_v2,
    mobilenet_v3::{self as v3, mobilenet_v3},
    nasnet::{NasNetA, nasnet},
    resnet::resnet,
    resnet_v2::resnet_v2,
    vgg::vgg,
    xception::xception,
};

/// A model of `keras.applications`.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Keras's name of the function: `ResNet50`.
    pub name: &'static str,
    /// Height and width of the input with the classifier; MobileNetV3 takes any, and was trained on this.
    pub default_size: usize,
    /// Least height and width.
    pub min_size: usize,
    /// What is done to pixels before.
    pub preprocess: Preprocess,
    /// ImageNet weights with the classifier.
    pub weights: WeightFile,
    /// ImageNet weights without it.
    pub weights_no_top: WeightFile,
    /// Arguments that not every model takes, by Keras's names (MobileNetV3's `dropout_rate` is `dropout` here).
    pub takes: &'static [&'static str],
    /// The builder.
    build: Build,
}

type Build = fn(&Row, &Arguments) -> Result<Model, ZooError>;

impl Row {
    /// The model.
    ///
    /// # Errors
    /// If the arguments do not go together, or are none of this model's.
    pub fn build(&self, arguments: &Arguments) -> Result<Model, ZooError> {
        match arguments.own().find(|argument| !self.takes.contains(argument)) {
            Some(argument) => Err(ZooError::Arguments(format!("{} takes no argument {argument}", self.name))),
            None => (self.build)(self, arguments),
        }
    }
}

const fn row(
    name: &'static str,
    [default_size, min_size]: [usize; 2],
    preprocess: Preprocess,
    [weights, weights_no_top]: [WeightFile; 2],
    takes: &'static [&'static str],
    build: Build,
) -> Row {
    Row { name, default_size, min_size, preprocess, weights, weights_no_top, takes, build }
}

const PREPROCESSING: &[&str] = &["include_preprocessing"];
const MOBILENET: &[&str] = &["alpha", "depth_multiplier", "dropout"];
const MOBILENET_V3: &[&str] = &["alpha", "minimalistic", "dropout", "include_preprocessing"];
const NASNET_MOBILE: NasNetA =
    NasNetA { blocks: 4, filters: 1056, stem: 32, skip_reduction: false, always_sized: true };
const NASNET_LARGE: NasNetA = NasNetA { blocks: 6, filters: 4032, stem: 96, skip_reduction: true, always_sized: false };

/// All models.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("ConvNeXtTiny", [224, 32], Preprocess::None, files::CONVNEXTTINY, PREPROCESSING, |row, a| convnext(row, a, "convnext_tiny", [3, 3, 9, 3], [96, 192, 384, 768])),
    row("ConvNeXtSmall", [224, 32], Preprocess::None, files::CONVNEXTSMALL, PREPROCESSING, |row, a| convnext(row, a, "convnext_small", [3, 3, 27, 3], [96, 192, 384, 768])),
    row("ConvNeXtBase", [224, 32], Preprocess::None, files::CONVNEXTBASE, PREPROCESSING, |row, a| convnext(row, a, "convnext_base", [3, 3, 27, 3], [128, 256, 512, 1024])),
    row("ConvNeXtLarge", [224, 32], Preprocess::None, files::CONVNEXTLARGE, PREPROCESSING, |row, a| convnext(row, a, "convnext_large", [3, 3, 27, 3], [192, 384, 768, 1536])),
    row("ConvNeXtXLarge", [224, 32], Preprocess::None, files::CONVNEXTXLARGE, PREPROCESSING, |row, a| convnext(row, a, "convnext_xlarge", [3, 3, 27, 3], [256, 512, 1024, 2048])),
    row("DenseNet121", [224, 32], Torch, files::DENSENET121, &[], |row, a| densenet(row, a, "densenet121", [6, 12, 24, 16])),
    row("DenseNet169", [224, 32], Torch, files::DENSENET169, &[], |row, a| densenet(row, a, "densenet169", [6, 12, 32, 32])),
    row("DenseNet201", [224, 32], Torch, files::DENSENET201, &[], |row, a| densenet(row, a, "densenet201", [6, 12, 48, 32])),
    row("EfficientNetB0", [224, 32], Preprocess::None, files::EFFICIENTNETB0, &[], |row, a| efficientnet(row, a, "efficientnetb0", (1.0, 1.0, 0.2))),
    row("EfficientNetB1", [240, 32], Preprocess::None, files::EFFICIENTNETB1, &[], |row, a| efficientnet(row, a, "efficientnetb1", (1.0, 1.1, 0.2))),
    row("EfficientNetB2", [260, 32], Preprocess::None, files::EFFICIENTNETB2, &[], |row, a| efficientnet(row, a, "efficientnetb2", (1.1, 1.2, 0.3))),
    row("EfficientNetB3", [300, 32], Preprocess::None, files::EFFICIENTNETB3, &[], |row, a| efficientnet(row, a, "efficientnetb3", (1.2, 1.4, 0.3))),
    row("EfficientNetB4", [380, 32], Preprocess::None, files::EFFICIENTNETB4, &[], |row, a| efficientnet(row, a, "efficientnetb4", (1.4, 1.8, 0.4))),
    row("EfficientNetB5", [456, 32], Preprocess::None, files::EFFICIENTNETB5, &[], |row, a| efficientnet(row, a, "efficientnetb5", (1.6, 2.2, 0.4))),
    row("EfficientNetB6", [528, 32], Preprocess::None, files::EFFICIENTNETB6, &[], |row, a| efficientnet(row, a, "efficientnetb6", (1.8, 2.6, 0.5))),
    row("EfficientNetB7", [600, 32], Preprocess::None, files::EFFICIENTNETB7, &[], |row, a| efficientnet(row, a, "efficientnetb7", (2.0, 3.1, 0.5))),
    row("EfficientNetV2B0", [224, 32], Preprocess::None, files::EFFICIENTNETV2B0, PREPROCESSING, |row, a| efficientnet_v2(row, a, "efficientnetv2-b0", (32, v2::BASE), (1.0, 1.0))),
    row("EfficientNetV2B1", [240, 32], Preprocess::None, files::EFFICIENTNETV2B1, PREPROCESSING, |row, a| efficientnet_v2(row, a, "efficientnetv2-b1", (32, v2::BASE), (1.0, 1.1))),
    row("EfficientNetV2B2", [260, 32], Preprocess::None, files::EFFICIENTNETV2B2, PREPROCESSING, |row, a| efficientnet_v2(row, a, "efficientnetv2-b2", (32, v2::BASE), (1.1, 1.2))),
    row("EfficientNetV2B3", [300, 32], Preprocess::None, files::EFFICIENTNETV2B3, PREPROCESSING, |row, a| efficientnet_v2(row, a, "efficientnetv2-b3", (32, v2::BASE), (1.2, 1.4))),
    row("EfficientNetV2S", [384, 32], Preprocess::None, files::EFFICIENTNETV2S, PREPROCESSING, |row, a| efficientnet_v2(row, a, "efficientnetv2-s", (24, v2::SMALL), (1.0, 1.0))),
    row("EfficientNetV2M", [480, 32], Preprocess::None, files::EFFICIENTNETV2M, PREPROCESSING, |row, a| efficientnet_v2(row, a, "efficientnetv2-m", (24, v2::MEDIUM), (1.0, 1.0))),
    row("EfficientNetV2L", [480, 32], Preprocess::None, files::EFFICIENTNETV2L, PREPROCESSING, |row, a| efficientnet_v2(row, a, "efficientnetv2-l", (32, v2::LARGE), (1.0, 1.0))),
    row("InceptionResNetV2", [299, 75], Tf, files::INCEPTIONRESNETV2, &[], inception_resnet_v2),
    row("InceptionV3", [299, 75], Tf, files::INCEPTIONV3, &[], inception_v3),
    row("MobileNet", [224, 32], Tf, files::MOBILENET, MOBILENET, mobilenet),
    row("MobileNetV2", [224, 32], Tf, files::MOBILENETV2, &["alpha"], mobilenet_v2),
    row("MobileNetV3Large", [224, 32], Preprocess::None, files::MOBILENETV3LARGE, MOBILENET_V3, |row, a| mobilenet_v3(row, a, "MobileNetV3Large", v3::LARGE, 1280)),
    row("MobileNetV3Small", [224, 32], Preprocess::None, files::MOBILENETV3SMALL, MOBILENET_V3, |row, a| mobilenet_v3(row, a, "MobileNetV3Small", v3::SMALL, 1024)),
    row("NASNetLarge", [331, 32], Tf, files::NASNETLARGE, &[], |row, a| nasnet(row, a, "nasnet_large", NASNET_LARGE)),
    row("NASNetMobile", [224, 32], Tf, files::NASNETMOBILE, &[], |row, a| nasnet(row, a, "nasnet_mobile", NASNET_MOBILE)),
    row("ResNet50", [224, 32], Caffe, files::RESNET50, &[], |row, a| resnet(row, a, "resnet50", [3, 4, 6, 3])),
    row("ResNet101", [224, 32], Caffe, files::RESNET101, &[], |row, a| resnet(row, a, "resnet101", [3, 4, 23, 3])),
    row("ResNet152", [224, 32], Caffe, files::RESNET152, &[], |row, a| resnet(row, a, "resnet152", [3, 8, 36, 3])),
    row("ResNet50V2", [224, 32], Tf, files::RESNET50V2, &[], |row, a| resnet_v2(row, a, "resnet50v2", [3, 4, 6, 3])),
    row("ResNet101V2", [224, 32], Tf, files::RESNET101V2, &[], |row, a| resnet_v2(row, a, "resnet101v2", [3, 4, 23, 3])),
    row("ResNet152V2", [224, 32], Tf, files::RESNET152V2, &[], |row, a| resnet_v2(row, a, "resnet152v2", [3, 8, 36, 3])),
    row("VGG16", [224, 32], Caffe, files::VGG16, &[], |row, a| vgg(row, a, "vgg16", [2, 2, 3, 3, 3])),
    row("VGG19", [224, 32], Caffe, files::VGG19, &[], |row, a| vgg(row, a, "vgg19", [2, 2, 4, 4, 4])),
    row("Xception", [299, 71], Tf, files::XCEPTION, &[], xception),
];

/// The model of that name, in any case.
///
/// # Errors
/// If there is none; the error lists those there are.
pub fn find(name: &str) -> Result<&'static Row, ZooError> {
    ROWS.iter()
        .find(|row| row.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| ZooError::UnknownModel { name: name.into(), known: ROWS.iter().map(|row| row.name).collect() })
}
