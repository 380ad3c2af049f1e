//! The files under `tests/vectors`: what real Keras computed, and how it is described.

use std::io::Read as _;
use std::path::PathBuf;

use cnn_cpu::reference::Array;

/// The path of a file under `tests/vectors`.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

/// The bytes of a file; those packed in one that ends in `.gz`.
///
/// # Panics
/// If the file cannot be read.
pub fn bytes(name: &str) -> Vec<u8> {
    let bytes = std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    if !name.ends_with(".gz") {
        return bytes;
    }
    let mut unpacked = Vec::new();
    let read = flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked);
    read.unwrap_or_else(|error| panic!("{name}: {error}"));
    unpacked
}

/// A JSON file, packed or not.
///
/// # Panics
/// If the file cannot be read or is no JSON.
pub fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A `.npy` file in float64.
///
/// # Panics
/// If the file cannot be read.
pub fn array(name: &str) -> Array {
    let (shape, data) = cnn_io::npy::read_f64(&bytes(name), name).unwrap_or_else(|error| panic!("{error}"));
    Array { shape, data }
}

/// A list of sizes in JSON.
///
/// # Panics
/// If it is none.
pub fn sizes(value: &serde_json::Value) -> Vec<usize> {
    numbers(value).iter().map(|&size| size as usize).collect()
}

/// A list of numbers in JSON.
///
/// # Panics
/// If it is none.
pub fn numbers(value: &serde_json::Value) -> Vec<f64> {
    let list = value.as_array().unwrap_or_else(|| panic!("{value} is no list"));
    list.iter().map(|number| number.as_f64().unwrap_or_else(|| panic!("{number} is no number"))).collect()
}
