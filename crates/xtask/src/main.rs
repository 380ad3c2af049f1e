//! Checks and chores of the workspace: `cargo xtask test`, `cargo xtask shaders`, `cargo xtask drivers`,
//! `cargo xtask fuzz`, `cargo xtask zoo`.

mod drivers;
mod fuzz;
mod needs;
mod process;
mod report;
mod shaders;
mod test;
mod zoo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks and chores of the workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Every check: format, lints, documentation, tests on every adapter, wasm32, shaders through Tint.
    Test(test::Arguments),
    /// The expanded shaders: print them, or check them with Tint, the shader compiler of Chrome.
    Shaders(shaders::Arguments),
    /// The software drivers: what is there, what is missing, and the environment that shows them all.
    Drivers(drivers::Arguments),
    /// Every reader of foreign files under libFuzzer; takes a nightly compiler and cargo-fuzz.
    Fuzz(fuzz::Arguments),
    /// Every model of the zoo on the reference, the CPU and a device; writes tests/ZOO.md.
    Zoo(zoo::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Chore::Test(arguments) => test::run(&arguments),
        Chore::Shaders(arguments) => shaders::run(&arguments),
        Chore::Drivers(arguments) => drivers::run(&arguments),
        Chore::Fuzz(arguments) => fuzz::run(&arguments),
        Chore::Zoo(arguments) => zoo::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
