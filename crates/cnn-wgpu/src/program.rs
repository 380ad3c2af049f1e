//! A plan recorded for a device: pipelines, bind groups and parameters made ahead, run again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cnn_core::plan::{self, Location, Plan};
use cnn_core::{Op, Profile, ShapeError, StepProfile, Tensor, ValueId};

use crate::buffers;
use crate::dispatch::{Bound, Dispatch, ParamsBuffer};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::{Candidate, Problem};
use crate::kernels;
use crate::limits;
use crate::profile::Queries;
use crate::weights::DeviceWeights;

/// One step with what a profile says of it.
#[derive(Debug)]
struct Recorded {
    work: Work,
    profile: StepProfile,
}

/// What a step does.
#[derive(Debug)]
enum Work {
    Dispatches(Vec<Dispatch>),
    /// A large assignment ([`COPIED`]).
    Copy {
        from: Bound,
        offset: u64,
        to: Bound,
        bytes: u64,
    },
}

/// Bytes from which on an assignment is the device's own copy, which is faster than a kernel's: on lavapipe a step of ResNet50
/// took 645 ms with copies alone, 754 with kernels alone. But a copy ends the pass, and wgpu takes command buffers for each
/// pass in every encoder that it keeps, which small assignments, hundreds in a step, are not worth.
const COPIED: usize = 64 << 10;

/// A value that leaves the program.
#[derive(Debug)]
struct Output {
    bound: Bound,
    value: ValueId,
}

/// A program on a device. Its slots are its own; its weights are shared, and those that its graph assigns change with a run.
#[derive(Debug)]
pub struct Program {
    gpu: Arc<Gpu>,
    weights: Arc<DeviceWeights>,
    plan: Plan,
    steps: Vec<Recorded>,
    inputs: Vec<Bound>,
    outputs: Vec<Output>,
    activation_bytes: u64,
    auxiliary_bytes: u64,
    /// The paths of the variables that a run changes.
    changes: Vec<String>,
    /// Which changes of variables by other programs its residents have seen.
    seen: AtomicU64,
}

impl Program {
    /// Records `plan` over `weights`: makes what is missing of the weights, compiles kernels, allocates slots.
    ///
    /// # Errors
    /// If a weight is missing, a tensor or a sum exceeds a limit, float16 is asked of a device without it, or memory runs out.
    pub async fn new(weights: Arc<DeviceWeights>, plan: Plan) -> Result<Self, GpuError> {
        let gpu = weights.gpu().clone();
        limits::check(&gpu, &plan)?;
        let seen = AtomicU64::new(weights.changes());
        let residents = weights.residents(&plan).await?;
        let chosen: Result<Vec<Candidate>, _> = plan.steps().iter().map(|id| choose(&gpu, &plan, id.index())).collect();
        let chosen = chosen?;
        let kernels = chosen.iter().flat_map(|candidate| &candidate.dispatches);
        gpu.pipelines.prepare(kernels).await?;

        let memory = gpu.checked("activations", || Memory::allocate(&gpu, &plan, residents)).await?;
        let (steps, parameter_bytes) = gpu.checked("bind groups", || record(&gpu, &plan, chosen, &memory)).await?;
        let outputs: Vec<Output> = plan
            .graph()
            .outputs()
            .iter()
            .map(|&(_, value)| Output { bound: memory.bound(&plan, value), value })
            .collect();
        let inputs: Vec<Bound> = plan.graph().inputs().iter().map(|&value| memory.bound(&plan, value)).collect();
        let activation_bytes = memory.slots.iter().map(|bound| bound.bytes).sum();
        let through: u64 =
            inputs.iter().chain(outputs.iter().map(|output| &output.bound)).map(|bound| bound.bytes).sum();
        let auxiliary_bytes = parameter_bytes + through;
        let changes = plan.changes();
        Ok(Self { gpu, weights, plan, steps, inputs, outputs, activation_bytes, auxiliary_bytes, changes, seen })
    }

