//! What can go wrong on a device.

use cnn_core::ShapeError;
use cnn_core::weights::ReadError;

/// The device could not be had, or could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GpuError {
    /// No adapter at all.
    #[error("no GPU adapter was found; install a Vulkan driver (on Debian: mesa-vulkan-drivers) or use the CPU")]
    NoAdapters,
    /// No adapter of that number.
    #[error("no GPU adapter gpu:{wanted}, there are {}; take one of these or the CPU", found.join(", "))]
    NoAdapter {
        /// Its number.
        wanted: usize,
        /// Those there are: `gpu:0`, its name and backend.
        found: Vec<String>,
    },
    /// The adapter refused to make a device.
    #[error("adapter {adapter} gave no device: {reason}")]
    NoDevice {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The device lacks a feature that was asked for.
    #[error("adapter {adapter} has no {feature}; {remedy}")]
    MissingFeature {
        /// The adapter's name.
        adapter: String,
        /// What is missing.
        feature: String,
        /// What to do.
        remedy: String,
    },
    /// A tensor is larger than the device can hold or bind.
    #[error("{name} needs {bytes} bytes in one piece, the adapter allows {limit}; {remedy}")]
    Limit {
        /// The layer or weight.
        name: String,
        /// What it needs.
        bytes: u64,
        /// What the adapter allows.
        limit: u64,
        /// What to do.
        remedy: String,
    },
    /// The driver ends loops before a kernel of the op is through with them.
    #[error(
        "{layer}: {op} sums more than any kernel can on this adapter, whose driver ends loops after {max_turns} turns; \
             use another adapter or the CPU"
    )]
    LoopTooLong {
        /// The layer.
        layer: String,
        /// The op.
        op: &'static str,
        /// Turns of its loops that the driver gives an invocation.
        max_turns: u64,
    },
    /// Memory ran out.
    #[error(
        "the device ran out of memory while preparing {what}: {reason}; use a smaller batch, recomputation in training, or the CPU"
    )]
    OutOfMemory {
        /// What was being made.
        what: String,
        /// The driver's words.
        reason: String,
    },
    /// The device went away.
    #[error("the device was lost: {0}")]
    DeviceLost(String),
    /// wgpu refused something of ours.
    #[error("wgpu refused {what}: {reason}")]
    Validation {
        /// What was being made.
        what: String,
        /// wgpu's words.
        reason: String,
    },
    /// A kernel's source is broken.
    #[error(transparent)]
    Shader(#[from] cnn_shaders::ExpandError),
    /// A weight that the graph wants was not given.
    #[error("the weight {0} is missing")]
    MissingWeight(String),
    /// A weight cannot be read from its file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Inputs or weights of another shape than the graph's.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}
