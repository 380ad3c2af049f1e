//! What a GPU is and how fast: the questions of a machine seen for the first time, answered in one JSON document.
//!
//! For every adapter: limits, features, subgroups and matrix units; a matrix product on these against the reference; the
//! speed of products by subgroup tile and by the library's own kernels; copy bandwidth; what an empty dispatch costs;
//! whether `NV_cooperative_matrix2` could be had through shaders passed through. What an adapter lacks is said by name.
//!
//! `cargo run --release -p cnn-wgpu --example probes -- [--seconds S] [--largest N] [--out FILE]`

mod cooperative;
mod gemm;
mod runner;

use std::error::Error;

use cnn_core::DType;
use cnn_wgpu::{Gpu, adapters, wgpu};
use runner::{Access, Runner};
use serde_json::{Value, json};

/// What the command line asks for.
struct Options {
    /// Seconds that one measurement may take.
    seconds: f64,
    /// Largest side of a matrix product.
    largest: usize,
    /// Where the document goes; standard output without.
    out: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { seconds: 2.0, largest: 8192, out: None };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} needs a value"))?;
            match name.as_str() {
                "--seconds" => options.seconds = value.parse()?,
                "--largest" => options.largest = value.parse()?,
                "--out" => options.out = Some(value),
                _ => return Err(format!("unknown option {name}; there are --seconds, --largest, --out").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let found = pollster::block_on(adapters());
    if found.is_empty() {
        return Err("no GPU adapter".into());
    }
    let mut reports = Vec::new();
    for adapter in &found {
        eprintln!("probing {}", adapter.get_info().name);
        reports.push(pollster::block_on(probe(adapter, &options)));
    }
    let document = serde_json::to_string_pretty(&json!({ "adapters": reports }))?;
    match options.out {
        Some(path) => std::fs::write(path, document + "\n")?,
        None => println!("{document}"),
    }
    Ok(())
}

/// A speed as it stands in the document.
fn speed_of(size: usize, seconds: f64) -> Value {
    let operations = 2.0 * (size as f64).powi(3);
    json!({ "size": size, "milliseconds": 1e3 * seconds, "gflops": operations / seconds / 1e9 })
}

async fn probe(adapter: &wgpu::Adapter, options: &Options) -> Value {
    let mut report = describe(adapter);
    let (device, queue) = match request(adapter).await {
        Ok(made) => made,
        Err(error) => {
            report["error"] = json!(error.to_string());
            return report;
        }
    };
    let gpu = Gpu::from_device(adapter, device.clone(), queue.clone());
    let runner = Runner { device, queue, seconds: options.seconds };
    let fragment =
        cooperative::fragment(adapter).filter(|_| has(&runner, wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX));
    let lanes = adapter.get_info().subgroup_max_size.max(4);
    report["cooperative_matrix"]["square_f16_to_f32_fragment"] = match fragment {
        Some(side) => json!(side),
        None => lacking("square cooperative matrices of float16 with float32 sums"),
    };
    report["cooperative_matrix"]["gemm"] = cooperative::probe(&runner, fragment, lanes, options.largest).await;
    report["gemm_f32"] = gemm::probe(&gpu, &runner, DType::F32, options.largest).await;
    report["gemm_f16"] = match gpu.capabilities().f16 {
        true => gemm::probe(&gpu, &runner, DType::F16, options.largest).await,
        false => lacking("SHADER_F16"),
    };
    report["copy"] = copy(&runner).await.unwrap_or_else(|error| json!({ "error": error }));
    report["dispatch"] = dispatch(&runner).await.unwrap_or_else(|error| json!({ "error": error }));
    report
}

fn lacking(what: &str) -> Value {
    json!({ "lacking": what })
}

fn has(runner: &Runner, feature: wgpu::Features) -> bool {
    runner.device.features().contains(feature)
}

/// All that is known without a device.
fn describe(adapter: &wgpu::Adapter) -> Value {
    let (info, features) = (adapter.get_info(), adapter.features());
    let offered = |feature: wgpu::Features| features.contains(feature);
    let properties: Vec<Value> = adapter
        .cooperative_matrix_properties()
        .iter()
        .map(|p| {
            json!({
                "m": p.m_size, "n": p.n_size, "k": p.k_size, "ab": format!("{:?}", p.ab_type),
                "c": format!("{:?}", p.cr_type), "saturating": p.saturating_accumulation,
            })
        })
        .collect();
    json!({
        "name": info.name,
        "backend": info.backend.to_string(),
        "type": format!("{:?}", info.device_type),
        "driver": info.driver,
        "driver_info": info.driver_info,
        "vendor": info.vendor,
        "device": info.device,
        "subgroups": {
            "feature": offered(wgpu::Features::SUBGROUP),
            "least": info.subgroup_min_size,
            "most": info.subgroup_max_size,
        },
        "features": {
            "SHADER_F16": offered(wgpu::Features::SHADER_F16),
            "TIMESTAMP_QUERY": offered(wgpu::Features::TIMESTAMP_QUERY),
            "PIPELINE_CACHE": offered(wgpu::Features::PIPELINE_CACHE),
            "IMMEDIATES": offered(wgpu::Features::IMMEDIATES),
            "PASSTHROUGH_SHADERS": offered(wgpu::Features::PASSTHROUGH_SHADERS),
            "EXPERIMENTAL_COOPERATIVE_MATRIX": offered(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX),
        },
        "cooperative_matrix": { "properties": properties },
        "vulkan_extensions": extensions(adapter),
        "limits": limits(&adapter.limits()),
    })
}

/// Those limits that kernels meet.
fn limits(limits: &wgpu::Limits) -> Value {
    json!({
        "max_storage_buffers_per_shader_stage": limits.max_storage_buffers_per_shader_stage,
        "max_storage_buffer_binding_size": limits.max_storage_buffer_binding_size,
        "max_buffer_size": limits.max_buffer_size,
        "max_compute_workgroup_storage_size": limits.max_compute_workgroup_storage_size,
        "max_compute_invocations_per_workgroup": limits.max_compute_invocations_per_workgroup,
        "max_compute_workgroup_size_x": limits.max_compute_workgroup_size_x,
        "max_compute_workgroups_per_dimension": limits.max_compute_workgroups_per_dimension,
        "min_storage_buffer_offset_alignment": limits.min_storage_buffer_offset_alignment,
    })
}

/// Whether the driver has extensions that wgpu does not name, for shaders passed through.
fn extensions(adapter: &wgpu::Adapter) -> Value {
    // SAFETY: the handle is only asked what it supports, and dropped here.
    let Some(vulkan) = (unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }) else { return lacking("Vulkan") };
    let supported = vulkan.physical_device_capabilities();
    json!({
        "VK_KHR_cooperative_matrix": supported.supports_extension(c"VK_KHR_cooperative_matrix"),
        "VK_NV_cooperative_matrix2": supported.supports_extension(c"VK_NV_cooperative_matrix2"),
    })
}