    /// The device.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// The weights it reads.
    pub fn weights(&self) -> &Arc<DeviceWeights> {
        &self.weights
    }

    /// The plan it was recorded from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bytes of the slots on the device, inputs and outputs among them, weights not counted.
    pub fn activation_bytes(&self) -> u64 {
        self.activation_bytes
    }

    /// Bytes of the kernels' parameters, and of the buffers through which one run's inputs and outputs go.
    pub fn auxiliary_bytes(&self) -> u64 {
        self.auxiliary_bytes
    }

    /// Encodes the whole program into the host's encoder: copies `inputs` (of the graph's shapes, float32 NHWC) in,
    /// runs every step, copies the results into `outputs`. Nothing crosses to the CPU.
    ///
    /// Where another program has changed weights since, [`Program::refresh`] comes first; what this one changes counts as
    /// changed from now on, so submit it before another program runs.
    ///
    /// # Errors
    /// If the number of buffers is wrong or one is too small.
    pub fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        inputs: &[&wgpu::Buffer],
        outputs: &[&wgpu::Buffer],
    ) -> Result<(), GpuError> {
        let graph = self.plan.graph();
        let inside = graph.inputs().iter().copied().zip(&self.inputs);
        let outside = self.outputs.iter().map(|output| (output.value, &output.bound));
        self.check_buffers("input", inputs, graph.inputs())?;
        self.check_buffers("output", outputs, &self.outputs.iter().map(|o| o.value).collect::<Vec<_>>())?;
        for ((value, bound), host) in inside.zip(inputs) {
            encoder.copy_buffer_to_buffer(host, 0, &bound.buffer, 0, plan::bytes(graph, value) as u64);
        }
        self.encode(encoder, None);
        for ((value, bound), host) in outside.zip(outputs) {
            encoder.copy_buffer_to_buffer(&bound.buffer, 0, host, 0, plan::bytes(graph, value) as u64);
        }
        self.note_changes();
        Ok(())
    }

    /// Makes again what was made of weights that another program has changed since: what [`Program::run`] does first.
    ///
    /// # Errors
    /// If memory runs out, or the device is lost.
    pub async fn refresh(&self) -> Result<(), GpuError> {
        let changes = self.weights.changes();
        if self.seen.load(Ordering::Acquire) != changes {
            self.weights.residents(&self.plan).await?;
            self.seen.store(changes, Ordering::Release);
        }
        Ok(())
    }

    fn note_changes(&self) {
        if !self.changes.is_empty() {
            self.weights.changed(&self.changes);
        }
    }

    /// Runs the program on host tensors; the outputs come in the order of the graph's.
    ///
    /// # Errors
    /// If the inputs are not of the graph's shapes, or the device is lost.
    pub async fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, GpuError> {
        self.check_tensors(inputs)?;
        self.refresh().await?;
        let stagings = self.gpu.checked("a run", || self.submit(inputs, None)).await?;
        self.read(stagings).await
    }

    /// Runs the program once with a clock around every step.
    ///
    /// # Errors
    /// As [`Program::run`], and if the device has no timestamps.
    pub async fn run_profiled(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Profile), GpuError> {
        self.check_tensors(inputs)?;
        self.refresh().await?;
        let queries = Queries::new(&self.gpu, self.steps.len())?;
        let stagings = self.gpu.checked("a run", || self.submit(inputs, Some(&queries))).await?;
        let outputs = self.read(stagings).await?;
        let times = queries.read(&self.gpu).await?;
        let steps = self.steps.iter().zip(times).map(|(step, time)| step.profile.timed(time)).collect();
        let profile = Profile {
            steps,
            weight_bytes: self.weights.bytes(),
            activation_bytes: self.activation_bytes,
            auxiliary_bytes: self.auxiliary_bytes,
            liveness_bound: self.plan.liveness_bound() as u64,
        };
        Ok((outputs, profile))
    }

    /// Encodes and submits a run, from the upload of its inputs to the copy of its outputs, which it returns. All of it is one
    /// submit, so that runs at the same time, and what a host records, cannot mix.
    fn submit(&self, inputs: &[Tensor], queries: Option<&Queries>) -> Result<Vec<wgpu::Buffer>, GpuError> {
        let device = self.gpu.device();
        let stagings: Vec<wgpu::Buffer> = self
            .outputs
            .iter()
            .map(|output| buffers::staging(&self.gpu, output.bound.bytes))
            .collect::<Result<_, _>>()?;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for (tensor, bound) in inputs.iter().zip(&self.inputs) {
            let upload = buffers::transfer(&self.gpu, bytemuck::cast_slice(tensor.data()))?;
            encoder.copy_buffer_to_buffer(&upload, 0, &bound.buffer, 0, bound.bytes);
        }
        self.encode(&mut encoder, queries);
        for (output, staging) in self.outputs.iter().zip(&stagings) {
            encoder.copy_buffer_to_buffer(&output.bound.buffer, 0, staging, 0, output.bound.bytes);
        }
        if let Some(queries) = queries {
            queries.resolve(&mut encoder);
        }
        self.gpu.queue().submit([encoder.finish()]);
        self.note_changes();
        Ok(stagings)
    }

    async fn read(&self, stagings: Vec<wgpu::Buffer>) -> Result<Vec<Tensor>, GpuError> {
        let mut tensors = Vec::new();
        for (output, staging) in self.outputs.iter().zip(&stagings) {
            let value = self.plan.graph().value(output.value);
            let bytes = plan::bytes(self.plan.graph(), output.value);
            let data = self.gpu.read_back(staging, |view| buffers::decode(&view[..bytes], value.dtype)).await?;
            tensors.push(Tensor::new(value.shape.clone(), data)?);
        }
        Ok(tensors)
    }

    /// All steps between two copies in one pass, or, with a clock, one pass for each.
    fn encode(&self, encoder: &mut wgpu::CommandEncoder, queries: Option<&Queries>) {
        let mut steps = self.steps.iter().enumerate().peekable();
        while let Some(&(index, step)) = steps.peek() {
            let descriptor = queries.map(|queries| queries.pass(index)).unwrap_or_default();
            let mut pass = encoder.begin_compute_pass(&descriptor);
            while let Some((_, Recorded { work: Work::Dispatches(dispatches), .. })) = steps.peek() {
                dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass));
                steps.next();
                if queries.is_some() {
                    break;
                }
            }
            drop(pass);
            if let Work::Copy { from, offset, to, bytes } = &step.work {
                encoder.copy_buffer_to_buffer(&from.buffer, *offset, &to.buffer, 0, *bytes);
                steps.next();
            }
        }
    }

    fn check_tensors(&self, inputs: &[Tensor]) -> Result<(), ShapeError> {
        let graph = self.plan.graph();
        let wanted: Vec<&[usize]> = graph.inputs().iter().map(|&id| &graph.value(id).shape[..]).collect();
        let got: Vec<&[usize]> = inputs.iter().map(Tensor::shape).collect();
        if wanted == got {
            return Ok(());
        }
        Err(ShapeError::new("program", format!("expects inputs of shapes {wanted:?}"), &got))
    }

    fn check_buffers(&self, what: &str, buffers: &[&wgpu::Buffer], values: &[ValueId]) -> Result<(), ShapeError> {
        let graph = self.plan.graph();
        let wanted: Vec<usize> = values.iter().map(|&value| plan::bytes(graph, value)).collect();
        let got: Vec<usize> = buffers.iter().map(|buffer| buffer.size() as usize).collect();
        if wanted.len() == got.len() && wanted.iter().zip(&got).all(|(wanted, got)| wanted <= got) {
            return Ok(());
        }
        Err(ShapeError::new("program", format!("expects {what} buffers of at least {wanted:?} bytes"), &[&got]))
    }
}

