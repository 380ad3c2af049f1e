//! `cnn devices`: where networks can run.

use std::io::Write;

use clap::Args;
use cnn::AdapterSummary;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::table::bytes;

/// Lists every GPU adapter, numbered as `--device gpu:N` takes them, and the CPU
#[derive(Debug, Args)]
pub struct Devices {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Devices {
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let adapters = pollster::block_on(cnn::adapters());
        let cpu = Cpu::this();
        if self.json {
            let gpus = adapters.iter().enumerate().map(|(number, adapter)| adapter_json(number, adapter));
            let devices: Vec<Value> = gpus.chain([cpu.json()]).collect();
            writeln!(out, "{:#}", json!({ "devices": devices }))?;
            return Ok(());
        }
        for (number, adapter) in adapters.iter().enumerate() {
            print_adapter(number, adapter, out)?;
        }
        if adapters.is_empty() {
            writeln!(out, "No GPU adapter was found. Install a Vulkan driver (on Debian: mesa-vulkan-drivers).\n")?;
        }
        cpu.print(out)
    }
}

fn print_adapter(number: usize, adapter: &AdapterSummary, out: &mut dyn Write) -> Result<(), Failure> {
    let driver = if adapter.driver.is_empty() { "not told" } else { &adapter.driver };
    let mut features = Vec::new();
    features.extend(adapter.f16.then(|| "f16".to_string()));
    features.extend(adapter.subgroup_size.map(|[least, most]| match least == most {
        true => format!("subgroups of {least}"),
        false => format!("subgroups of {least} to {most}"),
    }));
    features.extend(adapter.timestamps.then(|| "timestamps".to_string()));
    features.extend(adapter.pipeline_cache.then(|| "pipeline cache".to_string()));
    let features = if features.is_empty() { "none".into() } else { features.join(", ") };
    writeln!(out, "gpu:{number}  {}", adapter.name)?;
    writeln!(out, "       backend    {}, {}", adapter.backend, adapter.kind)?;
    writeln!(out, "       driver     {driver}")?;
    writeln!(out, "       binding    {} at most, buffer {}", bytes(adapter.max_binding), bytes(adapter.max_buffer))?;
    let (memory, invocations) = (bytes(adapter.workgroup_memory.into()), adapter.max_invocations);
    writeln!(out, "       workgroup  {memory} of memory, {invocations} invocations")?;
    writeln!(out, "       features   {features}\n")?;
    Ok(())
}

fn adapter_json(number: usize, adapter: &AdapterSummary) -> Value {
    json!({
        "device": format!("gpu:{number}"),
        "name": adapter.name,
        "backend": adapter.backend,
        "kind": adapter.kind,
        "driver": adapter.driver,
        "limits": {
            "max_binding": adapter.max_binding,
            "max_buffer": adapter.max_buffer,
            "workgroup_memory": adapter.workgroup_memory,
            "max_invocations": adapter.max_invocations,
        },
        "features": {
            "f16": adapter.f16,
            "subgroup_size": adapter.subgroup_size,
            "timestamps": adapter.timestamps,
            "pipeline_cache": adapter.pipeline_cache,
        },
    })
}

/// The processor of this machine.
struct Cpu {
    name: String,
    threads: usize,
    features: Vec<&'static str>,
}

impl Cpu {
    fn this() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { name: cpu_name(), threads, features: cpu_features() }
    }

    fn print(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let features = if self.features.is_empty() { "none".into() } else { self.features.join(", ") };
        writeln!(out, "cpu    {}", self.name)?;
        writeln!(out, "       threads    {}", self.threads)?;
        writeln!(out, "       features   {features}")?;
        Ok(())
    }

    fn json(&self) -> Value {
        json!({
            "device": "cpu",
            "name": self.name,
            "backend": "CPU",
            "kind": std::env::consts::ARCH,
            "limits": { "threads": self.threads },
            "features": self.features,
        })
    }
}

/// The processor's name as Linux tells it, elsewhere its architecture.
fn cpu_name() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_string(), |(_, name)| name.trim().to_string())
}

/// The instruction sets that matrix products gain from.
fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(target_arch = "aarch64")]
    let features = [("neon", std::arch::is_aarch64_feature_detected!("neon"))];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let features: [(&'static str, bool); 0] = [];
    features.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}
