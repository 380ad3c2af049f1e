//! The search for a learning rate: a short training whose rate grows with each step, until the loss does.
//!
//! Source: Smith, "Cyclical Learning Rates for Training Neural Networks" (arXiv 1506.01186), with the growth by a constant
//! factor, the smoothed loss, the end at four times the least loss and the two suggestions of fastai's `lr_find`.

use cnn_data::Dataset;

use super::progress::Progress;
use super::targets::targets;
use super::trainer::Trainer;
use crate::error::Error;

/// Where a search goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FindLearningRate {
    /// The first learning rate.
    pub start: f64,
    /// The last one.
    pub end: f64,
    /// Steps from the first to the last.
    pub steps: usize,
    /// How much of the smoothed loss each step keeps.
    pub smoothing: f64,
    /// The search ends where the smoothed loss is so many times its least.
    pub divergence: f64,
}

impl Default for FindLearningRate {
    /// fastai's: from 1e-7 to 10 in 100 steps, smoothed by 0.98, until 4 times the least loss.
    fn default() -> Self {
        Self { start: 1e-7, end: 10.0, steps: 100, smoothing: 0.98, divergence: 4.0 }
    }
}

/// An argument of a search that is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LearningRatesError {
    /// An argument is none.
    #[error("the search for a learning rate: {argument} is {value}, but has to be {wanted}")]
    Argument {
        /// Its name.
        argument: &'static str,
        /// What was given.
        value: f64,
        /// What can be given.
        wanted: &'static str,
    },
}

impl FindLearningRate {
    fn check(&self) -> Result<(), LearningRatesError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let steps = self.steps as f64;
        for (valid, argument, value, wanted) in [
            (positive(self.start), "start", self.start, "a finite number above 0"),
            (positive(self.end) && self.end > self.start, "end", self.end, "finite and above start"),
            (self.steps >= 2, "steps", steps, "2 at least"),
            ((0.0..1.0).contains(&self.smoothing), "smoothing", self.smoothing, "from 0 to below 1"),
            (self.divergence > 1.0, "divergence", self.divergence, "above 1"),
        ] {
            if !valid {
                return Err(LearningRatesError::Argument { argument, value, wanted });
            }
        }
        Ok(())
    }

    /// The rate of a step.
    fn rate(&self, step: usize) -> f64 {
        self.start * (self.end / self.start).powf(step as f64 / (self.steps - 1) as f64)
    }
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearningRates {
    /// The learning rate of each step done.
    pub rates: Vec<f64>,
    /// The loss before each of these steps, smoothed: a mean of the losses so far, in which older ones count less.
    pub losses: Vec<f64>,
}

impl LearningRates {
    /// The rate at which the loss falls most steeply, over the logarithm of the rate, on its way down to the least; `None`
    /// where it never falls. What falls behind that is the noise of a loss that has exploded.
    pub fn steepest(&self) -> Option<f64> {
        let slope = |i: usize| (self.losses[i + 1] - self.losses[i]) / (self.rates[i + 1] / self.rates[i]).ln();
        let slopes = (self.settled().start..self.least()?).map(|i| (self.rates[i], slope(i)));
        let falling = slopes.filter(|&(_, slope)| slope < 0.0);
        falling.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(rate, _)| rate)
    }

    /// A tenth of the rate at which the loss is least; `None` where it never falls.
    pub fn tenth_of_minimum(&self) -> Option<f64> {
        let (first, least) = (self.settled().start, self.least()?);
        (self.losses[least] < self.losses[first]).then(|| self.rates[least] / 10.0)
    }

    /// The step with the least loss.
    fn least(&self) -> Option<usize> {
        self.settled().min_by(|&a, &b| self.losses[a].total_cmp(&self.losses[b]))
    }

    /// The steps that suggestions look at: the first tenth is left out, in which the mean still settles.
    fn settled(&self) -> std::ops::Range<usize> {
        self.losses.len() / 10..self.losses.len()
    }

    /// Takes a step's loss in; whether the search goes on.
    fn add(&mut self, how: &FindLearningRate, mean: &mut f64, loss: f64) -> bool {
        let step = self.losses.len();
        *mean = how.smoothing * *mean + (1.0 - how.smoothing) * loss;
        // The mean begins at 0, which this takes out.
        let smoothed = *mean / (1.0 - how.smoothing.powi(step as i32 + 1));
        let least = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        if !smoothed.is_finite() || smoothed > how.divergence * least {
            return false;
        }
        self.rates.push(how.rate(step));
        self.losses.push(smoothed);
        self.losses.len() < how.steps
    }
}

