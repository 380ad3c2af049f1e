//! Convolutional networks on any GPU, with the words and the answers of Keras: what an application depends on.
//!
//! A [`Network`] is a model with its weights, from a Keras file, from the zoo, or built layer by layer. A [`Device`] is
//! where it runs. A [`Runner`] is a network on a device: it keeps one program for each shape of input, all over one copy
//! of the weights.
//!
//! ```
//! use cnn::layers::{Activation, Conv2D, Dense, Flatten};
//! use cnn::{Device, Network, Options, Runner, Sequential, Tensor, Weights};
//!
//! let model = Sequential::new("tiny")
//!     .input([8, 8, 1])?
//!     .add(Conv2D::new(4, 3).activation(Activation::Relu))?
//!     .add(Flatten)?
//!     .add(Dense::new(10).activation(Activation::Softmax))?
//!     .model()?;
//! let weights = Weights::initialize(&model, 1);
//! let network = Network::new(model, weights)?;
//!
//! let runner = Runner::new(&Device::cpu(), network, Options::default())?;
//! let outputs = runner.run_blocking(&[Tensor::full(vec![2, 8, 8, 1], 0.5)])?;
//! assert_eq!(outputs[0].shape(), [2, 10]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here blocks but what is named so, and nothing prints: a device that is not the one asked for says so in
//! [`Device`]'s text, a batch that is run in pieces in [`Runner::pieces`].

pub mod augmenter;
mod backend;
pub mod device;
pub mod error;
pub mod explain;
pub mod network;
mod pieces;
#[cfg(not(target_arch = "wasm32"))]
pub mod pretrained;
pub mod runner;
pub mod training;

pub use cnn_core::{
    DType, Functional, Layer, Mode, Model, ModelError, Profile, Sequential, ShapeError, StepProfile, Summary,
    SummaryStyle, Tensor, TensorRef, Weights, WeightsError, layers,
};
#[cfg(not(target_arch = "wasm32"))]
pub use cnn_hub as hub;
pub use cnn_wgpu::{AdapterSummary, Gpu, GpuError, Program as GpuProgram};
pub use {cnn_data as data, cnn_io as io, cnn_plot as plot, cnn_wgpu::wgpu, cnn_zoo as zoo};

pub use augmenter::Augmenter;
pub use device::{Device, DeviceRequest, adapters};
pub use error::Error;
pub use network::Network;
#[cfg(not(target_arch = "wasm32"))]
pub use pretrained::Origin;
pub use runner::{Options, Runner};
