//! One file for each command.

mod augment;
mod bench;
mod classify;
mod convert;
mod demo;
mod devices;
mod evaluate;
mod explain;
mod features;
mod filters;
mod models;
mod plot;
mod run;
mod summary;
mod train;

use std::io::Write;

use clap::Subcommand;

use crate::console::Console;
use crate::failure::Failure;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    Devices(devices::Devices),
    Models(models::Models),
    Summary(summary::Summary),
    Plot(plot::Plot),
    Explain(explain::Explain),
    Features(features::Features),
    Filters(filters::Filters),
    Run(run::Run),
    Classify(classify::Classify),
    Train(Box<train::Train>),
    Evaluate(evaluate::Evaluate),
    Augment(augment::Augment),
    Convert(convert::Convert),
    Bench(bench::Bench),
    Demo(demo::Demo),
}

impl Command {
    /// Does it; results go to `out`, all else to the console.
    pub fn run(&self, console: &Console, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
        match self {
            Command::Devices(command) => command.run(out),
            Command::Models(command) => command.run(out),
            Command::Summary(command) => command.run(console, out),
            Command::Plot(command) => command.run(console, out),
            Command::Explain(command) => command.run(console, out),
            Command::Features(command) => command.run(console, out),
            Command::Filters(command) => command.run(console, out),
            Command::Run(command) => command.run(console, out),
            Command::Classify(command) => command.run(console, out),
            Command::Train(command) => command.run(console, out),
            Command::Evaluate(command) => command.run(console, out),
            Command::Augment(command) => command.run(console, out),
            Command::Convert(command) => command.run(console, out),
            Command::Bench(command) => command.run(console, out),
            Command::Demo(command) => command.run(console, out),
        }
    }
}
