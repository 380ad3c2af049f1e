//! A plan recorded for a device: pipelines, bind groups and parameters made ahead, run again and again.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cnn_core::plan::{self, Location, Plan};
use cnn_core::{Node, Op, Profile, ShapeError, StepProfile, Tensor, ValueId};

use crate::buffers;
use crate::dispatch::{self, Bound, Call, Dispatch};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::{Candidate, Problem};
use crate::kernels;
use crate::limits;
use crate::profile::Queries;
use crate::weights::{DeviceWeights, Prologue};

/// One step with what a profile says of it.
#[derive(Debug)]
struct Recorded {
    dispatches: Vec<Dispatch>,
    profile: StepProfile,
}

/// A value that leaves the program.
#[derive(Debug)]
struct Output {
    bound: Bound,
    value: ValueId,
}

/// The buffers through which a run's inputs and outputs go. Between runs the uploads are mapped, for the host to fill.
#[derive(Debug)]
struct Transfer {
    uploads: Vec<wgpu::Buffer>,
    stagings: Vec<wgpu::Buffer>,
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
    /// Buffers that no run uses now. Runs at the same time have their own.
    idle: Mutex<Vec<Transfer>>,
    activation_bytes: u64,
    auxiliary_bytes: u64,
    /// The paths of the variables that a run changes.
    changes: HashSet<String>,
    /// Which changes of variables by other programs its residents have seen.
    seen: AtomicU64,
    /// What the last refresh has recorded.
    prologue: Mutex<Option<Prologue>>,
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
        let changes = plan.changes().into_iter().collect();
        let (idle, prologue) = (Mutex::default(), Mutex::default());
        Ok(Self {
            gpu,
            weights,
            plan,
            steps,
            inputs,
            outputs,
            idle,
            activation_bytes,
            auxiliary_bytes,
            changes,
            seen,
            prologue,
        })
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

