//! The options that say where and how precisely a network runs.

use clap::{Args, ValueEnum};
use cnn::{DType, Device, DeviceRequest, Runner};

use crate::console::Console;
use crate::failure::Failure;

/// Where and how precisely.
#[derive(Debug, Clone, Args)]
pub struct DeviceArgs {
    /// Where it runs: auto, gpu, gpu:N (as `cnn devices` numbers them), cpu, or reference, the slow float64 truth
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: DeviceRequest,
    /// How weights and activations are stored; sums are float32 for both
    #[arg(long, default_value = "f32")]
    pub precision: Precision,
}

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// float32
    F32,
    /// float16, on GPUs that have it
    F16,
}

impl Precision {
    /// As the option is written.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        }
    }
}

impl From<Precision> for DType {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
        }
    }
}

/// Opens a device, and says so where the CPU has to stand in for a GPU.
pub fn open(request: DeviceRequest, console: &Console) -> Result<Device, Failure> {
    let device = pollster::block_on(Device::open(request))?;
    if let Device::Cpu { no_gpu: Some(reason) } = &device {
        console.note(&format!("{reason}; running on the CPU"));
    }
    Ok(device)
}

/// Says how a batch is cut, if the device holds no tensor as large as it needs.
pub fn report_pieces(runner: &Runner, shapes: &[Vec<usize>], console: &Console) -> Result<usize, Failure> {
    let pieces = runner.pieces(shapes)?;
    if pieces.len() > 1 {
        let sizes: Vec<String> = pieces.iter().map(usize::to_string).collect();
        console.note(&format!(
            "{} holds no tensor as large as the batch needs; it runs in {} pieces of {}",
            runner.device(),
            pieces.len(),
            sizes.join(", ")
        ));
    }
    Ok(pieces.len())
}
