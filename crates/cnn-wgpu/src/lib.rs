//! Runs planned graphs on any GPU through wgpu and hand-written WGSL. The only crate that names wgpu.
//!
//! [`adapters`] lists what is there; [`Gpu`] is a device, our own or the host application's; [`DeviceWeights`] holds a
//! model's weights on it, and a [`Program`] is a plan recorded over these. Everything that waits is async.

mod adapter;
mod buffers;
mod cache;
mod dispatch;
mod error;
mod gpu;
pub mod kernel;
pub mod kernels;
mod limits;
mod pipelines;
mod poll;
mod profile;
mod program;
mod weights;

pub use adapter::AdapterSummary;
pub use buffers::{decode, encode};
pub use dispatch::run_candidate;
pub use error::GpuError;
pub use gpu::{Gpu, Request, adapter, adapters};
pub use program::Program;
pub use weights::DeviceWeights;
pub use wgpu;
