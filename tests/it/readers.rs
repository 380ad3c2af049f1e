//! What fuzzing found worth keeping (`fuzz/corpus`), read again: no panic, no allocation out of proportion to the file.

use cnn_tests::readers::READERS;

use crate::damage::watched;

#[test]
fn the_fuzzers_corpus_does_no_harm() {
    for reader in READERS {
        let folder = reader.corpus();
        let kept = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files = reader.seeds();
        files.extend(kept.map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).unwrap())
        }));
        for (name, bytes) in files {
            // Whether it is refused or not is for the tests of each format.
            let _ = watched(&bytes, &name, reader.read);
        }
    }
}

#[test]
fn the_seeds_are_sound() {
    for reader in READERS {
        let sound = reader.seeds().iter().filter(|(_, bytes)| (reader.read)(bytes).is_ok()).count();
        assert!(sound > 0, "{}", reader.name);
    }
}
