//! What a network in training makes of a data set: `Model.evaluate` and `Model.predict`.

use cnn_core::Tensor;
use cnn_data::{Batch, Dataset};
use cnn_train::callback::Logs;
use cnn_train::metric::{Mean, Metric};

use super::targets::targets;
use super::trainer::{Stepped, Trainer};
use crate::error::Error;
use crate::pieces::{join, shapes, with_batch};

impl Trainer {
    /// The loss and the metrics over a data set, in its order, as the weights are now.
    ///
    /// ```
    /// use cnn::data::{Dataset, LabelMode};
    /// use cnn::layers::{Activation, Dense};
    /// use cnn::training::{Accuracy, Loss, Optimizer, Trainer, Training};
    /// use cnn::{Device, Network, Sequential, Tensor, Weights};
    /// let model = Sequential::new("m").input([2])?.add(Dense::new(2).activation(Activation::Softmax))?.model()?;
    /// let network = Network::new(model.clone(), Weights::initialize(&model, 1))?;
    /// let x = Tensor::from_fn(vec![10, 2], |i| if (i / 2 + i) % 2 == 0 { 1.0 } else { 0.0 });
    /// let labels = Tensor::from_fn(vec![10], |i| (i % 2) as f32);
    /// let data = Dataset::from_classes(x, &labels, LabelMode::Int, ["even", "odd"])?.batch_size(4)?;
    /// let mut trainer = Trainer::new(&Device::cpu(), &network, Training::new(Loss::CROSSENTROPY, Optimizer::adam()))?;
    /// let logs = trainer.evaluate_blocking(&data, &mut [Box::new(Accuracy::new())])?;
    /// assert!(logs.get("loss").is_some() && logs.get("accuracy").is_some());
    /// let predictions = trainer.predict_dataset_blocking(&data)?;
    /// assert_eq!(predictions[0].shape(), [10, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    pub async fn evaluate(&mut self, data: &Dataset, metrics: &mut [Box<dyn Metric + '_>]) -> Result<Logs, Error> {
        self.evaluate_with(data, metrics, |_, _, _| ()).await
    }

    /// [`Trainer::evaluate`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Trainer::evaluate`].
    pub fn evaluate_blocking(&mut self, data: &Dataset, metrics: &mut [Box<dyn Metric + '_>]) -> Result<Logs, Error> {
        pollster::block_on(self.evaluate(data, metrics))
    }

    /// As [`Trainer::evaluate`]; `each` sees every batch with the prediction for it, and how many batches there are.
    ///
    /// # Errors
    /// As [`Trainer::evaluate`].
    pub async fn evaluate_with(
        &mut self,
        data: &Dataset,
        metrics: &mut [Box<dyn Metric + '_>],
        mut each: impl FnMut(&Batch, &Tensor, usize),
    ) -> Result<Logs, Error> {
        let mut loss = Mean::new("loss");
        metrics.iter_mut().for_each(|metric| metric.reset());
        let data = data.clone().in_order();
        let batches = data.batches();
        if batches == 0 {
            return Err(Error::NoBatches);
        }
        let mut epoch = data.epoch(0);
        while let Some(batch) = epoch.next_batch().await.transpose()? {
            let targets = targets(self.model(), &self.training().loss, &batch)?;
            let judged = self.test_on_batch(std::slice::from_ref(&batch.x), &targets, batch.weights.as_ref()).await?;
            take_in(&mut loss, metrics, &batch, batch.weights.as_ref(), &judged)?;
            each(&batch, &judged.prediction, batches);
            epoch.give_back(batch);
        }
        Ok(means(&loss, metrics))
    }

    /// Makes ready what [`Trainer::evaluate`] takes for full batches and for the last one, so that data that cannot be read or
    /// judged and programs that the device cannot hold are told before anything is learned.
    pub(super) async fn prepare_evaluation(&mut self, data: &Dataset) -> Result<(), Error> {
        let data = data.clone().in_order();
        let Some(first) = data.epoch(0).next_batch().await.transpose()? else { return Ok(()) };
        targets(self.model(), &self.training().loss, &first)?;
        let (shapes, weighted) = (shapes(std::slice::from_ref(&first.x)), first.weights.is_some());
        self.prepare_test(shapes.clone(), weighted).await?;
        let full = shapes[0].first().copied().unwrap_or_default();
        let last = data.len().saturating_sub((data.batches() - 1).saturating_mul(full));
        // Where a remainder is dropped, the last batch is full too.
        if (1..full).contains(&last) {
            self.prepare_test(with_batch(&shapes, last), weighted).await?;
        }
        Ok(())
    }

    /// The model's outputs for all samples of a data set, in its order whether it is shuffled or not and those of a last batch
    /// that is not full among them, as the weights are now. They are kept in memory; targets are not looked at.
    ///
    /// There is a program for full batches and one for the last batch, which stay for later calls: of data sets of one batch
    /// size and many lengths as many as there are sizes of last batches.
    ///
    /// # Errors
    /// If there is no sample, one cannot be read, or as [`Trainer::predict`].
    pub async fn predict_dataset(&mut self, data: &Dataset) -> Result<Vec<Tensor>, Error> {
        let mut parts = Vec::new();
        let mut epoch = data.clone().in_order().drop_remainder(false).epoch(0);
        while let Some(batch) = epoch.next_batch().await.transpose()? {
            parts.push(self.predict(&[batch.x]).await?);
        }
        if parts.is_empty() { Err(Error::NoBatches) } else { join(parts) }
    }

    /// [`Trainer::predict_dataset`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Trainer::predict_dataset`].
    pub fn predict_dataset_blocking(&mut self, data: &Dataset) -> Result<Vec<Tensor>, Error> {
        pollster::block_on(self.predict_dataset(data))
    }
}

/// Takes a batch into the epoch's loss and metrics, `weights` into those that are weighted.
pub(super) fn take_in(
    loss: &mut Mean,
    metrics: &mut [Box<dyn Metric + '_>],
    batch: &Batch,
    weights: Option<&Tensor>,
    stepped: &Stepped,
) -> Result<(), Error> {
    loss.add(stepped.loss, batch.x.shape()[0] as f64);
    if let Some(y) = stepped.mixed_targets.as_ref().or(batch.y.as_ref()) {
        for metric in metrics {
            let weights = weights.filter(|_| metric.is_weighted());
            metric.update(y, &stepped.prediction, weights.map(Tensor::data))?;
        }
    }
    Ok(())
}

/// The numbers of an epoch so far. A metric of several numbers is numbered.
pub(super) fn means(loss: &Mean, metrics: &[Box<dyn Metric + '_>]) -> Logs {
    let mut logs = Logs::new();
    logs.set("loss", loss.result());
    for metric in metrics {
        match metric.result().as_slice() {
            &[value] => logs.set(metric.name(), value),
            values => {
                values.iter().enumerate().for_each(|(i, &value)| logs.set(&format!("{}_{i}", metric.name()), value))
            }
        }
    }
    logs
}
