//! Data sets of arrays in memory.

use cnn_core::{ShapeError, Tensor};

use crate::data_error::DataError;
use crate::dataset::Dataset;
use crate::source::{Arrays, Classes, LabelMode, Targets};

impl Dataset {
    /// The samples along the first axis of `x`, such as `[N, H, W, C]` or `[N, D]`, and what should come out for each,
    /// `y`: `[N]`, `[N, D]` or any `[N, ...]`.
    ///
    /// # Errors
    /// If there is no sample, `y` is not as long as `x`, or a value is NaN or infinite.
    ///
    /// ```
    /// use cnn_core::Tensor;
    /// use cnn_data::Dataset;
    /// let x = Tensor::from_fn(vec![10, 3], |i| i as f32);
    /// let y = Tensor::from_fn(vec![10], |i| i as f32);
    /// let data = Dataset::from_arrays(x, Some(y))?.batch_size(4)?;
    /// let shapes: Vec<_> = data.epoch(0).map(|batch| batch.map(|batch| batch.x.shape().to_vec())).collect::<Result<_, _>>()?;
    /// assert_eq!(shapes, [[4, 3], [4, 3], [2, 3]]);
    /// # Ok::<(), cnn_data::DataError>(())
    /// ```
    pub fn from_arrays(x: Tensor, y: Option<Tensor>) -> Result<Self, DataError> {
        let samples = check_samples("x", &x)?;
        let targets = match y {
            None => Targets::Nothing,
            Some(y) => {
                check_length("y", &y, samples)?;
                check_finite("y", &y)?;
                Targets::Numbers(y)
            }
        };
        Ok(Self::new(Arrays { x, targets }, Vec::new()))
    }

    /// The samples along the first axis of `x` with their classes: `labels` are `[N]` or `[N, 1]` of the integers from
    /// 0 to the number of names less 1. Pictures from `uint8` files are 0 to 255 here.
    ///
    /// # Errors
    /// If there is no sample, `labels` are not as many as samples or no integers of that range, a value of `x` is NaN
    /// or infinite, or [`LabelMode::Binary`] has not exactly two names.
    ///
    /// ```
    /// use cnn_core::Tensor;
    /// use cnn_data::{Dataset, LabelMode};
    /// let x = Tensor::full(vec![4, 8, 8, 1], 255.0);
    /// let labels = Tensor::new(vec![4], vec![0.0, 2.0, 1.0, 2.0])?;
    /// let data = Dataset::from_classes(x, &labels, LabelMode::Categorical, ["cat", "cow", "dog"])?;
    /// assert_eq!((data.len(), data.class_counts()), (4, vec![1, 1, 2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_classes(
        x: Tensor,
        labels: &Tensor,
        mode: LabelMode,
        class_names: impl IntoIterator<Item: Into<String>>,
    ) -> Result<Self, DataError> {
        let class_names: Vec<String> = class_names.into_iter().map(Into::into).collect();
        if class_names.is_empty() {
            return Err(DataError::argument("class_names", "there is none; give one for each class"));
        }
        mode.check(&class_names)?;
        let samples = check_samples("x", &x)?;
        check_length("labels", labels, samples)?;
        if !matches!(labels.shape(), [_] | [_, 1]) {
            return Err(ShapeError::new("labels", "expects [N] or [N, 1]", &[labels.shape()]).into());
        }
        check_finite("labels", labels)?;
        let count = class_names.len();
        let class = |(sample, &value): (usize, &f32)| match value {
            _ if value.fract() == 0.0 && value >= 0.0 && (value as usize) < count => Ok(value as usize),
            _ => Err(DataError::Label { sample, value, classes: count }),
        };
        let labels = labels.data().iter().enumerate().map(class).collect::<Result<_, _>>()?;
        let targets = Targets::Classes(Classes { labels, count, mode });
        Ok(Self::new(Arrays { x, targets }, class_names))
    }
}

/// The number of samples, at least one, all finite.
fn check_samples(what: &'static str, x: &Tensor) -> Result<usize, DataError> {
    match x.shape() {
        [] => Err(ShapeError::new(what, "expects samples along its first axis", &[x.shape()]).into()),
        [0, ..] => Err(DataError::argument(what, "holds no sample; give at least one")),
        [samples, ..] => check_finite(what, x).map(|()| *samples),
    }
}

pub(crate) fn check_length(what: &'static str, entries: &Tensor, samples: usize) -> Result<(), DataError> {
    let got = entries.shape().first().copied().unwrap_or(0);
    if got == samples { Ok(()) } else { Err(DataError::Lengths { what, got, samples }) }
}

pub(crate) fn check_finite(what: &'static str, entries: &Tensor) -> Result<(), DataError> {
    let Some(first) = entries.data().iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let samples = entries.shape().first().copied().unwrap_or(1);
    Err(DataError::NotFinite { what, count: entries.not_finite(), sample: first / (entries.len() / samples) })
}
