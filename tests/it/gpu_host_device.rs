//! A program in the middle of a host application's frame: its device, its encoder, its buffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cnn_core::{DType, Simplify};
use cnn_wgpu::{Gpu, GpuError, Program, decode, encode, wgpu};

use crate::{Host, device_weights, hosts, picture, plan, tiny, tiny_program};

/// The host's own pass: `y[i] = 2 x[i]`, which no rounding touches.
const DOUBLE: &str = "
@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&y) { y[id.x] = 2.0 * x[id.x]; }
}";

impl Host {
    fn buffer(&self, bytes: usize, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let usage = usage | wgpu::BufferUsages::COPY_DST;
        let size = bytes as u64;
        self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    }

    fn storage(&self, floats: usize) -> wgpu::Buffer {
        self.buffer(4 * floats, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC)
    }

    /// Encodes [`DOUBLE`].
    fn double(&self, encoder: &mut wgpu::CommandEncoder, x: &wgpu::Buffer, y: &wgpu::Buffer) {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(DOUBLE.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let entries = [(0, x), (1, y)]
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &bind_group, &[]);
        pass.dispatch_workgroups((y.size() / 4).div_ceil(64) as u32, 1, 1);
    }

    /// The host's own reading of its buffer.
    fn read(&self, buffer: &wgpu::Buffer) -> Vec<f32> {
        buffer.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
        self.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let numbers = decode(&buffer.get_mapped_range(..).unwrap(), DType::F32);
        buffer.unmap();
        numbers
    }

    /// Doubles each picture, runs the program over it and doubles its output, all in one encoder and one submit.
    fn frame(&self, program: &Program, pictures: &[cnn_core::Tensor]) -> Result<Vec<Vec<f32>>, GpuError> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut shown = Vec::new();
        for picture in pictures {
            let raw = self.storage(picture.len());
            self.queue.write_buffer(&raw, 0, &encode(picture.data(), DType::F32));
            let (input, output, doubled) = (self.storage(picture.len()), self.storage(10), self.storage(10));
            self.double(&mut encoder, &raw, &input);
            program.record(&mut encoder, &[&input], &[&output])?;
            self.double(&mut encoder, &output, &doubled);
            let staging = self.buffer(40, wgpu::BufferUsages::MAP_READ);
            encoder.copy_buffer_to_buffer(&doubled, 0, &staging, 0, 40);
            shown.push(staging);
        }
        self.queue.submit([encoder.finish()]);
        Ok(shown.iter().map(|staging| self.read(staging)).collect())
    }
}

#[test]
fn a_program_is_recorded_between_the_hosts_passes() {
    for host in hosts() {
        let gpu = Gpu::from_device_with_poll_thread(&host.adapter, host.device.clone(), host.queue.clone());
        let program = pollster::block_on(tiny_program(&gpu, 1)).unwrap();
        // Halved, so that what the host doubles is the picture of `Program::run`.
        let pictures = ["a", "b", "c"].map(|key| picture(key, 1));
        let halves = pictures.each_ref().map(|picture| {
            let half = |i: usize| 0.5 * picture.data()[i];
            cnn_core::Tensor::from_fn(picture.shape().to_vec(), half)
        });
        let shown = host.frame(&program, &halves).unwrap();
        assert_eq!(gpu.readbacks(), 0, "{}", host.name);
        for (picture, shown) in pictures.iter().zip(shown) {
            let run = pollster::block_on(program.run(std::slice::from_ref(picture))).unwrap();
            let doubled: Vec<f32> = run[0].data().iter().map(|x| 2.0 * x).collect();
            assert_eq!(shown, doubled, "{}", host.name);
        }
        assert_eq!(gpu.readbacks(), 3, "{}", host.name);
    }
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let Some(host) = hosts().into_iter().next() else { return };
    let gpu = Gpu::from_device(&host.adapter, host.device.clone(), host.queue.clone());
    let program = pollster::block_on(tiny_program(&gpu, 1)).unwrap();
    let mut encoder = host.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let (input, output) = (host.storage(12 * 12 * 3), host.storage(10));
    for (inputs, outputs, wanted) in [
        (vec![&output], vec![&output], "program: expects input buffers of at least [1728] bytes, got [40]"),
        (vec![], vec![&output], "program: expects input buffers of at least [1728] bytes, got []"),
        (vec![&input], vec![], "program: expects output buffers of at least [40] bytes, got []"),
    ] {
        let error = program.record(&mut encoder, &inputs, &outputs).unwrap_err();
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn capabilities_are_the_devices_not_the_adapters() {
    for host in hosts() {
        let gpu = Gpu::from_device(&host.adapter, host.device.clone(), host.queue.clone());
        let (ours, limits) = (gpu.capabilities(), wgpu::Limits::default());
        assert!(!ours.f16 && !ours.timestamps && ours.subgroup_size.is_none(), "{}: {ours:?}", host.name);
        assert_eq!(ours.max_binding, limits.max_storage_buffer_binding_size, "{}", host.name);
        assert_eq!(ours.max_buffer, limits.max_buffer_size, "{}", host.name);
        assert_eq!(ours.max_invocations, limits.max_compute_invocations_per_workgroup, "{}", host.name);
        assert_eq!(ours.workgroup_memory, limits.max_compute_workgroup_storage_size, "{}", host.name);
        assert_eq!(gpu.pipeline_cache_data(), None, "{}", host.name);
    }
}

#[test]
fn a_host_below_the_baseline_is_told_so() {
    for Host { name, adapter, .. } in hosts() {
        let required_limits = wgpu::Limits { max_storage_buffers_per_shader_stage: 2, ..wgpu::Limits::default() };
        let descriptor = wgpu::DeviceDescriptor { required_limits, ..wgpu::DeviceDescriptor::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
        let gpu = Gpu::from_device(&adapter, device, queue);
        let error = pollster::block_on(tiny_program(&gpu, 1)).unwrap_err();
        assert!(matches!(error, GpuError::MissingFeature { .. }), "{name}: {error}");
        assert!(error.to_string().contains("storage buffers in a shader (its device was made with 2)"), "{error}");
    }
}

#[test]
fn the_hosts_errors_stay_the_hosts_and_ours_ours() {
    for host in hosts() {
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = seen.clone();
        host.device.on_uncaptured_error(Arc::new(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let gpu = Gpu::from_device_with_poll_thread(&host.adapter, host.device.clone(), host.queue.clone());
        let program = pollster::block_on(tiny_program(&gpu, 1)).unwrap();
        pollster::block_on(program.run(&[picture("a", 1)])).unwrap();
        // Larger than any buffer may be: refused by wgpu, the host's doing.
        let _ = host.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: host.device.limits().max_buffer_size + 4,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        assert_eq!(seen.load(Ordering::Relaxed), 1, "{}", host.name);
        // Refused by us, and the program goes on.
        let model = tiny();
        let large = plan(&model, 1 << 19, &Simplify::default());
        assert!(pollster::block_on(Program::new(device_weights(&gpu, &model), large)).is_err());
        pollster::block_on(program.run(&[picture("a", 1)])).unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 1, "{}", host.name);
    }
}
