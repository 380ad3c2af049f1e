//! The devices that tests run on, and the report of what ran on each.

use std::io::Write;
use std::sync::Arc;

use cnn_wgpu::{Gpu, Request};

/// A device and how it is called in reports.
pub struct TestDevice {
    /// The adapter's name; with the default limits this is said too.
    pub name: String,
    /// Its backend.
    pub backend: String,
    /// The device.
    pub gpu: Arc<Gpu>,
}

/// Every adapter found, each with all it offers and, where `baseline`, once more with WebGPU's default limits.
///
/// # Panics
/// If fewer adapters are found than `CNN_TEST_ADAPTERS` demands (1 where it is not set), or one gives no device.
pub fn devices(baseline: bool) -> Vec<TestDevice> {
    let demanded = std::env::var("CNN_TEST_ADAPTERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let adapters = pollster::block_on(cnn_wgpu::adapters());
    assert!(
        adapters.len() >= demanded,
        "{} GPU adapters were found, {demanded} are demanded; `cargo xtask test --install-drivers` installs software \
         drivers",
        adapters.len()
    );
    let requests: &[Request] =
        if baseline { &[Request::Everything, Request::Baseline] } else { &[Request::Everything] };
    let pairs = adapters.iter().flat_map(|adapter| requests.iter().map(move |&request| (adapter, request)));
    pairs
        .map(|(adapter, request)| {
            let gpu = pollster::block_on(Gpu::new(adapter, request)).unwrap_or_else(|error| panic!("{error}"));
            let limits = if request == Request::Baseline { ", default limits" } else { "" };
            TestDevice { name: format!("{}{limits}", gpu.info().name), backend: gpu.info().backend.to_string(), gpu }
        })
        .collect()
}

/// Cases that a device was spared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// Which they are.
    pub case: &'static str,
    /// How many.
    pub count: usize,
    /// Why the device or its driver cannot run them.
    pub reason: &'static str,
}

/// What happened to the cases of one family on one device.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cases run.
    pub run: usize,
    /// What failed, in words.
    pub failures: Vec<String>,
    /// Cases left out.
    pub excluded: Vec<Excluded>,
}

impl Tally {
    /// Counts a case.
    pub fn add(&mut self, result: Result<(), String>) {
        self.run += 1;
        self.failures.extend(result.err());
    }

    /// Writes the counts where `CNN_TEST_REPORT` asks for them, then fails if a case did.
    ///
    /// # Panics
    /// If a case failed, or the report cannot be written.
    pub fn finish(self, device: &TestDevice, family: &str) {
        self.report(device, family).unwrap_or_else(|error| panic!("CNN_TEST_REPORT: {error}"));
        let failed = self.failures.len();
        let shown: Vec<&str> = self.failures.iter().take(12).map(String::as_str).collect();
        assert!(
            failed == 0,
            "{family} on {} ({}): {failed} of {} cases failed:\n{}",
            device.name,
            device.backend,
            self.run,
            shown.join("\n")
        );
        println!("{family} on {} ({}): {} cases", device.name, device.backend, self.run);
    }

    fn report(&self, device: &TestDevice, family: &str) -> std::io::Result<()> {
        let Some(folder) = std::env::var_os("CNN_TEST_REPORT") else { return Ok(()) };
        let excluded: Vec<serde_json::Value> = self
            .excluded
            .iter()
            .map(|Excluded { case, count, reason }| {
                serde_json::json!({ "case": case, "count": count, "reason": reason })
            })
            .collect();
        let line = serde_json::json!({
            "adapter": device.name,
            "backend": device.backend,
            "family": family,
            "run": self.run,
            "passed": self.run - self.failures.len(),
            "excluded": excluded,
        });
        let path = std::path::Path::new(&folder).join(format!("{family}-{}.jsonl", std::process::id()));
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{line}")
    }
}
