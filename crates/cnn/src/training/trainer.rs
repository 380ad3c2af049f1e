//! A network in training on a device.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use cnn_core::{DType, Graph, Mode, Model, Profile, Tensor, Weights};
use cnn_train::{Feed, Step, Training, feed, initial_state, judge, overwrite_with_averages};

use super::features::Split;
use crate::backend::{Backend, Program};
use crate::device::Device;
use crate::error::Error;
use crate::network::Network;
use crate::pieces::{cut, join, pieces, shapes};

/// What a step of training gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Stepped {
    /// The loss of the batch, before the step.
    pub loss: f64,
    /// The prediction for the batch, before the step, as training sees it: with dropout and the batch's own statistics.
    pub prediction: Tensor,
    /// The targets as the pictures were mixed, where they were.
    pub mixed_targets: Option<Tensor>,
    /// Whether the step was done. With mixed precision one whose gradients are not finite is left out.
    pub done: bool,
}

/// What recomputation does to a step ([`Training::recompute`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recomputation {
    /// In how many segments of the network activations are made again, all but the last; 1 if that would save nothing.
    pub segments: usize,
    /// Bytes that a step takes beside weights and the optimizer's states: of its plan's slots.
    pub bytes: usize,
    /// The same, if all activations were kept.
    pub bytes_kept: usize,
}

/// What a program is for, inputs of which shapes, whether examples have weights.
type Key = (Purpose, Vec<Vec<usize>>, bool);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    Train,
    Test,
    Predict,
    /// What the base of a divided model makes.
    Features,
    Overwrite,
}

/// A graph with its program.
#[derive(Debug)]
struct Ready {
    graph: Graph,
    program: Program,
}

/// A network in training on a device: its weights, moving statistics and the optimizer's state lie there, shared by the
/// programs for training and for prediction, one for each shape of input.
///
/// ```
/// use cnn::layers::{Activation, Dense};
/// use cnn::training::{Loss, Optimizer, Trainer, Training};
/// use cnn::{Device, Network, Sequential, Tensor, Weights};
/// let model = Sequential::new("m").input([2])?.add(Dense::new(2).activation(Activation::Softmax))?.model()?;
/// let network = Network::new(model.clone(), Weights::initialize(&model, 1))?;
/// let training = Training::new(Loss::CROSSENTROPY, Optimizer::sgd().learning_rate(0.5));
/// let mut trainer = Trainer::new(&Device::cpu(), &network, training)?;
/// let x = Tensor::new(vec![2, 2], vec![1.0, 0.0, 0.0, 1.0])?;
/// let first = trainer.train_on_batch_blocking(&[x.clone()], &x, None)?.loss;
/// let second = trainer.train_on_batch_blocking(&[x.clone()], &x, None)?.loss;
/// let third = trainer.test_on_batch_blocking(&[x.clone()], &x, None)?.loss;
/// assert!(third < second && second < first);
/// assert_eq!(trainer.predict_blocking(&[x])?[0].shape(), [2, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    network: Network,
    device: Device,
    training: Training,
    backend: Backend,
    programs: HashMap<Key, Ready>,
    /// Where training and tests take the features of a frozen base, not samples.
    split: Option<Split>,
    /// Batches learned from so far.
    iterations: u64,
}

impl Trainer {
    /// `network` in training on `device`, from its weights on. Nothing is uploaded or compiled before the first step.
    ///
    /// # Errors
    /// If the weights cannot be read, `training` has arguments that are none or do not go with the model, or the device has no
    /// float16 for mixed precision.
    pub fn new(device: &Device, network: &Network, training: Training) -> Result<Self, Error> {
        training.check(network.model())?;
        device.check_precision(if training.mixed_precision.is_some() { DType::F16 } else { DType::F32 })?;
        let mut variables = network.weights()?;
        let state = initial_state(&training, network.model());
        state.iter().for_each(|(path, tensor)| variables.insert(path, tensor.clone()));
        Ok(Self {
            network: network.clone(),
            device: device.clone(),
            training,
            backend: Backend::of_weights(device, variables),
            programs: HashMap::new(),
            split: None,
            iterations: 0,
        })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        self.network.model()
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The loss, the optimizer and what goes with them.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Batches learned from so far: steps of the optimizer, where it does not add gradients up.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.training.optimizer.learning_rate
    }

