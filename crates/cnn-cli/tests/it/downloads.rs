//! Published weights as users get them: downloaded once, kept in Keras's cache, and what is said where that fails.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cnn::Network;
use cnn::io::Format;
use cnn_tests::server::{Reply, Server};

use crate::files::{array, format, write_array};
use crate::{Ran, cnn_with, prepare, succeeds};

const FILE: &str = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";
const RUN: &str = "run MobileNetV2 --no-top --input x.npy --output y.npy --device cpu";

/// The path of MobileNetV2's published file.
fn path() -> String {
    format!("/tensorflow/keras-applications/mobilenet_v2/{FILE}")
}

/// Random weights in that file's place: Keras publishes no hash of it.
fn weights() -> Vec<u8> {
    let headless = cnn::zoo::Arguments::default().include_top(false);
    let network = Network::untrained("MobileNetV2", &headless, 1).unwrap();
    cnn::io::write(network.model(), &network.weights().unwrap(), Format::LegacyWeightsH5).unwrap()
}

fn cached(at: &Path) -> Vec<String> {
    let entries = fs::read_dir(at.join("keras/models")).map_or(Vec::new(), Iterator::collect::<Vec<_>>);
    entries.into_iter().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn downloaded_once_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_array(at.join("x.npy"), &[1, 32, 32, 3], 0.5);
    let bytes = weights();
    let server = Server::new(&[(&path(), Reply::file(&bytes, bytes.len()))]);
    let ran = cnn_with(RUN, at, &[("CNN_WEIGHTS_MIRROR", server.address())]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    let from = format!("note: weights from {}{}, kept as ", server.address(), path());
    for text in [
        &*format!("note: downloading {FILE}, {:.1} MiB", bytes.len() as f64 / f64::from(1 << 20)),
        &from,
        "publishes no hash of it",
        "every tensor's shape",
    ] {
        assert!(ran.err.contains(text), "lacks {text:?}: {}", ran.err);
    }
    assert_eq!(cached(at), [FILE]);
    let first = array(at.join("y.npy"));

    // From now on no server is needed.
    let ran = succeeds(RUN, at);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.contains("note: weights from ") && ran.err.contains(FILE), "{}", ran.err);
    assert_eq!((server.connections(), array(at.join("y.npy"))), (1, first));
}

/// With no hash published, what is in the file tells that it is not the one: it is not kept.
#[test]
fn what_is_not_the_model_is_not_kept() {
    let bytes = weights();
    let page = b"<html>Sign in to this network</html>";
    let other = format("small.h5");
    let cases: [(&str, Reply, &str); 3] = [
        ("less announced than there is", Reply::file(&bytes, bytes.len() / 2), "is not a whole"),
        ("a page", Reply::file(page, page.len()), "is of a format that its first bytes do not tell"),
        ("another model", Reply::file(&other, other.len()), "not the weights of model"),
    ];
    for (name, reply, text) in cases {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        write_array(at.join("x.npy"), &[1, 32, 32, 3], 0.5);
        let server = Server::new(&[(&path(), reply)]);
        let ran = cnn_with(RUN, at, &[("CNN_WEIGHTS_MIRROR", server.address())]);
        assert_eq!(ran.status, Some(1), "{name}: {}", ran.err);
        assert!(ran.err.contains(text) && ran.err.contains(&path()), "{name}: {}", ran.err);
        assert_eq!(cached(at), [""; 0], "{name}");
        assert!(!at.join("y.npy").exists(), "{name}");
    }
}

/// A file in the cache that is none, of which no hash is published: the message says how to get it again.
#[test]
fn a_damaged_file_in_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_array(at.join("x.npy"), &[1, 32, 32, 3], 0.5);
    fs::create_dir_all(at.join("keras/models")).unwrap();
    let bytes = weights();
    fs::write(at.join("keras/models").join(FILE), &bytes[..bytes.len() / 2]).unwrap();
    let ran = cnn_with(RUN, at, &[]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    assert!(ran.err.contains("is not a whole") && ran.err.contains("Remove that file"), "{}", ran.err);
    assert_eq!(cached(at), [FILE]);
}

#[test]
fn a_folder_that_cannot_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_array(at.join("x.npy"), &[1, 32, 32, 3], 0.5);
    let ran = cnn_with(RUN, at, &[("KERAS_HOME", "x.npy")]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    assert!(ran.err.contains("x.npy/models cannot be used: ") && ran.err.contains("set KERAS_HOME"), "{}", ran.err);
}

/// A disk that holds no more than a part of the file.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_array(at.join("x.npy"), &[1, 8, 8, 3], 0.5);
    let bytes = weights();
    let server = Server::new(&[(&path(), Reply::file(&bytes, bytes.len()))]);
    // No file may grow beyond some hundred KiB: what is written comes back as an error, since the signal is ignored.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_cnn")]);
    prepare(&mut shell, RUN, at);
    let ran = Ran::from(shell.env("CNN_WEIGHTS_MIRROR", server.address()).output().unwrap());
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    for text in ["models is full: File too large", "make room", "set KERAS_HOME", "--weights FILE"] {
        assert!(ran.err.contains(text), "lacks {text:?}: {}", ran.err);
    }
    assert_eq!(cached(at), [""; 0]);
}

/// Killed halfway, it leaves nothing under the file's name; the next download removes what it does leave.
#[test]
fn killed_halfway() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_array(at.join("x.npy"), &[1, 32, 32, 3], 0.5);
    let bytes = weights();
    let half = Server::new(&[(&path(), Reply::file(&bytes[..bytes.len() / 2], bytes.len()).stalls())]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    prepare(&mut command, RUN, at);
    let mut child = command.env("CNN_WEIGHTS_MIRROR", half.address()).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    let written = || fs::read_dir(at.join("keras/models")).ok()?.next()?.ok()?.metadata().ok();
    while written().is_none_or(|metadata| metadata.len() == 0) {
        assert!(begin.elapsed() < Duration::from_secs(60), "nothing is written");
        sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = cached(at);
    assert!(left.len() == 1 && left[0].starts_with(FILE) && left[0].ends_with(".part"), "{left:?}");

    let server = Server::new(&[(&path(), Reply::file(&bytes, bytes.len()))]);
    let ran = cnn_with(RUN, at, &[("CNN_WEIGHTS_MIRROR", server.address())]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert_eq!(cached(at), [FILE]);
}
