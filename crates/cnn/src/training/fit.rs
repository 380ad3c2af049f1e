//! Epochs over a data set, with validation, callbacks, metrics and checkpoints: `Model.fit`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cnn_core::Weights;
use cnn_data::Dataset;
use cnn_train::MaybeSend;
use cnn_train::callback::{Callback, Control, History, Logs, Request, What};
use cnn_train::metric::{Mean, Metric, Named};
use cnn_train::schedule::Schedule;
use cnn_train::state::State;

use super::checkpoint::{Checkpoint, Position, optimizer};
use super::evaluate::{means, take_in};
use super::progress::Progress;
use super::targets::{check_classes, example_weights, targets};
use super::trainer::{Stepped, Trainer};
use crate::error::Error;
use crate::network::Network;

/// Who is told how far a training has come.
trait Report: FnMut(Progress<'_>) + MaybeSend {}

impl<F: FnMut(Progress<'_>) + MaybeSend> Report for F {}

/// The arguments of a training: see the methods. Everything but the number of epochs has a default.
///
/// Metrics, callbacks and what is told of progress are [`Send`], but in a browser ([`MaybeSend`]): so a training may be a task of
/// a runtime that moves it from thread to thread, such as `tokio::spawn` makes.
#[derive(Default)]
pub struct Fit<'a> {
    epochs: usize,
    schedule: Option<Schedule>,
    metrics: Vec<Box<dyn Metric + 'a>>,
    pub(super) validation: Option<&'a Dataset>,
    pub(super) features_limit: Option<u64>,
    class_weights: Option<Vec<f32>>,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    checkpoint: Option<PathBuf>,
    checkpoint_steps: Option<usize>,
    max_steps: Option<u64>,
    stop: Option<Arc<AtomicBool>>,
    progress: Option<Box<dyn Report + 'a>>,
}

impl std::fmt::Debug for Fit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fit").field("epochs", &self.epochs).finish_non_exhaustive()
    }
}

impl<'a> Fit<'a> {
    /// For so many epochs, those before a resumed checkpoint among them.
    pub fn new(epochs: usize) -> Self {
        Self { epochs, ..Self::default() }
    }

    /// Sets the learning rate of each step, in place of the optimizer's own.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// Adds a metric: one of Keras's `metrics`, for which all samples count alike. One whose name is taken gets a number.
    pub fn metric(mut self, metric: impl Metric + 'a) -> Self {
        let (name, weighted) = (metric.name().to_string(), metric.is_weighted());
        let is_free = |name: &str| self.metrics.iter().all(|other| other.name() != name);
        let numbered = |name: String| {
            let numbered = (1..).map(|number| format!("{name}_{number}")).find(|name| is_free(name));
            if is_free(&name) { Some(name) } else { numbered }
        };
        let name = match weighted && !is_free(&name) {
            true => numbered(format!("weighted_{name}")),
            false => numbered(name),
        };
        let metric = Named::new(name.unwrap_or_default(), metric);
        self.metrics.push(Box::new(metric));
        self
    }

    /// Adds a metric for which samples count by their own weights times those of their classes: one of Keras's
    /// `weighted_metrics`. Where its name is taken, it is called `weighted_NAME`.
    pub fn weighted_metric(self, metric: impl Metric + 'a) -> Self {
        let name = metric.name().to_string();
        self.metric(Named::new(name, metric).weighted(true))
    }

    /// Sets what the network is judged by after each epoch.
    pub fn validation(mut self, data: &'a Dataset) -> Self {
        self.validation = Some(data);
        self
    }

    /// Sets how many bytes the features of a frozen base may take; 2^30 (1 GiB) at first, 0 for none.
    ///
    /// Where a part of the model stands before everything that learns, is random (augmentation, dropout) or changes (moving
    /// statistics), [`Trainer::fit`] computes what it makes of all samples once, in memory, and trains what stands behind it on
    /// that. The results are the same; a last batch that is smaller may differ in rounding. It does so where more than an epoch
    /// is to come and nothing is mapped over the data; not in mixed precision, nor on the reference.
    pub fn cache_features(mut self, bytes: u64) -> Self {
        self.features_limit = Some(bytes);
        self
    }

