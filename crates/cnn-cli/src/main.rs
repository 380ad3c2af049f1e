//! The program `cnn`: convolutional networks on any GPU, from the command line.

mod batches;
mod commands;
mod console;
mod device;
mod failure;
mod labels;
mod maps;
mod measure;
mod model;
mod paths;
mod picture;
mod pipeline_cache;
mod profile;
mod table;
mod training;

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::commands::Command;
use crate::console::Console;
use crate::failure::Failure;

/// Of our code and of the drivers, which find its `malloc` in the program. What is free goes back to the system after ten seconds.
/// glibc keeps much of it, and its heap grows while blocks of many sizes come and go.
#[cfg(all(target_os = "linux", target_env = "gnu", not(test)))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs convolutional networks, Keras's layers and files, on any GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "cnn", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Shows what drivers and wgpu have to say, and what of a file was not kept
    #[arg(short, long, global = true)]
    verbose: bool,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if cli.verbose {
        console::show_logs();
    } else {
        quiet_drivers();
    }
    let mut out = BufWriter::new(std::io::stdout());
    let ran = cli.command.run(&Console::new(cli.verbose), &mut out);
    // What was printed before a failure is printed; if that fails too, the first failure is the one to tell.
    let flushed = out.flush().map_err(Failure::from);
    match ran.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints help and version, or what clap has against the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    let help_instead = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if help_instead || !error.use_stderr() {
        // Nobody is left to tell if the reader of the help is gone.
        let _ = error.print();
        return ExitCode::from(if help_instead { 2 } else { 0 });
    }
    let text = error.to_string();
    Failure::Usage(text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_string()).report()
}

/// Keeps drivers from writing to standard error: Mesa's layer that looks for a screen (`docs/drivers.md`), lavapipe's
/// notice that it is no certified driver, EGL's and Mesa's warnings. What the user has set stays.
fn quiet_drivers() {
    const QUIET: [(&str, &str); 5] = [
        ("NODEVICE_SELECT", "1"),
        ("MESA_VK_IGNORE_CONFORMANCE_WARNING", "true"),
        ("MESA_DEBUG", "silent"),
        ("MESA_LOG", "null"),
        ("EGL_LOG_LEVEL", "fatal"),
    ];
    for (name, value) in QUIET {
        if std::env::var_os(name).is_none() {
            // SAFETY: main calls this before it starts any thread, so nobody reads the environment at this moment.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
