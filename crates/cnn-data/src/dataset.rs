//! A data set: samples, their classes, and the batches of an epoch.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use cnn_core::{ShapeError, Tensor};

use crate::arrays::{check_finite, check_length};
use crate::batches::{Batches, Buffers};
use crate::data_error::DataError;
use crate::order::{Purpose, shuffle};
use crate::source::{Cache, Example, Replaced, Source};

type SampleMap = Arc<dyn Fn(Example, u64) -> Result<Example, DataError> + Send + Sync>;
type BatchMap = Arc<dyn Fn(Batch, u64) -> Result<Batch, DataError> + Send + Sync>;

/// Some samples in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The inputs, `[N, ...]`: pictures are `[N, H, W, C]` from 0 to 255.
    pub x: Tensor,
    /// What should come out, if that is known: for labels `[N]`, `[N, classes]` or `[N, 1]` by
    /// [`LabelMode`](crate::LabelMode).
    pub y: Option<Tensor>,
    /// How much each sample counts, `[N]`, if that was given.
    pub weights: Option<Tensor>,
    /// The number of each sample in the data set, which it keeps in every part of it; see [`Dataset::file`].
    pub samples: Vec<usize>,
}

/// Something that a person should know of a data set, though it can be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// A class without a picture.
    #[error("class '{0}' has no picture; it stays a class")]
    EmptyClass(String),
    /// A picture that cannot be read and was left out, as was asked for.
    #[error("left out: {0}")]
    LeftOut(DataError),
    /// A file that is no picture by its ending, or lies beside the folders of the classes.
    #[error("{}: passed over", .0.display())]
    PassedOver(std::path::PathBuf),
}

/// Samples with what should come out for them, in batches: made by [`ImageDirectory`](crate::ImageDirectory),
/// [`Dataset::from_arrays`] or [`Dataset::from_classes`]. Nothing is read before a batch is asked for. A clone costs
/// little.
///
/// At first batches hold 32 samples, the last one fewer, and each epoch has an order of its own, by seed 0. The order
/// depends on the seed and the epoch's number alone, so training goes on exactly where it stopped:
/// [`Dataset::epoch_from`]. (It is not TensorFlow's order for that seed, which depends on how a buffer is filled.)
///
/// ```
/// use cnn_core::Tensor;
/// use cnn_data::{DataError, Dataset, LabelMode, flip_left_right};
/// # fn main() -> Result<(), DataError> {
/// let (x, labels) = (Tensor::full(vec![100, 8, 8, 1], 0.5), Tensor::full(vec![100], 1.0));
/// let data = Dataset::from_classes(x, &labels, LabelMode::Int, ["no", "yes"])?.shuffle(7).batch_size(16)?;
/// let (training, validation) = data.split(0.2)?;
/// // Half of the pictures are mirrored, others in each epoch, and the same ones again wherever training goes on.
/// let training = training.map(|mut sample, random| {
///     if random % 2 == 0 {
///         sample.x = flip_left_right(&sample.x)?;
///     }
///     Ok(sample)
/// });
/// assert_eq!((training.batches(), validation.batches()), (5, 2));
/// for batch in training.epoch(0) {
///     assert_eq!(batch?.x.shape(), [16, 8, 8, 1]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Dataset {
    pub(crate) source: Arc<dyn Source>,
    /// The samples of this part, by number, in their order before an epoch's.
    selection: Arc<[usize]>,
    pub(crate) class_names: Arc<[String]>,
    notes: Arc<[Note]>,
    /// One for each sample of the source.
    pub(crate) weights: Option<Arc<[f32]>>,
    pub(crate) seed: u64,
    shuffled: bool,
    batch_size: Option<usize>,
    drop_remainder: bool,
    #[cfg_attr(target_family = "wasm", expect(dead_code, reason = "no threads there"))]
    pub(crate) prefetch: usize,
    pub(crate) sample_maps: Vec<SampleMap>,
    pub(crate) batch_maps: Vec<BatchMap>,
    pub(crate) buffers: Option<Arc<Buffers>>,
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("samples", &self.len())
            .field("class_names", &self.class_names)
            .field("batch_size", &self.batch_size)
            .finish_non_exhaustive()
    }
}

impl Dataset {
    pub(crate) fn new(source: impl Source + 'static, class_names: Vec<String>) -> Self {
        Self {
            selection: (0..source.len()).collect(),
            source: Arc::new(source),
            class_names: class_names.into(),
            notes: Arc::new([]),
            weights: None,
            seed: 0,
            shuffled: true,
            batch_size: Some(32),
            drop_remainder: false,
            prefetch: 0,
            sample_maps: Vec::new(),
            batch_maps: Vec::new(),
            buffers: None,
        }
    }

    pub(crate) fn with_notes(self, notes: Vec<Note>) -> Self {
        Self { notes: notes.into(), ..self }
    }

