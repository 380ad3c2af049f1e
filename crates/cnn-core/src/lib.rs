//! Layers, models, graph, shape inference and planning of convolutional networks.
//!
//! Two levels, one direction: **layers** are what a person builds (names, configuration, weights), the **graph** is
//! what a machine runs (a flat list of ops with static shapes). No GPU, no files, no threads in this crate.
//!
//! ```
//! use cnn_core::layers::{Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D};
//! use cnn_core::{Mode, Sequential, Weights};
//!
//! // What a person builds: shapes are inferred as layers are added.
//! let model = Sequential::new("digits")
//!     .input([8, 8, 1])?
//!     .add(Conv2D::new(16, 3).activation(Activation::Relu))?
//!     .add(MaxPooling2D::new(2))?
//!     .add(Flatten)?
//!     .add(Dropout::new(0.5))?
//!     .add(Dense::new(10).activation(Activation::Softmax).name("predictions"))?
//!     .model()?;
//!
//! // Its weights: paths and shapes from the model, values from a file or, untrained, from a seed.
//! let weights = Weights::initialize(&model, 7);
//! model.check_weights(&weights)?;
//!
//! // What a machine runs, for a batch of 4; the convolution's output is one more output.
//! let graph = model.lower(&[vec![4, 8, 8, 1]], Mode::Inference, &["conv2d"])?;
//! assert_eq!(graph.outputs()[0].0, "predictions");
//! assert_eq!(graph.value(graph.outputs()[1].1).shape, [4, 6, 6, 16]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod error;
pub mod graph;
pub mod layers;
pub mod model;
pub mod names;
pub mod op;
pub mod ops;
pub mod passes;
pub mod plan;
pub mod profile;
pub mod shape;
pub mod summary;
pub mod tensor;
pub mod weights;

pub use error::{ModelError, ShapeError};
pub use graph::{Graph, Node, NodeId, Source, Value, ValueId};
pub use layers::{Layer, Mode, SEED};
pub use model::{Functional, Model, Sequential, TensorRef};
pub use op::Op;
pub use passes::{Simplify, simplify};
pub use plan::{Location, Plan, Resident};
pub use profile::{Profile, StepProfile};
pub use summary::{Summary, SummaryError, SummaryStyle};
pub use tensor::{DType, Tensor};
pub use weights::{WeightSource, Weights, WeightsError};
