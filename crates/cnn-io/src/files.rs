//! Files on disk. Nothing else in this crate touches the file system, so that the rest works in a browser.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::{IoError, Problem};

/// The bytes of the file at `path`.
///
/// # Errors
/// If it cannot be read; the error names it.
pub fn read(path: &Path) -> Result<Vec<u8>, IoError> {
    fs::read(path).map_err(|error| Problem::Read(error).in_file(&path.display().to_string()))
}

/// Writes `bytes` to `path` whole or not at all: to a temporary file beside it, which then takes its name.
///
/// # Errors
/// If the disk is full or the folder cannot be written to; a file that stood there before is untouched.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let name = path.display().to_string();
    let temporary = temporary_beside(path);
    let written = fs::File::create_new(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            // What is left of it is of no use; if it cannot be removed, the first error still says why.
            let _ = fs::remove_file(&temporary);
        }
        Problem::Write(error).in_file(&name)
    })
}

/// A name in the same folder (a rename across file systems is no rename) that no other writer uses at this moment.
fn temporary_beside(path: &Path) -> std::path::PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    path.with_file_name(name)
}
