//! Files to give to the program.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use cnn::Tensor;
use cnn::io::npy;

use crate::FORMATS;

/// The array in a file.
pub fn array(path: impl AsRef<Path>) -> Tensor {
    npy::read(&fs::read(path).unwrap(), "array").unwrap()
}

/// Writes an array of that shape, all its elements `value`.
pub fn write_array(path: impl AsRef<Path>, shape: &[usize], value: f32) {
    fs::write(path, npy::write(&Tensor::full(shape.to_vec(), value))).unwrap();
}

/// A file of `tests/vectors/formats`.
pub fn format(name: &str) -> Vec<u8> {
    fs::read(Path::new(FORMATS).join(name)).unwrap()
}

/// The largest difference of two arrays of one shape.
pub fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.shape(), b.shape());
    a.data().iter().zip(b.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Names of the files in a folder that are not whole: what an interrupted write leaves behind.
pub fn left_over(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".part")).collect()
}

/// `small.keras` with `from` written as `to` in its configuration.
pub fn keras_with(from: &str, to: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(format("small.keras"))).unwrap();
    let mut changed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if name == "config.json" {
            let config = String::from_utf8(bytes).unwrap();
            assert!(config.contains(from));
            bytes = config.replace(from, to).into_bytes();
        }
        changed.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        changed.write_all(&bytes).unwrap();
    }
    changed.finish().unwrap().into_inner()
}

/// A PNG file as far as its header, which tells the size. Decoders look no further if the size is wrong.
pub fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    // 8 bits, red green blue, and the three methods there are.
    bytes.extend([8, 2, 0, 0, 0]);
    bytes.extend([0; 4]);
    bytes
}