    /// The part with these samples of the present order.
    pub(crate) fn select(&self, positions: impl Iterator<Item = usize>) -> Self {
        Self { selection: positions.map(|position| self.selection[position]).collect(), ..self.clone() }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.selection.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.selection.is_empty()
    }

    /// The classes' names by number; none where samples have no classes.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// How many samples each class has, in the order of [`Dataset::class_names`].
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.class_names.len()];
        for class in self.selection.iter().filter_map(|sample| self.source.class(*sample)) {
            counts[class] += 1;
        }
        counts
    }

    /// The file that a sample is read from, by the number that [`Batch::samples`] has; `None` for arrays.
    pub fn file(&self, sample: usize) -> Option<&Path> {
        if sample < self.source.len() { self.source.file(sample) } else { None }
    }

    /// The files in their order before an epoch's: Keras's `file_paths`. None for arrays.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.selection.iter().filter_map(|sample| self.source.file(*sample))
    }

    /// What a person should know of the data, such as pictures that were left out.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Each epoch in an order of its own, by `seed`.
    pub fn shuffle(self, seed: u64) -> Self {
        Self { seed, shuffled: true, ..self }
    }

    /// Every epoch in the same order, that of the files or arrays.
    pub fn in_order(self) -> Self {
        Self { shuffled: false, ..self }
    }

    /// Batches of `size` samples, or one batch of all for `None`.
    ///
    /// # Errors
    /// If `size` is 0.
    pub fn batch_size(self, size: impl Into<Option<usize>>) -> Result<Self, DataError> {
        match size.into() {
            Some(0) => {
                Err(DataError::argument("batch_size", "it is 0; give at least 1, or None for all samples at once"))
            }
            batch_size => Ok(Self { batch_size, ..self }),
        }
    }

    /// Whether a last batch that is not full is left out, so that all have one shape.
    pub fn drop_remainder(self, drop_remainder: bool) -> Self {
        Self { drop_remainder, ..self }
    }

    /// How many batches are read ahead, on all cores, while the last one is in use; the memory of so many and two more
    /// is needed. With 0 the thread that asks for a batch reads it; so it is for arrays at first, and always in a
    /// browser. Pictures have 2 at first.
    pub fn prefetch(self, batches: usize) -> Self {
        Self { prefetch: batches, ..self }
    }

    /// Writes batches where those that were [given back](Batches::give_back) lie, those of earlier epochs among them, as a
    /// training does: so later epochs allocate nothing for them. The memory is freed with what this returns and its clones.
    ///
    /// ```
    /// use cnn_core::Tensor;
    /// use cnn_data::Dataset;
    /// let data = Dataset::from_arrays(Tensor::full(vec![100, 8, 8, 1], 0.5), None)?.reuse_buffers();
    /// for epoch in 0..3 {
    ///     let mut batches = data.epoch(epoch);
    ///     while let Some(batch) = batches.next().transpose()? {
    ///         // Use it.
    ///         batches.give_back(batch);
    ///     }
    /// }
    /// # Ok::<(), cnn_data::DataError>(())
    /// ```
    pub fn reuse_buffers(self) -> Self {
        Self { buffers: Some(Arc::default()), ..self }
    }

    /// Keeps what was read, as float32 and before any [`map`](Self::map): 4 bytes a value.
    pub fn cache(self) -> Self {
        Self { source: Arc::new(Cache::new(self.source)), ..self }
    }

    /// Applies `f` to each sample whenever it is read, after those that were given before. Its second argument is a
    /// random number that depends on the seed, the epoch and the sample alone, to seed an augmentation with. Samples of
    /// a batch need to come out of one shape. `f` runs on several threads; where it panics, so does who asks for the
    /// batch.
    pub fn map(mut self, f: impl Fn(Example, u64) -> Result<Example, DataError> + Send + Sync + 'static) -> Self {
        self.sample_maps.push(Arc::new(f));
        self
    }

    /// The same for each batch, after all of [`map`](Self::map); here the number depends on the seed, the epoch and the
    /// batch's number.
    pub fn map_batches(mut self, f: impl Fn(Batch, u64) -> Result<Batch, DataError> + Send + Sync + 'static) -> Self {
        self.batch_maps.push(Arc::new(f));
        self
    }

    /// Whether functions change samples or batches after they are read: [`map`](Self::map), [`map_batches`](Self::map_batches).
    pub fn is_mapped(&self) -> bool {
        !self.sample_maps.is_empty() || !self.batch_maps.is_empty()
    }

    /// The same data set with other samples in the places of its own, given in the order before an epoch's: such as what the
    /// frozen part of a network makes of them. Orders, batches, numbers, classes and weights stay. They are in memory, so
    /// nothing is read ahead.
    ///
    /// ```
    /// use cnn_core::Tensor;
    /// use cnn_data::{Dataset, Example};
    /// let data = Dataset::from_arrays(Tensor::from_fn(vec![9, 3], |i| i as f32), None)?.shuffle(1).batch_size(4)?;
    /// let sums = [3.0, 12.0, 21.0, 30.0, 39.0, 48.0, 57.0, 66.0, 75.0];
    /// let other = data.with_samples(sums.map(|sum| Example { x: Tensor::scalar(sum), y: None }))?;
    /// for (pictures, sums) in data.epoch(5).zip(other.epoch(5)) {
    ///     let sum: Vec<f32> = pictures?.x.data().chunks(3).map(|row| row.iter().sum()).collect();
    ///     assert_eq!(sums?.x.data(), sum);
    /// }
    /// # Ok::<(), cnn_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If they are not as many.
    pub fn with_samples(&self, samples: impl IntoIterator<Item = Example>) -> Result<Self, DataError> {
        let samples: Vec<Example> = samples.into_iter().collect();
        if samples.len() != self.len() {
            return Err(DataError::Lengths { what: "the other samples", got: samples.len(), samples: self.len() });
        }
        let samples = self.selection.iter().copied().zip(samples).collect();
        let source = Arc::new(Replaced { source: self.source.clone(), samples });
        Ok(Self { source, prefetch: 0, ..self.clone() })
    }

    /// How much each sample counts, `[N]` in the order before an epoch's.
    ///
    /// # Errors
    /// If they are not one for each sample, or NaN or infinite.
    pub fn sample_weights(self, weights: &Tensor) -> Result<Self, DataError> {
        if weights.shape().len() != 1 {
            return Err(ShapeError::new("weights", "expects [N]", &[weights.shape()]).into());
        }
        check_length("weights", weights, self.len())?;
        check_finite("weights", weights)?;
        let mut all = vec![0.0; self.source.len()];
        for (sample, weight) in self.selection.iter().zip(weights.data()) {
            all[*sample] = *weight;
        }
        Ok(Self { weights: Some(all.into()), ..self })
    }

    /// The first `count` samples, or all if there are fewer.
    pub fn take(&self, count: usize) -> Self {
        self.select(0..count.min(self.len()))
    }

    /// All but the first `count` samples.
    pub fn skip(&self, count: usize) -> Self {
        self.select(count.min(self.len())..self.len())
    }

    /// Training and validation samples: the latter are the last `fraction` of all, rounded down, as Keras's
    /// `validation_split` divides folders, and come in order. Keras's subsets "training", "validation" and "both"
    /// are the first part, the second, and both; a part that is not used costs nothing.
    ///
    /// # Errors
    /// If `fraction` is not above 0 and below 1, or a part would be empty.
    pub fn split(&self, fraction: f64) -> Result<(Self, Self), DataError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(DataError::argument("split", format!("fraction {fraction} is not above 0 and below 1")));
        }
        let samples = self.len();
        let part = (fraction * samples as f64) as usize;
        if part == 0 || part == samples {
            return Err(DataError::EmptyPart { fraction, samples, part });
        }
        Ok((self.take(samples - part), self.skip(samples - part).in_order()))
    }

    /// The numbers of the samples in the order of an epoch: a permutation that depends on the seed and the epoch alone,
    /// not on the batches.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order = self.selection.to_vec();
        if self.shuffled {
            shuffle(&mut order, self.seed, Purpose::Epoch(epoch));
        }
        order
    }

    /// The number of batches in an epoch.
    pub fn batches(&self) -> usize {
        let size = self.samples_a_batch();
        if self.drop_remainder { self.len() / size } else { self.len().div_ceil(size) }
    }

    pub(crate) fn samples_a_batch(&self) -> usize {
        self.batch_size.unwrap_or(self.len()).max(1)
    }

    /// The batches of an epoch, the first of which is 0.
    ///
    /// A batch with a sample that cannot be read is an error in its place; those behind it can still be had.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.epoch_from(epoch, 0)
    }

    /// The batches of an epoch from batch `first` on, without reading those before: how training goes on.
    pub fn epoch_from(&self, epoch: u64, first: usize) -> Batches {
        Batches::new(self.clone(), epoch, first)
    }

    /// Of each sample in the present order, why it cannot be read, if so. Each is read once, on all cores.
    pub(crate) fn check_all(&self) -> Result<Vec<Option<DataError>>, DataError> {
        let (source, selection) = (self.source.clone(), self.selection.clone());
        let check = move |position: usize| source.sample(selection[position]).err();
        #[cfg(not(target_family = "wasm"))]
        return Ok(crate::prefetch::Ordered::new(0..self.len(), 64, check)?.collect());
        #[cfg(target_family = "wasm")]
        return Ok((0..self.len()).map(check).collect());
    }
}
