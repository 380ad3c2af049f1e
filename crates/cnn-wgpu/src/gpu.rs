//! Adapters and devices, our own or the host application's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::GpuError;
use crate::kernel::Capabilities;
use crate::pipelines::Pipelines;
use crate::poll::Poller;

/// All adapters of this machine, the one a program should take first: real GPUs before software, any other software
/// before SwiftShader, which gets small tiles, and among equals the backend that wgpu prefers before OpenGL.
pub async fn adapters() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
    adapters.sort_by_key(|adapter| {
        let info = adapter.get_info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        };
        (kind, info.name.contains("SwiftShader"), info.backend == wgpu::Backend::Gl)
    });
    adapters
}

/// The adapter of that number in the order of [`adapters`].
///
/// # Errors
/// If there is none; the error names those there are.
pub async fn adapter(number: usize) -> Result<wgpu::Adapter, GpuError> {
    let mut adapters = adapters().await;
    if number < adapters.len() {
        return Ok(adapters.swap_remove(number));
    }
    if adapters.is_empty() {
        return Err(GpuError::NoAdapters);
    }
    let names = adapters.iter().enumerate().map(|(number, adapter)| {
        let info = adapter.get_info();
        format!("gpu:{number} {} ({})", info.name, info.backend)
    });
    Err(GpuError::NoAdapter { wanted: number, found: names.collect() })
}

/// What a device is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Request {
    /// All limits of the adapter and the features that kernels use.
    #[default]
    Everything,
    /// WebGPU's default limits and no features: what runs there runs anywhere.
    Baseline,
}

/// A device with its queue and its compiled kernels.
#[derive(Debug)]
pub struct Gpu {
    info: wgpu::AdapterInfo,
    device: wgpu::Device,
    queue: wgpu::Queue,
    capabilities: Capabilities,
    pub(crate) pipelines: Pipelines,
    poller: Option<Poller>,
    failure: Failure,
    readbacks: AtomicU64,
}

impl Gpu {
    /// A device of our own on `adapter`. A thread of its own polls it while a readback is under way.
    ///
    /// # Errors
    /// If the adapter gives no device.
    pub async fn new(adapter: &wgpu::Adapter, request: Request) -> Result<Arc<Self>, GpuError> {
        let info = adapter.get_info();
        let (required_features, required_limits) = match request {
            Request::Everything => (adapter.features() & useful_features(), adapter.limits()),
            Request::Baseline => (wgpu::Features::empty(), wgpu::Limits::default()),
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("cnn"),
            required_features,
            required_limits,
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|e| GpuError::NoDevice { adapter: info.name.clone(), reason: e.to_string() })?;
        let failure = Failure::watch(&device);
        let poller = Some(Poller::new(device.clone()));
        Ok(Self::assemble(info, device, queue, poller, failure))
    }

