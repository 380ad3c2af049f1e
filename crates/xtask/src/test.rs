//! `cargo xtask test`: every check of the workspace, one after the other, all of them even if one fails.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::drivers;
use crate::needs::{self, WASM};
use crate::process::{cargo, fresh, show};
use crate::report::Report;
use crate::shaders::{self, Tint};

/// The packages that have to compile for a browser.
const BROWSER_PACKAGES: [&str; 8] =
    ["cnn-core", "cnn-cpu", "cnn-shaders", "cnn-wgpu", "cnn-io", "cnn-zoo", "cnn-data", "cnn"];

/// What `cargo xtask test` may be told.
#[derive(clap::Args)]
pub struct Arguments {
    /// Install what is missing: software drivers, cargo-nextest, parts of the toolchain (Debian and Ubuntu, as root or
    /// with sudo).
    #[arg(long)]
    install_drivers: bool,
    /// How many adapters have to be there and be tested.
    #[arg(long, value_name = "N", default_value_t = 1)]
    adapters: usize,
}

/// How a check went.
enum Outcome {
    Passed(String),
    NotRun(String),
    Failed(String),
}

/// A check that is over.
struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs every check, then prints what each came to.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let begin = Instant::now();
    let mut done = Vec::new();
    let mut stage = |name, check: &mut dyn FnMut() -> Result<Outcome, String>| {
        println!("\n==== {name}");
        let begin = Instant::now();
        let outcome = check().unwrap_or_else(Outcome::Failed);
        let took = begin.elapsed();
        println!("==== {name}: {}, {}", word(&outcome), time(took));
        done.push(Done { name, outcome, took });
    };

    stage("drivers and tools", &mut || {
        let missing: Vec<_> = needs::tools().into_iter().chain(drivers::missing()).collect();
        needs::meet(&missing, arguments.install_drivers)?;
        Ok(match missing.len() {
            0 => Outcome::Passed("all there".into()),
            n if arguments.install_drivers => Outcome::Passed(format!("{n} installed")),
            n => Outcome::NotRun(format!("{n} missing, see above")),
        })
    });
    stage("format", &mut || passed(show(&mut cargo("fmt --all --check"))));
    stage("clippy", &mut || passed(show(&mut cargo("clippy --workspace --all-targets -- -D warnings"))));
    stage("documentation", &mut || passed(show(cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"))));
    stage("documentation's examples", &mut || passed(show(&mut cargo("test --doc --workspace"))));

    let [reports, wgsl] = [fresh("report")?, fresh("shaders")?];
    stage("tests", &mut || tests(arguments.adapters, &reports, &wgsl));
    stage("wasm32", &mut || {
        let packages = BROWSER_PACKAGES.map(|package| format!("-p {package}")).join(" ");
        passed(show(&mut cargo(&format!("check --target {WASM} {packages}"))))
    });
    stage("shaders through Tint", &mut || {
        Ok(match shaders::tint(&wgsl)? {
            Tint::Passed(what) => Outcome::Passed(what),
            Tint::NotRun(reason) => Outcome::NotRun(reason),
        })
    });
    summarise(&done, &Report::read(&reports)?, arguments.adapters, begin.elapsed())
}

/// Tests and device tests, on every adapter there is.
fn tests(adapters: usize, reports: &Path, wgsl: &Path) -> Result<Outcome, String> {
    let nextest = needs::has_nextest();
    let mut tests = cargo(if nextest { "nextest run --workspace" } else { "test --workspace --lib --bins --tests" });
    tests.envs(drivers::environment());
    tests.env("CNN_TEST_REPORT", reports).env("CNN_TEST_ADAPTERS", adapters.to_string()).env(shaders::FOLDER, wgsl);
    show(&mut tests)?;
    let runner = if nextest { "cargo nextest" } else { "cargo test, since cargo-nextest is missing" };
    Ok(Outcome::Passed(format!("by {runner}")))
}

fn summarise(done: &[Done], report: &Report, adapters: usize, took: Duration) -> Result<(), String> {
    println!("\n==== summary");
    for Done { name, outcome, took } in done {
        let note = match outcome {
            Outcome::Passed(note) | Outcome::NotRun(note) | Outcome::Failed(note) if !note.is_empty() => {
                format!(", {note}")
            }
            _ => String::new(),
        };
        println!("{name}: {}{note} ({})", word(outcome), time(*took));
    }
    for line in report.lines() {
        println!("{line}");
    }
    let mut problems = report.problems(adapters);
    problems.extend(done.iter().filter_map(|done| match &done.outcome {
        Outcome::Failed(_) => Some(format!("{} failed", done.name)),
        _ => None,
    }));
    for problem in &problems {
        println!("FAILED: {problem}");
    }
    if problems.is_empty() {
        println!("All checks passed in {}.", time(took));
        Ok(())
    } else {
        Err(format!("{} problems, listed above, after {}", problems.len(), time(took)))
    }
}

fn passed(result: Result<(), String>) -> Result<Outcome, String> {
    result.map(|()| Outcome::Passed(String::new()))
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed(_) => "passed",
        Outcome::NotRun(_) => "not run",
        Outcome::Failed(_) => "FAILED",
    }
}

fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}
