//! Layers, models, graph, shape inference and planning of convolutional networks.
//!
//! Two levels, one direction: **layers** are what a person builds (names, configuration, weights), the **graph** is
//! what a machine runs (a flat list of ops with static shapes). No GPU, no files, no threads in this crate.

pub mod error;
pub mod graph;
pub mod op;
pub mod ops;
pub mod passes;
pub mod plan;
pub mod shape;
pub mod tensor;

pub use error::ShapeError;
pub use graph::{Graph, Node, NodeId, Source, Value, ValueId};
pub use op::Op;
pub use passes::{Simplify, simplify};
pub use plan::{Location, Plan, Resident};
pub use tensor::{DType, Tensor};
