//! An application that has a GPU device of its own and runs a network in the middle of its frame: its own pass paints a
//! picture, the network looks at it, another pass of the application ranks the classes. One encoder, one submit; the
//! picture and the probabilities never leave the device.
//!
//! `cargo run --release -p cnn-wgpu --example host_device`

use std::error::Error;
use std::sync::Arc;

use cnn_core::layers::{Activation, Conv2D, Dense, GlobalAveragePooling2D, MaxPooling2D, Mode};
use cnn_core::{Plan, Sequential, Simplify, Weights, simplify};
use cnn_wgpu::{DeviceWeights, Gpu, Program, adapters, wgpu};

/// The application's picture: [`SIZE`] x [`SIZE`] pixels of three channels, rings around the centre.
const PAINT: &str = "
@group(0) @binding(0) var<storage, read_write> picture: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&picture) { return; }
    let pixel = id.x / 3u;
    let place = vec2f(f32(pixel % 32u), f32(pixel / 32u)) - 15.5;
    picture[id.x] = 0.5 + 0.5 * cos(length(place) + f32(id.x % 3u));
}";

/// What the application makes of the probabilities: the most likely class and its share.
const RANK: &str = "
@group(0) @binding(0) var<storage> probabilities: array<f32>;
@group(0) @binding(1) var<storage, read_write> best: array<f32, 2>;

@compute @workgroup_size(1)
fn main() {
    best = array(0.0, probabilities[0]);
    for (var i = 1u; i < arrayLength(&probabilities); i++) {
        if probabilities[i] > best[1] { best = array(f32(i), probabilities[i]); }
    }
}";

const SIZE: usize = 32;
const CLASSES: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    pollster::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    // The application's own device, made as it likes.
    let adapter = adapters().await.into_iter().next().ok_or("no GPU adapter")?;
    let (device, queue) = adapter.request_device(&wgpu::DeviceDescriptor::default()).await?;
    let picture = storage(&device, 4 * SIZE * SIZE * 3);
    let probabilities = storage(&device, 4 * CLASSES);
    let best = storage(&device, 8);
    let paint = Pass::new(&device, PAINT, &[&picture], SIZE * SIZE * 3 / 64);
    let rank = Pass::new(&device, RANK, &[&probabilities, &best], 1);

    let gpu = Gpu::from_device(&adapter, device.clone(), queue.clone());
    let program = network(&gpu).await?;

    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    paint.encode(&mut encoder);
    program.record(&mut encoder, &[&picture], &[&probabilities])?;
    rank.encode(&mut encoder);
    let shown = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("shown"),
        size: best.size(),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    encoder.copy_buffer_to_buffer(&best, 0, &shown, 0, best.size());
    queue.submit([encoder.finish()]);

    // Two numbers are what the application itself wants to see.
    shown.map_async(wgpu::MapMode::Read, .., |_| ());
    device.poll(wgpu::PollType::wait_indefinitely())?;
    let view = shown.get_mapped_range(..)?;
    let number = |i: usize| f32::from_le_bytes([view[i], view[i + 1], view[i + 2], view[i + 3]]);
    println!("{}: class {} with {:.4}", gpu.info().name, number(0), number(4));
    println!("readbacks: {}", gpu.readbacks());
    Ok(())
}

/// A small network with weights as Keras would initialise them.
async fn network(gpu: &Arc<Gpu>) -> Result<Program, Box<dyn Error>> {
    let model = Sequential::new("host")
        .input([SIZE, SIZE, 3])?
        .add(Conv2D::new(16, 3).activation(Activation::Relu))?
        .add(MaxPooling2D::new(2))?
        .add(Conv2D::new(32, 3).activation(Activation::Relu))?
        .add(GlobalAveragePooling2D::default())?
        .add(Dense::new(CLASSES).activation(Activation::Softmax))?
        .model()?;
    let weights = Weights::initialize(&model, 1);
    let graph = model.lower(&[vec![1, SIZE, SIZE, 3]], Mode::Inference, &[])?;
    let plan = Plan::new(simplify(&graph, &Simplify::default()));
    Ok(Program::new(DeviceWeights::new(gpu.clone(), Arc::new(weights)), plan).await?)
}

fn storage(device: &wgpu::Device, bytes: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes as u64,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A compute pass of the application.
struct Pass {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: u32,
}

impl Pass {
    fn new(device: &wgpu::Device, wgsl: &str, buffers: &[&wgpu::Buffer], workgroups: usize) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Self { pipeline, bind_group, workgroups: workgroups as u32 }
    }

    fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(self.workgroups, 1, 1);
    }
}
