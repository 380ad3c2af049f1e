//! The one error of the facade.

use crate::device::UnknownDevice;

/// What can go wrong from a file to an output. Each kind names the file, layer, shapes or adapter, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text names no device.
    #[error(transparent)]
    UnknownDevice(#[from] UnknownDevice),
    /// A device could not be had or could not do what was asked.
    #[error(transparent)]
    Gpu(#[from] cnn_wgpu::GpuError),
    /// The CPU could not do what was asked.
    #[error(transparent)]
    Cpu(#[from] cnn_cpu::CpuError),
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] cnn_io::IoError),
    /// A file of published weights cannot be had.
    #[cfg(not(target_arch = "wasm32"))]
    #[error(transparent)]
    Hub(#[from] cnn_hub::HubError),
    /// A file in the cache does not hold the weights that its name promises.
    #[error("{0}\nRemove that file, and it is downloaded again.")]
    Cached(cnn_io::IoError),
    /// No such model in the zoo, or none with these arguments.
    #[error(transparent)]
    Zoo(#[from] cnn_zoo::ZooError),
    /// A model cannot be put together.
    #[error(transparent)]
    Model(#[from] cnn_core::ModelError),
    /// Shapes that do not fit.
    #[error(transparent)]
    Shape(#[from] cnn_core::ShapeError),
    /// The weights are not those of the model.
    #[error(transparent)]
    Weights(#[from] cnn_core::WeightsError),
    /// A weight cannot be read from its file any more.
    #[error(transparent)]
    Read(#[from] cnn_core::weights::ReadError),
    /// A device computes in another precision only.
    #[error("{device} does not store float16; use a GPU with SHADER_F16 or float32 (--precision f32, or no --mixed)")]
    Precision {
        /// The device.
        device: String,
    },
    /// A variable of a training that is not there.
    #[error("there is no variable {path}")]
    MissingVariable {
        /// Its path.
        path: String,
    },
    /// A model cannot be trained as asked.
    #[error(transparent)]
    Train(#[from] cnn_train::TrainError),
    /// A base cannot be fine-tuned as asked.
    #[error(transparent)]
    FineTune(#[from] crate::training::FineTuneError),
    /// A search for a learning rate cannot be done as asked.
    #[error(transparent)]
    LearningRates(#[from] crate::training::LearningRatesError),
    /// A classifier's answer cannot be explained.
    #[error(transparent)]
    Explain(#[from] crate::explain::ExplainError),
    /// A data set says nothing of what should come out.
    #[error("the data set has no labels, so nothing can be learned from it: give it some")]
    NoTargets,
    /// A data set has no batches.
    #[error(
        "the data set has no batch: give it more samples, a smaller batch size, or keep the batch that is not full"
    )]
    NoBatches,
    /// A callback sets the learning rate of a training with a schedule, which sets it in every step.
    #[error("a callback sets the learning rate, which a schedule sets in every step: leave one of them out")]
    Scheduled,
    /// A schedule has no learning rate for a step.
    #[error(
        "the schedule's learning rate of step {step} is {rate}, which is no finite float32, as it has to be in each step"
    )]
    ScheduledRate {
        /// The step, counted from 0.
        step: u64,
        /// What the schedule gives.
        rate: f64,
    },
    /// A callback asks for weights that it has not asked to keep.
    #[error("no weights are kept under the name '{slot}'")]
    NothingRemembered {
        /// The name.
        slot: String,
    },
    /// A variable of a training that goes on, which this one does not have.
    #[error("{path} is no variable of this training: another optimizer's, or another model's")]
    UnknownVariable {
        /// Its path.
        path: String,
    },
    /// A metric cannot take a batch in.
    #[error(transparent)]
    Metric(#[from] cnn_train::metric::MetricError),
    /// A callback cannot do its work.
    #[error(transparent)]
    Callback(#[from] cnn_train::callback::CallbackError),
    /// A checkpoint has the state of another metric.
    #[error(transparent)]
    State(#[from] cnn_train::state::StateError),
    /// A file is no checkpoint of this training.
    #[error("{file} is no checkpoint to go on from: {reason}; remove it to begin anew")]
    Checkpoint {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// A file's name does not go with what is to be saved there.
    #[error("{}: {wanted}", path.display())]
    SavedAs {
        /// The file.
        path: std::path::PathBuf,
        /// Which names do.
        wanted: &'static str,
    },
    /// A folder cannot be made.
    #[error("cannot make the folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// A data set cannot give its samples.
    #[error(transparent)]
    Data(#[from] cnn_data::DataError),
    /// The reference has no steps to time.
    #[error("the reference keeps no times; profile another device")]
    NoProfile,
}
