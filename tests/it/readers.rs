//! What fuzzing found worth keeping (`fuzz/corpus`), read again: no panic, no allocation out of proportion to the file.

use std::path::Path;

use cnn_tests::readers::READERS;
use cnn_tests::vectors::bytes;

use crate::damage::watched_above;

#[test]
fn the_fuzzers_corpus_does_no_harm() {
    for reader in READERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(reader.name);
        // hdf5-pure makes room for as many members of a compound type as the file says it has, in 16 bits: 72 bytes each.
        let least = if ["hdf5", "keras"].contains(&reader.name) { 65_535 * 72 } else { 1 << 20 };
        let kept = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files = reader.seeds(bytes);
        files.extend(kept.map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).unwrap())
        }));
        for (name, bytes) in files {
            // Whether it is refused or not is for the tests of each format.
            let _ = watched_above(least, &bytes, &name, reader.read);
        }
    }
}

#[test]
fn the_seeds_are_sound() {
    for reader in READERS {
        let sound = reader.seeds(bytes).iter().filter(|(_, bytes)| (reader.read)(bytes).is_ok()).count();
        assert!(sound > 0, "{}", reader.name);
    }
}
