//! Files on disk. Nothing else in this crate touches the file system, so that the rest works in a browser.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cnn_core::{Model, WeightSource, Weights};

use crate::error::{IoError, Problem};
use crate::safetensors::Float;
use crate::{Format, LoadedModel, Matching};

/// Reads a model and its weights from a `.keras` or whole-model `.h5` file: [`crate::read_model`].
///
/// # Errors
/// If it cannot be read or is no such file; the error names it.
pub fn load_model(path: &Path) -> Result<LoadedModel, IoError> {
    crate::read_model(read(path)?, &path.display().to_string())
}

/// Reads the weights of `model` from any file that has them: [`crate::read_weights`].
///
/// # Errors
/// If it cannot be read, is no such file, or holds other weights; the error names it.
pub fn load_weights(path: &Path, model: &Model) -> Result<Weights, IoError> {
    crate::read_weights(read(path)?, model, &path.display().to_string())
}

/// Opens the weights of `model` in any file that has them, to be read one at a time: [`crate::open_weights`].
///
/// # Errors
/// As [`load_weights`]: that all is there and finite is looked at here.
pub fn open_weights(path: &Path, model: &Model) -> Result<Arc<dyn WeightSource>, IoError> {
    let name = path.display().to_string();
    let file = fs::File::open(path).map_err(|error| Problem::Read(error).in_file(&name))?;
    crate::open_weights(file, model, &name)
}

/// Reads those weights of `model` that fit and lists what was skipped: [`crate::read_matching_weights`].
///
/// # Errors
/// If it cannot be read, is no such file, or its layers are others; the error names it.
pub fn load_matching_weights(path: &Path, model: &Model) -> Result<Matching, IoError> {
    crate::read_matching_weights(read(path)?, model, &path.display().to_string())
}

/// The format that a file's name asks for, as in Keras: `.keras`, `.weights.h5`, `.h5` (the whole model) or
/// `.safetensors` (in float32).
///
/// # Errors
/// If the name ends in none of these.
pub fn format_of(path: &Path) -> Result<Format, IoError> {
    let name = path.display().to_string();
    let lower = name.to_lowercase();
    let formats = [
        (".keras", Format::Keras),
        (".weights.h5", Format::WeightsH5),
        (".h5", Format::LegacyH5),
        (".safetensors", Format::Safetensors(Float::F32)),
    ];
    let found = formats.into_iter().find(|(end, _)| lower.ends_with(end)).map(|(_, format)| format);
    found.ok_or_else(|| {
        let what = "a file name without a known ending";
        Problem::unsupported(what, "end it in .keras, .weights.h5, .h5 or .safetensors").in_file(&name)
    })
}

/// Writes a model and its weights in the format that the file's name asks for: [`format_of`].
///
/// # Errors
/// If the name asks for none, the format has no form for a layer, or the file cannot be written.
pub fn save(path: &Path, model: &Model, weights: &Weights) -> Result<(), IoError> {
    save_as(path, model, weights, format_of(path)?)
}

/// Writes a model and its weights in `format`, whatever the file's name.
///
/// # Errors
/// If the format has no form for a layer, or the file cannot be written.
pub fn save_as(path: &Path, model: &Model, weights: &Weights, format: Format) -> Result<(), IoError> {
    let bytes = crate::write(model, weights, format).map_err(|problem| problem.in_file(&path.display().to_string()))?;
    write(path, &bytes)
}

/// The bytes of the file at `path`.
///
/// # Errors
/// If it cannot be read; the error names it.
pub fn read(path: &Path) -> Result<Vec<u8>, IoError> {
    fs::read(path).map_err(|error| Problem::Read(error).in_file(&path.display().to_string()))
}

/// Writes `bytes` to `path` whole or not at all: to a temporary file beside it, which then takes its name. Where `path`
/// is a link, the file it leads to is replaced; a device or a pipe is written to as it is.
///
/// # Errors
/// If the disk is full or the folder cannot be written to; a file that stood there before is untouched.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let name = path.display().to_string();
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let special = fs::metadata(&target).is_ok_and(|kind| !kind.is_file() && !kind.is_dir());
    let written = if special {
        fs::OpenOptions::new().write(true).open(&target).and_then(|mut file| file.write_all(bytes))
    } else {
        replace(&target, bytes)
    };
    written.map_err(|error| Problem::Write(error).in_file(&name))
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let (mut file, temporary) = temporary_beside(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What is left of it is of no use; if it cannot be removed, the first error still says why.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file in the same folder: a rename across file systems is no rename. Its name is taken by no other writer, nor by what
/// is left of one that was killed, which may have had the same number in another container.
fn temporary_beside(path: &Path) -> std::io::Result<(fs::File, PathBuf)> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let temporary = path.with_file_name(name);
        match fs::File::create_new(&temporary) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => return Ok((made?, temporary)),
        }
    }
}
