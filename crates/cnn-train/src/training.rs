//! What `compile` says in Keras.

use cnn_core::Model;
use cnn_core::layers::Pipeline;

use crate::loss::Loss;
use crate::optimizer::Optimizer;
use crate::step::TrainError;

/// What is made smaller, how, and in which precision: what `compile` says in Keras.
///
/// ```
/// use cnn_train::{Loss, Optimizer, Training};
/// // A base that learns slowly, under a classifier that learns fast.
/// let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam()).learning_rate_multiplier("resnet50/", 0.1);
/// assert_eq!(training.multiplier("resnet50/conv1_conv/kernel"), 0.1);
/// assert_eq!(training.multiplier("predictions/kernel"), 1.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// What is made smaller.
    pub loss: Loss,
    /// How.
    pub optimizer: Optimizer,
    /// What dropout and augmentation draw from.
    pub seed: u64,
    /// What changes pictures and targets ahead of the model, in training alone.
    pub augmentation: Pipeline,
    /// By what the learning rate is multiplied for weights whose path begins so.
    pub multipliers: Vec<(String, f64)>,
    /// Weights in whose names one of these is do not decay.
    pub excluded_from_weight_decay: Vec<String>,
    /// How the loss is scaled where activations and gradients are float16; `None` for float32.
    pub mixed_precision: Option<LossScale>,
    /// Whether activations are made again for the gradients where that takes less memory than keeping them.
    pub recomputation: bool,
}

impl Training {
    /// With seed 0, in float32.
    pub fn new(loss: Loss, optimizer: Optimizer) -> Self {
        Self {
            loss,
            optimizer,
            seed: 0,
            augmentation: Pipeline::new(),
            multipliers: Vec::new(),
            excluded_from_weight_decay: Vec::new(),
            mixed_precision: None,
            recomputation: false,
        }
    }

    /// Sets what dropout and augmentation draw from.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets what changes pictures and targets ahead of the model, in training alone: the pictures are the model's first
    /// input. As in Keras the metrics of an epoch see the targets as they are mixed.
    pub fn augment(mut self, augmentation: Pipeline) -> Self {
        self.augmentation = augmentation;
        self
    }

    /// Multiplies the learning rate, and with it the decay, by `factor` for the weights whose path begins with `prefix`. Of
    /// several prefixes of a path the longest counts. What is not to learn at all is frozen instead.
    pub fn learning_rate_multiplier(mut self, prefix: impl Into<String>, factor: f64) -> Self {
        self.multipliers.push((prefix.into(), factor));
        self
    }

    /// Lets weights in whose names one of `names` is not decay, where the optimizer has a weight decay: Keras's
    /// `exclude_from_weight_decay(var_names=..)`. It is the name of the weight alone that counts, not that of its layer, and a
    /// part of it will do.
    ///
    /// ```
    /// use cnn_train::{Loss, Optimizer, Training};
    /// let training = Training::new(Loss::CROSSENTROPY, Optimizer::adamw());
    /// let training = training.exclude_from_weight_decay(["bias", "gamma", "beta"]);
    /// assert!(training.decays("conv1/kernel") && !training.decays("conv1/bias"));
    /// assert!(training.decays("bias_net/kernel"));
    /// ```
    pub fn exclude_from_weight_decay(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.excluded_from_weight_decay.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets whether convolutions and matrix products, forward and backward, read and make float16: Keras's policy
    /// `mixed_float16`, with a dynamic [`LossScale`]. Weights, their steps, statistics, normalisations and the loss stay float32.
    pub fn mixed_precision(mut self, mixed: bool) -> Self {
        self.mixed_precision = mixed.then(LossScale::default);
        self
    }

    /// Sets whether activations are made again for the gradients where that takes less memory than keeping all of them, at the
    /// price of a second forward pass at most: Keras's `RematScope`, with segments of the network (Chen et al., "Training deep
    /// nets with sublinear memory cost", 2016) where Keras has layers. [`Step::segments`](crate::Step::segments) says how many
    /// there are.
    pub fn recompute(mut self, recompute: bool) -> Self {
        self.recomputation = recompute;
        self
    }

    /// By what the learning rate of the weight of that path is multiplied.
    pub fn multiplier(&self, path: &str) -> f64 {
        let matching = self.multipliers.iter().filter(|(prefix, _)| path.starts_with(prefix.as_str()));
        matching.max_by_key(|(prefix, _)| prefix.len()).map_or(1.0, |&(_, factor)| factor)
    }

    /// Whether the weight of that path decays, where the optimizer has a weight decay.
    pub fn decays(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !self.excluded_from_weight_decay.iter().any(|excluded| name.contains(excluded.as_str()))
    }

    /// Whether all of this can be done with `model`.
    ///
    /// # Errors
    /// If an argument is none, a multiplier is for no weight that is trainable, or averages would overwrite weights with
    /// constraints.
    pub fn check(&self, model: &Model) -> Result<(), TrainError> {
        self.optimizer.check()?;
        self.loss.check()?;
        if let Some(LossScale { initial_scale, dynamic_growth_steps }) = self.mixed_precision {
            let valid = initial_scale.is_finite() && initial_scale > 0.0 && dynamic_growth_steps > 0;
            let wanted = "takes an initial scale above 0 and 1 step at least until it grows";
            check_argument(valid, "the loss scale", wanted)?;
        }
        let weights = model.weights();
        for (prefix, factor) in &self.multipliers {
            if !factor.is_finite() || *factor <= 0.0 {
                let argument = format!("the learning rate's multiplier of '{prefix}'");
                return check_argument(false, &argument, "is a number above 0; freeze what is not to learn");
            }
            if !weights.iter().any(|weight| weight.trainable && weight.path.starts_with(prefix.as_str())) {
                return Err(TrainError::NoSuchWeights { model: model.name().into(), prefix: prefix.clone() });
            }
        }
        let constrained = weights.iter().any(|weight| weight.trainable && weight.options.constraint.is_some());
        let overwritten = self.optimizer.use_ema && self.optimizer.ema_overwrite_frequency.is_some();
        let wanted = "is not for a model with constraints, which the averages need not keep to; leave it out";
        check_argument(!(constrained && overwritten), "ema_overwrite_frequency", wanted)
    }
}

/// An error that names the argument, unless it is valid.
pub(crate) fn check_argument(valid: bool, argument: &str, wanted: &str) -> Result<(), TrainError> {
    if valid { Ok(()) } else { Err(TrainError::Argument { argument: argument.into(), wanted: wanted.into() }) }
}

/// By what the loss is multiplied before its gradients are taken, so that small ones have a float16: Keras's
/// `LossScaleOptimizer`. Where a gradient is not finite, the step is left out and the scale is halved; after
/// `dynamic_growth_steps` steps with finite ones it is doubled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossScale {
    /// The first scale.
    pub initial_scale: f64,
    /// So many steps with finite gradients double it.
    pub dynamic_growth_steps: u32,
}

impl Default for LossScale {
    /// 2^15, doubled after 2000 steps.
    fn default() -> Self {
        Self { initial_scale: 32_768.0, dynamic_growth_steps: 2000 }
    }
}
