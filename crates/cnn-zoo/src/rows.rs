//! The table of models.

use cnn_core::Model;

use crate::{Arguments, Preprocess, ZooError, inception_v3, mobilenet_v2, resnet50, vgg16};

/// A published file of weights (Keras 2's legacy `.h5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightFile {
    /// Where it is.
    pub url: &'static str,
    /// MD5 in hexadecimal, where Keras has one.
    pub hash: Option<&'static str>,
}

impl WeightFile {
    /// The file's name.
    pub fn file(&self) -> &'static str {
        self.url.rsplit('/').next().unwrap_or(self.url)
    }
}

/// A model of `keras.applications`.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Keras's name of the function: `ResNet50`.
    pub name: &'static str,
    /// Height and width of the input with the classifier.
    pub default_size: usize,
    /// Least height and width.
    pub min_size: usize,
    /// What is done to pixels before.
    pub preprocess: Preprocess,
    /// ImageNet weights with the classifier.
    pub weights: WeightFile,
    /// ImageNet weights without it.
    pub weights_no_top: WeightFile,
    /// The builder.
    build: fn(&Arguments) -> Result<Model, ZooError>,
}

impl Row {
    /// The model.
    ///
    /// # Errors
    /// If the arguments do not go together.
    pub fn build(&self, arguments: &Arguments) -> Result<Model, ZooError> {
        (self.build)(arguments)
    }
}

macro_rules! weight_files {
    ($folder:literal, $top:literal: $top_hash:expr, $no_top:literal: $no_top_hash:expr) => {
        [
            WeightFile {
                url: concat!("https://storage.googleapis.com/tensorflow/keras-applications/", $folder, "/", $top),
                hash: $top_hash,
            },
            WeightFile {
                url: concat!("https://storage.googleapis.com/tensorflow/keras-applications/", $folder, "/", $no_top),
                hash: $no_top_hash,
            },
        ]
    };
}

const RESNET50: [WeightFile; 2] = weight_files!(
    "resnet",
    "resnet50_weights_tf_dim_ordering_tf_kernels.h5": Some("2cb95161c43110f7111970584f804107"),
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5": Some("4d473c1dd8becc155b73f8504c6f6626")
);
const VGG16: [WeightFile; 2] = weight_files!(
    "vgg16",
    "vgg16_weights_tf_dim_ordering_tf_kernels.h5": Some("64373286793e3c8b2b4e3219cbf3544b"),
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5": Some("6d6bbae143d832006294945121d1f1fc")
);
const MOBILENET_V2: [WeightFile; 2] = weight_files!(
    "mobilenet_v2",
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5": None,
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5": None
);
const INCEPTION_V3: [WeightFile; 2] = weight_files!(
    "inception_v3",
    "inception_v3_weights_tf_dim_ordering_tf_kernels.h5": Some("9a0d58056eeedaa3f26cb7ebd46da564"),
    "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5": Some("bcbd6486424b2319ff4ef7d526e38f63")
);

/// All models.
pub const ROWS: &[Row] = &[
    Row {
        name: "ResNet50",
        default_size: 224,
        min_size: 32,
        preprocess: Preprocess::Caffe,
        weights: RESNET50[0],
        weights_no_top: RESNET50[1],
        build: resnet50,
    },
    Row {
        name: "VGG16",
        default_size: 224,
        min_size: 32,
        preprocess: Preprocess::Caffe,
        weights: VGG16[0],
        weights_no_top: VGG16[1],
        build: vgg16,
    },
    Row {
        name: "MobileNetV2",
        default_size: 224,
        min_size: 32,
        preprocess: Preprocess::Tf,
        weights: MOBILENET_V2[0],
        weights_no_top: MOBILENET_V2[1],
        build: |arguments| mobilenet_v2(1.0, arguments),
    },
    Row {
        name: "InceptionV3",
        default_size: 299,
        min_size: 75,
        preprocess: Preprocess::Tf,
        weights: INCEPTION_V3[0],
        weights_no_top: INCEPTION_V3[1],
        build: inception_v3,
    },
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
