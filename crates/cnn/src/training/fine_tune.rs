//! Transfer learning in two stages: a new head learns on a frozen base, then the top of the base learns too, slowly.
//!
//! Sources: Keras's guide "Transfer learning & fine-tuning"; learning rates that fall from layer to layer are Howard and
//! Ruder's discriminative fine-tuning (arXiv 1801.06146).

use std::collections::HashSet;

use cnn_core::model::ModelLayer;
use cnn_core::{Layer, Model};
use cnn_data::Dataset;
use cnn_train::Training;

use super::fit::{Fit, Fitted};
use super::trainer::Trainer;
use crate::device::Device;
use crate::error::Error;
use crate::network::Network;

/// Which layers of a base learn in the second stage.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thawed {
    Last(usize),
    From(String),
}

/// Why a base cannot be fine-tuned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FineTuneError {
    /// The path is that of a plain layer.
    #[error("'{layer}' of model '{model}' is no model in itself; name the nested base")]
    NotNested {
        /// The model.
        model: String,
        /// The layer.
        layer: String,
    },
    /// Nothing of the base would learn.
    #[error("{layers} of '{base}' have no weight that could learn, BatchNormalization aside; take more layers")]
    NothingThawed {
        /// The base.
        base: String,
        /// Which layers.
        layers: String,
    },
    /// The layer is one of a model within the base.
    #[error("layer '{layer}' lies in a model that '{base}' takes as one layer; name that model to let all of it learn")]
    InsideNested {
        /// The base.
        base: String,
        /// The layer's path in it.
        layer: String,
    },
    /// A number is none.
    #[error("{argument} is {value}, but has to be a finite number above 0")]
    Argument {
        /// Its name.
        argument: &'static str,
        /// What was given.
        value: f64,
    },
}

/// How a network's nested base is fine-tuned.
///
/// In the second stage the base's layers from one on learn; those before it stay frozen, and so does every
/// BatchNormalization of the base: it goes on with the statistics that it came with, as Keras's guide asks for. A base that learns
/// by other ways keeps its statistics where its call says so
/// ([`Functional::call_with_training`](crate::Functional::call_with_training)).
///
/// ```
/// use cnn::layers::{Activation, Conv2D, Dense, GlobalAveragePooling2D};
/// use cnn::training::{FineTune, Loss, Optimizer, Training};
/// use cnn::{Network, Sequential, Weights};
/// let base = Sequential::new("base").input([8, 8, 3])?.add(Conv2D::new(4, 3))?.add(Conv2D::new(4, 3).name("top"))?;
/// let model = Sequential::new("m").add(base.model()?)?.add(GlobalAveragePooling2D::new())?.add(Dense::new(2))?.model()?;
/// let weights = Weights::initialize(&model, 1);
/// let fine_tune = FineTune::last("base", 1).learning_rate(1e-4);
/// let head = fine_tune.head(&Network::new(model, weights)?)?;
/// let learns = |network: &Network| -> Vec<String> {
///     network.model().weights().into_iter().filter(|w| w.trainable).map(|w| w.path).collect()
/// };
/// assert_eq!(learns(&head), ["dense/kernel", "dense/bias"]);
/// let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam());
/// let (whole, training) = fine_tune.whole(&head, &training)?;
/// assert_eq!(learns(&whole), ["base/top/kernel", "base/top/bias", "dense/kernel", "dense/bias"]);
/// assert_eq!(training.optimizer.learning_rate, 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FineTune {
    base: String,
    thawed: Thawed,
    learning_rate: f64,
    layer_decay: f64,
}

impl FineTune {
    /// The last `layers` of the nested model of that path learn: Keras's `base.layers[-layers:]`. The learning rate is 1e-5, as
    /// in Keras's guide.
    pub fn last(base: impl Into<String>, layers: usize) -> Self {
        Self { base: base.into(), thawed: Thawed::Last(layers), learning_rate: 1e-5, layer_decay: 1.0 }
    }

    /// The layer of that name and all behind it learn.
    pub fn from(base: impl Into<String>, layer: impl Into<String>) -> Self {
        Self { thawed: Thawed::From(layer.into()), ..Self::last(base, 0) }
    }

    /// Sets the learning rate of the second stage, in place of the optimizer's.
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets by what the learning rate is multiplied from each layer of the base that learns to the one before it, and from the
    /// head to the first of them; 1 at first. Howard and Ruder take 1 / 2.6.
    pub fn layer_decay(mut self, factor: f64) -> Self {
        self.layer_decay = factor;
        self
    }

    /// The network of the first stage: `network` with all of its base frozen.
    ///
    /// # Errors
    /// If there is no nested model of that path.
    pub fn head(&self, network: &Network) -> Result<Network, Error> {
        let mut model = network.model().clone();
        self.base(&mut model)?.set_trainable(false);
        Ok(network.with_model(model))
    }

    /// The training of the first stage, whose network [`FineTune::head`] gives: multipliers of the learning rate for weights that
    /// learn in the second alone wait for it.
    pub fn head_training(&self, head: &Network, training: &Training) -> Training {
        let weights = head.model().weights();
        let learns = |prefix: &str| weights.iter().any(|weight| weight.trainable && weight.path.starts_with(prefix));
        let mut training = training.clone();
        training.multipliers.retain(|(prefix, _)| learns(prefix));
        training
    }

