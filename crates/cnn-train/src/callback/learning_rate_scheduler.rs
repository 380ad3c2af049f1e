//! A learning rate for every epoch.

use super::{Callback, CallbackError, Control, Logs};
use crate::send::MaybeSend;

/// The learning rate of an epoch, by it and the present one.
trait OfEpoch: FnMut(usize, f64) -> f64 + MaybeSend {}

impl<F: FnMut(usize, f64) -> f64 + MaybeSend> OfEpoch for F {}

/// Sets the learning rate before every epoch by a function of the epoch and the present learning rate:
/// `keras.callbacks.LearningRateScheduler`. It writes the learning rate into the logs as `learning_rate`.
///
/// ```
/// use cnn_train::callback::{Callback, Control, LearningRateScheduler};
///
/// let mut scheduler = LearningRateScheduler::new(|epoch, rate| if epoch < 10 { rate } else { rate * 0.5 });
/// let mut control = Control::new(0.1);
/// scheduler.on_epoch_begin(10, &mut control)?;
/// assert_eq!(control.learning_rate(), 0.05);
/// # Ok::<(), cnn_train::callback::CallbackError>(())
/// ```
pub struct LearningRateScheduler {
    schedule: Box<dyn OfEpoch>,
}

impl LearningRateScheduler {
    /// By that function of the epoch and the present learning rate.
    pub fn new(schedule: impl FnMut(usize, f64) -> f64 + MaybeSend + 'static) -> Self {
        Self { schedule: Box::new(schedule) }
    }
}

const NAME: &str = "learning_rate_scheduler";

impl Callback for LearningRateScheduler {
    fn name(&self) -> &str {
        NAME
    }

    /// # Errors
    /// If the function's result is not finite.
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control) -> Result<(), CallbackError> {
        let learning_rate = (self.schedule)(epoch, control.learning_rate());
        if !learning_rate.is_finite() {
            let (value, wanted) = (learning_rate.to_string(), "a function with finite results");
            return Err(CallbackError::Argument { callback: NAME.to_owned(), argument: "schedule", value, wanted });
        }
        control.set_learning_rate(learning_rate);
        Ok(())
    }

    fn on_epoch_end(&mut self, _epoch: usize, logs: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
        logs.set("learning_rate", control.learning_rate());
        Ok(())
    }
}
