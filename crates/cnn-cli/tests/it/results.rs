//! What a training leaves in its folder, and takes up from there.

use std::fs;

use crate::succeeds;
use crate::training::{fails, npz, rows};

/// Files of another training are not taken for those of a new one.
#[test]
fn what_another_training_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(16, 4);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let line = "train d.npz --epochs 1 --device cpu";
    for name in ["best.keras", "model.keras", "fine_tuning.safetensors"] {
        fs::create_dir(at.join("training")).unwrap();
        fs::write(at.join("training").join(name), "left").unwrap();
        let wanted = format!("training: holds {name} of a training that has no checkpoint to go on from; take it away");
        fails(line, at, 1, &[&wanted]);
        assert_eq!(fs::read_to_string(at.join("training").join(name)).unwrap(), "left");
        fs::remove_dir_all(at.join("training")).unwrap();
    }
    succeeds(line, at);
    fs::remove_file(at.join("training/checkpoint.safetensors")).unwrap();
    fails(line, at, 1, &["training: holds best.keras"]);
}
