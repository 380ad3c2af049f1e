//! The clock around every step.

use std::time::Duration;

use crate::buffers;
use crate::error::GpuError;
use crate::gpu::Gpu;

/// Two timestamps for each step. A set holds so many alone: training takes thousands of steps.
pub(crate) struct Queries {
    sets: Vec<wgpu::QuerySet>,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    count: u32,
}

impl Queries {
    pub(crate) fn new(gpu: &Gpu, steps: usize) -> Result<Self, GpuError> {
        let count = 2 * steps as u32;
        if !gpu.capabilities().timestamps {
            return Err(GpuError::MissingFeature {
                adapter: gpu.info().name.clone(),
                feature: "timestamp queries".into(),
                remedy: "run without a profile".into(),
            });
        }
        let device = gpu.device();
        let set = |first: u32| {
            let count = (count - first).min(wgpu::QUERY_SET_MAX_QUERIES);
            let (label, ty) = (Some("profile"), wgpu::QueryType::Timestamp);
            device.create_query_set(&wgpu::QuerySetDescriptor { label, ty, count })
        };
        let sets = (0..count).step_by(wgpu::QUERY_SET_MAX_QUERIES as usize).map(set).collect();
        let bytes = buffers::padded(8 * count as usize);
        let resolved = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("profile"),
            size: bytes,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let staging = buffers::staging(gpu, bytes)?;
        Ok(Self { sets, resolved, staging, count })
    }

    pub(crate) fn pass(&self, step: usize) -> wgpu::ComputePassDescriptor<'_> {
        let (set, first) =
            (2 * step as u32 / wgpu::QUERY_SET_MAX_QUERIES, 2 * step as u32 % wgpu::QUERY_SET_MAX_QUERIES);
        wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.sets[set as usize],
                beginning_of_pass_write_index: Some(first),
                end_of_pass_write_index: Some(first + 1),
            }),
        }
    }

    pub(crate) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        // Both are even, so no pair is cut apart.
        for (index, set) in self.sets.iter().enumerate() {
            let first = index as u32 * wgpu::QUERY_SET_MAX_QUERIES;
            let count = (self.count - first).min(wgpu::QUERY_SET_MAX_QUERIES);
            encoder.resolve_query_set(set, 0..count, &self.resolved, 8 * u64::from(first));
        }
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, 8 * u64::from(self.count));
    }

    pub(crate) async fn read(&self, gpu: &Gpu) -> Result<Vec<Duration>, GpuError> {
        let period = f64::from(gpu.queue().get_timestamp_period());
        let stamps: Vec<u64> = gpu.read_back(&self.staging, bytemuck::pod_collect_to_vec).await?;
        let time = |pair: &[u64]| Duration::from_nanos((pair[1].wrapping_sub(pair[0]) as f64 * period) as u64);
        Ok(stamps[..self.count as usize].chunks_exact(2).map(time).collect())
    }
}