    /// Sets the learning rate from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.training.optimizer.learning_rate = learning_rate;
    }

    /// Sets what dropout and augmentation draw from.
    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.training.seed = seed;
    }

    /// Sets whether training and tests go on behind a part of the model.
    pub(super) fn set_split(&mut self, split: Option<Split>) {
        if self.split != split {
            self.programs.clear();
            self.split = split;
        }
    }

    /// What recomputation does to a step on a batch of these shapes; `None` if it was not asked for.
    ///
    /// # Errors
    /// As [`Step::new`].
    pub fn recomputation(&self, input_shapes: &[Vec<usize>]) -> Result<Option<Recomputation>, Error> {
        if !self.training.recomputation {
            return Ok(None);
        }
        let step = |training: &Training| Step::new(self.network.model(), input_shapes, training, false);
        let bytes = |step: &Step| self.device.plan(&step.graph, DType::F32).slots().iter().sum();
        let again = step(&self.training)?;
        let kept = step(&self.training.clone().recompute(false))?;
        Ok(Some(Recomputation { segments: again.segments, bytes: bytes(&again), bytes_kept: bytes(&kept) }))
    }

    /// What the base of the divided model makes.
    pub(super) async fn run_base(&mut self, inputs: &[Tensor]) -> Result<Tensor, Error> {
        let mut outputs = self.run(Purpose::Features, inputs, None, None).await?;
        Ok(outputs.remove(0))
    }

    /// Gives back the memory that [`Trainer::run_base`] takes.
    pub(super) fn end_base(&mut self) {
        self.programs.retain(|(purpose, ..), _| *purpose != Purpose::Features);
    }

    /// One step on a batch: inputs NHWC in the model's order, `targets` of the prediction's shape, a weight for each example
    /// where given, `[batch]`.
    ///
    /// # Errors
    /// If shapes do not fit, nothing is trainable, a layer has no gradient, or the device cannot hold the program or is lost.
    pub async fn train_on_batch(
        &mut self,
        inputs: &[Tensor],
        targets: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Stepped, Error> {
        let stepped = self.run_with_loss(Purpose::Train, inputs, targets, weights).await?;
        self.end_step(&stepped).await?;
        Ok(stepped)
    }

    /// [`Trainer::train_on_batch`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Trainer::train_on_batch`].
    pub fn train_on_batch_blocking(
        &mut self,
        inputs: &[Tensor],
        targets: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Stepped, Error> {
        pollster::block_on(self.train_on_batch(inputs, targets, weights))
    }

    /// The model's outputs for a batch, as the weights are now, in the model's order. A batch that the device holds in no one
    /// piece is cut, as [`Runner`](crate::Runner) does it; of a data set, [`Trainer::predict_dataset`] makes all.
    ///
    /// The program for a batch of that size is made at its first use and kept, as for each size of a piece: callers whose
    /// batches have many sizes do better to give data sets.
    ///
    /// # Errors
    /// If the model cannot take these shapes, or the device cannot hold the program or is lost.
    pub async fn predict(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let pieces = self.pieces(inputs)?;
        if let [_] = pieces[..] {
            return self.run(Purpose::Predict, inputs, None, None).await;
        }
        let mut parts = Vec::new();
        for inputs in cut(inputs, &pieces) {
            parts.push(self.run(Purpose::Predict, &inputs?, None, None).await?);
        }
        join(parts)
    }

    /// [`Trainer::predict`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Trainer::predict`].
    pub fn predict_blocking(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        pollster::block_on(self.predict(inputs))
    }

    /// How a batch to predict for is cut.
    fn pieces(&self, inputs: &[Tensor]) -> Result<Vec<usize>, Error> {
        let key = |shapes: &[Vec<usize>]| (Purpose::Predict, shapes.to_vec(), false);
        let shapes = shapes(inputs);
        let known = self.programs.contains_key(&key(&shapes));
        let limit = self.device.max_tensor_bytes().filter(|_| !known);
        pieces(&shapes, limit, |shapes| Ok(self.device.plan(&self.graph(&key(shapes))?, DType::F32)))
    }

    /// The loss and the prediction for a batch, as the weights are now; nothing changes.
    ///
    /// # Errors
    /// As [`Trainer::train_on_batch`].
    pub async fn test_on_batch(
        &mut self,
        inputs: &[Tensor],
        targets: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Stepped, Error> {
        self.run_with_loss(Purpose::Test, inputs, targets, weights).await
    }

    /// [`Trainer::test_on_batch`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Trainer::test_on_batch`].
    pub fn test_on_batch_blocking(
        &mut self,
        inputs: &[Tensor],
        targets: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Stepped, Error> {
        pollster::block_on(self.test_on_batch(inputs, targets, weights))
    }

    /// One step on a batch with a clock around everything that it does.
    ///
    /// # Errors
    /// As [`Trainer::train_on_batch`], and if the device has no clock.
    pub async fn profile_on_batch(&mut self, inputs: &[Tensor], targets: &Tensor) -> Result<Profile, Error> {
        let (key, inputs) = self.ready(Purpose::Train, inputs, Some(targets), None).await?;
        let (outputs, profile) = self.programs[&key].program.run_profiled(&inputs).await?;
        let stepped = stepped(&self.programs[&key].graph, outputs);
        self.end_step(&stepped).await?;
        Ok(profile)
    }

    /// Counts a step that is done, and does what the optimizer does now and then.
    async fn end_step(&mut self, stepped: &Stepped) -> Result<(), Error> {
        if stepped.done {
            if self.training.optimizer.overwrites(self.iterations) {
                self.overwrite().await?;
            }
            self.iterations += 1;
        }
        Ok(())
    }

    async fn run_with_loss(
        &mut self,
        purpose: Purpose,
        inputs: &[Tensor],
        targets: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Stepped, Error> {
        let (key, inputs) = self.ready(purpose, inputs, Some(targets), weights).await?;
        let Ready { graph, program } = &self.programs[&key];
        Ok(stepped(graph, program.run(&inputs).await?))
    }

    async fn run(
        &mut self,
        purpose: Purpose,
        inputs: &[Tensor],
        targets: Option<&Tensor>,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>, Error> {
        let (key, inputs) = self.ready(purpose, inputs, targets, weights).await?;
        self.programs[&key].program.run(&inputs).await
    }

    /// The program, made at its first use, and all that it takes.
    async fn ready<'a>(
        &mut self,
        purpose: Purpose,
        inputs: &'a [Tensor],
        targets: Option<&'a Tensor>,
        weights: Option<&'a Tensor>,
    ) -> Result<(Key, Vec<Cow<'a, Tensor>>), Error> {
        let key = (purpose, shapes(inputs), weights.is_some());
        self.prepare(&key).await?;
        let graph = &self.programs[&key].graph;
        let optimizer = &self.training.optimizer;
        let besides = Feed {
            targets,
            weights,
            settings: optimizer.settings(self.iterations, optimizer.learning_rate),
            seed: [self.training.seed, self.iterations],
        };
        let inputs = feed(graph, inputs, &besides)?;
        Ok((key, inputs))
    }

    /// Makes the program, if it is not there.
    async fn prepare(&mut self, key: &Key) -> Result<(), Error> {
        if !self.programs.contains_key(key) {
            let graph = self.graph(key)?;
            let program = self.backend.program(self.device.plan(&graph, DType::F32)).await?;
            self.programs.insert(key.clone(), Ready { graph, program });
        }
        Ok(())
    }

    /// Makes the program that tests inputs of these shapes, with or without weights of the examples.
    pub(super) async fn prepare_test(&mut self, shapes: Vec<Vec<usize>>, weighted: bool) -> Result<(), Error> {
        self.prepare(&(Purpose::Test, shapes, weighted)).await
    }

    fn graph(&self, (purpose, shapes, weighted): &Key) -> Result<Graph, Error> {
        let whole = self.network.model();
        let model = match (purpose, &self.split) {
            (Purpose::Train | Purpose::Test, Some(split)) => &split.head,
            (Purpose::Features, Some(split)) => &split.base,
            (_, None) | (Purpose::Predict | Purpose::Overwrite, _) => whole,
        };
        Ok(match purpose {
            Purpose::Train => Step::new(model, shapes, &self.training, *weighted)?.graph,
            Purpose::Test => judge(model, shapes, &self.training.loss, *weighted)?,
            Purpose::Predict | Purpose::Features => model.lower(shapes, Mode::Inference, &[])?,
            Purpose::Overwrite => overwrite_with_averages(model)?,
        })
    }

    /// Puts the moving averages in the weights' places, if the optimizer keeps some and a step has been done: the end of a
    /// training, which [`Trainer::fit`] comes to by itself.
    ///
    /// # Errors
    /// If the device is lost.
    pub async fn finalize_variable_values(&mut self) -> Result<(), Error> {
        if self.training.optimizer.use_ema && self.iterations > 0 {
            self.overwrite().await?;
        }
        Ok(())
    }

    async fn overwrite(&mut self) -> Result<(), Error> {
        self.run(Purpose::Overwrite, &[], None, None).await.map(drop)
    }

    /// The network with its weights as they are now: during a training those that learn, after [`Trainer::fit`] their moving
    /// averages, where the optimizer keeps some.
    ///
    /// # Errors
    /// If the device is lost.
    pub async fn network(&self) -> Result<Network, Error> {
        let mut weights = Weights::new();
        for weight in self.network.model().weights() {
            weights.insert(weight.path.clone(), self.backend.read(&weight.path).await?);
        }
        Ok(Network::of(self.network.model().clone(), Arc::new(weights)).with_preprocess(self.network.preprocess()))
    }

    /// Weights and the optimizer's state, by path: with [`Trainer::iterations`], all that another trainer needs to go on
    /// ([`Trainer::restore`]).
    ///
    /// # Errors
    /// If the device is lost.
    pub async fn variables(&self) -> Result<Weights, Error> {
        let mut variables = Weights::new();
        let state = initial_state(&self.training, self.network.model());
        let weights = self.network.model().weights();
        for path in weights.iter().map(|weight| weight.path.as_str()).chain(state.iter().map(|(path, _)| path)) {
            variables.insert(path, self.backend.read(path).await?);
        }
        Ok(variables)
    }

    /// Goes on from [`Trainer::variables`] after so many steps, to the bit as if it had made them itself.
    ///
    /// # Errors
    /// If these are not the variables of this model and optimizer.
    pub fn restore(&mut self, variables: Weights, iterations: u64) -> Result<(), Error> {
        let state = initial_state(&self.training, self.network.model());
        let weights = self.network.model().weights();
        let wanted = weights.iter().map(|weight| (weight.path.as_str(), weight.shape.as_slice()));
        for (path, shape) in wanted.chain(state.iter().map(|(path, tensor)| (path, tensor.shape()))) {
            let Some(tensor) = variables.get(path) else {
                return Err(Error::MissingVariable { path: path.into() });
            };
            if tensor.shape() != shape {
                let wanted = format!("expects a variable of shape {shape:?}");
                return Err(cnn_core::ShapeError::new(path, wanted, &[tensor.shape()]).into());
            }
        }
        let known = |path: &str| weights.iter().any(|weight| weight.path == path) || state.get(path).is_some();
        if let Some((path, _)) = variables.iter().find(|(path, _)| !known(path)) {
            return Err(Error::UnknownVariable { path: path.into() });
        }
        // Programs are bound to the old variables.
        self.programs.clear();
        self.backend = Backend::of_weights(&self.device, variables);
        self.iterations = iterations;
        Ok(())
    }
}

/// The outputs of a graph with a loss.
fn stepped(graph: &Graph, outputs: Vec<Tensor>) -> Stepped {
    let number = |x: Tensor| x.data().iter().copied().map(f64::from).sum();
    let names = graph.outputs().iter().map(|(name, _)| name.as_str());
    let mut outputs: HashMap<&str, Tensor> = names.zip(outputs).collect();
    let (Some(loss), Some(prediction)) = (outputs.remove("loss"), outputs.remove("prediction")) else {
        unreachable!("Step and judge make graphs with a loss and a prediction");
    };
    let done = outputs.remove("finite").is_none_or(|finite| number(finite) != 0.0);
    Stepped { loss: number(loss), prediction, mixed_targets: outputs.remove("targets"), done }
}
