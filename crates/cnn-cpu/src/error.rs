//! Why a graph could not run on the CPU.

/// What a caller gave does not fit the graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CpuError {
    /// As many inputs as the graph has are needed, in its order.
    #[error("the graph takes {wanted} inputs, got {got}")]
    InputCount {
        /// How many the graph has.
        wanted: usize,
        /// How many were given.
        got: usize,
    },
    /// An input has another shape than the graph was built for.
    #[error("input {name}: expects shape {wanted:?}, got {got:?}; build the graph for that shape")]
    InputShape {
        /// The input's name.
        name: String,
        /// Its shape in the graph.
        wanted: Vec<usize>,
        /// The shape given.
        got: Vec<usize>,
    },
    /// No weight of that path was given.
    #[error("weight {path}: missing; the graph reads a tensor of shape {shape:?}")]
    MissingWeight {
        /// The weight's path, such as `conv1/kernel`.
        path: String,
        /// Its shape in the graph.
        shape: Vec<usize>,
    },
    /// A weight cannot be read from its file.
    #[error(transparent)]
    Read(#[from] cnn_core::weights::ReadError),
    /// A weight has another shape than the graph reads.
    #[error("weight {path}: expects shape {wanted:?}, got {got:?}; these are weights of another model")]
    WeightShape {
        /// The weight's path, such as `conv1/kernel`.
        path: String,
        /// Its shape in the graph.
        wanted: Vec<usize>,
        /// The shape given.
        got: Vec<usize>,
    },
    /// A value is stored as float16.
    #[error("{name}: stored as float16, but the CPU computes in float32; simplify the graph with float32 storage")]
    Float16 {
        /// The value's name.
        name: String,
    },
    /// A node cannot take its inputs; does not happen in a graph whose nodes were pushed one by one.
    #[error(transparent)]
    Shape(#[from] cnn_core::ShapeError),
}
