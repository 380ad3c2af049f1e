//! Where samples come from: arrays in memory, files, and a cache over either.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cnn_core::Tensor;

use crate::data_error::DataError;
use crate::decode::{DecodeOptions, decode};
use crate::picture::Channels;
use crate::resample::{Fit, ResizeMethod};

/// One sample, without the axis of the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The input: a picture is `[H, W, C]` from 0 to 255.
    pub x: Tensor,
    /// What should come out, if that is known: of labels what [`LabelMode`] says.
    pub y: Option<Tensor>,
}

/// How a class becomes numbers: Keras's `label_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LabelMode {
    /// Its number, a scalar: for sparse categorical cross-entropy.
    #[default]
    Int,
    /// `[classes]`, 1 at its place and 0 elsewhere: for categorical cross-entropy.
    Categorical,
    /// `[1]`, 0 or 1 of two classes: for binary cross-entropy.
    Binary,
}

impl LabelMode {
    pub(crate) fn encode(self, class: usize, classes: usize) -> Tensor {
        match self {
            LabelMode::Int => Tensor::scalar(class as f32),
            LabelMode::Categorical => Tensor::from_fn(vec![classes], |i| f32::from(u8::from(i == class))),
            LabelMode::Binary => Tensor::full(vec![1], class as f32),
        }
    }

    /// Whether so many classes can be told apart by it.
    pub(crate) fn check(self, classes: &[String]) -> Result<(), DataError> {
        match self {
            LabelMode::Binary if classes.len() != 2 => Err(DataError::NotTwoClasses { classes: classes.to_vec() }),
            LabelMode::Int | LabelMode::Categorical | LabelMode::Binary => Ok(()),
        }
    }
}

/// Samples by number.
pub(crate) trait Source: Send + Sync {
    fn len(&self) -> usize;
    fn sample(&self, index: usize) -> Result<Example, DataError>;
    /// The number of a sample's class, where samples have one.
    fn class(&self, index: usize) -> Option<usize>;
    /// The file that a sample is read from.
    fn file(&self, _index: usize) -> Option<&Path> {
        None
    }
}

/// Classes of samples, and how they are written.
pub(crate) struct Classes {
    pub labels: Vec<usize>,
    pub count: usize,
    pub mode: LabelMode,
}

impl Classes {
    fn encode(&self, index: usize) -> Tensor {
        self.mode.encode(self.labels[index], self.count)
    }
}

/// What comes out for the samples of arrays.
pub(crate) enum Targets {
    Nothing,
    Numbers(Tensor),
    Classes(Classes),
}

/// Samples along the first axis of tensors.
pub(crate) struct Arrays {
    pub x: Tensor,
    pub targets: Targets,
}

/// Row `index` of a tensor of at least one axis and one row.
fn row(tensor: &Tensor, index: usize) -> Result<Tensor, DataError> {
    let shape = tensor.shape()[1..].to_vec();
    let size = tensor.len() / tensor.shape()[0];
    Ok(Tensor::new(shape, tensor.data()[index * size..][..size].to_vec())?)
}

impl Source for Arrays {
    fn len(&self) -> usize {
        self.x.shape()[0]
    }

    fn sample(&self, index: usize) -> Result<Example, DataError> {
        let y = match &self.targets {
            Targets::Nothing => None,
            Targets::Numbers(y) => Some(row(y, index)?),
            Targets::Classes(classes) => Some(classes.encode(index)),
        };
        Ok(Example { x: row(&self.x, index)?, y })
    }

    fn class(&self, index: usize) -> Option<usize> {
        match &self.targets {
            Targets::Classes(classes) => Some(classes.labels[index]),
            Targets::Nothing | Targets::Numbers(_) => None,
        }
    }
}

/// How the pictures of files become tensors of one size.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub channels: Channels,
    pub size: (usize, usize),
    pub method: ResizeMethod,
    pub fit: Fit,
    pub decode: DecodeOptions,
}

/// Pictures in files.
pub(crate) struct Files {
    pub files: Vec<PathBuf>,
    pub classes: Option<Classes>,
    pub load: Load,
}

impl Source for Files {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn sample(&self, index: usize) -> Result<Example, DataError> {
        let Load { channels, size: (height, width), method, fit, decode: options } = self.load;
        let path = &self.files[index];
        let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
        let options = DecodeOptions { alpha: options.alpha || channels == Channels::Rgba, ..options };
        let picture = decode(&bytes, &path.display().to_string(), &options)?;
        let x = picture.convert(channels).resize_to_tensor(height, width, method, fit)?;
        Ok(Example { x, y: self.classes.as_ref().map(|classes| classes.encode(index)) })
    }

    fn class(&self, index: usize) -> Option<usize> {
        self.classes.as_ref().map(|classes| classes.labels[index])
    }

    fn file(&self, index: usize) -> Option<&Path> {
        Some(&self.files[index])
    }
}

pub(crate) fn cannot_read(path: &Path, error: &std::io::Error) -> DataError {
    DataError::Read { path: path.to_owned(), reason: error.to_string() }
}

/// Keeps each sample that was read once.
pub(crate) struct Cache {
    source: Arc<dyn Source>,
    kept: Vec<OnceLock<Example>>,
}

impl Cache {
    pub fn new(source: Arc<dyn Source>) -> Self {
        let kept = (0..source.len()).map(|_| OnceLock::new()).collect();
        Self { source, kept }
    }
}

impl Source for Cache {
    fn len(&self) -> usize {
        self.kept.len()
    }

    fn sample(&self, index: usize) -> Result<Example, DataError> {
        if let Some(example) = self.kept[index].get() {
            return Ok(example.clone());
        }
        let example = self.source.sample(index)?;
        Ok(self.kept[index].get_or_init(|| example).clone())
    }

    fn class(&self, index: usize) -> Option<usize> {
        self.source.class(index)
    }

    fn file(&self, index: usize) -> Option<&Path> {
        self.source.file(index)
    }
}

/// Other samples in the places of a source's.
pub(crate) struct Replaced {
    pub source: Arc<dyn Source>,
    /// By the source's number; only some of them may be asked for.
    pub samples: HashMap<usize, Example>,
}

impl Source for Replaced {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn sample(&self, index: usize) -> Result<Example, DataError> {
        self.samples.get(&index).map_or_else(|| self.source.sample(index), |sample| Ok(sample.clone()))
    }

    fn class(&self, index: usize) -> Option<usize> {
        self.source.class(index)
    }

    fn file(&self, index: usize) -> Option<&Path> {
        self.source.file(index)
    }
}
