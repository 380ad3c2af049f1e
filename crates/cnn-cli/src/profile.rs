//! Prints where the time of a run goes, and its memory.

use std::io::{self, Write};
use std::time::Duration;

use cnn::{Profile, StepProfile};

use crate::table::{Table, bytes, milliseconds, shape};

/// Every step in order, their sum, and the memory.
pub fn print(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let total = total(profile);
    let mut table = table();
    for step in &profile.steps {
        table.row(row(step, total));
    }
    let sum = |count: fn(&StepProfile) -> u64| profile.steps.iter().map(count).sum();
    table.row(row(
        &StepProfile {
            name: "total".into(),
            op: "",
            kernel: format!("{} steps", profile.steps.len()),
            shape: Vec::new(),
            flops: sum(|step| step.flops),
            bytes: sum(|step| step.bytes),
            time: total,
        },
        total,
    ));
    table.print(out)?;
    memory(profile, out)
}

fn memory(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let held = profile.weight_bytes + profile.activation_bytes;
    let least = profile.weight_bytes + profile.liveness_bound;
    writeln!(out)?;
    writeln!(out, "memory       {} held: weights and activations", bytes(held))?;
    writeln!(out, "weights      {}", bytes(profile.weight_bytes))?;
    writeln!(out, "activations  {} in inputs and slots", bytes(profile.activation_bytes))?;
    writeln!(out, "least        {} of activations are alive at one step", bytes(profile.liveness_bound))?;
    writeln!(out, "ratio        {:.3} held to weights and least", held as f64 / least.max(1) as f64)
}

fn total(profile: &Profile) -> Duration {
    profile.steps.iter().map(|step| step.time).sum()
}

fn table() -> Table {
    Table::new(["layer", "op", "kernel", "shape", ">ms", ">%", ">GFLOP/s", ">GB/s"])
}

fn row(step: &StepProfile, total: Duration) -> Vec<String> {
    let seconds = step.time.as_secs_f64();
    let rate = |count: u64| {
        let rate = count as f64 / seconds / 1e9;
        let digits = if rate < 10.0 { 2 } else { 1 };
        if seconds > 0.0 { format!("{rate:.digits$}") } else { "-".into() }
    };
    let share = 100.0 * seconds / total.as_secs_f64().max(f64::MIN_POSITIVE);
    vec![
        step.name.clone(),
        step.op.into(),
        step.kernel.clone(),
        shape(&step.shape),
        milliseconds(step.time),
        format!("{share:.1}"),
        rate(step.flops),
        rate(step.bytes),
    ]
}