impl Trainer {
    /// Looks for a learning rate: trains with rates from very small to very large, epoch after epoch of `data` where one is too
    /// short, and then puts everything back: weights, the optimizer's state, the learning rate and the count of steps.
    ///
    /// ```
    /// use cnn::data::{Dataset, LabelMode};
    /// use cnn::layers::{Activation, Dense};
    /// use cnn::training::{FindLearningRate, Loss, Optimizer, Trainer, Training};
    /// use cnn::{Device, Network, Sequential, Tensor, Weights};
    /// let model = Sequential::new("m").input([2])?.add(Dense::new(2).activation(Activation::Softmax))?.model()?;
    /// let network = Network::new(model.clone(), Weights::initialize(&model, 1))?;
    /// let x = Tensor::from_fn(vec![64, 2], |i| if (i / 2 + i) % 2 == 0 { 1.0 } else { 0.0 });
    /// let labels = Tensor::from_fn(vec![64], |i| (i % 2) as f32);
    /// let data = Dataset::from_classes(x, &labels, LabelMode::Int, ["even", "odd"])?.batch_size(16)?;
    /// let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam());
    /// let mut trainer = Trainer::new(&Device::cpu(), &network, training)?;
    /// let found = trainer.find_learning_rate_blocking(&data, &FindLearningRate::default())?;
    /// trainer.set_learning_rate(found.steepest().unwrap());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an argument of `how` is none, `data` is empty or its targets do not fit the loss, or as
    /// [`Trainer::train_on_batch`].
    pub async fn find_learning_rate(&mut self, data: &Dataset, how: &FindLearningRate) -> Result<LearningRates, Error> {
        self.find_learning_rate_with(data, how, |_| ()).await
    }

