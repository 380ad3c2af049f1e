//! Pipelines, buffers and wall-clock times on a bare wgpu device.

use std::time::Instant;

use cnn_wgpu::wgpu;
use wgpu::BufferUsages as Usages;

/// What a shader does with a buffer.
#[derive(Clone, Copy, PartialEq)]
pub enum Access {
    Uniform,
    Read,
    Write,
}

/// A device and the time that one measurement may take.
pub struct Runner {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub seconds: f64,
}

/// One dispatch.
pub struct Job {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Runner {
    pub fn storage(&self, data: &[u8]) -> wgpu::Buffer {
        let buffer = self.empty(data.len() as u64);
        self.queue.write_buffer(&buffer, 0, data);
        buffer
    }

    pub fn empty(&self, size: u64) -> wgpu::Buffer {
        self.buffer(size, Usages::STORAGE | Usages::COPY_SRC)
    }

    pub fn uniform(&self, data: &[u8]) -> wgpu::Buffer {
        let buffer = self.buffer(data.len().next_multiple_of(16) as u64, Usages::UNIFORM);
        self.queue.write_buffer(&buffer, 0, data);
        buffer
    }

    fn buffer(&self, size: u64, usage: Usages) -> wgpu::Buffer {
        let usage = usage | Usages::COPY_DST;
        self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    }

    /// Compiles `wgsl` and binds `buffers` in their order; wgpu's words where it refuses.
    pub async fn job(
        &self,
        wgsl: &str,
        buffers: &[(&wgpu::Buffer, Access)],
        workgroups: [u32; 3],
    ) -> Result<Job, String> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let job = self.make(wgsl, buffers, workgroups);
        match scope.pop().await {
            Some(error) => Err(error.to_string()),
            None => Ok(job),
        }
    }

    fn make(&self, wgsl: &str, buffers: &[(&wgpu::Buffer, Access)], workgroups: [u32; 3]) -> Job {
        let layout_entries: Vec<wgpu::BindGroupLayoutEntry> = (0..)
            .zip(buffers)
            .map(|(binding, &(_, access))| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match access {
                        Access::Uniform => wgpu::BufferBindingType::Uniform,
                        _ => wgpu::BufferBindingType::Storage { read_only: access == Access::Read },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &layout_entries });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(buffers)
            .map(|(binding, (buffer, _))| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &entries,
        });
        Job { pipeline, bind_group, workgroups }
    }

    /// Encodes with `encode`, submits, waits; the seconds of all of it, and of the encoding alone.
    pub fn time(&self, encode: impl Fn(&mut wgpu::CommandEncoder)) -> Result<[f64; 2], String> {
        let start = Instant::now();
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encode(&mut encoder);
        let commands = encoder.finish();
        let encoded = start.elapsed().as_secs_f64();
        self.queue.submit([commands]);
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| error.to_string())?;
        Ok([start.elapsed().as_secs_f64(), encoded])
    }

    /// Seconds of one call of `encode`: after a first run, the median of five runs of as many calls as time allows.
    pub fn median(&self, encode: impl Fn(&mut wgpu::CommandEncoder)) -> Result<f64, String> {
        self.time(&encode)?;
        let [once, _] = self.time(&encode)?;
        let count = (self.seconds / 6.0 / once).clamp(1.0, 100.0) as usize;
        let repeated = |encoder: &mut wgpu::CommandEncoder| (0..count).for_each(|_| encode(encoder));
        let runs: Result<Vec<f64>, String> = (0..5).map(|_| Ok(self.time(repeated)?[0] / count as f64)).collect();
        let mut runs = runs?;
        runs.sort_by(f64::total_cmp);
        Ok(runs[2])
    }

    /// The buffer's bytes.
    pub fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<u8>, String> {
        let staging = self.buffer(buffer.size(), Usages::MAP_READ);
        self.time(|encoder| encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size()))?;
        staging.map_async(wgpu::MapMode::Read, .., |_| ());
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| error.to_string())?;
        let view = staging.get_mapped_range(..).map_err(|error| error.to_string())?;
        Ok(view.to_vec())
    }
}

impl Job {
    pub fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        let [x, y, z] = self.workgroups;
        pass.dispatch_workgroups(x, y, z);
    }

    /// The job in a pass of its own.
    pub fn pass(&self, encoder: &mut wgpu::CommandEncoder) {
        self.encode(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()));
    }
}
