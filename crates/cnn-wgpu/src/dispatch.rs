//! A kernel bound to its buffers.

use std::sync::Arc;

use crate::buffers;
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::{Candidate, Kernel};
use crate::pipelines::Pipeline;

/// Part of a buffer, from its beginning.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) bytes: u64,
}

/// A recorded dispatch: encoding it costs no look-up and no allocation.
#[derive(Debug)]
pub(crate) struct Dispatch {
    pipeline: Arc<Pipeline>,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Dispatch {
    /// Binds `kernel` to its parameters (at `offset` of `params`), the op's `inputs` and its output, if it has one.
    fn new(
        gpu: &Gpu,
        kernel: &Kernel,
        params: (&wgpu::Buffer, u64),
        inputs: &[Bound],
        output: Option<&Bound>,
    ) -> Result<Self, GpuError> {
        let pipeline = gpu.pipelines.get(kernel)?;
        let bind = |binding: usize, buffer, offset, bytes| wgpu::BindGroupEntry {
            binding: binding as u32,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset,
                size: std::num::NonZeroU64::new(bytes),
            }),
        };
        let mut entries = vec![bind(0, params.0, params.1, buffers::padded(kernel.params.len()))];
        for (i, &read) in kernel.reads.iter().enumerate() {
            entries.push(bind(1 + i, &inputs[read].buffer, 0, inputs[read].bytes));
        }
        if let Some(output) = output.filter(|_| kernel.in_place == 0) {
            entries.push(bind(1 + kernel.reads.len(), &output.buffer, 0, output.bytes));
        }
        let bind_group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.shader),
            layout: &pipeline.layout,
            entries: &entries,
        });
        Ok(Self { pipeline, bind_group, workgroups: kernel.workgroups })
    }

    /// Encodes it into a pass.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        let [x, y, z] = self.workgroups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// A choice of kernels for one op, and the buffers that they are for.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) candidate: Candidate,
    pub(crate) inputs: Vec<Bound>,
    /// None where the inputs are written to.
    pub(crate) output: Option<Bound>,
}

/// The dispatches of every call, with the parameters of all kernels in one buffer, and the bytes of that.
pub(crate) fn bind(gpu: &Gpu, calls: &[Call]) -> Result<(Vec<Vec<Dispatch>>, u64), GpuError> {
    let mut params = ParamsBuffer::new(gpu);
    let place = |call: &Call| call.candidate.dispatches.iter().map(|kernel| params.push(kernel)).collect();
    let offsets: Vec<Vec<u64>> = calls.iter().map(place).collect();
    let params = buffers::uniform(gpu, &params.bytes)?;
    let bind_call = |(call, offsets): (&Call, Vec<u64>)| {
        let kernels = call.candidate.dispatches.iter().zip(offsets);
        kernels
            .map(|(kernel, offset)| Dispatch::new(gpu, kernel, (&params, offset), &call.inputs, call.output.as_ref()))
            .collect()
    };
    let dispatches = calls.iter().zip(offsets).map(bind_call).collect::<Result<_, _>>()?;
    Ok((dispatches, params.size()))
}

/// The parameters of many kernels in one buffer, each where a binding may begin.
struct ParamsBuffer {
    bytes: Vec<u8>,
    alignment: usize,
}

impl ParamsBuffer {
    fn new(gpu: &Gpu) -> Self {
        let alignment = gpu.device().limits().min_uniform_buffer_offset_alignment.max(16) as usize;
        Self { bytes: Vec::new(), alignment }
    }

    /// Adds the kernel's parameters and returns their offset.
    fn push(&mut self, kernel: &Kernel) -> u64 {
        let offset = self.bytes.len().next_multiple_of(self.alignment);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(&kernel.params);
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        offset as u64
    }
}

/// Runs one candidate over bytes and returns the output's, `guard` bytes more than it has: these stand inside the bound
/// range, so a kernel that writes past its end is seen. All of it holds `poison` before.
///
/// # Errors
/// If a buffer cannot be made or the device is lost.
pub async fn run_candidate(
    gpu: &Gpu,
    candidate: &Candidate,
    inputs: &[Vec<u8>],
    output_bytes: usize,
    guard: usize,
    poison: u8,
) -> Result<Vec<u8>, GpuError> {
    let bytes = output_bytes + guard;
    let (staging, encoder) = gpu
        .checked(&candidate.name, || {
            let inputs: Vec<Bound> = inputs
                .iter()
                .map(|data| {
                    Ok(Bound { buffer: buffers::upload(gpu, "input", data)?, bytes: buffers::padded(data.len()) })
                })
                .collect::<Result<_, GpuError>>()?;
            let output = buffers::upload(gpu, "output", &vec![poison; buffers::padded(bytes) as usize])?;
            let output = Bound { buffer: output, bytes: buffers::padded(bytes) };
            let call = Call { candidate: candidate.clone(), inputs, output: Some(output.clone()) };
            let (dispatches, _) = bind(gpu, &[call])?;
            let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            dispatches.iter().flatten().for_each(|dispatch| dispatch.encode(&mut pass));
            drop(pass);
            let staging = buffers::staging(gpu, output.bytes)?;
            encoder.copy_buffer_to_buffer(&output.buffer, 0, &staging, 0, output.bytes);
            Ok((staging, encoder))
        })
        .await?;
    gpu.queue().submit([encoder.finish()]);
    gpu.read_back(&staging, |view| view[..bytes].to_vec()).await
}
