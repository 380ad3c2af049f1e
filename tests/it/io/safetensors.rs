//! safetensors: the files under `vectors/io` were written by its own Python package (`vectors/io.py`).

use cnn_core::Tensor;
use cnn_io::safetensors::{self, Float};

use super::vector;
use crate::damage;

#[test]
fn every_float_type() {
    let contents = safetensors::read(&vector("io/floats.safetensors"), "floats").unwrap();
    let quarters = Tensor::from_fn(vec![2, 3, 4], |i| (i as f32 - 5.0) / 4.0);
    let wanted = [
        ("bf16", quarters.clone()),
        ("empty", Tensor::full(vec![0, 3], 0.0)),
        ("f16", quarters.clone()),
        ("f32", quarters.clone()),
        ("f64", quarters),
        ("scalar", Tensor::scalar(1.25)),
    ];
    assert_eq!(contents.tensors, wanted.map(|(name, tensor)| (name.to_owned(), tensor)));
    assert_eq!(contents.metadata, [("made by".to_owned(), "safetensors".to_owned())]);
}

#[test]
fn integers_are_refused_by_name() {
    let error = safetensors::read(&vector("io/int64.safetensors"), "w.safetensors").unwrap_err().to_string();
    assert!(error.starts_with("w.safetensors: ") && error.contains("i64") && error.contains("I64"), "{error}");
}

/// What each type keeps of a float32: IEEE 754 rounding to nearest even.
#[test]
fn written_in_every_float_type() {
    let x =
        Tensor::new(vec![5], vec![1.0, 1.0 + 2f32.powi(-9), 1.0 + 3.0 * 2f32.powi(-11), 65520.0, f32::NAN]).unwrap();
    // bfloat16 keeps 8 bits: 2^-9 is below half a step (2^-8); float16 keeps 11: 3 * 2^-11 lies midway between 2^-10
    // and 2^-9, and goes to the even one.
    let cases = [
        (Float::F32, x.data().to_vec()),
        (Float::F64, x.data().to_vec()),
        (Float::F16, vec![1.0, 1.0 + 2f32.powi(-9), 1.0 + 2f32.powi(-9), f32::INFINITY, f32::NAN]),
        (Float::BF16, vec![1.0, 1.0, 1.0, 65536.0, f32::NAN]),
    ];
    for (float, wanted) in cases {
        let bytes = safetensors::write([("x", &x)], &[("format", "keras")], float).unwrap();
        let read = safetensors::read(&bytes, "x").unwrap();
        assert_eq!(read.metadata, [("format".to_owned(), "keras".to_owned())]);
        let (name, y) = &read.tensors[0];
        assert_eq!((name.as_str(), y.shape()), ("x", x.shape()));
        let same = y.data().iter().zip(&wanted).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
        assert!(same, "{float:?}: {:?} instead of {wanted:?}", y.data());
    }
}

#[test]
fn one_name_twice_is_refused() {
    let x = Tensor::scalar(1.0);
    let error = safetensors::write([("x", &x), ("x", &x)], &[], Float::F32).unwrap_err().to_string();
    assert!(error.contains("\"x\""), "{error}");
}

#[test]
fn damaged() {
    for (file, step) in [("io/floats.safetensors", 1), ("formats/small.safetensors", 64)] {
        let bytes = vector(file);
        damage::truncated(&bytes, step, file, |bytes| safetensors::read(bytes, file));
        let refused = damage::flipped(&bytes, 2000, file, |bytes| safetensors::read(bytes, file));
        assert!(refused > 500, "{file}: only {refused} of 2000 damaged files were refused");
        damage::followed_by_garbage(&bytes, file, |bytes| safetensors::read(bytes, file));
    }
}

#[test]
fn a_header_that_promises_too_much() {
    for header in [u64::MAX, 100_000_001, 1 << 40, 1000] {
        let mut bytes = header.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        assert!(safetensors::read(&bytes, "x").is_err());
    }
    let json = br#"{"x":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}"#;
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(json);
    bytes.extend_from_slice(&[0; 4]);
    assert!(safetensors::read(&bytes, "x").is_err());
}
