//! Device buffers: sizes, upload, element types.

use cnn_core::DType;
use half::f16;

use crate::error::GpuError;
use crate::gpu::Gpu;

/// What a buffer of `bytes` takes: whole vectors of four float32, and at least one.
pub(crate) fn padded(bytes: usize) -> u64 {
    (bytes.max(1) as u64).next_multiple_of(16)
}

/// The bytes of `data` in an element type. Numbers out of f16's range become infinite, NaN stays NaN.
pub fn encode(data: &[f32], dtype: DType) -> Vec<u8> {
    match dtype {
        DType::F32 => bytemuck::cast_slice(data).to_vec(),
        DType::F16 => data.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
    }
}

/// The numbers behind `bytes` in an element type.
pub fn decode(bytes: &[u8], dtype: DType) -> Vec<f32> {
    match dtype {
        DType::F32 => bytemuck::pod_collect_to_vec(bytes),
        DType::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
    }
}

/// A storage buffer of `bytes` bytes and more, to be written by kernels and copies.
///
/// # Errors
/// If it is larger than the device allows.
pub(crate) fn storage(gpu: &Gpu, name: &str, bytes: usize) -> Result<wgpu::Buffer, GpuError> {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    create(gpu, name, padded(bytes), usage, false)
}

/// A storage buffer that holds `data`.
///
/// # Errors
/// If it is larger than the device allows.
pub(crate) fn upload(gpu: &Gpu, name: &str, data: &[u8]) -> Result<wgpu::Buffer, GpuError> {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    filled(gpu, name, data, usage)
}

/// A buffer of the kernels' parameters.
pub(crate) fn uniform(gpu: &Gpu, data: &[u8]) -> Result<wgpu::Buffer, GpuError> {
    filled(gpu, "params", data, wgpu::BufferUsages::UNIFORM)
}

/// A buffer of `bytes` to be copied from, mapped for the host.
pub(crate) fn transfer(gpu: &Gpu, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
    create(gpu, "upload", bytes, wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC, true)
}

/// A buffer that a readback maps.
pub(crate) fn staging(gpu: &Gpu, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
    create(gpu, "staging", bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST, false)
}

fn filled(gpu: &Gpu, name: &str, data: &[u8], usage: wgpu::BufferUsages) -> Result<wgpu::Buffer, GpuError> {
    let buffer = create(gpu, name, padded(data.len()), usage, true)?;
    fill(&buffer, name, data)?;
    Ok(buffer)
}

/// Writes `data` to the beginning of a mapped buffer and hands this to the device.
pub(crate) fn fill(buffer: &wgpu::Buffer, name: &str, data: &[u8]) -> Result<(), GpuError> {
    let refused = |e: String| GpuError::OutOfMemory { what: name.into(), reason: e };
    let mut view = buffer.get_mapped_range_mut(..).map_err(|e| refused(e.to_string()))?;
    view.slice(..data.len()).copy_from_slice(data);
    drop(view);
    buffer.unmap();
    Ok(())
}

fn create(
    gpu: &Gpu,
    name: &str,
    size: u64,
    usage: wgpu::BufferUsages,
    mapped_at_creation: bool,
) -> Result<wgpu::Buffer, GpuError> {
    let capabilities = gpu.capabilities();
    let limit = if usage.contains(wgpu::BufferUsages::STORAGE) {
        capabilities.max_binding.min(capabilities.max_buffer)
    } else {
        capabilities.max_buffer
    };
    if size > limit {
        let remedy = "use a smaller batch or picture, or the CPU".into();
        return Err(GpuError::Limit { name: name.into(), bytes: size, limit, remedy });
    }
    Ok(gpu.device().create_buffer(&wgpu::BufferDescriptor { label: Some(name), size, usage, mapped_at_creation }))
}
