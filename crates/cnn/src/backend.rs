//! What a runner holds on each kind of device: the weights, and programs over them.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cnn_core::{DType, Plan, Profile, Tensor, Weights};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_cpu::reference::{self, Array};
use cnn_wgpu::DeviceWeights;

use crate::device::Device;
use crate::error::Error;
use crate::network::Network;

/// Weights in float64 by path, shared by all programs.
type Variables = Arc<Mutex<HashMap<String, Array>>>;

/// The weights of a network where a device wants them.
#[derive(Debug)]
pub(crate) enum Backend {
    Gpu(Arc<DeviceWeights>),
    Cpu(Arc<CpuWeights>),
    Reference(Variables),
}

/// A plan made ready to run.
#[derive(Debug)]
pub(crate) enum Program {
    Gpu(Arc<cnn_wgpu::Program>),
    Cpu(fast::Program),
    Reference { variables: Variables, plan: Plan },
}

impl Backend {
    pub(crate) fn new(device: &Device, network: &Network, precision: DType) -> Result<Self, Error> {
        device.check_precision(precision)?;
        let weights = network.weight_source().clone();
        match device {
            Device::Gpu(gpu) => Ok(Self::Gpu(DeviceWeights::new(gpu.clone(), weights))),
            Device::Cpu { .. } => Ok(Self::Cpu(CpuWeights::new(weights))),
            Device::Reference => Ok(Self::of_weights(device, network.weights()?)),
        }
    }

    /// Of variables in memory, in float32.
    pub(crate) fn of_weights(device: &Device, weights: Weights) -> Self {
        match device {
            Device::Gpu(gpu) => Self::Gpu(DeviceWeights::new(gpu.clone(), Arc::new(weights))),
            Device::Cpu { .. } => Self::Cpu(CpuWeights::new(Arc::new(weights))),
            Device::Reference => {
                let arrays = weights.iter().map(|(path, tensor)| (path.to_string(), Array::from(tensor.as_ref())));
                Self::Reference(Arc::new(Mutex::new(arrays.collect())))
            }
        }
    }

    pub(crate) async fn program(&self, plan: Plan) -> Result<Program, Error> {
        Ok(match self {
            Self::Gpu(weights) => Program::Gpu(Arc::new(cnn_wgpu::Program::new(weights.clone(), plan).await?)),
            Self::Cpu(weights) => Program::Cpu(fast::Program::new(weights.clone(), plan)?),
            Self::Reference(variables) => Program::Reference { variables: variables.clone(), plan },
        })
    }

    /// A variable as it is now.
    pub(crate) async fn read(&self, path: &str) -> Result<Arc<Tensor>, Error> {
        let missing = || Error::MissingVariable { path: path.to_string() };
        match self {
            Self::Gpu(weights) => Ok(Arc::new(weights.read(path).await?)),
            Self::Cpu(weights) => weights.read(path)?.ok_or_else(missing),
            Self::Reference(variables) => {
                let variables = variables.lock().unwrap_or_else(PoisonError::into_inner);
                variables.get(path).map(|array| Arc::new(array.to_tensor())).ok_or_else(missing)
            }
        }
    }
}

impl Program {
    pub(crate) async fn run(&self, inputs: &[impl Borrow<Tensor>]) -> Result<Vec<Tensor>, Error> {
        match self {
            Self::Gpu(program) => Ok(program.run(inputs).await?),
            Self::Cpu(program) => Ok(program.run(inputs)?),
            Self::Reference { variables, plan } => {
                let inputs: Vec<Array> = inputs.iter().map(|input| Array::from(input.borrow())).collect();
                let mut variables = variables.lock().unwrap_or_else(PoisonError::into_inner);
                let find = |path: &str| variables.get(path).cloned();
                let step = reference::step(plan.graph(), find, &inputs)?;
                variables.extend(step.assigned);
                Ok(step.outputs.iter().map(Array::to_tensor).collect())
            }
        }
    }

    pub(crate) async fn run_profiled(&self, inputs: &[impl Borrow<Tensor>]) -> Result<(Vec<Tensor>, Profile), Error> {
        match self {
            Self::Gpu(program) => Ok(program.run_profiled(inputs).await?),
            Self::Cpu(program) => Ok(program.run_profiled(inputs)?),
            Self::Reference { .. } => Err(Error::NoProfile),
        }
    }
}
