//! The program as its users see it: arguments in, exit status, text and files out. No GPU is needed.

mod augment;
mod bad_input;
mod commands;
mod downloads;
mod files;
mod judging;
mod looking_inside;
mod one_output;
mod rates;
mod results;
mod training;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a run of the program left behind.
struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs the program with the words of `line`, in which `{formats}` is the folder of Keras's files, in the folder `at`.
fn cnn(line: &str, at: &Path) -> Ran {
    cnn_with(line, at, &[])
}

fn cnn_with(line: &str, at: &Path, environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    prepare(&mut command, line, at);
    command.envs(environment.iter().copied()).output().unwrap().into()
}

/// Sets arguments and environment: what Keras has left on this machine is not to matter, nor is the network.
fn prepare(command: &mut Command, line: &str, at: &Path) {
    command.env("KERAS_HOME", at.join("keras")).env("CNN_WEIGHTS_MIRROR", NO_SERVER).env("NO_PROXY", "127.0.0.1");
    command.current_dir(at).args(words(line)).stdin(Stdio::null());
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.replace("{formats}", FORMATS)).collect()
}

/// Runs the program and expects it to succeed.
fn succeeds(line: &str, at: &Path) -> Ran {
    let ran = cnn(line, at);
    assert_eq!(ran.status, Some(0), "cnn {line}\n{}", ran.err);
    ran
}

/// A port of this machine that nobody listens to.
const NO_SERVER: &str = "http://127.0.0.1:1";

/// `tests/vectors/formats`: a model in each of Keras's formats, with an input and its output.
const FORMATS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/formats");

/// Variables that hide every adapter from the Vulkan loader and from EGL.
const NO_ADAPTER: [(&str, &str); 3] = [
    ("VK_DRIVER_FILES", "/nonexistent"),
    ("VK_ICD_FILENAMES", "/nonexistent"),
    ("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent"),
];
