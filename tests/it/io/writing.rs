//! Files are written whole or not at all, whatever lies beside them.

use std::fs;

/// As a process leaves them that was killed and had the number of this one.
#[test]
fn what_a_killed_writer_has_left_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    for number in 0..40 {
        let part = format!("model.keras.{}-{number}.part", std::process::id());
        fs::write(folder.path().join(part), "half").unwrap();
    }
    cnn_io::files::write(&path, b"whole").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"whole");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 41, "the temporary file is gone");
}
