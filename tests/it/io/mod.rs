//! File formats: what others write is read, what is written here others read, and nothing damaged does harm.

mod config;
mod keras;
mod npy;
mod safetensors;
mod skip_mismatch;
mod trees;
mod writing;

use cnn_core::{Mode, Model, Tensor, Weights};
use cnn_cpu::reference;
use cnn_tests::vectors::bytes as vector;

/// An array under `tests/vectors`.
fn array(path: &str) -> Tensor {
    cnn_io::npy::read(&vector(path), path).unwrap()
}

/// What the model makes of `x`, in float64.
fn run(model: &Model, weights: &Weights, x: &Tensor) -> Vec<f64> {
    let graph = model.lower(&[x.shape().to_vec()], Mode::Inference, &[]).unwrap();
    let find = |path: &str| weights.get(path).map(|tensor| tensor.as_ref());
    let outputs = reference::run(&graph, find, &[x.into()]).unwrap();
    assert_eq!(outputs.len(), 1);
    outputs[0].data.clone()
}

/// Fails where the model's probabilities for `x` are not Keras's, which are float32: its logits lie up to 3e-5 from
/// float64, a probability p then up to p (1 - p) times twice that from it, which is 1.5e-5 at worst and a tenth of that in
/// networks as small as these; weights in another order or place change them by 0.01 and more.
fn assert_gives(model: &Model, weights: &Weights, x: &Tensor, wanted: &Tensor, what: &str) {
    let got = run(model, weights, x);
    assert_eq!(got.len(), wanted.len(), "{what}");
    let worst = got.iter().zip(wanted.data()).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
    assert!(worst <= 1e-5, "{what}: off by {worst:e}");
}