    /// As [`Trainer::find_learning_rate`]; `progress` is called after each step, with [`Progress::Search`].
    ///
    /// # Errors
    /// As [`Trainer::find_learning_rate`].
    pub async fn find_learning_rate_with(
        &mut self,
        data: &Dataset,
        how: &FindLearningRate,
        progress: impl FnMut(Progress<'_>),
    ) -> Result<LearningRates, Error> {
        how.check()?;
        if data.batches() == 0 {
            return Err(Error::NoBatches);
        }
        let (variables, iterations, rate) = (self.variables().await?, self.iterations(), self.learning_rate());
        let searched = self.search(data, how, progress).await;
        self.set_learning_rate(rate);
        self.restore(variables, iterations)?;
        searched
    }

    /// [`Trainer::find_learning_rate`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Trainer::find_learning_rate`].
    pub fn find_learning_rate_blocking(
        &mut self,
        data: &Dataset,
        how: &FindLearningRate,
    ) -> Result<LearningRates, Error> {
        pollster::block_on(self.find_learning_rate(data, how))
    }

    async fn search(
        &mut self,
        data: &Dataset,
        how: &FindLearningRate,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<LearningRates, Error> {
        let (mut found, mut mean) = (LearningRates::default(), 0.0);
        let mut step = 0;
        for epoch in 0.. {
            let mut batches = data.epoch(epoch);
            while let Some(batch) = batches.next_batch().await.transpose()? {
                let learning_rate = how.rate(step);
                self.set_learning_rate(learning_rate);
                let targets = targets(self.model(), &self.training().loss, &batch)?;
                let pictures = std::slice::from_ref(&batch.x);
                let stepped = self.train_on_batch(pictures, &targets, batch.weights.as_ref()).await?;
                let goes_on = found.add(how, &mut mean, stepped.loss);
                progress(Progress::Search { step, steps: how.steps, learning_rate, loss: stepped.loss });
                if !goes_on {
                    return Ok(found);
                }
                step += 1;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that is 1, falls as the logarithm of the rate rises from 1e-4 to 1e-1, and shoots up beyond.
    fn loss(rate: f64) -> f64 {
        let x = rate.log10();
        if x > -1.0 { 0.4 * 100f64.powf(x + 1.0) } else { 1.0 - 0.2 * (x + 4.0).max(0.0) }
    }

    fn search(how: &FindLearningRate, loss: impl Fn(f64) -> f64) -> LearningRates {
        let (mut found, mut mean) = (LearningRates::default(), 0.0);
        while found.add(how, &mut mean, loss(how.rate(found.losses.len()))) {}
        found
    }

    #[test]
    fn rates_grow_by_one_factor_until_the_loss_does() {
        let how = FindLearningRate { smoothing: 0.0, steps: 81, ..FindLearningRate::default() };
        let found = search(&how, loss);
        assert_eq!((found.rates[0], found.losses[0]), (1e-7, 1.0));
        assert!(found.rates.windows(2).all(|pair| (pair[1] / pair[0] - 10f64.powf(0.1)).abs() < 1e-12));
        // Four times the least loss, 0.4, is reached log10(4) / 2 = 0.301 decades behind 0.1: the last step before that is kept.
        assert!((found.rates.last().unwrap().log10() + 0.7).abs() < 1e-9, "{found:?}");
        assert!((found.tenth_of_minimum().unwrap() - 1e-2).abs() < 1e-9, "{found:?}");
        let steepest = found.steepest().unwrap();
        assert!((1e-4 * 0.99..1e-1).contains(&steepest), "{steepest}");
    }

    #[test]
    fn a_fall_behind_the_least_loss_suggests_nothing() {
        let how = FindLearningRate { smoothing: 0.0, steps: 81, ..FindLearningRate::default() };
        // From 1.5 down to 0.9 at once, where the loss has gone up already.
        let noisy = |rate: f64| {
            if rate > 0.5 {
                0.9
            } else if rate > 0.11 {
                1.5
            } else {
                loss(rate)
            }
        };
        let found = search(&how, noisy);
        assert_eq!(found.losses.len(), 81, "{found:?}");
        assert!((1e-4 * 0.99..1e-1).contains(&found.steepest().unwrap()), "{found:?}");
        assert!((found.tenth_of_minimum().unwrap() - 1e-2).abs() < 1e-9, "{found:?}");
    }

    /// The means of a constant are that constant, and those of 1, 0 at weight 1/2 are 1 and 1/3: (1/2 0 + 1/4 1) / (3/4).
    #[test]
    fn losses_are_smoothed_without_a_bias() {
        let how = FindLearningRate { smoothing: 0.5, steps: 3, ..FindLearningRate::default() };
        assert_eq!(search(&how, |_| 2.0).losses, [2.0; 3]);
        let found = search(&how, |rate| if rate < 1e-6 { 1.0 } else { 0.0 });
        assert!((found.losses[1] - 1.0 / 3.0).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn nothing_is_suggested_where_the_loss_never_falls() {
        let how = FindLearningRate { smoothing: 0.0, ..FindLearningRate::default() };
        for never in [search(&how, |_| 1.0), search(&how, |rate| 1.0 + rate), search(&how, |_| f64::NAN)] {
            assert_eq!((never.steepest(), never.tenth_of_minimum()), (None, None), "{never:?}");
        }
    }

    #[test]
    fn arguments_that_are_none_are_told() {
        let good = FindLearningRate::default();
        for (how, wanted) in [
            (FindLearningRate { start: 0.0, ..good }, "start is 0"),
            (FindLearningRate { end: 1e-8, ..good }, "above start"),
            (FindLearningRate { end: f64::NAN, ..good }, "end is NaN"),
            (FindLearningRate { steps: 1, ..good }, "2 at least"),
            (FindLearningRate { smoothing: 1.0, ..good }, "below 1"),
            (FindLearningRate { divergence: 1.0, ..good }, "divergence is 1"),
        ] {
            let error = how.check().unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
