//! Layers: what a person builds. Arguments and defaults are Keras's.
//!
//! Each layer is a struct whose public fields are its arguments; builder methods set those that are off their default.
//! A name, where it matters, comes last: `Conv2D::new(32, [3, 3]).strides(2).name("conv1")`. A layer of your own is a
//! function that calls layers on a [`crate::Functional`] builder.
//!
//! A layer never runs. It says which shape it makes ([`Layer::output_shapes`]), which weights it has
//! ([`Layer::weights`]), and which ops do its work ([`Layer::lower`]).

mod activation;
mod activations;
mod applications;
mod augmentation;
mod common;
mod constraint;
mod conv2d;
mod conv2d_transpose;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod initializer;
mod input;
mod lowering;
mod merge;
mod normalization;
mod operation;
mod padding;
mod pooling;
mod preprocessing;
mod regularizer;
mod resampling;
mod reshape;
mod separable_conv2d;
mod weight;

use std::sync::Arc;

pub use crate::op::{FillMode, Interpolation};
pub use activation::Activation;
pub use activations::{ELU, LeakyReLU, PReLU, ReLU, Softmax};
pub use applications::{CustomScaleLayer, LayerScale, StochasticDepth};
pub use augmentation::{
    AugMix, Augmented, AutoContrast, CenterCrop, CutMix, Equalization, Factor, FlipMode, MixUp, Pipeline, RandAugment,
    RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop, RandomElasticTransform,
    RandomErasing, RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective,
    RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom,
    Solarization,
};
pub use common::{IntoPair, IntoShape, Padding, SymbolicShape};
pub use constraint::Constraint;
pub use conv2d::Conv2D;
pub use conv2d_transpose::Conv2DTranspose;
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dropout::Dropout;
pub use initializer::{Distribution, FanMode, Initializer, InitializerError};
pub use input::InputLayer;
pub use lowering::{Lowering, Mode, SEED};
pub use merge::{Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract};
pub use normalization::{BatchNormalization, LayerNormalization};
pub use operation::Operation;
pub use padding::{Cropping2D, ZeroPadding2D};
pub use pooling::{AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D};
pub use preprocessing::{Normalization, Numbers, Rescaling};
pub use regularizer::{OrthogonalMode, Regularizer};
pub use resampling::{Resizing, UpSampling2D};
pub use reshape::{Flatten, Permute, Reshape};
pub use separable_conv2d::SeparableConv2D;
pub use weight::{WeightOptions, WeightSpec};

use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::model::Model;

/// What every kind of layer but a nested model answers. Errors are sentence parts: `expects an input of rank 4`.
trait Kind {
    /// The class as Keras names it, where that is not the type's name.
    fn keras_class(&self) -> Option<&'static str> {
        None
    }

    /// The shape it makes of these.
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String>;

    /// Its weights in the order in which Keras creates them, for inputs that `output_shape` has accepted.
    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let _ = inputs;
        Ok(Vec::new())
    }

    /// The ops that do its work.
    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError>;
}

