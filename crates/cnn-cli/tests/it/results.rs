//! What a training leaves in its folder, and takes up from there.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cnn::layers::Activation;
use cnn::{Network, Tensor};

use crate::one_output::brightness;
use crate::training::{fails, npz, rows, save};
use crate::{Ran, prepare, succeeds};

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

/// Ctrl-C before the first step: there is nothing to go on from yet, and nothing in the way of beginning anew.
#[cfg(unix)]
#[test]
fn ctrl_c_while_a_base_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let x = Tensor::from_fn(vec![200, 64, 64, 3], |i| (i * 31 % 256) as f32);
    npz(at.join("d.npz"), &[("x", &x), ("y", &Tensor::from_fn(vec![200], |i| (i % 2) as f32))]);
    let arguments = cnn::zoo::Arguments::default().include_top(false).input_shape([64, 64, 3]);
    let base = Network::untrained("ResNet50", &arguments.pooling(cnn::zoo::Pooling::Avg), 2).unwrap();
    save(&base, at.join("w.weights.h5"));
    let train = "train d.npz --base ResNet50 --weights w.weights.h5 --freeze --batch 1 --epochs 2 --device cpu";
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    prepare(&mut command, train, at);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    // It is made when the training begins, before the base is computed.
    while !at.join("training/history.csv").exists() {
        assert!(begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.status, Some(130), "{}", ran.err);
    let wanted = "stopped after step 0 of 320; there is no checkpoint yet, so the same command begins anew";
    assert!(ran.err.contains(wanted), "{}", ran.err);
    fails(&format!("{train} --resume"), at, 1, &["there is no checkpoint to go on from"]);
    succeeds(&train.replace("--epochs 2", "--steps 1"), at);
}

/// A learning rate that is too large: the user is told at the step, and of what remains. What has no numbers does not.
#[test]
fn a_training_that_diverges_ends() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(64, 4);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let line = "train d.npz --optimizer sgd,lr=1e30 --batch 8 --device cpu";
    for _ in 0..2 {
        let wanted =
            ["the loss of step", "so nothing more is learned; a smaller learning rate", "nothing is kept of it"];
        fails(line, at, 1, &wanted);
        assert!(!at.join("training/model.keras").exists());
    }
    let x = Tensor::from_fn(vec![16, 8, 8, 3], |i| if i / 192 % 2 == 1 { 178.5 } else { 76.5 });
    npz(at.join("b.npz"), &[("x", &x), ("y", &Tensor::from_fn(vec![16], |i| (i % 2) as f32))]);
    save(&brightness(Activation::Linear, 1.0, 0.0), at.join("m.keras"));
    let train =
        "train b.npz --model m.keras --loss mse --validation 0 --batch 16 --epochs 100 --device cpu --optimizer sgd";
    // Its first steps make finite weights.
    let wanted = ["training/best.keras is the model after its best epoch, which --model training/best.keras trains on"];
    fails(&format!("{train},lr=1e-4"), at, 1, &wanted);
    assert!(!at.join("training/checkpoint.safetensors").exists());
    succeeds("train b.npz --model training/best.keras --loss mse --optimizer sgd,lr=0 --folder on --device cpu", at);
    // Its first step makes weights that are none, after a loss that is one.
    fails(&format!("{train},lr=1e38 --folder none"), at, 1, &["the loss of step 2 is", "nothing is kept of it"]);
    assert!(!at.join("none/best.keras").exists());
}
