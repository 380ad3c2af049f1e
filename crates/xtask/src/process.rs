//! Running other programs, and the folders everything lies in.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace's root. Asked at run time first, so that a binary from another checkout's cache serves this one.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).ancestors().nth(2).expect("crates/xtask lies two levels down").to_path_buf()
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from))
}

/// A folder of our own among the build outputs.
pub fn scratch(name: &str) -> PathBuf {
    target().join("xtask").join(name)
}

/// The same, empty.
pub fn fresh(name: &str) -> Result<PathBuf, String> {
    let folder = scratch(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| format!("cannot empty {}: {e}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    Ok(folder)
}

/// `program` with `arguments`, in the workspace's root, with nothing to read from standard input.
pub fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this, with `arguments` separated by blanks.
pub fn cargo(arguments: &str) -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments.split_whitespace())
}

/// Runs to the end, output shown; an exit status other than 0 is an error.
pub fn show(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", line(command))),
        Err(error) => Err(format!("{} did not start: {error}", line(command))),
    }
}

/// Runs to the end in silence; its standard output if the exit status was 0.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
