//! The runtime on a GPU: hosts, executors, limits, caches, and what plans make of the zoo's models.

mod errors;
mod host_device;
mod pipeline_cache;
mod plans;
mod runtimes;

use std::sync::Arc;

use cnn_core::layers::{Activation, Conv2D, Dense, Flatten, MaxPooling2D, Mode};
use cnn_core::{Model, Plan, Sequential, Simplify, Tensor, Weights, simplify};
use cnn_tests::recipe;
use cnn_wgpu::{DeviceWeights, Gpu, GpuError, Program, wgpu};

/// A network with a kernel of each kind: convolution, pooling, dense, softmax.
fn tiny() -> Model {
    tiny_with(Activation::Softmax)
}

/// [`tiny`] with another last activation.
fn tiny_with(activation: Activation) -> Model {
    let build = || {
        Sequential::new("tiny")
            .input([12, 12, 3])?
            .add(Conv2D::new(8, 3).activation(Activation::Relu))?
            .add(MaxPooling2D::new(2))?
            .add(Flatten)?
            .add(Dense::new(10).activation(activation))?
            .model()
    };
    build().unwrap()
}

/// A plan of the model at a batch size.
fn plan(model: &Model, batch: usize, options: &Simplify) -> Plan {
    let mut shape = vec![batch];
    shape.extend(model.input_shapes()[0][1..].iter().map(|size| size.unwrap()));
    Plan::new(simplify(&model.lower(&[shape], Mode::Inference, &[]).unwrap(), options))
}

/// The model's weights on a device.
fn device_weights(gpu: &Arc<Gpu>, model: &Model) -> Arc<DeviceWeights> {
    upload(gpu, &Weights::initialize(model, 1))
}

/// These weights on a device.
fn upload(gpu: &Arc<Gpu>, weights: &Weights) -> Arc<DeviceWeights> {
    DeviceWeights::new(gpu.clone(), Arc::new(weights.clone()))
}

/// A program of [`tiny`].
async fn tiny_program(gpu: &Arc<Gpu>, batch: usize) -> Result<Program, GpuError> {
    let model = tiny();
    Program::new(device_weights(gpu, &model), plan(&model, batch, &Simplify::default())).await
}

/// A picture for [`tiny`].
fn picture(key: &str, batch: usize) -> Tensor {
    recipe::uniform(key, &[batch, 12, 12, 3], -1.0, 1.0)
}

/// A device as a host application would have it.
struct Host {
    name: String,
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// A device of WebGPU's default limits and no features on every adapter.
fn hosts() -> Vec<Host> {
    let adapters = pollster::block_on(cnn_wgpu::adapters());
    let host = |adapter: wgpu::Adapter| {
        let made = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()));
        let (device, queue) = made.unwrap_or_else(|error| panic!("{error}"));
        let info = adapter.get_info();
        Host { name: format!("{} ({})", info.name, info.backend), adapter, device, queue }
    };
    adapters.into_iter().map(host).collect()
}