    /// The network and the training of the second stage, from those of the first.
    ///
    /// # Errors
    /// If there is no such base or layer, nothing of the base would learn, or a learning rate is none.
    pub fn whole(&self, network: &Network, training: &Training) -> Result<(Network, Training), Error> {
        for (argument, value) in [("learning_rate", self.learning_rate), ("layer_decay", self.layer_decay)] {
            if !value.is_finite() || value <= 0.0 {
                return Err(FineTuneError::Argument { argument, value }.into());
            }
        }
        let mut model = network.model().clone();
        let thawed = self.thaw(self.base(&mut model)?)?;
        let mut training = training.clone();
        training.optimizer.learning_rate = self.learning_rate;
        let mut factor = 1.0;
        for layer in thawed.iter().rev().filter(|_| self.layer_decay != 1.0) {
            factor *= self.layer_decay;
            training = training.learning_rate_multiplier(format!("{}/{layer}/", self.base), factor);
        }
        Ok((network.with_model(model), training))
    }

    fn base<'a>(&self, model: &'a mut Model) -> Result<&'a mut Model, Error> {
        let name = model.name().to_string();
        model.find_layer(&self.base)?;
        let base = model.layer_mut(&self.base).and_then(|layer| layer.nested_mut());
        Ok(base.ok_or_else(|| FineTuneError::NotNested { model: name, layer: self.base.clone() })?)
    }

    /// Lets the top of the base learn; the names of its layers that do.
    fn thaw(&self, base: &mut Model) -> Result<Vec<String>, Error> {
        let named: Vec<String> = base.listed_layers().map(|layer| layer.name().to_string()).collect();
        let first = match &self.thawed {
            Thawed::Last(count) => named.len().saturating_sub(*count),
            Thawed::From(layer) => {
                base.find_layer(layer)?;
                if layer.contains('/') {
                    let (base, layer) = (self.base.clone(), layer.clone());
                    return Err(FineTuneError::InsideNested { base, layer }.into());
                }
                let before: HashSet<&str> =
                    base.layers().iter().map(ModelLayer::name).take_while(|name| name != layer).collect();
                named.iter().take_while(|layer| before.contains(layer.as_str())).count()
            }
        };
        base.set_trainable(true);
        freeze_normalizations(base);
        base.set_trainable_range(..first, false)?;
        let learns = |layer: &str| {
            let prefix = format!("{layer}/");
            base.weights().iter().any(|weight| weight.trainable && weight.path.starts_with(&prefix))
        };
        let thawed: Vec<String> = named.into_iter().filter(|layer| learns(layer)).collect();
        if thawed.is_empty() {
            let layers = match &self.thawed {
                Thawed::Last(count) => format!("the last {count} layers"),
                Thawed::From(layer) => format!("the layers from '{layer}' on"),
            };
            return Err(FineTuneError::NothingThawed { base: self.base.clone(), layers }.into());
        }
        Ok(thawed)
    }
}

fn freeze_normalizations(model: &mut Model) {
    for layer in model.layers_mut() {
        if let Layer::BatchNormalization(_) = layer.layer() {
            layer.set_trainable(false);
        }
        if let Some(model) = layer.nested_mut() {
            freeze_normalizations(model);
        }
    }
}

/// What [`fine_tune`] gives.
#[derive(Debug)]
pub struct FineTuned {
    /// The trainer of the stage that came last.
    pub trainer: Trainer,
    /// How the head alone was trained.
    pub head: Fitted,
    /// How the top of the base was trained with it; `None` where the user ended the first stage.
    pub whole: Option<Fitted>,
}

/// Trains `network` in two stages: its head by `head`, then the top of its base too by `whole`, with an optimizer that begins
/// anew at a lower rate. With a checkpoint in each, another file for each, it goes on where it was stopped.
///
/// ```no_run
/// use cnn::data::Dataset;
/// use cnn::training::{Accuracy, FineTune, Fit, Loss, Optimizer, Training, fine_tune};
/// use cnn::{Device, Network};
///
/// async fn train(device: &Device, network: &Network, data: &Dataset) -> Result<Network, cnn::Error> {
///     let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam());
///     let how = FineTune::from("inception_v3", "mixed9").learning_rate(1e-5);
///     let (mut head, mut whole) = (Fit::new(10).metric(Accuracy::new()), Fit::new(10).metric(Accuracy::new()));
///     fine_tune(device, network, &training, &how, data, &mut head, &mut whole).await?.trainer.network().await
/// }
/// ```
///
/// # Errors
/// As [`FineTune::head`], [`FineTune::whole`] and [`Trainer::fit`].
pub async fn fine_tune(
    device: &Device,
    network: &Network,
    training: &Training,
    how: &FineTune,
    data: &Dataset,
    head: &mut Fit<'_>,
    whole: &mut Fit<'_>,
) -> Result<FineTuned, Error> {
    // What is wrong with the second stage is told before hours of the first.
    let (second_network, second_training) = how.whole(network, training)?;
    second_training.check(second_network.model())?;
    let first_network = how.head(network)?;
    let mut trainer = Trainer::new(device, &first_network, how.head_training(&first_network, training))?;
    let first = trainer.fit(data, head).await?;
    if head.is_stopped() {
        return Ok(FineTuned { trainer, head: first, whole: None });
    }
    let (network, training) = how.whole(&trainer.network().await?, training)?;
    let mut trainer = Trainer::new(device, &network, training)?;
    let second = trainer.fit(data, whole).await?;
    Ok(FineTuned { trainer, head: first, whole: Some(second) })
}
