//! Where a network runs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cnn_core::{DType, Graph, Plan, Simplify, simplify};
use cnn_wgpu::{AdapterSummary, Gpu, GpuError, Request};

use crate::error::Error;

/// Every adapter of this machine; the one at index N is `gpu:N`.
pub async fn adapters() -> Vec<AdapterSummary> {
    cnn_wgpu::adapters().await.iter().map(AdapterSummary::new).collect()
}

/// What a user asks for: `auto`, `gpu`, `gpu:N`, `cpu` or `reference`.
///
/// ```
/// use cnn::DeviceRequest;
/// assert_eq!("gpu:1".parse(), Ok(DeviceRequest::Gpu(1)));
/// assert_eq!(DeviceRequest::Gpu(0).to_string(), "gpu");
/// assert!("tpu".parse::<DeviceRequest>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceRequest {
    /// The first adapter that gives a device, else the CPU.
    #[default]
    Auto,
    /// The adapter of that number, as [`adapters`] orders them.
    Gpu(usize),
    /// The CPU, in float32.
    Cpu,
    /// The CPU in float64, the graph as the layers describe it: slow, and what all else is measured by.
    Reference,
}

/// A text that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no device; there are auto, gpu, gpu:N, cpu and reference")]
pub struct UnknownDevice(pub String);

impl FromStr for DeviceRequest {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        match text {
            "auto" => Ok(Self::Auto),
            "gpu" => Ok(Self::Gpu(0)),
            "cpu" => Ok(Self::Cpu),
            "reference" => Ok(Self::Reference),
            _ => {
                let number = text.strip_prefix("gpu:").and_then(|number| number.parse().ok());
                number.map(Self::Gpu).ok_or_else(|| UnknownDevice(text.into()))
            }
        }
    }
}

impl fmt::Display for DeviceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Gpu(0) => f.write_str("gpu"),
            Self::Gpu(number) => write!(f, "gpu:{number}"),
            Self::Cpu => f.write_str("cpu"),
            Self::Reference => f.write_str("reference"),
        }
    }
}

/// Where a network runs. Cloning shares the device. Its text names it, and says so if it is not what was hoped for.
#[derive(Debug, Clone)]
pub enum Device {
    /// A GPU.
    Gpu(Arc<Gpu>),
    /// The CPU, in float32 on all cores.
    Cpu {
        /// Why it is not a GPU, if one was looked for.
        no_gpu: Option<String>,
    },
    /// The CPU in float64.
    Reference,
}

impl Device {
    /// The device that `request` names.
    ///
    /// # Errors
    /// If there is no such adapter or it gives no device. [`DeviceRequest::Auto`] always finds one.
    pub async fn open(request: DeviceRequest) -> Result<Self, Error> {
        match request {
            DeviceRequest::Auto => Ok(Self::auto().await),
            DeviceRequest::Gpu(number) => {
                let adapter = cnn_wgpu::adapter(number).await?;
                Ok(Self::Gpu(Gpu::new(&adapter, Request::Everything).await?))
            }
            DeviceRequest::Cpu => Ok(Self::cpu()),
            DeviceRequest::Reference => Ok(Self::Reference),
        }
    }

    /// The CPU, asked for.
    pub fn cpu() -> Self {
        Self::Cpu { no_gpu: None }
    }

    /// The first adapter that gives a device, else the CPU, which then says why.
    pub async fn auto() -> Self {
        let mut refusals = Vec::new();
        for adapter in cnn_wgpu::adapters().await {
            match Gpu::new(&adapter, Request::Everything).await {
                Ok(gpu) => return Self::Gpu(gpu),
                Err(error) => refusals.push(error.to_string()),
            }
        }
        if refusals.is_empty() {
            refusals.push(GpuError::NoAdapters.to_string());
        }
        Self::Cpu { no_gpu: Some(refusals.join("; ")) }
    }

    /// Whether it tells how long each step of a run takes ([`Runner::run_profiled`](crate::Runner::run_profiled)).
    pub fn has_clock(&self) -> bool {
        match self {
            Self::Gpu(gpu) => gpu.capabilities().timestamps,
            Self::Cpu { .. } => true,
            Self::Reference => false,
        }
    }

    /// A graph as the device runs it, activations and weights stored in `storage`. The reference runs it as the layers describe it.
    pub(crate) fn plan(&self, graph: &Graph, storage: DType) -> Plan {
        if let Self::Reference = self {
            return Plan::new(graph.clone());
        }
        let weight_limit = self.max_tensor_bytes().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Plan::new(simplify(graph, &Simplify { weight_limit, storage }))
    }

    /// Whether it stores tensors so.
    ///
    /// # Errors
    /// If not: all but some GPUs store float32 alone.
    pub(crate) fn check_precision(&self, precision: DType) -> Result<(), Error> {
        match (self, precision) {
            (_, DType::F32) => Ok(()),
            (Self::Gpu(gpu), DType::F16) if gpu.capabilities().f16 => Ok(()),
            (_, DType::F16) => Err(Error::Precision { device: self.to_string() }),
        }
    }

    /// The bytes of device memory in use; `None` where nobody tells, as on OpenGL, and for the CPU.
    pub fn allocated_bytes(&self) -> Option<u64> {
        match self {
            Self::Gpu(gpu) => gpu.allocated_bytes(),
            Self::Cpu { .. } | Self::Reference => None,
        }
    }

    /// The most bytes that one tensor may take in one piece; `None` where only memory limits it.
    pub fn max_tensor_bytes(&self) -> Option<u64> {
        match self {
            Self::Gpu(gpu) => Some(gpu.capabilities().max_tensor()),
            Self::Cpu { .. } | Self::Reference => None,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gpu(gpu) => write!(f, "{} ({})", gpu.info().name, gpu.info().backend),
            Self::Cpu { no_gpu: None } => f.write_str("CPU"),
            Self::Cpu { no_gpu: Some(reason) } => write!(f, "CPU, since {reason}"),
            Self::Reference => f.write_str("CPU reference in float64"),
        }
    }
}
