//! What may go from one thread to another.

/// What a training holds of its user's: [`Send`], so that a runtime may move the training between its threads, but in a browser,
/// which has one thread, and whose objects are not `Send`. Every type that may be has it.
///
/// ```
/// use cnn_train::metric::{Accuracy, Metric};
/// fn train_elsewhere(metric: impl Metric + 'static) {
///     std::thread::spawn(move || drop(metric));
/// }
/// train_elsewhere(Accuracy::new());
/// ```
#[cfg(not(target_family = "wasm"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send + ?Sized> MaybeSend for T {}

/// What a training holds of its user's: anything here, [`Send`] where there are several threads.
#[cfg(target_family = "wasm")]
pub trait MaybeSend {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> MaybeSend for T {}
