//! What the demo trains, and how. `benches/demo.py` is the same in Keras.

use std::ops::Range;

use cnn::data::Dataset;
use cnn::layers::{
    Activation, AveragePooling2D, BatchNormalization, Conv2D, Dense, Dropout, FillMode, Flatten, Layer, Padding,
    RandomRotation, RandomTranslation, RandomZoom, Rescaling,
};
use cnn::training::{Accuracy, Fit, Loss, Optimizer, Schedule, Training};
use cnn::{Model, ModelError, Network, Sequential, Weights};

use super::digits::Digits;
use crate::failure::Failure;

/// How often all digits are learned from, where `--epochs` does not say.
pub const EPOCHS: u32 = 20;
/// Digits of a batch.
const BATCH: usize = 32;
/// Of the first step; it falls to nothing along half a wave of a cosine.
const LEARNING_RATE: f64 = 2e-3;
/// The name of the part that is transferred, in every network.
const BASE: &str = "base";

/// A network with what it learns from and what it is tested on.
pub struct Task {
    /// What it shows.
    pub title: &'static str,
    /// In legends and file names.
    pub name: &'static str,
    /// With its weights before the first step.
    pub network: Network,
    /// What it learns from.
    pub training: Dataset,
    /// What it has never seen.
    pub test: Dataset,
    /// How many times as often as others it learns from all its digits.
    pub times: u32,
}

impl Task {
    /// How often it learns from all its digits, where others do so many times.
    pub fn epochs(&self, epochs: u32) -> u32 {
        self.times * epochs
    }
}

/// The ten digits, tested on every sixth picture.
pub fn scratch(digits: &Digits, seed: u64) -> Result<Task, Failure> {
    let task = task(classifier(base()?, 10, false)?, digits, 0..10, Digits::is_held_out, seed)?;
    Ok(Task { title: "From scratch: the ten digits, tested on every sixth picture", name: "from scratch", ..task })
}

/// The digits 0 to 4: what is transferred comes from here.
pub fn low(digits: &Digits, seed: u64) -> Result<Task, Failure> {
    let task = task(classifier(base()?, 5, false)?, digits, 0..5, Digits::is_held_out, seed)?;
    Ok(Task { title: "For transfer: the digits 0 to 4, tested on every sixth picture", name: "0 to 4", ..task })
}

/// The digits 5 to 9 by a new classifier on the base of another network, which is frozen.
pub fn high(digits: &Digits, trained: &Network, seed: u64) -> Result<Task, Failure> {
    let mut frozen = base()?;
    frozen.set_trainable(false);
    // Of another seed: what the base's first classifier began with is no random start for this one, since the base has been
    // fitted to it.
    let seed = seed.wrapping_add(1);
    let task = task(classifier(frozen, 5, false)?, digits, 5..10, Digits::is_held_out, seed)?;
    let mut weights = task.network.weights()?;
    let inside = format!("{BASE}/");
    for (path, tensor) in trained.weights()?.iter().filter(|(path, _)| path.starts_with(&inside)) {
        weights.insert(path, tensor.clone());
    }
    let network = Network::new(task.network.model().clone(), weights)?;
    Ok(Task {
        title: "Transfer: 5 to 9, by a new classifier on the base that knows 0 to 4",
        name: "5 to 9",
        network,
        ..task
    })
}

/// The ten digits, tested on other people's handwriting.
pub fn writers(digits: &Digits, seed: u64) -> Result<Task, Failure> {
    let task = task(classifier(base()?, 10, false)?, digits, 0..10, Digits::is_of_other_writers, seed)?;
    let title = "Unseen writers: the ten digits, tested on those of other people";
    Ok(Task { title, name: "as they are", ..task })
}

/// The same with augmentation: each step moves, turns and zooms its pictures at random. No epoch is like another, so that it
/// learns for longer.
pub fn augmented(digits: &Digits, seed: u64) -> Result<Task, Failure> {
    let task = task(classifier(base()?, 10, true)?, digits, 0..10, Digits::is_of_other_writers, seed)?;
    Ok(Task { title: "Unseen writers: the same with augmentation", name: "augmented", times: 2, ..task })
}

/// Loss and optimizer.
pub fn compiled(seed: u64) -> Training {
    Training::new(Loss::CROSSENTROPY, Optimizer::adam().learning_rate(LEARNING_RATE)).seed(seed)
}

/// A task, where others take so many epochs.
pub fn fit(task: &Task, epochs: u32) -> Result<Fit<'_>, Failure> {
    let epochs = task.epochs(epochs);
    let steps = u64::from(epochs) * task.training.batches() as u64;
    let schedule =
        Schedule::cosine_decay(LEARNING_RATE, steps, 0.0, None).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(Fit::new(epochs as usize).schedule(schedule).metric(Accuracy::new()).validation(&task.test))
}

/// What makes 1,024 features of a digit, `[N, 8, 8, 1]` of 0 (paper) to 16 (ink).
fn base() -> Result<Model, ModelError> {
    let base = Sequential::new(BASE).input([8, 8, 1])?.add(Rescaling::new(1.0 / 16.0, 0.0))?;
    let base = block(block(base, 32)?, 32)?.add(AveragePooling2D::new(2))?;
    block(base, 64)?.add(Flatten)?.model()
}

/// Adds a convolution of so many filters, normalised and activated, such that all devices take the same way through a
/// training. It has no bias: the normalisation takes away what a bias adds, so that its gradient would be rounding alone, of
/// which Adam would make whole steps. Activation and pooling have no kinks (as ReLU and a maximum have), at which rounding
/// decides on a gradient.
fn block(model: Sequential, filters: usize) -> Result<Sequential, ModelError> {
    let conv = Conv2D::new(filters, 3).padding(Padding::Same).use_bias(false);
    model.add(conv)?.add(BatchNormalization::new().momentum(0.9))?.add(Layer::Activation(Activation::Silu))
}

/// Probabilities of so many classes from a base's features.
fn classifier(base: Model, classes: usize, augmented: bool) -> Result<Model, ModelError> {
    let mut model = Sequential::new("digits").input([8, 8, 1])?;
    if augmented {
        // What comes in from outside is paper.
        model = model
            .add(RandomTranslation::new(0.1, 0.1).fill_mode(FillMode::Constant))?
            .add(RandomRotation::new(0.05).fill_mode(FillMode::Constant))?
            .add(RandomZoom::new(0.1).fill_mode(FillMode::Constant))?;
    }
    model.add(base)?.add(Dropout::new(0.25))?.add(Dense::new(classes).activation(Activation::Softmax))?.model()
}

/// Digits of these classes, the `tested` ones apart, and a model with first weights for them.
fn task(
    model: Model,
    digits: &Digits,
    classes: Range<usize>,
    tested: impl Fn(usize) -> bool,
    seed: u64,
) -> Result<Task, Failure> {
    let weights = Weights::initialize(&model, seed);
    let training = digits.subset(classes.clone(), |index| !tested(index))?.shuffle(seed).batch_size(BATCH)?;
    let test = digits.subset(classes, tested)?;
    let all = test.len();
    let (network, test) = (Network::new(model, weights)?, test.batch_size(all)?);
    Ok(Task { title: "", name: "", network, training, test, times: 1 })
}
