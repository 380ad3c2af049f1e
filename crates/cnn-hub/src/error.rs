//! The error of finding and downloading files.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A published file could not be had. It prints as the file's name, where it was to come from, what is wrong, and what to
/// do about it.
#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be had from {address}: {problem}{}", beside(.unpublished))]
pub struct HubError {
    /// The file's name.
    pub file: String,
    /// Where it was to come from, a mirror's address where one is set.
    pub address: String,
    /// What is wrong.
    pub problem: Problem,
    /// A file of that name in the cache that has another hash than the published one. It is left as it is.
    pub unpublished: Option<Box<Path>>,
}

fn beside(unpublished: &Option<Box<Path>>) -> String {
    let tell = |path: &Path| {
        let path = path.display();
        format!(
            ". {path} has another hash than the published file; if it is to be used all the same, name it by --weights"
        )
    };
    unpublished.as_deref().map_or(String::new(), tell)
}

/// What kept a file from being had. Nothing of it is left in the cache, whatever it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The server's name is not known, it was not reached, or it hung up before it answered.
    #[error("no connection: {}; without a network, {}", .0, REMEDY)]
    NotConnected(io::Error),
    /// The server could not show that it is the one that it should be.
    #[error("no secure connection: {}; {}", .0, REMEDY)]
    Tls(String),
    /// The server answered that it has no such file, or cannot give it.
    #[error("the server answers with HTTP status {}; {}", .0, REMEDY)]
    Status(u16),
    /// What the server says is not HTTP, or leads nowhere.
    #[error("the server's answer cannot be used: {}; {}", .0, REMEDY)]
    Protocol(String),
    /// The server was silent for too long.
    #[error("nothing came for {} s after {got} bytes; try again, or {}", patience.as_secs_f32(), OTHER_WAY)]
    Stalled {
        /// How long it was waited for.
        patience: Duration,
        /// The bytes that had come.
        got: u64,
    },
    /// The connection broke.
    #[error("the connection broke after {got} bytes{}: {source}; try again, or {}", of(.wanted), OTHER_WAY)]
    Broken {
        /// The bytes that had come.
        got: u64,
        /// The bytes that the server had announced.
        wanted: Option<u64>,
        /// What the operating system says.
        source: io::Error,
    },
    /// The server sent fewer bytes than it had announced.
    #[error("{got} bytes came{}; try again, or {}", of(.wanted), OTHER_WAY)]
    TooShort {
        /// The bytes that came.
        got: u64,
        /// The bytes that the server had announced.
        wanted: Option<u64>,
    },
    /// The server does not say how long the file is, and with no hash either nothing tells whether it is whole.
    #[error("the server does not say how long it is, and no hash is published by which to check it; {}", REMEDY)]
    NoLength,
    /// All bytes came, but they are others.
    #[error("what came has the hash {got}, and the published one is {wanted}; try again, or {}", OTHER_WAY)]
    WrongHash {
        /// The hash that Keras publishes.
        wanted: String,
        /// The hash of what came.
        got: String,
    },
    /// There is no room for the file, or no file may be as long.
    #[error("{} is full: {source}; make room, set KERAS_HOME to another folder, or name a file by --weights FILE", folder.display())]
    DiskFull {
        /// The cache.
        folder: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The cache cannot be read or written.
    #[error("{} cannot be used: {source}; mend it, set KERAS_HOME to another folder, or name a file by --weights FILE", path.display())]
    Cache {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nobody says where the cache is.
    #[error("neither KERAS_HOME nor HOME names a folder to keep it in; set one, or name a file by --weights FILE")]
    NoFolder,
    /// The mirror's address is none.
    #[error("'{0}' is no address of a mirror; set CNN_WEIGHTS_MIRROR to one that begins with http:// or https://")]
    Mirror(String),
}

/// What to do where the server is of no use.
const REMEDY: &str =
    "name a file that you have by --weights FILE, or set CNN_WEIGHTS_MIRROR to the address of a mirror";

/// The same as the second half of a sentence.
const OTHER_WAY: &str = "set CNN_WEIGHTS_MIRROR to the address of a mirror, or name a file by --weights FILE";

fn of(wanted: &Option<u64>) -> String {
    wanted.map_or(String::new(), |wanted| format!(" of {wanted}"))
}

impl Problem {
    /// A write to the file `path` that failed.
    pub(crate) fn write(path: &std::path::Path, source: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => {
                Problem::DiskFull { folder: path.parent().unwrap_or(path).to_path_buf(), source }
            }
            _ => Problem::Cache { path: path.to_path_buf(), source },
        }
    }
}
