//! Writes the sound files that fuzzing begins with: `fuzz_seeds FOLDER`, a folder in it for each reader.

use std::error::Error;
use std::path::PathBuf;

use cnn_tests::readers::READERS;
use cnn_tests::vectors::bytes;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give the folder to write to")?);
    for reader in READERS {
        let folder = folder.join(reader.name);
        std::fs::create_dir_all(&folder)?;
        for (name, seed) in reader.seeds(bytes) {
            std::fs::write(folder.join(name), seed)?;
        }
    }
    Ok(())
}