    /// The host application's device. Nothing here polls it: readbacks complete when the host polls, by
    /// [`Gpu::poll`] or its own `device.poll`. Features and limits are those the host asked for.
    pub fn from_device(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Arc<Self> {
        Self::assemble(adapter.get_info(), device, queue, None, Failure::default())
    }

    /// The host application's device, polled by a thread of ours while a readback is under way.
    pub fn from_device_with_poll_thread(
        adapter: &wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
    ) -> Arc<Self> {
        let poller = Some(Poller::new(device.clone()));
        Self::assemble(adapter.get_info(), device, queue, poller, Failure::default())
    }

    fn assemble(
        info: wgpu::AdapterInfo,
        device: wgpu::Device,
        queue: wgpu::Queue,
        poller: Option<Poller>,
        failure: Failure,
    ) -> Arc<Self> {
        let capabilities = capabilities(&info, &device);
        let pipelines = Pipelines::new(device.clone());
        Arc::new(Self { info, device, queue, capabilities, pipelines, poller, failure, readbacks: AtomicU64::new(0) })
    }

    /// Name, backend and driver.
    pub fn info(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// The wgpu device.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The wgpu queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// What kernels may count on.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// How many buffers were read back to the host so far.
    pub fn readbacks(&self) -> u64 {
        self.readbacks.load(Ordering::Relaxed)
    }

    /// The bytes of device memory in use: by weights, by all programs, by what is on its way. `None` where wgpu does not tell,
    /// which it does on Vulkan and Direct3D 12.
    pub fn allocated_bytes(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// How many kernels were compiled so far.
    pub fn pipeline_count(&self) -> usize {
        self.pipelines.len()
    }

    /// A file name for [`Gpu::pipeline_cache_data`]; `None` where there is no such data. Another device's file is refused
    /// when it is loaded, so the name only keeps devices from taking each other's place.
    pub fn pipeline_cache_key(&self) -> Option<String> {
        self.pipelines.cache.handle().and_then(|_| wgpu::util::pipeline_cache_key(&self.info))
    }

    /// The kernels compiled so far, in the driver's form, for [`Gpu::load_pipeline_cache`] in a later process. `None` on
    /// devices without `PIPELINE_CACHE`. Who keeps it in a file writes another one first and renames it.
    pub fn pipeline_cache_data(&self) -> Option<Vec<u8>> {
        self.pipelines.cache.data()
    }

    /// Takes up what [`Gpu::pipeline_cache_data`] gave in an earlier process; to be called before the first program is made.
    /// Returns whether it was taken: data that is damaged, of another device or another driver changes nothing, and
    /// kernels are compiled anew.
    pub async fn load_pipeline_cache(&self, data: &[u8]) -> bool {
        self.pipelines.cache.load(&self.device, data).await
    }

    /// Lets the device complete what has finished, without waiting.
    ///
    /// # Errors
    /// If the device was lost.
    pub fn poll(&self) -> Result<(), GpuError> {
        self.device.poll(wgpu::PollType::Poll).map(|_| ()).map_err(|e| GpuError::DeviceLost(e.to_string()))
    }

    /// Runs `make` and hands on what wgpu had against it.
    pub(crate) async fn checked<T>(
        &self,
        what: &str,
        make: impl FnOnce() -> Result<T, GpuError>,
    ) -> Result<T, GpuError> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = make();
        let (validation, memory) = (validation.pop(), memory.pop());
        let what = what.to_string();
        if let Some(error) = memory.await {
            return Err(GpuError::OutOfMemory { what, reason: error.to_string() });
        }
        if let Some(error) = validation.await {
            return Err(GpuError::Validation { what, reason: error.to_string() });
        }
        made
    }

    /// Waits until the device has done what was submitted, so that wgpu lets go of what that needed. A host's device is not
    /// waited for, since that may hang until the host polls: what is over by now is let go.
    pub(crate) async fn done(&self) -> Result<(), GpuError> {
        let Some(poller) = &self.poller else { return self.poll() };
        let (sender, receiver) = futures_channel::oneshot::channel();
        self.queue.on_submitted_work_done(move || {
            // The receiver is gone if the caller dropped the future: nobody is left to tell.
            let _ = sender.send(());
        });
        poller.wake();
        receiver.await.map_err(|e| GpuError::DeviceLost(e.to_string()))?;
        self.failure.check()
    }

    /// Asks for `staging` to be mapped and, once it is waited for, hands its bytes to `read`.
    pub(crate) fn read_back<T>(
        &self,
        staging: &wgpu::Buffer,
        read: impl FnOnce(&[u8]) -> T,
    ) -> impl Future<Output = Result<T, GpuError>> {
        self.readbacks.fetch_add(1, Ordering::Relaxed);
        let mapped = self.map(staging, wgpu::MapMode::Read);
        async move {
            mapped.await?;
            let view = staging.get_mapped_range(..).map_err(|e| GpuError::DeviceLost(e.to_string()))?;
            let value = read(&view);
            drop(view);
            staging.unmap();
            Ok(value)
        }
    }

    /// Asks for `buffer` to be mapped once the device needs it no more, and waits when it is polled. On a device of our own
    /// this completes by itself; the thread that waits for the device is woken by the first of several alone, since it waits for
    /// all that was asked for by then.
    pub(crate) fn map(&self, buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> impl Future<Output = Result<(), GpuError>> {
        let (sender, mut receiver) = futures_channel::oneshot::channel();
        buffer.map_async(mode, .., move |result| {
            // The receiver is gone if the caller dropped the future: nobody is left to tell.
            let _ = sender.send(result);
        });
        async move {
            let lost = |reason: String| GpuError::DeviceLost(reason);
            let mapped = match receiver.try_recv() {
                Ok(Some(mapped)) => Ok(mapped),
                Ok(None) => {
                    self.poller.iter().for_each(Poller::wake);
                    receiver.await
                }
                Err(canceled) => Err(canceled),
            };
            mapped.map_err(|e| lost(e.to_string()))?.map_err(|e| lost(e.to_string()))?;
            self.failure.check()
        }
    }
}

/// What went wrong outside any error scope of ours, on a device of our own; wgpu's default is to panic.
#[derive(Debug, Clone, Default)]
struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    fn watch(device: &wgpu::Device) -> Self {
        let failure = Self::default();
        let (lost, uncaptured) = (failure.clone(), failure.clone());
        device.set_device_lost_callback(move |_, message| lost.set(message));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| uncaptured.set(error.to_string())));
        failure
    }

    /// Keeps the first failure: what follows is its consequence.
    fn set(&self, message: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    }

    fn check(&self) -> Result<(), GpuError> {
        let message = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        message.map_or(Ok(()), |message| Err(GpuError::DeviceLost(message)))
    }
}

/// Features that kernels and profiles use where they are there.
fn useful_features() -> wgpu::Features {
    wgpu::Features::SHADER_F16
        | wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::PIPELINE_CACHE
}

fn capabilities(info: &wgpu::AdapterInfo, device: &wgpu::Device) -> Capabilities {
    let (features, limits) = (device.features(), device.limits());
    Capabilities {
        software: info.device_type == wgpu::DeviceType::Cpu,
        wide_tiles: !info.name.contains("SwiftShader"),
        f16: features.contains(wgpu::Features::SHADER_F16),
        subgroup_size: (features.contains(wgpu::Features::SUBGROUP)
            && info.subgroup_min_size == info.subgroup_max_size)
            .then_some(info.subgroup_min_size),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        max_binding: limits.max_storage_buffer_binding_size,
        max_buffer: limits.max_buffer_size,
        max_workgroups: limits.max_compute_workgroups_per_dimension,
        max_invocations: limits.max_compute_invocations_per_workgroup,
        workgroup_memory: limits.max_compute_workgroup_storage_size,
        max_turns: if info.name.contains("llvmpipe") { 65_535 } else { u64::MAX },
    }
}
