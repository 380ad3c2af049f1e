//! The batches of an epoch, one after the other.

use std::sync::{Arc, Mutex, PoisonError};

use cnn_core::Tensor;

use crate::data_error::DataError;
use crate::dataset::{Batch, Dataset};
use crate::order::{Purpose, number};
#[cfg(not(target_family = "wasm"))]
use crate::prefetch::{Ahead, Ordered};
use crate::source::Example;

/// The batches of an epoch, in order: see [`Dataset::epoch`]. Dropped early, it stops its threads and waits for the
/// pictures that they are at.
pub struct Batches {
    inner: Inner,
    left: usize,
    buffers: Option<Arc<Buffers>>,
}

enum Inner {
    /// Read by the thread that asks.
    Here(Box<dyn Iterator<Item = Result<Batch, DataError>> + Send>),
    #[cfg(not(target_family = "wasm"))]
    Ahead(Ahead<Result<Batch, DataError>>),
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Batches {
    pub(crate) fn new(data: Dataset, epoch: u64, first: usize) -> Self {
        let (left, buffers) = (data.batches().saturating_sub(first), data.buffers.clone());
        match Self::start(Arc::new(Epoch { order: data.order(epoch), data, number: epoch }), first) {
            Ok(inner) => Self { inner, left, buffers },
            Err(error) => Self { inner: Inner::Here(Box::new(std::iter::once(Err(error)))), left: 1, buffers },
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn start(epoch: Arc<Epoch>, first: usize) -> Result<Inner, DataError> {
        let (ahead, size) = (epoch.data.prefetch, epoch.data.samples_a_batch());
        if ahead == 0 {
            return Ok(Self::here(epoch, first));
        }
        let end = epoch.data.len().min(epoch.data.batches().saturating_mul(size));
        let begin = first.saturating_mul(size).min(end);
        let reader = epoch.clone();
        // One of those ahead is whole already, and waits.
        let window = (ahead - 1).saturating_mul(size);
        let samples = Ordered::new(begin..end, window, move |position| reader.example(position))?;
        Ok(Inner::Ahead(Ahead::new(Assembler { epoch, samples, next: first })?))
    }

    #[cfg(target_family = "wasm")]
    fn start(epoch: Arc<Epoch>, first: usize) -> Result<Inner, DataError> {
        Ok(Self::here(epoch, first))
    }

    /// The next batch, as [`Iterator::next`] gives it; a task that waits for one leaves its thread to others. With a
    /// [`prefetch`](Dataset::prefetch) of 0 it is read here, which takes as long as it takes.
    pub async fn next_batch(&mut self) -> Option<Result<Batch, DataError>> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.inner {
            Inner::Here(batches) => batches.next(),
            #[cfg(not(target_family = "wasm"))]
            Inner::Ahead(batches) => batches.next_async().await,
        }
    }

    /// Takes a batch that is no longer needed, so that later ones may be written where it lies, if the data set
    /// [reuses buffers](Dataset::reuse_buffers).
    pub fn give_back(&self, batch: Batch) {
        if let Some(buffers) = &self.buffers {
            buffers.keep([batch.x.into_data(), batch.y.map_or_else(Vec::new, Tensor::into_data)]);
        }
    }

    fn here(epoch: Arc<Epoch>, first: usize) -> Inner {
        let reader = epoch.clone();
        let positions = first.saturating_mul(epoch.data.samples_a_batch())..epoch.data.len();
        let samples = positions.map(move |position| reader.example(position));
        Inner::Here(Box::new(Assembler { epoch, samples, next: first }))
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.inner {
            Inner::Here(batches) => batches.next(),
            #[cfg(not(target_family = "wasm"))]
            Inner::Ahead(batches) => batches.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Batches {}

/// A data set in the order of one epoch.
struct Epoch {
    data: Dataset,
    order: Vec<usize>,
    number: u64,
}

impl Epoch {
    /// The sample at a place of the order, through the caller's functions.
    fn example(&self, position: usize) -> Result<Example, DataError> {
        let sample = self.order[position];
        let mut example = self.data.source.sample(sample)?;
        for (function, map) in self.data.sample_maps.iter().enumerate() {
            let purpose = Purpose::Sample { function, epoch: self.number, sample };
            example = map(example, number(self.data.seed, purpose))?;
        }
        Ok(example)
    }

    /// A batch, through the caller's functions.
    fn finish(&self, stack: Stack, batch: usize) -> Result<Batch, DataError> {
        let mut whole = stack.finish(&self.data)?;
        for (function, map) in self.data.batch_maps.iter().enumerate() {
            let purpose = Purpose::Batch { function, epoch: self.number, batch };
            whole = map(whole, number(self.data.seed, purpose))?;
        }
        Ok(whole)
    }
}

/// Puts samples together.
struct Assembler<I> {
    epoch: Arc<Epoch>,
    samples: I,
    /// The next batch.
    next: usize,
}

impl<I: Iterator<Item = Result<Example, DataError>>> Iterator for Assembler<I> {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let data = &self.epoch.data;
        if self.next >= data.batches() {
            return None;
        }
        let (batch, size) = (self.next, data.samples_a_batch());
        let begin = batch * size;
        let samples = &self.epoch.order[begin..(begin + size).min(data.len())];
        self.next += 1;
        // All of them are taken, also behind one that failed: the next batch begins behind the last.
        let mut stack = Ok(Stack::new(data, samples.len()));
        for (sample, example) in samples.iter().zip(&mut self.samples) {
            stack = stack.and_then(|stack| stack.push(*sample, example?));
        }
        Some(stack.and_then(|stack| self.epoch.finish(stack, batch)))
    }
}

/// Memory of batches that were given back: of each its `x` and its `y`. They stay together, so that what comes next in its
/// place is of the same kind, and there are never more than batches were in use at the same time.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    idle: Mutex<Vec<[Vec<f32>; 2]>>,
}

impl Buffers {
    fn take(&self) -> [Vec<f32>; 2] {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn keep(&self, mut batch: [Vec<f32>; 2]) {
        batch.iter_mut().for_each(Vec::clear);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }
}

/// The samples of a batch so far.
struct Stack {
    x: Rows,
    y: Rows,
    samples: Vec<usize>,
    /// How many there will be room for.
    room: usize,
}

/// Tensors of one shape, one behind the other.
struct Rows {
    count: usize,
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Rows {
    /// In an empty vector, which may have room.
    fn new(data: Vec<f32>) -> Self {
        Self { count: 0, shape: Vec::new(), data }
    }

    fn push(&mut self, row: &Tensor, sample: usize, all: usize) -> Result<(), DataError> {
        if self.count == 0 {
            self.shape = row.shape().to_vec();
            self.data.reserve_exact(row.len().saturating_mul(all));
        } else if self.shape != row.shape() {
            let (got, first) = (row.shape().to_vec(), self.shape.clone());
            return Err(DataError::UnequalShapes { sample, got, first });
        }
        self.data.extend_from_slice(row.data());
        self.count += 1;
        Ok(())
    }

    fn finish(self) -> Result<Tensor, DataError> {
        Ok(Tensor::new([&[self.count], self.shape.as_slice()].concat(), self.data)?)
    }
}

impl Stack {
    /// For so many samples. Buffers that are reused have room for a full batch, also if a smaller one is their first.
    fn new(data: &Dataset, samples: usize) -> Self {
        let [x, y] = data.buffers.as_ref().map(|buffers| buffers.take()).unwrap_or_default();
        let room = if data.buffers.is_some() { data.samples_a_batch().min(data.len()) } else { samples };
        Self { x: Rows::new(x), y: Rows::new(y), samples: Vec::new(), room }
    }

    fn push(mut self, sample: usize, example: Example) -> Result<Self, DataError> {
        self.x.push(&example.x, sample, self.room)?;
        if let Some(y) = &example.y {
            self.y.push(y, sample, self.room)?;
        }
        self.samples.push(sample);
        if self.y.count != 0 && self.y.count != self.samples.len() {
            return Err(DataError::Lengths { what: "y", got: self.y.count, samples: self.samples.len() });
        }
        Ok(self)
    }

    fn finish(self, data: &Dataset) -> Result<Batch, DataError> {
        let weights = data.weights.as_ref().map(|weights| {
            let values = self.samples.iter().map(|sample| weights[*sample]).collect();
            Tensor::new(vec![self.samples.len()], values)
        });
        let y = if self.y.count == 0 { None } else { Some(self.y.finish()?) };
        Ok(Batch { x: self.x.finish()?, y, weights: weights.transpose()?, samples: self.samples })
    }
}
