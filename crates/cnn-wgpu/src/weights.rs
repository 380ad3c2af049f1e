//! The weights of one model on one device, shared by all its programs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cnn_core::op::Slice;
use cnn_core::plan::{self, Plan};
use cnn_core::{Graph, Op, Source, Tensor, ValueId, WeightSource};

use crate::buffers;
use crate::dispatch::{self, Bound};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Problem;
use crate::kernels;

/// Values of up to this many bytes are kept while a plan's residents are made, since several of them read the same: the
/// scales of channels.
const SMALL: u64 = 64 << 10;

/// Bytes made before the device is waited for: until it has done its part, wgpu keeps a second copy of every upload, and
/// what the prologue no longer needs.
const IN_FLIGHT: u64 = 8 << 20;

/// What programs read and never write: weights as they are, and what the weight prologue made of them.
///
/// The device holds only what some program reads; the host's tensors stay where they are, and what comes out of a file is
/// let go once it is uploaded.
#[derive(Debug)]
pub struct DeviceWeights {
    gpu: Arc<Gpu>,
    host: Arc<dyn WeightSource>,
    residents: Mutex<HashMap<String, Bound>>,
}

impl DeviceWeights {
    /// Weights by path. Nothing is read or uploaded before a program asks for it.
    pub fn new(gpu: Arc<Gpu>, host: Arc<dyn WeightSource>) -> Arc<Self> {
        Arc::new(Self { gpu, host, residents: Mutex::default() })
    }

    /// The device they are on.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        self.residents.lock().unwrap_or_else(PoisonError::into_inner).values().map(|bound| bound.bytes).sum()
    }

    /// Puts on the device what `plan` reads and is not there yet, so that its program is made sooner.
    ///
    /// # Errors
    /// If a weight is missing or cannot be read, or memory runs out.
    pub async fn prepare(&self, plan: &Plan) -> Result<(), GpuError> {
        self.residents(plan).await.map(drop)
    }

    /// The plan's residents in order; those not yet there are made.
    pub(crate) async fn residents(&self, plan: &Plan) -> Result<Vec<Bound>, GpuError> {
        let mut maker = Maker { weights: self, graph: plan.graph(), small: HashMap::new(), in_flight: 0 };
        let mut found = Vec::new();
        for resident in plan.residents() {
            let known = self.residents.lock().unwrap_or_else(PoisonError::into_inner).get(&resident.key).cloned();
            let bound = match known {
                Some(bound) => bound,
                None => {
                    let name = plan.graph().value(resident.value).name.clone();
                    let made = self.gpu.checked(&name, || maker.make(resident.value)).await?;
                    if maker.in_flight >= IN_FLIGHT {
                        self.gpu.queue().submit([]);
                        self.gpu.done().await?;
                        maker.in_flight = 0;
                    }
                    let mut residents = self.residents.lock().unwrap_or_else(PoisonError::into_inner);
                    residents.entry(resident.key.clone()).or_insert(made).clone()
                }
            };
            found.push(bound);
        }
        Ok(found)
    }
}

/// Runs the weight prologue of one graph.
struct Maker<'a> {
    weights: &'a DeviceWeights,
    graph: &'a Graph,
    small: HashMap<ValueId, Bound>,
    /// Bytes made since the device was last waited for.
    in_flight: u64,
}

impl Maker<'_> {
    fn make(&mut self, value: ValueId) -> Result<Bound, GpuError> {
        let value = plan::storage(self.graph, value);
        if let Some(bound) = self.small.get(&value) {
            return Ok(bound.clone());
        }
        let graph = self.graph;
        let bound = match self.host_tensor(value)? {
            Some(tensor) => self.upload(&graph.value(value).name, &tensor)?,
            None => self.compute(value)?,
        };
        if bound.bytes <= SMALL {
            self.small.insert(value, bound.clone());
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

    /// The tensor of a variable, a constant, or a box cut out of one of these; `None` for what has to be computed.
    fn host_tensor(&self, value: ValueId) -> Result<Option<Arc<Tensor>>, GpuError> {
        let known = self.graph.value(value);
        match &known.source {
            Source::Input => Ok(None),
            Source::Constant(tensor) => Ok(Some(tensor.clone())),
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

    fn compute(&mut self, value: ValueId) -> Result<Bound, GpuError> {
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
        let bytes = plan::bytes(self.graph, value);
        let output = Bound { buffer: buffers::storage(gpu, &node.name, bytes)?, bytes: buffers::padded(bytes) };
        let dispatches = dispatch::bind(gpu, &candidate, &inputs, &output)?;
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass));
        drop(pass);
        gpu.queue().submit([encoder.finish()]);
        self.in_flight += output.bytes;
        Ok(output)
    }
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