    /// Sets by how much the loss of each class's examples counts, and they themselves in weighted metrics.
    pub fn class_weights(mut self, weights: impl Into<Vec<f32>>) -> Self {
        self.class_weights = Some(weights.into());
        self
    }

    /// Adds a callback.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Writes a checkpoint to this file after each epoch and where the training is stopped, and goes on from it if it is
    /// there: to the bit as if the training had never been interrupted. At its end the file stays, so that a training of more
    /// epochs can go on from there; one that is to begin anew needs another file, or that this one is removed. Folders above it
    /// are made.
    pub fn checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(path.into());
        self
    }

    /// Writes the checkpoint every so many steps too.
    pub fn checkpoint_every(mut self, steps: usize) -> Self {
        self.checkpoint_steps = Some(steps.max(1));
        self
    }

    /// Ends after so many steps in all, wherever in an epoch that is.
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.max_steps = Some(steps);
        self
    }

    /// Ends the training after the step during which this becomes true.
    pub fn stop(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Whether [`Fit::stop`]'s flag is set.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    pub(super) fn report(&mut self, progress: Progress<'_>) {
        if let Some(report) = &mut self.progress {
            report(progress);
        }
    }

    /// Calls this after each step, each batch of validation and each epoch.
    pub fn progress(mut self, progress: impl FnMut(Progress<'_>) + MaybeSend + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
}

/// Why and where a training ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The numbers of every epoch.
    pub history: History,
    /// Whether it ended before its last epoch.
    pub stopped: bool,
}

/// A training under way.
struct Run<'a, 'b> {
    fit: &'a mut Fit<'b>,
    control: Control,
    history: History,
    loss: Mean,
    /// Weights that callbacks have asked to keep.
    slots: BTreeMap<String, Weights>,
    validation: Option<Dataset>,
    stopped: bool,
}

impl Trainer {
    /// Trains on `data`, epoch after epoch, as `fit` says. In the end the weights are their moving averages, where the optimizer
    /// keeps some; validation and checkpoints before that see them as they learn.
    ///
    /// ```
    /// use cnn::data::{Dataset, LabelMode};
    /// use cnn::layers::{Activation, Dense};
    /// use cnn::training::{Accuracy, Fit, Loss, Optimizer, Trainer, Training};
    /// use cnn::{Device, Network, Sequential, Tensor, Weights};
    /// let model = Sequential::new("m").input([2])?.add(Dense::new(2).activation(Activation::Softmax))?.model()?;
    /// let network = Network::new(model.clone(), Weights::initialize(&model, 1))?;
    /// let x = Tensor::from_fn(vec![64, 2], |i| if (i / 2 + i) % 2 == 0 { 1.0 } else { 0.0 });
    /// let labels = Tensor::from_fn(vec![64], |i| (i % 2) as f32);
    /// let data = Dataset::from_classes(x, &labels, LabelMode::Int, ["even", "odd"])?.batch_size(16)?;
    /// let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam().learning_rate(0.1));
    /// let mut trainer = Trainer::new(&Device::cpu(), &network, training)?;
    /// let mut fit = Fit::new(10).metric(Accuracy::new()).validation(&data);
    /// let fitted = trainer.fit_blocking(&data, &mut fit)?;
    /// assert_eq!(fitted.history.get("val_accuracy").unwrap().last(), Some(&1.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a data set has no batches, its targets do not fit the loss, a batch cannot be read, the schedule gives no finite
    /// learning rate, a callback fails or sets the learning rate where a schedule does, a checkpoint is another training's or
    /// cannot be written, or as [`Trainer::train_on_batch`].
    pub async fn fit(&mut self, data: &Dataset, fit: &mut Fit<'_>) -> Result<Fitted, Error> {
        if data.batches() == 0 || fit.validation.is_some_and(|data| data.batches() == 0) {
            return Err(Error::NoBatches);
        }
        let directions: Vec<_> = fit.metrics.iter().map(|m| (m.name().to_string(), m.direction())).collect();
        let control = Control::new(self.learning_rate()).with_epochs(fit.epochs);
        let control = directions.iter().fold(control, |control, (name, way)| control.with_metric(name, *way));
        let (history, loss, slots) = (History::new(), Mean::new("loss"), BTreeMap::new());
        let mut run = Run { fit, control, history, loss, slots, validation: None, stopped: false };
        let start = run.begin(self, data.batches())?;
        run.obey(self).await?;
        run.check_schedule(self, data, start)?;
        let is_long = run.steps_left(self, data, start) > data.batches() as u64;
        let features = if is_long { self.keep_features(data, run.fit).await? } else { None };
        let (training, validation) = match features {
            Some(features) => (features.training, features.validation),
            None => (data.clone(), run.fit.validation.cloned()),
        };
        run.validation = validation.map(Dataset::reuse_buffers);
        let trained = run.epochs(self, &training.reuse_buffers(), start).await;
        self.forget_features();
        let mut logs = trained?;
        self.finalize_variable_values().await?;
        let each =
            |callback: &mut Box<dyn Callback + '_>, control: &mut Control| callback.on_train_end(&mut logs, control);
        run.callbacks(each)?;
        run.obey(self).await?;
        Ok(Fitted { history: run.history, stopped: run.stopped })
    }