/// A device with all that is probed.
async fn request(adapter: &wgpu::Adapter) -> Result<(wgpu::Device, wgpu::Queue), wgpu::RequestDeviceError> {
    let wanted = wgpu::Features::SHADER_F16
        | wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    let required_features = adapter.features() & wanted;
    let experimental_features = match required_features.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX) {
        // SAFETY: the feature may have bugs that break a program; this one is run to find out, and does nothing else.
        true => unsafe { wgpu::ExperimentalFeatures::enabled() },
        false => wgpu::ExperimentalFeatures::disabled(),
    };
    let descriptor = wgpu::DeviceDescriptor {
        required_features,
        required_limits: adapter.limits(),
        experimental_features,
        ..wgpu::DeviceDescriptor::default()
    };
    adapter.request_device(&descriptor).await
}

const COPY: &str = "
@group(0) @binding(0) var<storage> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    for (var i = id.x; i < arrayLength(&y); i += groups.x * 256u) { y[i] = x[i]; }
}";

/// Bandwidth, bytes read and bytes written both counted: of a kernel, and of the copy command.
async fn copy(runner: &Runner) -> Result<Value, String> {
    let bytes = runner.device.limits().max_storage_buffer_binding_size.min(256 << 20);
    let (from, to) = (runner.empty(bytes), runner.empty(bytes));
    let job = runner.job(COPY, &[(&from, Access::Read), (&to, Access::Write)], [4096, 1, 1]).await?;
    let kernel = runner.median(|encoder| job.pass(encoder))?;
    let command = runner.median(|encoder| encoder.copy_buffer_to_buffer(&from, 0, &to, 0, bytes))?;
    let speed = |seconds: f64| 2.0 * bytes as f64 / seconds / 1e9;
    Ok(json!({ "bytes": bytes, "kernel_gb_per_s": speed(kernel), "command_gb_per_s": speed(command) }))
}

const EMPTY: &str = "@compute @workgroup_size(1) fn main() {}";
const INCREMENT: &str = "
@group(0) @binding(0) var<storage, read_write> count: array<u32>;
@compute @workgroup_size(1) fn main() { count[0] += 1u; }";

/// Microseconds of a dispatch that does nothing, of one that has to wait for the one before, and of encoding one.
async fn dispatch(runner: &Runner) -> Result<Value, String> {
    const COUNT: u32 = 10_000;
    let count = runner.empty(16);
    let mut report = json!({ "count": COUNT });
    for (name, wgsl, buffers) in [("empty", EMPTY, vec![]), ("dependent", INCREMENT, vec![(&count, Access::Write)])] {
        let job = runner.job(wgsl, &buffers, [1, 1, 1]).await?;
        let pass = |encoder: &mut wgpu::CommandEncoder| {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            (0..COUNT).for_each(|_| job.encode(&mut pass));
        };
        runner.time(pass)?;
        let [all, encoding] = runner.time(pass)?;
        let each = |seconds: f64| 1e6 * seconds / f64::from(COUNT);
        report[name] = json!({ "microseconds": each(all), "of_it_encoding": each(encoding) });
    }
    let counted = runner.read(&count)?;
    report["dependent"]["counted_right"] = json!(counted[..4] == (2 * COUNT).to_le_bytes());
    Ok(report)
}
