//! What all models of `keras.applications` take, and what they share at their two ends.

use cnn_core::layers::{Activation, Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Initializer, IntoShape, Named};
use cnn_core::{Functional, ModelError, TensorRef};

/// A model cannot be built with these arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZooError {
    /// No model has that name.
    #[error("no model is called '{name}'; there are {}", known.join(", "))]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// The picture is too small to go through.
    #[error("input size must be at least {min}x{min}, got {}", show(got))]
    TooSmall {
        /// Least height and width.
        min: usize,
        /// The shape given: height, width, channels.
        got: Vec<Option<usize>>,
    },
    /// The arguments do not go together.
    #[error("{0}")]
    Arguments(String),
    /// A layer refused.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// What stands at the end of a model without its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of each channel.
    Avg,
    /// The maximum of each channel.
    Max,
}

/// The arguments of `keras.applications`, with Keras's defaults (but `weights=None`).
#[derive(Debug, Clone, PartialEq)]
pub struct Arguments {
    /// Whether the classifier is there.
    pub include_top: bool,
    /// Height, width, channels; by default the model's own with the top, `[None, None, 3]` without.
    pub input_shape: Option<Vec<Option<usize>>>,
    /// Whether a model without top ends in a pooling over the whole picture.
    pub pooling: Option<Pooling>,
    /// Number of classes.
    pub classes: usize,
    /// Softmax for probabilities, linear for logits.
    pub classifier_activation: Activation,
    /// The model's name; by default Keras's.
    pub name: Option<String>,
    /// Whether the published ImageNet weights are to be loaded: then Keras is stricter about the other arguments, and
    /// EfficientNet has a layer more.
    pub imagenet: bool,
    /// MobileNets alone: the factor of the number of filters, by default 1.
    pub alpha: Option<f64>,
    /// MobileNet alone: depthwise filters for each channel, by default 1.
    pub depth_multiplier: Option<usize>,
    /// MobileNet (0.001) and MobileNetV3 (0.2) alone: the classifier's dropout.
    pub dropout: Option<f64>,
    /// MobileNetV3 alone: without what is slow on some hardware.
    pub minimalistic: bool,
    /// ConvNeXt, EfficientNetV2 and MobileNetV3 alone: whether the first layers bring pixels into range.
    pub include_preprocessing: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            include_top: true,
            input_shape: None,
            pooling: None,
            classes: 1000,
            classifier_activation: Activation::Softmax,
            name: None,
            imagenet: false,
            alpha: None,
            depth_multiplier: None,
            dropout: None,
            minimalistic: false,
            include_preprocessing: true,
        }
    }
}

impl Arguments {
    /// Sets whether the classifier is there.
    pub fn include_top(mut self, include_top: bool) -> Self {
        self.include_top = include_top;
        self
    }

    /// Sets height, width and channels.
    pub fn input_shape(mut self, input_shape: impl IntoShape) -> Self {
        self.input_shape = Some(input_shape.into_shape());
        self
    }

