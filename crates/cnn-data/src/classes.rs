//! The classes of a data set in other words: written otherwise, or with other numbers.

use std::path::Path;
use std::sync::Arc;

use crate::data_error::DataError;
use crate::dataset::Dataset;
use crate::source::{Example, LabelMode, Source};

impl Dataset {
    /// The same samples with their classes written by `mode`.
    ///
    /// ```
    /// use cnn_core::Tensor;
    /// use cnn_data::{Dataset, LabelMode};
    /// let (x, labels) = (Tensor::full(vec![2, 8, 8, 1], 0.5), Tensor::new(vec![2], vec![2.0, 0.0])?);
    /// let data = Dataset::from_classes(x, &labels, LabelMode::Int, ["cat", "cow", "dog"])?.in_order();
    /// let data = data.label_mode(LabelMode::Categorical)?;
    /// let y = data.epoch(0).next().unwrap()?.y.unwrap();
    /// assert_eq!(y.data(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If samples have no classes, or not as many as `mode` tells apart.
    pub fn label_mode(self, mode: LabelMode) -> Result<Self, DataError> {
        let names = self.class_names().to_vec();
        self.with_classes(names, mode)
    }

    /// The same samples with `names` for classes, among which their own are found by name, written by `mode`: numbers are
    /// then those that a model has learned, of which the data may lack some.
    ///
    /// ```
    /// use cnn_core::Tensor;
    /// use cnn_data::{Dataset, LabelMode};
    /// let (x, labels) = (Tensor::full(vec![2, 8, 8, 1], 0.5), Tensor::new(vec![2], vec![0.0, 1.0])?);
    /// let data = Dataset::from_classes(x, &labels, LabelMode::Int, ["cat", "dog"])?.in_order();
    /// let data = data.with_classes(["ant", "dog", "cat"], LabelMode::Int)?;
    /// assert_eq!(data.epoch(0).next().unwrap()?.y.unwrap().data(), [2.0, 1.0]);
    /// assert_eq!(data.class_counts(), [0, 1, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If samples have no classes, one of theirs is not among the names, or these are not as many as `mode` tells apart.
    pub fn with_classes(
        mut self,
        names: impl IntoIterator<Item: Into<String>>,
        mode: LabelMode,
    ) -> Result<Self, DataError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if self.class_names().is_empty() {
            return Err(DataError::argument("class_names", "the samples have no classes; give data that has"));
        }
        mode.check(&names)?;
        let number = |class: &String| {
            let unknown =
                || DataError::argument("class_names", format!("there is no '{class}', which samples have; add it"));
            names.iter().position(|name| name == class).ok_or_else(unknown)
        };
        let numbers = self.class_names().iter().map(number).collect::<Result<_, _>>()?;
        self.source = Arc::new(Renumbered { source: self.source, numbers, count: names.len(), mode });
        self.class_names = names.into();
        Ok(self)
    }
}

/// Samples with other numbers for their classes.
struct Renumbered {
    source: Arc<dyn Source>,
    /// The number here of each of the source's classes.
    numbers: Vec<usize>,
    count: usize,
    mode: LabelMode,
}

impl Source for Renumbered {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn sample(&self, index: usize) -> Result<Example, DataError> {
        let Example { x, .. } = self.source.sample(index)?;
        Ok(Example { x, y: self.class(index).map(|class| self.mode.encode(class, self.count)) })
    }

    fn class(&self, index: usize) -> Option<usize> {
        self.source.class(index).map(|class| self.numbers[class])
    }

    fn file(&self, index: usize) -> Option<&Path> {
        self.source.file(index)
    }
}
