//! Published hashes.

use std::io::Read;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::error::Problem;

/// A hash in the making, of the kind of a published one.
pub enum Hasher {
    Md5(Md5),
    Sha256(Sha256),
}

impl Hasher {
    /// The kind that a published hash is of, by its length, as Keras tells them apart.
    pub fn of(published: &str) -> Result<Self, Problem> {
        match published.len() {
            32 => Ok(Self::Md5(Md5::new())),
            64 => Ok(Self::Sha256(Sha256::new())),
            _ => Err(Problem::UnknownHash(published.into())),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Md5(hasher) => hexadecimal(&hasher.finalize()),
            Self::Sha256(hasher) => hexadecimal(&hasher.finalize()),
        }
    }

    /// The hash of all that `file` holds.
    pub fn of_file(mut self, mut file: impl Read) -> std::io::Result<String> {
        let mut chunk = vec![0; 1 << 16];
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(self.finish()),
                count => self.update(&chunk[..count]),
            }
        }
    }
}
