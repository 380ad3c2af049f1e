//! Output files: what can be told before the work is done.

use std::path::Path;

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
    // Files are written beside their place first. A device or a pipe stands where it is.
    let replaced = !path.exists() || path.is_file();
    match tempfile::tempfile_in(folder) {
        Err(error) if replaced => refuse(format!("{error}; name a file in another folder")),
        _ => Ok(()),
    }
}

/// Refuses a file that is no PNG by its name or cannot be written, before anything is computed for it.
pub fn check_png(path: &Path) -> Result<(), Failure> {
    if !has_ending(path, "png") {
        let name = path.display();
        return Err(Failure::Usage(format!("--output {name}: end its name in .png, which is what is drawn")));
    }
    check_writable(path)
}

/// Whether a file's name ends so, in either case.
pub fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case(ending))
}
