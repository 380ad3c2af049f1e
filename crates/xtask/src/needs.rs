//! What the checks want of a machine, and how to bring it in.

use crate::process::{ask, cargo, command, show};

/// The target of the browser check.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Something that is missing here.
pub struct Need {
    /// What it is.
    pub what: String,
    /// The shell command that brings it in.
    pub script: String,
}

impl Need {
    /// A need for `what`, met by `script`.
    pub fn new(what: impl Into<String>, script: impl Into<String>) -> Self {
        Self { what: what.into(), script: script.into() }
    }
}

/// Brings in all of `needs`, or says what is missing and how to get it.
pub fn meet(needs: &[Need], install: bool) -> Result<(), String> {
    for need in needs {
        if install {
            eprintln!("installing {}: {}", need.what, need.script);
            show(&mut command("sh", ["-ec", &need.script])).map_err(|e| format!("{}: {e}", need.what))?;
        } else {
            eprintln!("missing: {}\n    {}", need.what, need.script);
        }
    }
    if !install && !needs.is_empty() {
        eprintln!("`cargo xtask test --install-drivers` does all of this.");
    }
    Ok(())
}

/// The parts of the Rust toolchain that are missing.
pub fn tools() -> Vec<Need> {
    let mut needs = Vec::new();
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if ask(&mut cargo(&format!("{subcommand} --version"))).is_none() {
            needs.push(Need::new(component, format!("rustup component add {component}")));
        }
    }
    if !has_wasm() {
        needs.push(Need::new(format!("Rust's {WASM} target"), format!("rustup target add {WASM}")));
    }
    if !has_nextest() {
        needs.push(Need::new(
            "cargo-nextest",
            "cargo install --locked --no-default-features --features default-no-update cargo-nextest",
        ));
    }
    needs
}

/// Whether `cargo nextest` runs.
pub fn has_nextest() -> bool {
    ask(&mut cargo("nextest --version")).is_some()
}

/// Whether the standard library is there for wasm32.
pub fn has_wasm() -> bool {
    let library = ask(&mut command("rustc", ["--print", "target-libdir", "--target", WASM]));
    library.is_some_and(|path| std::path::Path::new(path.trim()).exists())
}
