//! Learning rates of parts of a network.

use crate::succeeds;
use crate::training::{fails, npz, rows, save, tiny, weights};

#[test]
fn rates_differ_by_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(16, 4);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    save(&tiny(4, [Some(8), Some(8), Some(1)]), at.join("tiny.keras"));
    let line = "train d.npz --model tiny.keras --steps 1 --batch 16 --validation 0 --device cpu --optimizer sgd,lr=0.5";
    let before = weights(at.join("tiny.keras"));
    let moved = |options: &str, name: &str| {
        succeeds(&format!("{line} {options} --folder {name}"), at);
        let after = weights(at.join(name).join("model.keras"));
        let difference = |path: &str| {
            let (before, after) = (before.get(path).unwrap().data(), after.get(path).unwrap().data());
            before.iter().zip(after).map(|(a, b)| f64::from(b - a).abs()).sum::<f64>()
        };
        ["conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"].map(difference)
    };
    let plain = moved("", "plain");
    let slow = moved("--learning-rate-multiplier conv=0.25 --learning-rate-multiplier conv2d/bias=2", "slow");
    for ((plain, slow), factor) in plain.into_iter().zip(slow).zip([0.25, 2.0, 1.0, 1.0]) {
        assert!(plain > 0.0 && (slow - factor * plain).abs() < 1e-4 * plain, "{factor}: {slow} {plain}");
    }
    let more = format!("{line} --folder more");
    fails(&format!("{more} --learning-rate-multiplier conv2d"), at, 2, &["'conv2d' is no PREFIX=FACTOR"]);
    fails(&format!("{more} --learning-rate-multiplier conv2d=0"), at, 2, &["the factor of conv2d is '0'"]);
    let wanted = ["no trainable weight of model 'tiny' has a path that begins with 'conv3d'"];
    fails(&format!("{more} --learning-rate-multiplier conv3d=0.1"), at, 1, &wanted);
    assert!(!at.join("more").exists());
    // Another rate would be another training.
    let other = format!("{line} --folder plain --resume --learning-rate-multiplier conv=0.5");
    fails(&other, at, 1, &[r#"learning_rate_multiplier was null, is ["conv=0.5"]"#]);
}
