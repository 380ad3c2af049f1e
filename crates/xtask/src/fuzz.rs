//! Every reader of foreign files under libFuzzer (`tests/fuzz`).

use std::path::Path;
use std::process::Command;

use crate::process::{ask, cargo, command, root, scratch, show};

/// The targets of `tests/fuzz`.
const TARGETS: [&str; 5] = ["hdf5", "keras", "safetensors", "npy", "config"];

/// What bounds a run: files up to 64 KiB, 64 MiB at most in one allocation (a byte of deflate is 1032 at most), 10 s.
const BOUNDS: [&str; 4] = ["-max_len=65536", "-malloc_limit_mb=64", "-rss_limit_mb=2048", "-timeout=10"];

/// Fuzzes the readers of foreign files.
#[derive(clap::Args)]
pub struct Arguments {
    /// The readers; all of them by default
    #[arg(value_parser = TARGETS)]
    targets: Vec<String>,
    /// How long each is fuzzed
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Adds what reaches new code to the corpus in the repository
    #[arg(long)]
    keep: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), String> {
    if ask(&mut fuzz(["--version"])).is_none() {
        return Err("fuzzing takes a nightly compiler and cargo-fuzz: `rustup toolchain install nightly`, \
                    `cargo install cargo-fuzz`"
            .into());
    }
    let work = scratch("fuzz");
    let seeds = work.join("seeds");
    show(cargo("run --quiet --package cnn-tests --example fuzz_seeds --").arg(&seeds))?;
    let all = TARGETS.map(String::from);
    let targets = if arguments.targets.is_empty() { &all[..] } else { &arguments.targets[..] };
    for target in targets {
        let found = work.join("found").join(target);
        std::fs::create_dir_all(&found).map_err(|error| format!("cannot make {}: {error}", found.display()))?;
        let (kept, seeds) = (root().join("tests/fuzz/corpus").join(target), seeds.join(target));
        println!("{target}: {} minutes", arguments.minutes);
        let time = format!("-max_total_time={}", 60 * arguments.minutes);
        show(&mut target_run(target, &[&found, &seeds, &kept], &["-print_final_stats=1", "-verbosity=0", &time]))?;
        if arguments.keep {
            show(&mut target_run(target, &[&kept, &seeds, &found], &["-set_cover_merge=1", "-use_counters=0"]))?;
        }
    }
    Ok(())
}

/// A target over folders of files; what it finds goes into the first.
fn target_run(target: &str, folders: &[&Path], options: &[&str]) -> Command {
    let mut run = fuzz(["run", "--fuzz-dir", "tests/fuzz", target]);
    run.args(folders).arg("--").args(BOUNDS).args(options);
    run
}

fn fuzz<const N: usize>(arguments: [&str; N]) -> Command {
    let mut fuzz = command("cargo", ["+nightly", "fuzz"]);
    // The toolchain's own variables would hold rustup to the one that runs this.
    fuzz.args(arguments).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    fuzz
}
