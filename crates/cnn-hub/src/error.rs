//! What can go wrong with a download.

use std::path::PathBuf;

/// A published file could not be had. It prints as the file's name, what went wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{file}: {problem}; name a file that you have by --weights, or set {} to the address of a mirror",
    crate::MIRROR_VARIABLE
)]
pub struct HubError {
    /// The file's name.
    pub file: String,
    /// What went wrong.
    pub problem: Problem,
}

/// What went wrong with a download.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Neither `KERAS_HOME` nor a home folder is set.
    #[error("there is no folder to keep it in: set KERAS_HOME")]
    NoFolder,
    /// The folder or a file in it cannot be used.
    #[error("{} cannot be used: {error}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// The system's words: no permission, a full disk.
        error: std::io::Error,
    },
    /// The address of the mirror is none.
    #[error("'{0}' is no address: it begins with neither http:// nor https://")]
    Address(String),
    /// No connection: no network, no such host, nobody answers.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// Why, in the words of the library or the system.
        reason: String,
    },
    /// The server answered with something else than the file.
    #[error("{url} answers with status {status}")]
    Status {
        /// Where it was looked for.
        url: String,
        /// HTTP's status code.
        status: u16,
    },
    /// The connection broke, or ended before or after the length that the server had told.
    #[error("{url} broke off after {received} of {} bytes: {reason}", .expected.map_or("an unknown number of".into(), |n| n.to_string()))]
    Broken {
        /// Where it came from.
        url: String,
        /// Bytes that came.
        received: u64,
        /// Bytes that the server had told.
        expected: Option<u64>,
        /// Why.
        reason: String,
    },
    /// The server tells no length and no hash is published, so that nothing says whether a file is whole.
    #[error("{url} tells no length, and no hash is published to check it by")]
    Unchecked {
        /// Where it came from.
        url: String,
    },
    /// What came has another hash than the published one.
    #[error("what {url} sent has the hash {got}, not the published {wanted}")]
    Hash {
        /// Where it came from.
        url: String,
        /// The hash of what came.
        got: String,
        /// The published one.
        wanted: String,
    },
    /// The file in the cache has another hash than the published one. It is left as it is: it may be the user's own.
    #[error("{} has the hash {got}, not the published {wanted}; remove it to have it downloaded anew", path.display())]
    CachedHash {
        /// The file.
        path: PathBuf,
        /// Its hash.
        got: String,
        /// The published one.
        wanted: String,
    },
    /// The published hash is of no known kind.
    #[error("'{0}' is neither an MD5 nor a SHA-256 in hexadecimal")]
    UnknownHash(String),
}
