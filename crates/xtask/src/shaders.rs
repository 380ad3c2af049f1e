//! The expanded shaders. Which variants of a kernel are in use is known to the tests alone, since the choice of kernels
//! makes them: with the environment variable `CNN_SHADER_DIR` set, the tests named `shaders` of the package `cnn-tests`
//! write each variant into that folder, as `<shader> <variant>.wgsl`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{ask, cargo, command, fresh, root, scratch, show};

/// The environment variable that names the folder for the expanded shaders.
pub const FOLDER: &str = "CNN_SHADER_DIR";

/// Dawn as a Node package; Tint is Dawn's shader compiler.
const DAWN: (&str, &str) = ("webgpu", "0.6.2");

/// What `cargo xtask shaders` may be told.
#[derive(clap::Args)]
#[group(required = true)]
pub struct Arguments {
    /// Print the expanded WGSL of every variant in use whose name begins with NAME.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    expand: Option<String>,
    /// Compile every variant in use with Tint. Needs Node and npm.
    #[arg(long)]
    tint: bool,
}

/// How a check with Tint went, if nothing failed.
pub enum Tint {
    /// All these shaders compiled.
    Passed(String),
    /// Why Tint was not run.
    NotRun(String),
}

/// Writes the expanded shaders, then prints or checks them.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let folder = fresh("shaders")?;
    show(cargo("test --quiet -p cnn-tests --tests shaders::").env(FOLDER, &folder))?;
    if let Some(name) = &arguments.expand {
        print(&folder, name)?;
    }
    if arguments.tint {
        match tint(&folder)? {
            Tint::Passed(what) => println!("Tint: {what}"),
            Tint::NotRun(reason) => return Err(format!("Tint: not run, {reason}")),
        }
    }
    Ok(())
}

fn print(folder: &Path, name: &str) -> Result<(), String> {
    let chosen = list(folder)?;
    let chosen: Vec<_> = chosen.iter().filter(|path| stem(path).starts_with(name)).collect();
    for path in &chosen {
        let text = fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        println!("// ---- {}\n{text}", stem(path));
    }
    if chosen.is_empty() { Err(format!("no shader in use has a name that begins with `{name}`")) } else { Ok(()) }
}

/// Compiles every shader in `folder` with Tint.
pub fn tint(folder: &Path) -> Result<Tint, String> {
    let shaders = list(folder)?.len();
    if shaders == 0 {
        return Err(format!("the tests wrote no shader into {}", folder.display()));
    }
    for program in ["node", "npm"] {
        if ask(&mut command(program, ["--version"])).is_none() {
            return Ok(Tint::NotRun(format!("{program} is missing")));
        }
    }
    let Ok(dawn) = dawn() else {
        return Ok(Tint::NotRun("npm could not install Dawn, see above".into()));
    };
    let script = root().join("crates/xtask/tint/check.mjs");
    show(&mut command("node", [script.as_path(), &dawn, folder])).map_err(|_| "Tint rejected a shader, see above")?;
    Ok(Tint::Passed(format!("{shaders} shaders compiled")))
}

/// Dawn's Node package, installed if it is not there.
fn dawn() -> Result<PathBuf, String> {
    let (name, version) = DAWN;
    let folder = scratch("dawn").join(version);
    let package = folder.join("node_modules").join(name);
    if !package.exists() {
        fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
        let quiet = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        let mut npm = command("npm", ["install", "--prefix"]);
        show(npm.arg(&folder).args(quiet).arg(format!("{name}@{version}")))?;
    }
    Ok(package.join("index.js"))
}

/// The shaders of a folder, by name.
fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    let mut shaders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    shaders.retain(|path| path.extension().is_some_and(|extension| extension == "wgsl"));
    shaders.sort();
    Ok(shaders)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