    /// [`Trainer::fit`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    pub fn fit_blocking(&mut self, data: &Dataset, fit: &mut Fit<'_>) -> Result<Fitted, Error> {
        pollster::block_on(self.fit(data, fit))
    }
}

impl Run<'_, '_> {
    /// From the beginning, or from the checkpoint, in epochs of so many batches.
    fn begin(&mut self, trainer: &mut Trainer, batches: usize) -> Result<Position, Error> {
        if let Some(weights) = &self.fit.class_weights {
            check_classes(trainer.model(), weights)?;
        }
        if let Some(path) = &self.fit.checkpoint {
            make_folder_of(path)?;
        }
        let Some(path) = self.fit.checkpoint.as_deref().filter(|path| path.exists()) else {
            self.history.on_train_begin(&mut self.control)?;
            self.callbacks(|callback, control| callback.on_train_begin(control))?;
            return Ok(Position { epoch: 0, batch: 0 });
        };
        let mut checkpoint = Checkpoint::read(path)?;
        checkpoint.check(path, trainer.training(), batches)?;
        let position = checkpoint.position;
        let of_another =
            |error: Error| Error::Checkpoint { file: path.display().to_string(), reason: error.to_string() };
        trainer.restore(checkpoint.variables, checkpoint.iterations).map_err(of_another)?;
        trainer.set_learning_rate(checkpoint.learning_rate);
        trainer.set_seed(checkpoint.seed);
        self.control.update_learning_rate(checkpoint.learning_rate);
        self.slots = checkpoint.slots;
        self.loss.restore(&checkpoint.loss)?;
        for metric in &mut self.fit.metrics {
            taken(&mut checkpoint.metrics, metric.name()).map_or(Ok(()), |state| metric.restore(&state))?;
        }
        let mut states = checkpoint.callbacks;
        if let Some(state) = taken(&mut states, self.history.name()) {
            self.history.on_train_resume(&state, &mut self.control)?;
        }
        self.callbacks(|callback, control| match taken(&mut states, callback.name()) {
            Some(state) => callback.on_train_resume(&state, control),
            None => callback.on_train_begin(control),
        })?;
        if checkpoint.stopped {
            self.control.stop();
        }
        Ok(position)
    }

