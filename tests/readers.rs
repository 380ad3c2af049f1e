//! The readers of foreign files as a fuzzer sees them: bytes in, an error or nothing out.
//!
//! `fuzz/` drives each by libFuzzer (`cargo xtask fuzz`); what it has found worth keeping is read again in every test run.

use std::io::Cursor;
use std::sync::LazyLock;

use cnn_core::layers::{BatchNormalization, Conv2D, Dense, Flatten};
use cnn_core::{Model, Sequential, Weights};
use cnn_io::{Format, IoError, safetensors};

/// A reader under a name, and the files to begin with.
pub struct Reader {
    /// The fuzzer's target and the corpus's folder.
    pub name: &'static str,
    /// Reads a file.
    pub read: fn(&[u8]) -> Result<(), IoError>,
    /// Sound files of the format, among `vectors`; small ones, since a fuzzer turns every byte.
    seeds: &'static [&'static str],
    /// Formats in which the tiny model is one more seed.
    formats: &'static [Format],
}

/// Every reader of `cnn-io`.
pub const READERS: [Reader; 5] = [
    Reader {
        name: "hdf5",
        read: read_hdf5,
        seeds: &["formats/small_nested.weights.h5", "nested/seq_trainable.keras2_weights.h5"],
        formats: &[Format::WeightsH5, Format::LegacyWeightsH5, Format::LegacyH5],
    },
    Reader {
        name: "keras",
        read: |bytes| cnn_io::read_model(bytes, "x.keras").map(drop),
        seeds: &["formats/small_nested.keras"],
        formats: &[Format::Keras],
    },
    Reader {
        name: "safetensors",
        read: |bytes| cnn_io::read_weights(bytes, &TINY, "x.safetensors").map(drop),
        seeds: &["formats/small_nested.safetensors"],
        formats: &[
            Format::Safetensors(safetensors::Float::F32),
            Format::Safetensors(safetensors::Float::F16),
            Format::Safetensors(safetensors::Float::BF16),
            Format::Safetensors(safetensors::Float::F64),
        ],
    },
    Reader {
        name: "npy",
        read: |bytes| cnn_io::npy::read(bytes, "x.npy").map(drop),
        seeds: &[
            "io/f2_le.npy",
            "io/f4_be.npy",
            "io/u8.npy",
            "io/b1.npy",
            "io/fortran.npy",
            "io/version2.npy",
            "io/record.npy",
        ],
        formats: &[],
    },
    Reader {
        name: "config",
        read: read_config,
        seeds: &["formats/small.to_json.json", "formats/small_seq.to_json.json", "formats/small_nested.to_json.json"],
        formats: &[],
    },
];

/// The reader called `name`.
///
/// # Panics
/// If there is none.
pub fn reader(name: &str) -> &'static Reader {
    READERS.iter().find(|reader| reader.name == name).unwrap_or_else(|| panic!("no reader is called {name}"))
}

impl Reader {
    /// Sound files to begin with, each under a name of its own; `vector` reads one of `vectors`.
    ///
    /// # Panics
    /// If the tiny model cannot be written.
    pub fn seeds(&self, vector: fn(&str) -> Vec<u8>) -> Vec<(String, Vec<u8>)> {
        let files = self.seeds.iter().map(|name| (name.replace('/', "-"), vector(name)));
        let weights = Weights::initialize(&TINY, 1);
        let written = self.formats.iter().enumerate().map(|(number, &format)| {
            let bytes = cnn_io::write(&TINY, &weights, format).unwrap_or_else(|error| panic!("{error}"));
            (format!("tiny-{number}"), bytes)
        });
        files.chain(written).collect()
    }
}

/// The model that weights are read for.
static TINY: LazyLock<Model> = LazyLock::new(|| {
    let layers = || {
        Sequential::new("tiny")
            .input([4, 4, 1])?
            .add(Conv2D::new(2, 3))?
            .add(BatchNormalization::new())?
            .add(Flatten)?
            .add(Dense::new(3))?
            .model()
    };
    layers().unwrap_or_else(|error| panic!("{error}"))
});

/// Weights alone and a whole model: both are HDF5. A file that stays open is taken or refused as one that is read whole.
fn read_hdf5(bytes: &[u8]) -> Result<(), IoError> {
    let weights = cnn_io::read_weights(bytes, &TINY, "x.h5");
    let open = cnn_io::open_weights(Cursor::new(bytes.to_vec()), &TINY, "x.h5");
    assert_eq!(open.is_ok(), weights.is_ok(), "open: {:?}, read: {:?}", open.err(), weights.err());
    cnn_io::read_model(bytes, "x.h5").map(drop).and(weights.map(drop))
}

fn read_config(bytes: &[u8]) -> Result<(), IoError> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    cnn_io::keras::model_from_json(text, "x.json").map(drop)
}
