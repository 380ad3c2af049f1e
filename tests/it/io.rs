//! File formats: what others write is read, what is written here others read, and nothing damaged does harm.

#[path = "io_damage.rs"]
mod damage;
mod io_npy;
mod io_safetensors;
mod io_trees;

use std::path::PathBuf;

/// The path of a file under `tests/vectors`.
fn vector_path(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(path)
}

/// The bytes of a file under `tests/vectors`.
fn vector(path: &str) -> Vec<u8> {
    let path = vector_path(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
