//! What an adapter is and offers, for a person to read.

/// An adapter: what it is, its limits, and the features that kernels, profiles and caches use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterSummary {
    /// The driver's name for it.
    pub name: String,
    /// The API it is reached through: `Vulkan`, `Metal`, `Dx12`, `Gl`.
    pub backend: String,
    /// `discrete GPU`, `integrated GPU`, `virtual GPU`, `software` or `other`.
    pub kind: &'static str,
    /// The driver and its version, as far as the backend tells.
    pub driver: String,
    /// Largest part of a buffer that a shader may see, in bytes.
    pub max_binding: u64,
    /// Largest buffer, in bytes.
    pub max_buffer: u64,
    /// Workgroup memory in bytes.
    pub workgroup_memory: u32,
    /// Most invocations of one workgroup.
    pub max_invocations: u32,
    /// Whether storage buffers may hold f16.
    pub f16: bool,
    /// The least and the largest number of lanes of a subgroup, where shaders may use subgroups.
    pub subgroup_size: Option<[u32; 2]>,
    /// Whether steps can be timed.
    pub timestamps: bool,
    /// Whether compiled kernels can be kept between runs.
    pub pipeline_cache: bool,
}

impl AdapterSummary {
    /// What `adapter` says of itself.
    pub fn new(adapter: &wgpu::Adapter) -> Self {
        let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        Self {
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
            backend: info.backend.to_string(),
            kind,
            max_binding: limits.max_storage_buffer_binding_size,
            max_buffer: limits.max_buffer_size,
            workgroup_memory: limits.max_compute_workgroup_storage_size,
            max_invocations: limits.max_compute_invocations_per_workgroup,
            f16: features.contains(wgpu::Features::SHADER_F16),
            subgroup_size: features
                .contains(wgpu::Features::SUBGROUP)
                .then_some([info.subgroup_min_size, info.subgroup_max_size]),
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            pipeline_cache: features.contains(wgpu::Features::PIPELINE_CACHE),
            name: info.name,
        }
    }
}
