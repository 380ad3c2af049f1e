//! MD5 and SHA-256, as Keras publishes them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest, Md5};
use sha2::Sha256;

/// The bytes read at once, of files and of connections.
pub(crate) const CHUNK: usize = 128 * 1024;

/// A hash in the making.
pub(crate) enum Hasher {
    Md5(Md5),
    Sha256(Sha256),
}

impl Hasher {
    /// Of the kind that `wanted` is: 64 digits are SHA-256, all else is MD5, as in Keras's `get_file`.
    pub(crate) fn like(wanted: &str) -> Self {
        if wanted.len() == 64 { Self::Sha256(Sha256::new()) } else { Self::Md5(Md5::new()) }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// In hexadecimal.
    pub(crate) fn finish(self) -> String {
        let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Md5(hasher) => digits(&hasher.finalize()),
            Self::Sha256(hasher) => digits(&hasher.finalize()),
        }
    }
}

/// The hash of a file, of the kind that `wanted` is.
pub(crate) fn of_file(path: &Path, wanted: &str) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::like(wanted);
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&chunk[..count]),
        }
    }
}
