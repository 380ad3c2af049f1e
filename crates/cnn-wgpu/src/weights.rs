//! The weights of one model on one device, shared by all its programs.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cnn_core::op::Slice;
use cnn_core::plan::{self, Plan};
use cnn_core::{DType, Graph, Op, Source, Tensor, ValueId, WeightSource};

use crate::buffers;
use crate::dispatch::{self, Bound, Call, Dispatch};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Problem;
use crate::kernels;

/// Values of up to this many bytes are kept while a plan's residents are made, since several of them read the same: the
/// scales of channels. Residents are kept anyway.
const SMALL: u64 = 64 << 10;

/// Bytes made before the device is waited for: until it has done its part, wgpu keeps a second copy of every upload, and
/// what the prologue no longer needs.
const IN_FLIGHT: u64 = 8 << 20;

/// Weights as they are, and what the weight prologue made of them. Programs of inference read them and never write; those of
/// training change variables, and what was made of these is made again before the next program reads it.
///
/// The device holds only what some program reads; the host's tensors stay where they are, and what comes out of a file is
/// let go once it is uploaded.
#[derive(Debug)]
pub struct DeviceWeights {
    gpu: Arc<Gpu>,
    host: Arc<dyn WeightSource>,
    residents: Mutex<HashMap<String, Resident>>,
    /// How often a program has changed a variable.
    changes: AtomicU64,
}

/// A resident on the device.
#[derive(Debug)]
struct Resident {
    bound: Bound,
    shape: Vec<usize>,
    /// What it is made of; `None` for a variable, which is changed in its place.
    made_of: Option<Vec<String>>,
    /// Whether what it is made of has changed since.
    stale: bool,
}

/// What makes residents again, recorded: it takes no more bytes than may be in flight ([`IN_FLIGHT`]).
#[derive(Debug)]
pub(crate) struct Prologue {
    /// Which of the plan's residents it makes.
    made: Vec<usize>,
    /// How many residents there were on the device.
    on_device: usize,
    dispatches: Vec<Dispatch>,
    /// Bytes of what it computes on the way, and reads that is no resident.
    pub(crate) bytes: u64,
}

impl DeviceWeights {
    /// Weights by path. Nothing is read or uploaded before a program asks for it.
    pub fn new(gpu: Arc<Gpu>, host: Arc<dyn WeightSource>) -> Arc<Self> {
        Arc::new(Self { gpu, host, residents: Mutex::default(), changes: AtomicU64::new(0) })
    }

