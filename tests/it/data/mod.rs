//! Data for training: folders of pictures and plain functions as Keras and TensorFlow have them (`vectors/data.py`),
//! data sets, and what is refused.

mod functions;
mod refused;
mod sets;
mod truth;

use std::path::Path;
use std::sync::LazyLock;

use cnn_core::Tensor;
use cnn_data::{Channels, Dataset, ImageDirectory};
use cnn_tests::vectors;
use serde_json::Value;
use tempfile::TempDir;

/// `vectors/data.json`.
static TRUTH: LazyLock<Value> = LazyLock::new(|| vectors::json("data.json"));

fn cases(key: &str) -> &'static [Value] {
    TRUTH[key].as_array().unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    vectors::numbers(value).iter().map(|&number| number as f32).collect()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The most that two lists differ.
fn difference(got: &[f32], wanted: &[f32]) -> f32 {
    assert_eq!(got.len(), wanted.len());
    got.iter().zip(wanted).map(|(got, wanted)| (got - wanted).abs()).fold(0.0, f32::max)
}

fn picture(name: &str) -> Vec<u8> {
    vectors::bytes(&format!("pictures/{name}"))
}

/// A PNG of one grey value, different from the others by it.
fn pixel(grey: u8) -> Vec<u8> {
    pixel_as(grey, image::ImageFormat::Png)
}

/// The same in another format.
fn pixel_as(grey: u8, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(1, 1, image::Rgb([grey; 3])).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A folder with these files.
fn folder<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// `count` grey pixels 0, 1, 2, ... in folders a and b, the first half in a, read in one channel of one pixel.
fn greys(count: u8) -> (TempDir, ImageDirectory) {
    let name = |i: u8| format!("{}/{i:03}.png", if i < count / 2 { "a" } else { "b" });
    let names: Vec<String> = (0..count).map(name).collect();
    let folder = folder(names.iter().map(String::as_str).zip((0..count).map(pixel)));
    let data = ImageDirectory::new(folder.path()).image_size(1, 1).color_mode(Channels::Grey);
    (folder, data)
}

fn relative(files: &Dataset, folder: &Path) -> Vec<String> {
    files.files().map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/")).collect()
}

/// All values of an epoch's inputs, batch by batch.
fn values(data: &Dataset, epoch: u64) -> Vec<Vec<f32>> {
    data.epoch(epoch).map(|batch| batch.unwrap().x.into_data()).collect()
}

/// 0, 1, 2, ... as samples of one number.
fn counted(count: usize) -> Dataset {
    Dataset::from_arrays(Tensor::from_fn(vec![count, 1], |i| i as f32), None).unwrap()
}