/// One line for each kind of layer: documentation and name. The rest follows from [`Kind`].
macro_rules! layers {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// A layer's kind with its arguments; without name and weights, which a model gives it.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Layer {
            $($(#[$doc])* $kind($kind),)*
            /// A model used as a layer.
            Model(Arc<Model>),
        }

        impl Layer {
            /// The class as Keras names it: `Conv2D`, or a nested model's `Sequential` or `Functional`.
            pub fn class_name(&self) -> &'static str {
                match self {
                    $(Layer::$kind(layer) => layer.keras_class().unwrap_or(stringify!($kind)),)*
                    Layer::Model(model) => model.kind().class_name(),
                }
            }

            /// The shapes it makes of inputs of the given shapes: one, or as many as a nested model has outputs.
            ///
            /// # Errors
            /// If it cannot take these shapes, or its arguments fit no shape; the error names the class.
            pub fn output_shapes(&self, inputs: &[SymbolicShape]) -> Result<Vec<SymbolicShape>, ShapeError> {
                let refuse = |wanted| ShapeError::symbolic(self.class_name(), wanted, inputs.to_vec());
                match self {
                    $(Layer::$kind(layer) => layer.output_shape(inputs).map(|shape| vec![shape]).map_err(refuse),)*
                    Layer::Model(model) => model.output_shapes_for(inputs),
                }
            }

            /// Its weights, in the order in which Keras creates them. None for a nested model: its layers have them.
            ///
            /// # Errors
            /// If a size that a weight's shape depends on is not known, or an initializer, regularizer or constraint is for
            /// other shapes.
            pub fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, ShapeError> {
                let weights = match self {
                    $(Layer::$kind(layer) => layer.weights(inputs),)*
                    Layer::Model(_) => Ok(Vec::new()),
                };
                weights
                    .and_then(|weights| weights.iter().try_for_each(WeightSpec::check).map(|()| weights))
                    .map_err(|wanted| ShapeError::symbolic(self.class_name(), wanted, inputs.to_vec()))
            }

            /// Adds the ops that do its work to the graph. Shapes are known here, the batch included.
            ///
            /// # Errors
            /// If it cannot take the inputs' shapes.
            pub fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<Vec<ValueId>, ShapeError> {
                match self {
                    $(Layer::$kind(layer) => layer.lower(cx, inputs).map(|value| vec![value]),)*
                    Layer::Model(model) => model.lower_nested(cx, inputs),
                }
            }
        }

        $(
            impl From<$kind> for Layer {
                fn from(layer: $kind) -> Self {
                    Layer::$kind(layer)
                }
            }

            impl From<$kind> for Named {
                fn from(layer: $kind) -> Self {
                    Layer::from(layer).into()
                }
            }

            impl $kind {
                /// This layer under a name.
                pub fn name(self, name: impl Into<String>) -> Named {
                    Named::from(self).name(name)
                }

                /// This layer, frozen if `trainable` is false.
                pub fn trainable(self, trainable: bool) -> Named {
                    Named::from(self).trainable(trainable)
                }
            }
        )*
    };
}

impl Layer {
    /// Its argument `activation`, where its class has one.
    pub fn activation(&self) -> Option<Activation> {
        match self {
            Layer::Conv2D(layer) => Some(layer.activation),
            Layer::DepthwiseConv2D(layer) => Some(layer.activation),
            Layer::SeparableConv2D(layer) => Some(layer.activation),
            Layer::Conv2DTranspose(layer) => Some(layer.activation),
            Layer::Dense(layer) => Some(layer.activation),
            Layer::Activation(activation) => Some(*activation),
            _ => None,
        }
    }

    /// Its argument `activity_regularizer`, where its class has one and it is set.
    pub fn activity_regularizer(&self) -> Option<&Regularizer> {
        match self {
            Layer::Conv2D(layer) => layer.activity_regularizer.as_ref(),
            Layer::DepthwiseConv2D(layer) => layer.activity_regularizer.as_ref(),
            Layer::SeparableConv2D(layer) => layer.activity_regularizer.as_ref(),
            Layer::Conv2DTranspose(layer) => layer.activity_regularizer.as_ref(),
            Layer::Dense(layer) => layer.activity_regularizer.as_ref(),
            _ => None,
        }
    }
}

