//! Compiled kernels: one pipeline for each (shader, variant).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cnn_shaders::Variant;

use crate::cache::Cache;
use crate::error::GpuError;
use crate::kernel::Kernel;

/// A pipeline and the layout of its one bind group.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

type Key = (&'static str, Variant);

/// The pipelines of one device.
#[derive(Debug)]
pub(crate) struct Pipelines {
    device: wgpu::Device,
    made: Mutex<HashMap<Key, Arc<Pipeline>>>,
    pub(crate) cache: Cache,
}

impl Pipelines {
    pub(crate) fn new(device: wgpu::Device) -> Self {
        let cache = Cache::new(&device);
        Self { device, made: Mutex::default(), cache }
    }

    pub(crate) fn len(&self) -> usize {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The kernel's pipeline, compiled at its first use.
    pub(crate) fn get(&self, kernel: &Kernel) -> Result<Arc<Pipeline>, GpuError> {
        let key = (kernel.shader, kernel.variant.clone());
        let known = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(pipeline) = known {
            return Ok(pipeline);
        }
        let pipeline = Arc::new(self.compile(kernel)?);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(key, pipeline.clone());
        Ok(pipeline)
    }

    /// Compiles what is missing of `kernels`, on all cores where there are threads.
    pub(crate) async fn prepare<'a>(&self, kernels: impl Iterator<Item = &'a Kernel>) -> Result<(), GpuError> {
        let mut missing: HashMap<Key, &Kernel> = kernels.map(|k| ((k.shader, k.variant.clone()), k)).collect();
        missing.retain(|key, _| !self.made.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key));
        let missing: Vec<&Kernel> = missing.into_values().collect();
        for (shader, error) in self.compile_all(&missing)? {
            if let Some(error) = error.await {
                return Err(GpuError::Validation { what: format!("kernel {shader}"), reason: error.to_string() });
            }
        }
        Ok(())
    }

    /// Compiles each kernel under an error scope of its thread; what the scopes caught comes with the shader's name.
    fn compile_all(
        &self,
        kernels: &[&Kernel],
    ) -> Result<Vec<(&'static str, impl Future<Output = Option<wgpu::Error>> + use<>)>, GpuError> {
        let compile = |kernel: &&Kernel| {
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
            let made = self.get(kernel).map(|_| ());
            let caught = scope.pop();
            made.map(|()| (kernel.shader, caught))
        };
        // OpenGL has one context: a thread that compiles keeps all others waiting, and wgpu gives up on these in time.
        #[cfg(not(target_arch = "wasm32"))]
        if self.device.adapter_info().backend != wgpu::Backend::Gl {
            return in_threads(kernels, compile);
        }
        kernels.iter().map(compile).collect()
    }

    fn compile(&self, kernel: &Kernel) -> Result<Pipeline, GpuError> {
        let (reads, writes) = kernel.bindings();
        let (buffers, allowed) = (reads + writes, self.device.limits().max_storage_buffers_per_shader_stage);
        if buffers > allowed as usize {
            return Err(GpuError::MissingFeature {
                adapter: self.device.adapter_info().name,
                feature: format!("{buffers} storage buffers in a shader (its device was made with {allowed})"),
                remedy: "make the device with wgpu::Limits::default() at least".into(),
            });
        }
        let wgsl = cnn_shaders::expand(kernel.shader, &kernel.variant)?;
        let layout = self.layout(reads, writes);
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.shader),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(kernel.shader),
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.shader),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: self.cache.handle().as_ref(),
        });
        Ok(Pipeline { pipeline, layout })
    }

    /// Parameters at 0, `reads` read-only buffers, those that are written to behind them.
    fn layout(&self, reads: usize, writes: usize) -> wgpu::BindGroupLayout {
        let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..1 + reads + writes)
            .map(|binding| wgpu::BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match binding {
                        0 => wgpu::BufferBindingType::Uniform,
                        _ => wgpu::BufferBindingType::Storage { read_only: binding <= reads },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
    }
}

/// `compile` of every kernel, spread over all cores.
#[cfg(not(target_arch = "wasm32"))]
fn in_threads<T: Send>(
    kernels: &[&Kernel],
    compile: impl Fn(&&Kernel) -> Result<T, GpuError> + Copy + Send + Sync,
) -> Result<Vec<T>, GpuError> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let share = kernels.len().div_ceil(threads).max(1);
    let parts: Vec<Result<Vec<T>, GpuError>> = std::thread::scope(|scope| {
        let workers: Vec<_> = kernels
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map(compile).collect::<Result<Vec<T>, GpuError>>()))
            .collect();
        let panicked = |_| Err(GpuError::DeviceLost("a compiling thread panicked".into()));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(panicked)).collect()
    });
    parts.into_iter().try_fold(Vec::new(), |mut all, part| {
        all.extend(part?);
        Ok(all)
    })
}
