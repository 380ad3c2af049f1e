//! A network on a device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cnn_core::{DType, Mode, Plan, Profile, Tensor};
use cnn_wgpu::Program as GpuProgram;

use crate::backend::{Backend, Program};
use crate::device::Device;
use crate::error::Error;
use crate::network::Network;
use crate::pieces::{cut, join, pieces, shapes, with_batch};

/// How a network is run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// How activations and weights are stored; arithmetic is float32 for both.
    pub precision: DType,
    /// Layers by path (`inception_v3/mixed3`) whose outputs come behind the model's own.
    pub taps: Vec<String>,
}

/// A network on a device: a program for each shape of input, made at its first use, all over one copy of the weights.
#[derive(Debug)]
pub struct Runner {
    network: Network,
    device: Device,
    options: Options,
    backend: Backend,
    programs: Mutex<HashMap<Vec<Vec<usize>>, Arc<Program>>>,
}

impl Runner {
    /// `network` on `device`. Nothing is uploaded or compiled before [`Runner::prepare`] or the first run.
    ///
    /// # Errors
    /// If the device does not store `options.precision`.
    pub fn new(device: &Device, network: Network, options: Options) -> Result<Self, Error> {
        let backend = Backend::new(device, &network, options.precision)?;
        Ok(Self { network, device: device.clone(), options, backend, programs: Mutex::default() })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Where the weights are, for programs over them.
    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The names of what a run returns: the layers that make the model's outputs, then the taps.
    pub fn output_names(&self) -> Vec<String> {
        let model = self.network.model();
        let outputs = model.outputs().iter().map(|x| model.layers()[x.layer].name().to_string());
        outputs.chain(self.options.taps.iter().cloned()).collect()
    }

    /// Makes the program for inputs of these shapes, batch included: uploads weights, compiles kernels, allocates.
    ///
    /// # Errors
    /// If the model cannot take these shapes or the device cannot hold the program.
    pub async fn prepare(&self, shapes: &[Vec<usize>]) -> Result<(), Error> {
        for piece in self.pieces(shapes)? {
            self.program(&with_batch(shapes, piece)).await?;
        }
        Ok(())
    }

    /// The outputs for `inputs` (NHWC, in the model's order), as [`Runner::output_names`] orders them.
    ///
    /// # Errors
    /// If the model cannot take these shapes, or the device cannot hold the program or is lost.
    pub async fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let shapes = shapes(inputs);
        let pieces = self.pieces(&shapes)?;
        if let [_] = pieces[..] {
            return self.program(&shapes).await?.run(inputs).await;
        }
        let mut parts = Vec::new();
        for inputs in cut(inputs, &pieces) {
            let inputs = inputs?;
            parts.push(self.program(&self::shapes(&inputs)).await?.run(&inputs).await?);
        }
        join(parts)
    }

    /// [`Runner::run`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_blocking(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        pollster::block_on(self.run(inputs))
    }

    /// One run with a clock around every step.
    ///
    /// # Errors
    /// As [`Runner::run`]; if the device has no clock; if the batch does not fit in one piece.
    pub async fn run_profiled(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Profile), Error> {
        let shapes = shapes(inputs);
        self.program(&shapes).await?.run_profiled(inputs).await
    }

    /// The program for inputs of these shapes as it lies on the GPU, for an application that records it into a
    /// `wgpu::CommandEncoder` of its own with its own buffers ([`GpuProgram::record`]); `None` on the CPU.
    ///
    /// ```no_run
    /// use cnn::{Device, Gpu, Network, Options, Runner, wgpu};
    ///
    /// /// `picture` and `scores` are the application's buffers, float32 NHWC.
    /// async fn classify(
    ///     gpu: std::sync::Arc<Gpu>, // Gpu::from_device(&adapter, device, queue)
    ///     encoder: &mut wgpu::CommandEncoder,
    ///     picture: &wgpu::Buffer,
    ///     scores: &wgpu::Buffer,
    /// ) -> Result<(), cnn::Error> {
    ///     let network = Network::load("digits.keras".as_ref())?;
    ///     let runner = Runner::new(&Device::Gpu(gpu), network, Options::default())?;
    ///     if let Some(program) = runner.gpu_program(&[vec![1, 8, 8, 1]]).await? {
    ///         program.record(encoder, &[picture], &[scores])?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// If the model cannot take these shapes or the device cannot hold the program in one piece.
    pub async fn gpu_program(&self, shapes: &[Vec<usize>]) -> Result<Option<Arc<GpuProgram>>, Error> {
        match &*self.program(shapes).await? {
            Program::Gpu(program) => Ok(Some(program.clone())),
            Program::Cpu(_) | Program::Reference { .. } => Ok(None),
        }
    }

    /// How the batch of inputs of these shapes is cut, because the device holds no tensor that large: one number, the
    /// batch itself, where it fits.
    ///
    /// # Errors
    /// If the model cannot take these shapes.
    pub fn pieces(&self, shapes: &[Vec<usize>]) -> Result<Vec<usize>, Error> {
        let known = self.programs.lock().unwrap_or_else(PoisonError::into_inner).contains_key(shapes);
        let limit = self.device.max_tensor_bytes().filter(|_| !known);
        pieces(shapes, limit, |shapes| self.plan(shapes))
    }

    async fn program(&self, shapes: &[Vec<usize>]) -> Result<Arc<Program>, Error> {
        let known = self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(shapes).cloned();
        if let Some(program) = known {
            return Ok(program);
        }
        let program = Arc::new(self.backend.program(self.plan(shapes)?).await?);
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(programs.entry(shapes.to_vec()).or_insert(program).clone())
    }

    /// The graph for inputs of these shapes, as the device runs it.
    fn plan(&self, shapes: &[Vec<usize>]) -> Result<Plan, Error> {
        let taps: Vec<&str> = self.options.taps.iter().map(String::as_str).collect();
        let graph = self.network.model().lower(shapes, Mode::Inference, &taps)?;
        Ok(self.device.plan(&graph, self.options.precision))
    }
}