layers! {
    /// Where a model begins.
    InputLayer,
    /// Convolution.
    Conv2D,
    /// Convolution with filters of their own for each channel.
    DepthwiseConv2D,
    /// Depthwise, then 1×1 convolution.
    SeparableConv2D,
    /// Transposed convolution.
    Conv2DTranspose,
    /// Matrix product over the last axis.
    Dense,
    /// Maximum over windows.
    MaxPooling2D,
    /// Mean over windows.
    AveragePooling2D,
    /// Maximum over the whole picture.
    GlobalMaxPooling2D,
    /// Mean over the whole picture.
    GlobalAveragePooling2D,
    /// Zeros around the picture.
    ZeroPadding2D,
    /// Rows and columns cut off.
    Cropping2D,
    /// Normalisation by statistics of the training data.
    BatchNormalization,
    /// Normalisation of each example by its own statistics.
    LayerNormalization,
    /// Inputs brought to mean 0 and variance 1.
    Normalization,
    /// A factor and a summand.
    Rescaling,
    /// Pictures in a given size.
    Resizing,
    /// Pictures enlarged by whole factors.
    UpSampling2D,
    /// A function of each element, or softmax.
    Activation,
    /// Rectified linear unit.
    ReLU,
    /// Rectified linear unit with a slope below 0.
    LeakyReLU,
    /// Rectified linear unit with a learned slope below 0.
    PReLU,
    /// Exponential linear unit.
    ELU,
    /// Softmax over given axes.
    Softmax,
    /// Sum.
    Add,
    /// Difference of two.
    Subtract,
    /// Product.
    Multiply,
    /// Mean of the inputs.
    Average,
    /// The largest, element by element.
    Maximum,
    /// The smallest, element by element.
    Minimum,
    /// Side by side along an axis.
    Concatenate,
    /// All axes but the batch in one.
    Flatten,
    /// Another shape behind the batch.
    Reshape,
    /// Another order of the axes behind the batch.
    Permute,
    /// Random zeros in training, nothing in inference.
    Dropout,
    /// Pictures mixed with chains of augmentations at random, in training.
    AugMix,
    /// Each channel stretched to the whole value range.
    AutoContrast,
    /// The middle of pictures.
    CenterCrop,
    /// Rectangles of pictures filled from others of the batch, in training.
    CutMix,
    /// Values made equally frequent, in training.
    Equalization,
    /// Pictures mixed with others of the batch, in training.
    MixUp,
    /// Some of eleven augmentations at random, in training.
    RandAugment,
    /// Brighter or darker at random, in training.
    RandomBrightness,
    /// Fewer colours at random, in training.
    RandomColorDegeneration,
    /// Brightness, contrast, saturation and hue at random, in training.
    RandomColorJitter,
    /// More contrast at random, in training.
    RandomContrast,
    /// A part of pictures, at random in training.
    RandomCrop,
    /// Bent at random, in training.
    RandomElasticTransform,
    /// A rectangle wiped out at random, in training.
    RandomErasing,
    /// Mirrored at random, in training.
    RandomFlip,
    /// Blurred at random, in training.
    RandomGaussianBlur,
    /// Grey at random, in training.
    RandomGrayscale,
    /// Other hues at random, in training.
    RandomHue,
    /// Negatives at random, in training.
    RandomInvert,
    /// Tilted at random, in training.
    RandomPerspective,
    /// Fewer bits at random, in training.
    RandomPosterization,
    /// Turned at random, in training.
    RandomRotation,
    /// Other saturation at random, in training.
    RandomSaturation,
    /// Sharper or softer at random, in training.
    RandomSharpness,
    /// Slanted at random, in training.
    RandomShear,
    /// Moved at random, in training.
    RandomTranslation,
    /// Larger or smaller at random, in training.
    RandomZoom,
    /// Inverted above a threshold at random, in training.
    Solarization,
    /// A learned factor for each channel.
    LayerScale,
    /// A branch dropped at random in training, nothing in inference.
    StochasticDepth,
    /// The first input plus a multiple of the second.
    CustomScaleLayer,
    /// A bare operation between layers.
    Operation,
}

impl Layer {
    /// Whether it is a bare operation, which Keras does not count among a model's layers.
    pub fn is_operation(&self) -> bool {
        matches!(self, Layer::Operation(_))
    }
}

/// A layer with what a model knows it by.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its name; `None` for an automatic one, such as `conv2d_1`.
    pub name: Option<String>,
    /// Whether training changes it.
    pub trainable: bool,
    /// The layer.
    pub layer: Layer,
}

impl Named {
    /// The layer under a name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The layer, frozen if `trainable` is false.
    pub fn trainable(mut self, trainable: bool) -> Self {
        self.trainable = trainable;
        self
    }
}

impl From<Layer> for Named {
    fn from(layer: Layer) -> Self {
        let name = match &layer {
            Layer::Model(model) => Some(model.name().to_string()),
            _ => None,
        };
        let trainable = match &layer {
            Layer::Model(model) => model.trainable(),
            _ => true,
        };
        Self { name, trainable, layer }
    }
}

impl From<Model> for Layer {
    fn from(model: Model) -> Self {
        Layer::Model(Arc::new(model))
    }
}

impl From<Model> for Named {
    fn from(model: Model) -> Self {
        Layer::from(model).into()
    }
}

impl From<Arc<Model>> for Named {
    fn from(model: Arc<Model>) -> Self {
        Layer::Model(model).into()
    }
}