    /// Bytes of the kernels' parameters, of the buffers through which one run's inputs and outputs go, and of what is kept to
    /// make residents again.
    pub fn auxiliary_bytes(&self) -> u64 {
        self.auxiliary_bytes + self.prologue().as_ref().map_or(0, |prologue| prologue.bytes)
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
            let recorded = self.prologue().take();
            let recorded = self.weights.refresh(&self.plan, recorded).await?;
            *self.prologue() = recorded;
            self.seen.store(changes, Ordering::Release);
        }
        Ok(())
    }

    fn prologue(&self) -> MutexGuard<'_, Option<Prologue>> {
        self.prologue.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub async fn run(&self, inputs: &[impl Borrow<Tensor>]) -> Result<Vec<Tensor>, GpuError> {
        self.check_tensors(inputs)?;
        self.refresh().await?;
        let transfer = self.gpu.checked("a run", || self.submit(inputs, None)).await?;
        self.read(transfer).await
    }

    /// Runs the program once with a clock around every step.
    ///
    /// # Errors
    /// As [`Program::run`], and if the device has no timestamps.
    pub async fn run_profiled(&self, inputs: &[impl Borrow<Tensor>]) -> Result<(Vec<Tensor>, Profile), GpuError> {
        self.check_tensors(inputs)?;
        self.refresh().await?;
        let queries = Queries::new(&self.gpu, self.steps.len())?;
        let transfer = self.gpu.checked("a run", || self.submit(inputs, Some(&queries))).await?;
        let outputs = self.read(transfer).await?;
        let times = queries.read(&self.gpu).await?;
        let steps = self.steps.iter().zip(times).map(|(step, time)| step.profile.timed(time)).collect();
        let profile = Profile {
            steps,
            weight_bytes: self.weights.bytes(),
            activation_bytes: self.activation_bytes,
            auxiliary_bytes: self.auxiliary_bytes(),
            liveness_bound: self.plan.liveness_bound() as u64,
        };
        Ok((outputs, profile))
    }

    /// Encodes and submits a run, from the upload of its inputs to the copy of its outputs; both go through what it returns.
    /// All of it is one submit, so that runs at the same time, and what a host records, cannot mix.
    fn submit(&self, inputs: &[impl Borrow<Tensor>], queries: Option<&Queries>) -> Result<Transfer, GpuError> {
        let transfer = self.take_transfer()?;
        let mut encoder = self.gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for ((tensor, upload), bound) in inputs.iter().zip(&transfer.uploads).zip(&self.inputs) {
            buffers::fill(upload, "upload", bytemuck::cast_slice(tensor.borrow().data()))?;
            encoder.copy_buffer_to_buffer(upload, 0, &bound.buffer, 0, bound.bytes);
        }
        self.encode(&mut encoder, queries);
        for (output, staging) in self.outputs.iter().zip(&transfer.stagings) {
            encoder.copy_buffer_to_buffer(&output.bound.buffer, 0, staging, 0, output.bound.bytes);
        }
        if let Some(queries) = queries {
            queries.resolve(&mut encoder);
        }
        self.gpu.queue().submit([encoder.finish()]);
        self.note_changes();
        Ok(transfer)
    }

    /// Buffers that an earlier run has left, or new ones.
    fn take_transfer(&self) -> Result<Transfer, GpuError> {
        if let Some(transfer) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(transfer);
        }
        let uploads =
            self.inputs.iter().map(|bound| buffers::transfer(&self.gpu, bound.bytes)).collect::<Result<_, _>>()?;
        let staging = |output: &Output| buffers::staging(&self.gpu, output.bound.bytes);
        Ok(Transfer { uploads, stagings: self.outputs.iter().map(staging).collect::<Result<_, _>>()? })
    }

    /// Reads a run's outputs and leaves its buffers to the next.
    async fn read(&self, transfer: Transfer) -> Result<Vec<Tensor>, GpuError> {
        let graph = self.plan.graph();
        let uploads = transfer.uploads.iter().map(|upload| self.gpu.map(upload, wgpu::MapMode::Write));
        let uploads: Vec<_> = uploads.collect();
        let read = |(output, staging): (&Output, _)| {
            let (value, bytes) = (graph.value(output.value), plan::bytes(graph, output.value));
            let data = self.gpu.read_back(staging, move |view| buffers::decode(&view[..bytes], value.dtype));
            (value.shape.clone(), data)
        };
        let outputs: Vec<_> = self.outputs.iter().zip(&transfer.stagings).map(read).collect();
        let mut tensors = Vec::new();
        for (shape, data) in outputs {
            tensors.push(Tensor::new(shape, data.await?)?);
        }
        for upload in uploads {
            upload.await?;
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(transfer);
        Ok(tensors)
    }

    /// All steps in one pass, or, with a clock, one pass for each: wgpu takes command buffers for each pass in every encoder that
    /// it keeps.
    fn encode(&self, encoder: &mut wgpu::CommandEncoder, queries: Option<&Queries>) {
        let in_one_pass = if queries.is_some() { 1 } else { self.steps.len().max(1) };
        for (index, steps) in self.steps.chunks(in_one_pass).enumerate() {
            let descriptor = queries.map(|queries| queries.pass(index)).unwrap_or_default();
            let mut pass = encoder.begin_compute_pass(&descriptor);
            steps.iter().flat_map(|step| &step.dispatches).for_each(|dispatch| dispatch.encode(&mut pass));
        }
    }

    fn check_tensors(&self, inputs: &[impl Borrow<Tensor>]) -> Result<(), ShapeError> {
        let graph = self.plan.graph();
        let wanted: Vec<&[usize]> = graph.inputs().iter().map(|&id| &graph.value(id).shape[..]).collect();
        let got: Vec<&[usize]> = inputs.iter().map(|input| input.borrow().shape()).collect();
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

/// The static choice of a kernel for a step.
fn choose(gpu: &Gpu, plan: &Plan, node: usize) -> Result<Candidate, GpuError> {
    let (graph, node) = (plan.graph(), &plan.graph().nodes()[node]);
    let shapes: Vec<&[usize]> = node.inputs.iter().map(|&input| &graph.value(input).shape[..]).collect();
    let problem = Problem {
        inputs: &shapes,
        output: &graph.value(node.output).shape,
        dtype: graph.value(node.inputs[0]).dtype,
        capabilities: gpu.capabilities(),
    };
    match &node.op {
        Op::OptimizerStep(op) if plan.location(node.output) == Some(Location::InPlace) => {
            Ok(kernels::optimizer_step::in_place(op, &problem))
        }
        op => kernels::choose(op, &node.name, &problem),
    }
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
            Some(Location::InPlace) | None => {
                unreachable!("the planner places every value that a step or an output reads")
            }
        };
        Bound { buffer: whole.buffer.clone(), bytes }
    }
}

/// Every step bound to its buffers, and the bytes of their parameters.
fn record(gpu: &Gpu, plan: &Plan, chosen: Vec<Candidate>, memory: &Memory) -> Result<(Vec<Recorded>, u64), GpuError> {
    let graph = plan.graph();
    let nodes = || plan.steps().iter().map(|id| &graph.nodes()[id.index()]);
    let call = |(node, candidate): (&Node, Candidate)| {
        let inputs = node.inputs.iter().map(|&input| memory.bound(plan, input)).collect();
        let is_in_place = plan.location(node.output) == Some(Location::InPlace);
        Call { candidate, inputs, output: (!is_in_place).then(|| memory.bound(plan, node.output)) }
    };
    let calls: Vec<Call> = nodes().zip(chosen).map(call).collect();
    let (dispatches, parameter_bytes) = dispatch::bind(gpu, &calls)?;
    let step = |((node, call), dispatches): ((&Node, Call), Vec<Dispatch>)| {
        let profile = StepProfile::new(graph, node, call.candidate.name);
        Recorded { dispatches, profile }
    };
    Ok((nodes().zip(calls).zip(dispatches).map(step).collect(), parameter_bytes))
}