/// The static choice of a kernel for a step; a large assignment takes none.
fn choose(gpu: &Gpu, plan: &Plan, node: usize) -> Result<Candidate, GpuError> {
    let (graph, node) = (plan.graph(), &plan.graph().nodes()[node]);
    if matches!(node.op, Op::Assign(_)) && plan::bytes(graph, node.output) >= COPIED {
        return Ok(Candidate { name: "copy".into(), dispatches: vec![] });
    }
    let shapes: Vec<&[usize]> = node.inputs.iter().map(|&input| &graph.value(input).shape[..]).collect();
    let problem = Problem {
        inputs: &shapes,
        output: &graph.value(node.output).shape,
        dtype: graph.value(node.inputs[0]).dtype,
        capabilities: gpu.capabilities(),
    };
    kernels::choose(&node.op, &node.name, &problem)
}

/// Every buffer of a program.
struct Memory {
    slots: Vec<Bound>,
    residents: Vec<Bound>,
}

impl Memory {
    fn allocate(gpu: &Gpu, plan: &Plan, residents: Vec<Bound>) -> Result<Self, GpuError> {
        let make = |&bytes: &usize| -> Result<Bound, GpuError> {
            Ok(Bound { buffer: buffers::storage(gpu, "activation", bytes)?, bytes: buffers::padded(bytes) })
        };
        Ok(Self { slots: plan.slots().iter().map(make).collect::<Result<_, _>>()?, residents })
    }

