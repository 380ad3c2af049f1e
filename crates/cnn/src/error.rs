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
    #[error("{device} does not store float16; use a GPU with SHADER_F16 or float32 (--precision f32)")]
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
    /// A data set cannot give its samples.
    #[error(transparent)]
    Data(#[from] cnn_data::DataError),
    /// The reference has no steps to time.
    #[error("the reference keeps no times; profile another device")]
    NoProfile,
}
