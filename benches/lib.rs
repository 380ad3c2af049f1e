//! What the benchmarks share: the device they run on.

use std::sync::Arc;

use cnn_wgpu::{Gpu, GpuError, Request};

/// The environment variable that chooses the device: part of its name or of its backend's, in any case, and of both with
/// a space between (`llvmpipe vulkan`). Without it the first adapter is taken.
pub const ADAPTER: &str = "CNN_BENCH_ADAPTER";

/// The device that [`ADAPTER`] asks for, or `None` if there is none of that name.
///
/// # Errors
/// If the adapter gives no device.
pub fn device() -> Result<Option<Arc<Gpu>>, GpuError> {
    let wanted = std::env::var(ADAPTER).unwrap_or_default().to_lowercase();
    let fits = |adapter: &cnn_wgpu::wgpu::Adapter| {
        let info = adapter.get_info();
        let name = format!("{} {}", info.name, info.backend).to_lowercase();
        wanted.split_whitespace().all(|word| name.contains(word))
    };
    let adapter = pollster::block_on(cnn_wgpu::adapters()).into_iter().find(fits);
    adapter.map(|adapter| pollster::block_on(Gpu::new(&adapter, Request::Everything))).transpose()
}
