//! How well a network does: what `cnn evaluate` and the end of `cnn train` say.

use cnn::Tensor;
use cnn::layers::Activation;

use crate::one_output::brightness;
use crate::succeeds;
use crate::training::{npz, save};

/// Accuracy, recall and precision say the same: which side of 0 a logit is on, not of 0.5.
#[test]
fn a_logit_is_right_on_its_side_of_0() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // Logits of 0.2 and -0.2.
    let x = Tensor::from_fn(vec![16, 8, 8, 3], |i| if i / 192 % 2 == 1 { 178.5 } else { 76.5 });
    npz(at.join("d.npz"), &[("x", &x), ("y", &Tensor::from_fn(vec![16], |i| (i % 2) as f32))]);
    save(&brightness(Activation::Linear), at.join("m.keras"));
    let ran = succeeds("evaluate d.npz --model m.keras --device cpu", at);
    assert!(ran.out.contains("accuracy        1.0000  (16 of 16)"), "{}", ran.out);
    assert!(ran.out.contains("mean of classes     1.0000  1.0000  1.0000       16"), "{}", ran.out);
    let train = "train d.npz --model m.keras --optimizer sgd,lr=0 --epochs 1 --device cpu";
    let ran = succeeds(train, at);
    assert!(ran.out.contains("accuracy 1.0000  val_loss"), "{}", ran.out);
    assert!(ran.out.contains("accuracy        1.0000"), "{}", ran.out);
}
