//! What a runner holds on each kind of device: the weights, and programs over them.

use std::sync::Arc;

use cnn_core::{DType, Plan, Profile, Tensor, Weights};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_cpu::reference::{self, Array};
use cnn_wgpu::DeviceWeights;

use crate::device::Device;
use crate::error::Error;
use crate::network::Network;

/// The weights of a network where a device wants them.
#[derive(Debug)]
pub(crate) enum Backend {
    Gpu(Arc<DeviceWeights>),
    Cpu(Arc<CpuWeights>),
    Reference(Weights),
}

/// A plan made ready to run.
#[derive(Debug)]
pub(crate) enum Program {
    Gpu(Arc<cnn_wgpu::Program>),
    Cpu(fast::Program),
    Reference { weights: Weights, plan: Plan },
}

impl Backend {
    pub(crate) fn new(device: &Device, network: &Network, precision: DType) -> Result<Self, Error> {
        let weights = network.weight_source().clone();
        match (device, precision) {
            (Device::Gpu(gpu), DType::F16) if !gpu.capabilities().f16 => {
                Err(Error::Precision { device: device.to_string() })
            }
            (Device::Gpu(gpu), _) => Ok(Self::Gpu(DeviceWeights::new(gpu.clone(), weights))),
            (_, DType::F16) => Err(Error::Precision { device: device.to_string() }),
            (Device::Cpu { .. }, DType::F32) => Ok(Self::Cpu(CpuWeights::new(weights))),
            (Device::Reference, DType::F32) => Ok(Self::Reference(network.weights()?)),
        }
    }

    pub(crate) async fn program(&self, plan: Plan) -> Result<Program, Error> {
        Ok(match self {
            Self::Gpu(weights) => Program::Gpu(Arc::new(cnn_wgpu::Program::new(weights.clone(), plan).await?)),
            Self::Cpu(weights) => Program::Cpu(fast::Program::new(weights.clone(), plan)?),
            Self::Reference(weights) => Program::Reference { weights: weights.clone(), plan },
        })
    }
}

impl Program {
    pub(crate) async fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        match self {
            Self::Gpu(program) => Ok(program.run(inputs).await?),
            Self::Cpu(program) => Ok(program.run(inputs)?),
            Self::Reference { weights, plan } => {
                let inputs: Vec<Array> = inputs.iter().map(Array::from).collect();
                let find = |path: &str| weights.get(path).map(|tensor| &**tensor);
                Ok(reference::run(plan.graph(), find, &inputs)?.iter().map(Array::to_tensor).collect())
            }
        }
    }

    pub(crate) async fn run_profiled(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Profile), Error> {
        match self {
            Self::Gpu(program) => Ok(program.run_profiled(inputs).await?),
            Self::Cpu(program) => Ok(program.run_profiled(inputs)?),
            Self::Reference { .. } => Err(Error::NoProfile),
        }
    }
}