    /// The device they are on.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        self.lock().values().map(|resident| resident.bound.bytes).sum()
    }

    /// Puts on the device what `plan` reads and is not there yet, so that its program is made sooner.
    ///
    /// # Errors
    /// If a weight is missing or cannot be read, or memory runs out.
    pub async fn prepare(&self, plan: &Plan) -> Result<(), GpuError> {
        self.residents(plan).await.map(drop)
    }

    /// The variable of that path as it is now.
    ///
    /// # Errors
    /// If there is none or it cannot be read from where the weights are kept, or the device is lost.
    pub async fn read(&self, path: &str) -> Result<Tensor, GpuError> {
        let known = self.lock().get(path).map(|resident| (resident.bound.clone(), resident.shape.clone()));
        let Some((bound, shape)) = known else {
            // What is not on the device is what it was.
            let tensor = self.host.tensor(path)?.ok_or_else(|| GpuError::MissingWeight(path.into()))?;
            return Ok(tensor.as_ref().clone());
        };
        let staging = self.gpu.checked(path, || {
            let staging = buffers::staging(&self.gpu, bound.bytes)?;
            let mut encoder = self.gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&bound.buffer, 0, &staging, 0, bound.bytes);
            self.gpu.queue().submit([encoder.finish()]);
            Ok(staging)
        });
        let bytes = shape.iter().product::<usize>() * size_of::<f32>();
        let read = |view: &[u8]| buffers::decode(&view[..bytes], DType::F32);
        let data = self.gpu.read_back(&staging.await?, read).await?;
        Ok(Tensor::new(shape, data)?)
    }

    /// How often a program has changed a variable: a program that has seen another number asks for [`Self::residents`] again.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Notes that a program has changed these variables.
    pub(crate) fn changed(&self, variables: &HashSet<String>) {
        for resident in self.lock().values_mut() {
            let made_of = resident.made_of.iter().flatten();
            resident.stale |= made_of.into_iter().any(|variable| variables.contains(variable));
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// The plan's residents in order; those not yet there, or made of what has changed, are made.
    pub(crate) async fn residents(&self, plan: &Plan) -> Result<Vec<Bound>, GpuError> {
        self.make(plan).await?;
        let residents = self.lock();
        let missing = |key: &String| GpuError::MissingWeight(key.clone());
        let bound = |key| residents.get(key).map(|resident| resident.bound.clone()).ok_or_else(|| missing(key));
        plan.residents().iter().map(|resident| bound(&resident.key)).collect()
    }

    /// Makes again the plan's residents that are made of what has changed: with what an earlier call has `recorded`, where
    /// that does the same. Returns what the next call may use.
    pub(crate) async fn refresh(&self, plan: &Plan, recorded: Option<Prologue>) -> Result<Option<Prologue>, GpuError> {
        let to_do = self.to_do(plan);
        if to_do.is_empty() {
            return Ok(recorded);
        }
        // A variable that came to the device since may be one that was uploaded for the prologue alone.
        let same = |prologue: &Prologue| prologue.made == to_do && prologue.on_device == self.lock().len();
        let Some(prologue) = recorded.filter(same) else {
            return self.make(plan).await;
        };
        let again = || {
            submit(&self.gpu, &prologue.dispatches);
            Ok(())
        };
        self.gpu.checked("weights", again).await?;
        let mut residents = self.lock();
        for &index in &prologue.made {
            residents.entry(plan.residents()[index].key.clone()).and_modify(|resident| resident.stale = false);
        }
        drop(residents);
        Ok(Some(prologue))
    }

    /// Which of the plan's residents are not there or stale.
    fn to_do(&self, plan: &Plan) -> Vec<usize> {
        let residents = self.lock();
        let fresh = |key| residents.get(key).is_some_and(|resident| !resident.stale);
        (0..plan.residents().len()).filter(|&index| !fresh(&plan.residents()[index].key)).collect()
    }

    /// Makes the plan's residents that are not there or stale.
    async fn make(&self, plan: &Plan) -> Result<Option<Prologue>, GpuError> {
        let mut maker = Maker { weights: self, graph: plan.graph(), kept: HashMap::new(), calls: vec![], in_flight: 0 };
        let (mut made, mut again) = (Vec::new(), true);
        for index in self.to_do(plan) {
            let resident = &plan.residents()[index];
            let value = plan.graph().value(resident.value);
            let stale = self.bound(&resident.key);
            again &= stale.is_some();
            let bound = self.gpu.checked(&value.name, || maker.resident(resident.value, stale)).await?;
            let made_of = resident.is_derived().then(|| resident.variables.clone());
            made.push((index, Resident { bound, shape: value.shape.clone(), made_of, stale: false }));
            if maker.in_flight >= IN_FLIGHT {
                again = false;
                self.gpu.checked("weights", || maker.submit()).await?;
                self.gpu.done().await?;
            }
        }
        if made.is_empty() {
            return Ok(None);
        }
        let bytes = maker.in_flight;
        let dispatches = self.gpu.checked("weights", || maker.submit()).await?;
        let indices = made.iter().map(|(index, _)| *index).collect();
        let mut residents = self.lock();
        for (index, new) in made {
            // Programs are bound to the buffer that is there, of another program made at this moment too.
            residents.entry(plan.residents()[index].key.clone()).or_insert(new).stale = false;
        }
        Ok(again.then(|| Prologue { made: indices, on_device: residents.len(), dispatches, bytes }))
    }

    /// The buffer of a resident, if it is on the device.
    fn bound(&self, key: &str) -> Option<Bound> {
        self.lock().get(key).map(|resident| resident.bound.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Resident>> {
        self.residents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the weight prologue of one graph.
struct Maker<'a> {
    weights: &'a DeviceWeights,
    graph: &'a Graph,
    /// What was made and is kept.
    kept: HashMap<ValueId, Bound>,
    /// What is to be computed and not yet submitted, in order.
    calls: Vec<Call>,
    /// Bytes made since the device was last waited for.
    in_flight: u64,
}

impl Maker<'_> {
    /// The buffer of a resident: `stale` where there is one.
    fn resident(&mut self, value: ValueId, stale: Option<Bound>) -> Result<Bound, GpuError> {
        let value = plan::storage(self.graph, value);
        let bound = if stale.is_some() { self.compute(value, stale)? } else { self.make(value)? };
        self.kept.insert(value, bound.clone());
        Ok(bound)
    }

    /// A buffer that holds `value` once the calls are submitted.
    fn make(&mut self, value: ValueId) -> Result<Bound, GpuError> {
        let value = plan::storage(self.graph, value);
        if let Some(bound) = self.kept.get(&value) {
            return Ok(bound.clone());
        }
        let graph = self.graph;
        let known = graph.value(value);
        if known.source == Source::Variable
            && let Some(bound) = self.weights.bound(&known.name)
        {
            return Ok(bound);
        }
        let bound = match self.host_tensor(value)? {
            Some(tensor) => self.upload(&known.name, &tensor)?,
            None => self.compute(value, None)?,
        };
        if bound.bytes <= SMALL {
            self.kept.insert(value, bound.clone());
        }
        Ok(bound)
    }

    fn upload(&mut self, name: &str, tensor: &Tensor) -> Result<Bound, GpuError> {
        let data = bytemuck::cast_slice(tensor.data());
        let bound =
            Bound { buffer: buffers::upload(&self.weights.gpu, name, data)?, bytes: buffers::padded(data.len()) };
        self.in_flight += bound.bytes;
        Ok(bound)
    }

    /// The tensor of a variable that is not on the device, a constant, or a box cut out of one of these; `None` for what has to be computed.
    fn host_tensor(&self, value: ValueId) -> Result<Option<Arc<Tensor>>, GpuError> {
        let known = self.graph.value(value);
        match &known.source {
            Source::Input => Ok(None),
            Source::Constant(tensor) => Ok(Some(tensor.clone())),
            // On the device it may have changed.
            Source::Variable if self.weights.bound(&known.name).is_some() => Ok(None),
            Source::Variable => {
                let missing = || GpuError::MissingWeight(known.name.clone());
                let tensor = self.weights.host.tensor(&known.name)?.ok_or_else(missing)?;
                if tensor.shape() != known.shape {
                    let wanted = format!("expects a tensor of shape {:?}", known.shape);
                    return Err(cnn_core::ShapeError::new(&known.name, wanted, &[tensor.shape()]).into());
                }
                Ok(Some(tensor))
            }
            Source::Node(id) => {
                let node = &self.graph.nodes()[id.index()];
                let Op::Slice(slice) = &node.op else { return Ok(None) };
                let whole = self.host_tensor(plan::storage(self.graph, node.inputs[0]))?;
                let shape = &self.graph.value(node.inputs[0]).shape;
                whole.map(|tensor| cut(&known.name, &tensor, shape, slice).map(Arc::new)).transpose()
            }
        }
    }

    fn compute(&mut self, value: ValueId, into: Option<Bound>) -> Result<Bound, GpuError> {
        let gpu = &self.weights.gpu;
        let Source::Node(id) = self.graph.value(value).source else {
            return Err(GpuError::MissingWeight(self.graph.value(value).name.clone()));
        };
        let node = &self.graph.nodes()[id.index()];
        let inputs: Vec<Bound> = node.inputs.iter().map(|&input| self.make(input)).collect::<Result<_, _>>()?;
        let shapes: Vec<&[usize]> = node.inputs.iter().map(|&input| &self.graph.value(input).shape[..]).collect();
        let problem = Problem {
            inputs: &shapes,
            output: &self.graph.value(value).shape,
            dtype: self.graph.value(node.inputs[0]).dtype,
            capabilities: gpu.capabilities(),
        };
        let candidate = kernels::choose(&node.op, &node.name, &problem)?;
        let output = match into {
            Some(bound) => bound,
            None => {
                let bytes = plan::bytes(self.graph, value);
                self.in_flight += buffers::padded(bytes);
                Bound { buffer: buffers::storage(gpu, &node.name, bytes)?, bytes: buffers::padded(bytes) }
            }
        };
        self.calls.push(Call { candidate, inputs, output: Some(output.clone()) });
        Ok(output)
    }

    /// Submits what was made so far and returns the dispatches of what is computed.
    fn submit(&mut self) -> Result<Vec<Dispatch>, GpuError> {
        let gpu = &self.weights.gpu;
        let (dispatches, _) = dispatch::bind(gpu, &std::mem::take(&mut self.calls))?;
        let dispatches: Vec<Dispatch> = dispatches.into_iter().flatten().collect();
        submit(gpu, &dispatches);
        self.in_flight = 0;
        Ok(dispatches)
    }
}

/// Submits dispatches in one command buffer: wgpu keeps every encoder that was ever in flight, each as large as the largest
/// program needs it.
fn submit(gpu: &Gpu, dispatches: &[Dispatch]) {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass));
    drop(pass);
    gpu.queue().submit([encoder.finish()]);
}

/// The box that `slice` cuts out of a tensor, seen as one of `shape`.
///
/// # Errors
/// If the host has no memory for it; `name` is the weight's.
fn cut(name: &str, tensor: &Tensor, shape: &[usize], slice: &Slice) -> Result<Tensor, GpuError> {
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let (row, outer) = slice.size.split_last().map_or((1, &[][..]), |(row, outer)| (*row, outer));
    let mut data = Vec::new();
    data.try_reserve_exact(slice.size.iter().product())
        .map_err(|error| GpuError::OutOfMemory { what: name.into(), reason: format!("on the host, {error}") })?;
    for i in 0..outer.iter().product() {
        let mut rest = i;
        let mut from = slice.begin.last().copied().unwrap_or(0);
        for axis in (0..outer.len()).rev() {
            from += (slice.begin[axis] + rest % outer[axis]) * strides[axis];
            rest /= outer[axis];
        }
        data.extend_from_slice(&tensor.data()[from..from + row]);
    }
    Ok(Tensor::new(slice.size.clone(), data)?)
}