    /// Where `value` lies, as many bytes as it has.
    fn bound(&self, plan: &Plan, value: ValueId) -> Bound {
        let bytes = buffers::padded(plan::bytes(plan.graph(), value));
        let whole = match plan.location(value) {
            Some(Location::Input(index)) => &self.slots[plan.input_slots()[index]],
            Some(Location::Slot(index)) => &self.slots[index],
            Some(Location::Resident(index)) => &self.residents[index],
            None => unreachable!("the planner places every value that a step or an output reads"),
        };
        Bound { buffer: whole.buffer.clone(), bytes }
    }
}

/// Every step bound to its buffers, and the bytes of their parameters.
fn record(gpu: &Gpu, plan: &Plan, chosen: Vec<Candidate>, memory: &Memory) -> Result<(Vec<Recorded>, u64), GpuError> {
    let mut params = ParamsBuffer::new(gpu);
    let offsets: Vec<Vec<u64>> = chosen
        .iter()
        .map(|candidate| candidate.dispatches.iter().map(|kernel| params.push(kernel)).collect())
        .collect();
    let params = params.upload(gpu)?;
    let graph = plan.graph();
    let steps = plan.steps().iter().zip(chosen).zip(offsets);
    let recorded: Result<_, GpuError> = steps
        .map(|((id, candidate), offsets)| {
            let node = &graph.nodes()[id.index()];
            let inputs: Vec<Bound> = node.inputs.iter().map(|&input| memory.bound(plan, input)).collect();
            let output = memory.bound(plan, node.output);
            if let (Op::Assign(assign), true) = (&node.op, candidate.dispatches.is_empty()) {
                let bytes = plan::bytes(graph, node.output) as u64;
                let (from, offset) = (inputs[1].clone(), (assign.first * size_of::<f32>()) as u64);
                let work = Work::Copy { from, offset, to: output, bytes };
                return Ok(Recorded { work, profile: StepProfile::new(graph, node, candidate.name) });
            }
            let kernels = candidate.dispatches.iter().zip(offsets);
            let dispatches = kernels
                .map(|(kernel, offset)| Dispatch::new(gpu, kernel, (&params, offset), &inputs, &output))
                .collect::<Result<_, _>>()?;
            let work = Work::Dispatches(dispatches);
            Ok(Recorded { work, profile: StepProfile::new(graph, node, candidate.name) })
        })
        .collect();
    Ok((recorded?, params.size()))
}
