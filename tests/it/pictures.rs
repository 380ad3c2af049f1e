//! Pictures: decoded, converted and resized as Keras does it through PIL (`vectors/pictures.py`), and refused where they
//! are none.

#[path = "io_damage.rs"]
mod damage;

use std::path::PathBuf;

use cnn_data::{Channels, DecodeOptions, Interpolation, Picture, PictureError, PictureProblem, batch, decode};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/pictures")
}

fn file(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn open(name: &str) -> Picture {
    decode(&file(name), name, &DecodeOptions::default()).unwrap()
}

fn refused(bytes: &[u8]) -> PictureError {
    decode(bytes, "cat.png", &DecodeOptions::default()).unwrap_err()
}

/// An expected array's name: FILE.EXTENSION.MODE.INTERPOLATION.SIZE.npy, where the size is HEIGHTxWIDTH or `own`.
struct Expected {
    picture: String,
    channels: Channels,
    interpolation: Interpolation,
    size: Option<(usize, usize)>,
}

impl Expected {
    fn parse(name: &str) -> Self {
        let parts: Vec<&str> = name.split('.').collect();
        let [file, extension, mode, interpolation, size, "npy"] = parts[..] else { panic!("{name}") };
        let size = size.split_once('x').map(|(height, width)| (height.parse().unwrap(), width.parse().unwrap()));
        Self {
            picture: format!("{file}.{extension}"),
            channels: if mode == "grey" { Channels::Grey } else { Channels::Rgb },
            interpolation: Interpolation::ALL.into_iter().find(|(name, _)| *name == interpolation).unwrap().1,
            size,
        }
    }
}

/// Within one grey level for PNG: filters are fixed point in PIL and here, so a sum near a half may round either way. JPEG
/// leaves the inverse transform's rounding and the upsampling of colours to the decoder: within 6, and 0.6 on average.
#[test]
fn as_keras_loads_them() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder().join("expected")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let expected = Expected::parse(name);
        let array = cnn_io::npy::read(&std::fs::read(&path).unwrap(), name).unwrap();
        let mut picture = open(&expected.picture).convert(expected.channels);
        if let Some((height, width)) = expected.size {
            picture = picture.resize(height, width, expected.interpolation).unwrap();
        }
        let tensor = picture.to_tensor(expected.channels);
        assert_eq!(tensor.shape(), [&[1], array.shape()].concat(), "{name}");
        let (largest, mean) = if name.contains(".jpg.") { (6.0, 0.6) } else { (1.0, 1.0) };
        let differences = tensor.data().iter().zip(array.data()).map(|(got, wanted)| (got - wanted).abs());
        let worst = differences.clone().fold(0.0, f32::max);
        let average = differences.sum::<f32>() / array.len() as f32;
        println!("{name}: at most {worst}, on average {average:.3}");
        assert!(worst <= largest && average <= mean, "{name}: at most {worst}, on average {average:.3}");
        // What is only looked up is exact.
        let looked_up = expected.interpolation == Interpolation::Nearest && !name.contains(".jpg.");
        assert!(!looked_up || worst == 0.0 || name.contains(".grey."), "{name}: at most {worst}");
        count += 1;
    }
    assert_eq!(count, 122, "expected arrays");
}