    fn callbacks(
        &mut self,
        mut each: impl FnMut(&mut Box<dyn Callback + '_>, &mut Control) -> Result<(), cnn_train::callback::CallbackError>,
    ) -> Result<(), Error> {
        for callback in &mut self.fit.callbacks {
            each(callback, &mut self.control)?;
        }
        Ok(())
    }

    fn at_end(&self, trainer: &Trainer) -> bool {
        self.fit.is_stopped() || self.fit.max_steps.is_some_and(|steps| trainer.iterations() >= steps)
    }

    /// What the schedule sets for a step, if there is one.
    fn scheduled(&self, step: u64) -> Result<Option<f64>, Error> {
        let Some(rate) = self.fit.schedule.as_ref().map(|schedule| schedule.at(step)) else { return Ok(None) };
        if (rate as f32).is_finite() { Ok(Some(rate)) } else { Err(Error::ScheduledRate { step, rate }) }
    }

    /// Steps that are planned, unless something ends the training before.
    fn steps_left(&self, trainer: &Trainer, data: &Dataset, start: Position) -> u64 {
        if self.control.stops() || self.at_end(trainer) {
            return 0;
        }
        let epochs = self.fit.epochs.saturating_sub(start.epoch);
        let steps = epochs.saturating_mul(data.batches()).saturating_sub(start.batch) as u64;
        self.fit.max_steps.map_or(steps, |most| steps.min(most.saturating_sub(trainer.iterations())))
    }

    /// So that a schedule that grows beyond float32 is told before anything is learnt, as far as the last step tells.
    fn check_schedule(&self, trainer: &Trainer, data: &Dataset, start: Position) -> Result<(), Error> {
        let Some(last) = self.steps_left(trainer, data, start).checked_sub(1) else { return Ok(()) };
        self.scheduled(trainer.iterations().saturating_add(last)).map(drop)
    }

    /// All epochs that are left; what callbacks have made of the last one's numbers.
    async fn epochs(&mut self, trainer: &mut Trainer, data: &Dataset, start: Position) -> Result<Logs, Error> {
        let mut logs = Logs::new();
        let left = self.steps_left(trainer, data, start);
        // Validation is where an epoch ends.
        let validates = left > 0 && left >= data.batches().saturating_sub(start.batch) as u64;
        if let Some(validation) = self.validation.as_ref().filter(|_| validates) {
            trainer.prepare_evaluation(validation).await?;
        }
        for epoch in start.epoch..self.fit.epochs {
            if self.control.stops() || self.at_end(trainer) {
                self.stopped = true;
                break;
            }
            let first = if epoch == start.epoch { start.batch } else { 0 };
            logs = self.epoch(trainer, data, epoch, first).await?;
        }
        Ok(logs)
    }

    /// One epoch from batch `first` on; what callbacks have made of its numbers.
    async fn epoch(
        &mut self,
        trainer: &mut Trainer,
        data: &Dataset,
        epoch: usize,
        first: usize,
    ) -> Result<Logs, Error> {
        if first == 0 {
            self.loss.reset();
            self.fit.metrics.iter_mut().for_each(|metric| metric.reset());
            self.callbacks(|callback, control| callback.on_epoch_begin(epoch, control))?;
            self.obey(trainer).await?;
        }
        let batches = data.batches();
        let mut logs = Logs::new();
        let mut epoch_batches = data.epoch_from(epoch as u64, first);
        for index in first..batches {
            let Some(batch) = epoch_batches.next_batch().await.transpose()? else { break };
            self.callbacks(|callback, control| callback.on_train_batch_begin(index, control))?;
            self.obey(trainer).await?;
            if let Some(rate) = self.scheduled(trainer.iterations())? {
                trainer.set_learning_rate(rate);
                self.control.update_learning_rate(rate);
            }
            let targets = targets(trainer.model(), &trainer.training().loss, &batch)?;
            let weights = example_weights(&batch, self.fit.class_weights.as_deref())?;
            let stepped = trainer.train_on_batch(std::slice::from_ref(&batch.x), &targets, weights.as_ref()).await?;
            take_in(&mut self.loss, &mut self.fit.metrics, &batch, weights.as_ref(), &stepped)?;
            logs = means(&self.loss, &self.fit.metrics);
            self.callbacks(|callback, control| callback.on_train_batch_end(index, &mut logs, control))?;
            self.obey(trainer).await?;
            let (examples, Stepped { loss, done, .. }) = (batch.x.shape()[0], stepped);
            self.fit.report(Progress::Step { epoch, batch: index, batches, examples, loss, done, logs: &logs });
            epoch_batches.give_back(batch);
            let last = index + 1 == batches;
            if self.at_end(trainer) && !last {
                self.stopped = true;
                self.save_checkpoint(trainer, Position { epoch, batch: index + 1 }, batches).await?;
                return Ok(logs);
            }
            // A callback has ended the training. The epoch ends here, and has a validation, as in Keras.
            if self.control.stops() {
                break;
            }
            if !last && self.fit.checkpoint_steps.is_some_and(|steps| (index + 1) % steps == 0) {
                self.save_checkpoint(trainer, Position { epoch, batch: index + 1 }, batches).await?;
            }
        }
        self.end_epoch(trainer, epoch, batches, &mut logs).await?;
        Ok(logs)
    }

    /// Validation, callbacks, checkpoint.
    async fn end_epoch(
        &mut self,
        trainer: &mut Trainer,
        epoch: usize,
        batches: usize,
        logs: &mut Logs,
    ) -> Result<(), Error> {
        if let Some(validation) = self.validation.clone() {
            // The metrics of the training are read; they begin anew with the next epoch.
            let Fit { metrics, progress, .. } = &mut *self.fit;
            let mut batch = 0;
            let judged = trainer.evaluate_with(&validation, metrics, |_, _, batches| {
                if let Some(progress) = progress {
                    progress(Progress::Validation { batch, batches });
                }
                batch += 1;
            });
            let judged = judged.await?;
            judged.iter().for_each(|(name, value)| logs.set(&format!("val_{name}"), value));
        }
        self.callbacks(|callback, control| callback.on_epoch_end(epoch, logs, control))?;
        self.history.on_epoch_end(epoch, logs, &mut self.control)?;
        self.obey(trainer).await?;
        self.fit.report(Progress::Epoch { epoch, logs });
        self.save_checkpoint(trainer, Position { epoch: epoch + 1, batch: 0 }, batches).await
    }

    /// Does what callbacks have asked for.
    async fn obey(&mut self, trainer: &mut Trainer) -> Result<(), Error> {
        for request in self.control.take_requests() {
            match request {
                Request::SetLearningRate(_) if self.fit.schedule.is_some() => return Err(Error::Scheduled),
                Request::SetLearningRate(rate) => trainer.set_learning_rate(rate),
                Request::Save { path, what } => save(&trainer.network().await?, &path, what)?,
                Request::Remember { slot } => drop(self.slots.insert(slot, trainer.network().await?.weights()?)),
                Request::Restore { slot } => {
                    let weights = self.slots.get(&slot).ok_or(Error::NothingRemembered { slot })?;
                    let mut variables = trainer.variables().await?;
                    weights.iter().for_each(|(path, tensor)| variables.insert(path, tensor.clone()));
                    trainer.restore(variables, trainer.iterations())?;
                }
                // Who ends a batch looks at `Control::stops`; what is added to the trait later asks for nothing here.
                _ => {}
            }
        }
        Ok(())
    }

    async fn save_checkpoint(&mut self, trainer: &Trainer, position: Position, batches: usize) -> Result<(), Error> {
        let Some(path) = self.fit.checkpoint.clone() else { return Ok(()) };
        let variables = trainer.variables().await?;
        let named = |callback: &dyn Callback| (callback.name().to_string(), callback.state());
        let callbacks = self.fit.callbacks.iter().map(|callback| named(callback.as_ref()));
        let checkpoint = Checkpoint {
            variables,
            iterations: trainer.iterations(),
            learning_rate: trainer.learning_rate(),
            seed: trainer.training().seed,
            optimizer: optimizer(trainer.training()),
            position,
            batches,
            stopped: self.control.stops(),
            loss: self.loss.state(),
            metrics: self.fit.metrics.iter().map(|metric| (metric.name().to_string(), metric.state())).collect(),
            callbacks: callbacks.chain([named(&self.history)]).collect(),
            slots: self.slots.clone(),
        };
        checkpoint.write(&path)
    }
}

/// The first state of that name, which is then no longer there: the next is that of another of the same name.
fn taken(states: &mut Vec<(String, State)>, name: &str) -> Option<State> {
    let index = states.iter().position(|(known, _)| known == name)?;
    Some(states.remove(index).1)
}

/// So that what cannot be written there is told before anything is learnt.
fn make_folder_of(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| Error::Folder { path: folder.into(), error })
}

fn save(network: &Network, path: &Path, what: What) -> Result<(), Error> {
    if let Some(wanted) = what.misnamed(&path.display().to_string()) {
        return Err(Error::SavedAs { path: path.into(), wanted });
    }
    make_folder_of(path)?;
    Ok(cnn_io::files::save(path, network.model(), &network.weights()?)?)
}
