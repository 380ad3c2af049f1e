//! Files that are not whole yet.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// What the name of a file that is not whole ends in.
const ENDING: &str = ".part";

/// Where files cannot be locked: how long nobody has written to what is surely left over.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A new file beside `target`, which goes away with this. It is locked, so that others see that somebody writes it.
#[derive(Debug)]
pub(crate) struct Temporary {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
}

impl Temporary {
    pub(crate) fn beside(target: &Path) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            name.push(format!(".{}-{count}{ENDING}", std::process::id()));
            let path = target.with_file_name(name);
            let file = match File::options().read(true).write(true).create_new(true).open(&path) {
                // Left by a killed program whose number this one has now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            // Another program that cleans up just now may lock it first, and remove it.
            let lost = matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !path.exists();
            if !lost {
                return Ok(Self { path, file });
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Where it has been renamed, it is not there; where it cannot be removed, the next download does it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what killed programs have left of downloads to `target`. What cannot be removed stays: it does no harm.
pub(crate) fn clean_up(target: &Path) {
    let (Some(folder), Some(name)) = (target.parent(), target.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let left_over = entry.file_name().to_str().and_then(|other| other.strip_prefix(name)).is_some_and(is_number);
        if left_over && abandoned(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether it is `.123-0.part`.
fn is_number(end: &str) -> bool {
    let number = end.strip_prefix('.').and_then(|end| end.strip_suffix(ENDING)).unwrap_or_default();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    number.split_once('-').is_some_and(|(process, count)| digits(process) && digits(count))
}

/// Whether nobody writes the file any more: whoever does has locked it.
fn abandoned(path: &Path) -> bool {
    let Ok(file) = File::options().write(true).open(path) else { return false };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => {
            let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
            let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
            age.is_some_and(|age| age > ABANDONED)
        }
    }
}