    /// Sets what a model without top ends in.
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = Some(pooling);
        self
    }

    /// Sets the number of classes.
    pub fn classes(mut self, classes: usize) -> Self {
        self.classes = classes;
        self
    }

    /// Sets the classifier's activation.
    pub fn classifier_activation(mut self, activation: Activation) -> Self {
        self.classifier_activation = activation;
        self
    }

    /// Sets the model's name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets whether the published ImageNet weights are to be loaded.
    pub fn imagenet(mut self, imagenet: bool) -> Self {
        self.imagenet = imagenet;
        self
    }

    /// Sets the factor of the number of filters.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = Some(alpha);
        self
    }

    /// Sets the number of depthwise filters for each channel.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = Some(depth_multiplier);
        self
    }

    /// Sets the classifier's dropout.
    pub fn dropout(mut self, rate: f64) -> Self {
        self.dropout = Some(rate);
        self
    }

    /// Sets whether what is slow on some hardware is left out.
    pub fn minimalistic(mut self, minimalistic: bool) -> Self {
        self.minimalistic = minimalistic;
        self
    }

    /// Sets whether the first layers bring pixels into range.
    pub fn include_preprocessing(mut self, include_preprocessing: bool) -> Self {
        self.include_preprocessing = include_preprocessing;
        self
    }

    /// The arguments of single papers that are off their defaults, by Keras's names.
    pub(crate) fn own(&self) -> impl Iterator<Item = &'static str> {
        let own = [
            ("alpha", self.alpha.is_some()),
            ("depth_multiplier", self.depth_multiplier.is_some()),
            ("dropout", self.dropout.is_some()),
            ("minimalistic", self.minimalistic),
            ("include_preprocessing", !self.include_preprocessing),
        ];
        own.into_iter().filter_map(|(name, given)| given.then_some(name))
    }

    /// Refuses a classifier that the ImageNet weights do not have.
    pub(crate) fn check_classifier(&self) -> Result<(), ZooError> {
        let wrong = |text: String| Err(ZooError::Arguments(text));
        if !self.imagenet || !self.include_top {
            return Ok(());
        }
        if self.classes != 1000 {
            return wrong(format!("with the ImageNet classifier, classes must be 1000, not {}", self.classes));
        }
        match self.classifier_activation {
            Activation::Softmax | Activation::Linear => Ok(()),
            other => wrong(format!(
                "with the ImageNet classifier, its activation must be softmax or linear, not {}",
                other.keras_name()
            )),
        }
    }

    /// The input's shape for a model of that default and least size, by Keras's rules.
    ///
    /// # Errors
    /// If the arguments do not go together.
    pub(crate) fn shape(&self, default_size: usize, min_size: usize) -> Result<Vec<Option<usize>>, ZooError> {
        let wrong = |text: String| Err(ZooError::Arguments(text));
        let default = vec![Some(default_size), Some(default_size), Some(3)];
        self.check_classifier()?;
        if self.imagenet && self.include_top && self.input_shape.as_ref().is_some_and(|shape| *shape != default) {
            return wrong(format!("with the ImageNet classifier, input_shape must be {}", show(&default)));
        }
        let Some(shape) = &self.input_shape else {
            return Ok(if self.include_top { default } else { vec![None, None, Some(3)] });
        };
        let &[h, w, c] = shape.as_slice() else {
            return wrong(format!("input_shape must be height, width, channels, not {}", show(shape)));
        };
        if self.imagenet && c != Some(3) {
            return wrong(format!("ImageNet weights take 3 channels, not {}", show(&[c])));
        }
        if [h, w].iter().flatten().any(|&size| size < min_size) {
            return Err(ZooError::TooSmall { min: min_size, got: shape.clone() });
        }
        if self.include_top && shape.contains(&None) {
            return wrong(format!("with the classifier, input_shape must be known, not {}", show(shape)));
        }
        Ok(shape.clone())
    }

    /// The classifier's last layer.
    pub(crate) fn predictions(&self, f: &mut Functional, x: TensorRef) -> Result<TensorRef, ModelError> {
        self.predictions_from(f, x, Initializer::GLOROT_UNIFORM)
    }

    /// The same, its kernel beginning so.
    pub(crate) fn predictions_from(
        &self,
        f: &mut Functional,
        x: TensorRef,
        kernel: Initializer,
    ) -> Result<TensorRef, ModelError> {
        let dense = Dense::new(self.classes).activation(self.classifier_activation).kernel_initializer(kernel);
        f.call(dense.name("predictions"), &[x])
    }

    /// The end of most papers' models: the mean of each channel and the classifier, or [`Self::pool`] with `names`.
    pub(crate) fn end(
        &self,
        f: &mut Functional,
        x: TensorRef,
        names: Option<[&str; 2]>,
    ) -> Result<TensorRef, ModelError> {
        if !self.include_top {
            return self.pool(f, x, names);
        }
        let x = f.call(GlobalAveragePooling2D::new().name("avg_pool"), &[x])?;
        self.predictions(f, x)
    }

    /// What a model without top ends in; the layers are named if `names` (for avg, for max) are given.
    pub(crate) fn pool(
        &self,
        f: &mut Functional,
        x: TensorRef,
        names: Option<[&str; 2]>,
    ) -> Result<TensorRef, ModelError> {
        let (layer, name) = match self.pooling {
            None => return Ok(x),
            Some(Pooling::Avg) => (Named::from(GlobalAveragePooling2D::new()), names.map(|[avg, _]| avg)),
            Some(Pooling::Max) => (Named::from(GlobalMaxPooling2D::new()), names.map(|[_, max]| max)),
        };
        f.call(
            match name {
                Some(name) => layer.name(name),
                None => layer,
            },
            &[x],
        )
    }

    /// The factor of the number of filters, of those that there are ImageNet weights for if these are wanted.
    pub(crate) fn alpha_of(&self, published: &[f64]) -> Result<f64, ZooError> {
        let alpha = self.alpha.unwrap_or(1.0);
        if !(alpha > 0.0 && alpha <= 100.0) {
            return Err(ZooError::Arguments(format!("alpha must be over 0 and at most 100, not {alpha}")));
        }
        if self.imagenet && !published.contains(&alpha) {
            let text = format!("ImageNet weights are there for alpha of {published:?}, not {alpha}");
            return Err(ZooError::Arguments(text));
        }
        Ok(alpha)
    }

    /// Height and width, if `input_shape` is a square of one of these sizes.
    pub(crate) fn square_of(&self, sizes: &[usize]) -> Option<usize> {
        match *self.input_shape.as_deref()? {
            [Some(h), Some(w), _] if h == w && sizes.contains(&h) => Some(h),
            _ => None,
        }
    }

    /// The name of a MobileNet of version 1 or 2, which has its width and the height of its input, or with ImageNet weights
    /// that of the weights': one of `published`.
    pub(crate) fn sized_name(&self, stem: &str, alpha: f64, published: &[usize], shape: &[Option<usize>]) -> String {
        let square = shape[0] == shape[1] && shape[0].is_some_and(|rows| published.contains(&rows));
        let rows = if self.imagenet && !square { Some(224) } else { shape[0] };
        let rows = rows.map_or("None".into(), |rows| rows.to_string());
        self.model_name(&format!("{stem}_{alpha:.2}_{rows}"))
    }

    /// The model's name: the one given, or Keras's.
    pub(crate) fn model_name(&self, default: &str) -> String {
        self.name.clone().unwrap_or_else(|| default.into())
    }
}

fn show(shape: &[Option<usize>]) -> String {
    let sizes: Vec<String> = shape.iter().map(|size| size.map_or("None".into(), |n| n.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}
