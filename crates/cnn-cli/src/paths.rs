//! Output files: what can be told before the work is done, and Keras's cache.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Refuses a file that cannot be written, before anything is computed for it.
pub fn check_writable(path: &Path) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let refuse = |reason: String| Err(Failure::Failed(format!("{}: cannot be written: {reason}", path.display())));
    if path.is_dir() {
        return refuse("it is a folder; name a file in it".into());
    }
    if !folder.is_dir() {
        return refuse(format!("there is no folder {}; make it first", folder.display()));
    }
    Ok(())
}

/// The file of that name in the folder where Keras keeps what it downloads, if it is there: `$KERAS_HOME/models` or
/// `~/.keras/models`.
pub fn in_keras_cache(file: &str) -> Option<PathBuf> {
    Some(keras_cache()?.join(file)).filter(|path| path.is_file())
}

/// That folder, whether it is there or not.
pub fn keras_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").or_else(|| set("USERPROFILE")).map(|home| home.join(".keras"));
    Some(set("KERAS_HOME").or_else(home)?.join("models"))
}
