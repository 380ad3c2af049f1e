//! `cargo xtask zoo`: every model of the zoo on the reference, the CPU and a device, outside CI. Each model is a process of
//! its own, and its row is in the table as soon as it is over, so that a run can be broken off and goes on later.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use crate::process::{ask, cargo, command, root, show, target};

/// The table, from the workspace's root.
const TABLE: &str = "tests/ZOO.md";

const HEAD: &str = "\
# The zoo on the reference, the CPU and a device

Written by `cargo xtask zoo`, which leaves rows that are here as they are; name models to run them again. Batch 1, the
recipe's weights (`tests/scales.rs`) and picture at the default size, or, where the values of all steps are over 6 GiB, at
the least legal size. *spread* is the root mean square of the logits, *flipped* that of their change where the picture is
flipped. Every step is held against float64, given what the backend itself made before it: *worst* is the largest error of
its bound, at most 1. *off* is how far the logits are from the reference's, at most 1e-4, and the ten largest are in its order.

| model | size | M parameters | spread | flipped | CPU: steps | worst | off | {adapter}: steps | worst | off | seconds |
|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// What `cargo xtask zoo` may be told.
#[derive(clap::Args)]
pub struct Arguments {
    /// Models to run, whether or not they have a row; by default all that have none.
    models: Vec<String>,
    /// Part of a Vulkan adapter's name; lavapipe calls itself llvmpipe.
    #[arg(long, default_value = "llvmpipe")]
    adapter: String,
}

/// Runs the models and writes the table.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    show(&mut cargo("build --workspace --example zoo"))?;
    let program = target().join("debug/examples/zoo");
    let names = ask(&mut command(&program, [""; 0])).ok_or("the example zoo does not list its models")?;
    let names: Vec<&str> = names.lines().collect();
    let path = root().join(TABLE);
    let mut rows = read(&path);
    let known = |name: &&String| names.contains(&name.as_str());
    if let Some(unknown) = arguments.models.iter().find(|name| !known(name)) {
        return Err(format!("no model is called {unknown}; there are {}", names.join(", ")));
    }
    let mut failed = Vec::new();
    for &name in &names {
        let wanted = if arguments.models.is_empty() {
            !rows.contains_key(name)
        } else {
            arguments.models.iter().any(|model| model == name)
        };
        if !wanted {
            continue;
        }
        let output = command(&program, [arguments.adapter.as_str(), name]).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("{name} did not start: {error}"))?;
        let row = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        println!("{}", if row.is_empty() { name } else { &row });
        if output.status.success() {
            rows.insert(name.to_owned(), row);
            write(&path, &arguments.adapter, &names, &rows)?;
        } else {
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not as they should be: {}", failed.join(", "))) }
}

/// The rows of the table by model, if there is one.
fn read(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let rows = text.lines().filter_map(|line| Some((line.strip_prefix("| ")?.split(' ').next()?.to_owned(), line)));
    rows.filter(|(name, _)| name != "model").map(|(name, line)| (name, line.to_owned())).collect()
}

fn write(path: &Path, adapter: &str, names: &[&str], rows: &BTreeMap<String, String>) -> Result<(), String> {
    let mut text = HEAD.replace("{adapter}", adapter);
    for row in names.iter().filter_map(|&name| rows.get(name)) {
        text.push_str(row);
        text.push('\n');
    }
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
