//! How well a network does: what `cnn evaluate` and the end of `cnn train` say.

use std::fs;

use cnn::Tensor;
use cnn::layers::Activation;

use crate::one_output::brightness;
use crate::succeeds;
use crate::training::{class, fails, npz, pictures, rows, save, tiny};

/// Accuracy, recall and precision say the same: which side of 0 a logit is on, not of 0.5.
#[test]
fn a_logit_is_right_on_its_side_of_0() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // Logits of 0.2 and -0.2.
    let x = Tensor::from_fn(vec![16, 8, 8, 3], |i| if i / 192 % 2 == 1 { 178.5 } else { 76.5 });
    npz(at.join("d.npz"), &[("x", &x), ("y", &Tensor::from_fn(vec![16], |i| (i % 2) as f32))]);
    save(&brightness(Activation::Linear, 1.0 / 255.0, -0.5), at.join("m.keras"));
    let ran = succeeds("evaluate d.npz --model m.keras --device cpu", at);
    assert!(ran.out.contains("accuracy        1.0000  (16 of 16)"), "{}", ran.out);
    assert!(ran.out.contains("mean of classes     1.0000  1.0000  1.0000       16"), "{}", ran.out);
    let train = "train d.npz --model m.keras --optimizer sgd,lr=0 --epochs 1 --device cpu";
    let ran = succeeds(train, at);
    assert!(ran.out.contains("accuracy 1.0000  val_loss"), "{}", ran.out);
    assert!(ran.out.contains("accuracy        1.0000"), "{}", ran.out);
}

/// Folders are found by the names of the classes, where these are given: some may be missing, others are refused.
#[test]
fn folders_are_classes_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    succeeds("train data --image-size 8 --epochs 12 --batch 8 --optimizer adam,lr=0.01 --device cpu", at);
    let evaluate =
        |data: &str, labels: &str| format!("evaluate {data} --model training/model.keras --device cpu {labels}");
    let ran = succeeds(&evaluate("data", "--labels training/classes.txt"), at);
    assert!(ran.out.contains("accuracy        1.0000  (60 of 60)"), "{}", ran.out);
    class(&at.join("some/apple"), 0, 4, &[(8, 8)]);
    class(&at.join("some/나무"), 2, 4, &[(8, 8)]);
    fails(&evaluate("some", ""), at, 1, &["has 3 classes, but the data has 2", "their names by --labels"]);
    for loss in ["", " --loss mse"] {
        let ran = succeeds(&evaluate("some", &format!("--labels training/classes.txt{loss}")), at);
        assert!(ran.out.contains("accuracy        1.0000  (8 of 8)"), "{}", ran.out);
        assert!(ran.out.contains("blue sky") && ran.err.is_empty(), "{} {}", ran.out, ran.err);
    }
    fs::write(at.join("turned.txt"), "blue sky\n나무\napple\n").unwrap();
    let ran = succeeds(&evaluate("data", "--labels turned.txt"), at);
    assert!(ran.out.contains("accuracy        0.0000  (0 of 60)"), "{}", ran.out);
    // As many folders of other names.
    fs::rename(at.join("data/blue sky"), at.join("data/apples")).unwrap();
    let ran = succeeds(&evaluate("data", ""), at);
    assert!(ran.err.contains("training/classes.txt names other classes than the folders of data"), "{}", ran.err);
    let wanted = ["data: holds a folder 'apples', which is no name of a class; did you mean apple?"];
    fails(&evaluate("data", "--labels training/classes.txt"), at, 1, &wanted);
    fails(&evaluate("data", "--labels none.txt"), at, 1, &["none.txt: cannot be read"]);
    // Arrays have numbers.
    let (x, y) = rows(12, 3);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    save(&tiny(3, [Some(8), Some(8), Some(1)]), at.join("m.keras"));
    let ran = succeeds("evaluate d.npz --model m.keras --device cpu --labels turned.txt", at);
    assert!(ran.out.contains("나무"), "{}", ran.out);
    let (x, y) = rows(12, 4);
    npz(at.join("four.npz"), &[("x", &x), ("y", &y)]);
    let line = "evaluate four.npz --model m.keras --device cpu --labels turned.txt";
    fails(line, at, 1, &["has 3 classes, but the data has 4"]);
}

/// A model of any size says which it gets, unless it is told.
#[test]
fn pictures_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    save(&tiny(3, [None, None, Some(3)]), at.join("any.keras"));
    for line in ["evaluate data --model any.keras", "train data --model any.keras --steps 1"] {
        let ran = succeeds(&format!("{line} --device cpu"), at);
        let wanted = "tiny takes pictures of any size: they are brought to 128x128; --image-size says another";
        assert!(ran.err.contains(wanted), "{line}: {}", ran.err);
    }
    let at_size = |size: &str| {
        let ran = succeeds(&format!("evaluate data --model any.keras --device reference --image-size {size}"), at);
        assert!(!ran.err.contains("any size"), "{}", ran.err);
        ran.out
    };
    assert_ne!(at_size("8"), at_size("12x9"));
    let (x, y) = rows(12, 3);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    fails("evaluate d.npz --model any.keras --image-size 8", at, 2, &["--image-size is for folders of pictures"]);
}

/// What Keras's function did ahead of a model is done here too, and stands in the model that is trained on.
#[test]
fn a_model_without_its_preprocessing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // It takes -1 to 1, and calls what is brighter than the middle class 1.
    save(&brightness(Activation::Linear, 1.0, 0.0), at.join("m.keras"));
    for (name, white) in [("pixels", 255.0), ("unit", 1.0)] {
        let x = Tensor::from_fn(vec![16, 8, 8, 3], |i| white * if i / 192 % 2 == 1 { 0.7 } else { 0.3 });
        npz(at.join(format!("{name}.npz")), &[("x", &x), ("y", &Tensor::from_fn(vec![16], |i| (i % 2) as f32))]);
        let evaluate = format!("evaluate {name}.npz --device cpu --model");
        assert!(succeeds(&format!("{evaluate} m.keras"), at).out.contains("(8 of 16)"), "{name}");
        assert!(succeeds(&format!("{evaluate} m.keras --preprocess tf"), at).out.contains("(16 of 16)"), "{name}");
        let train =
            format!("train {name}.npz --model m.keras --optimizer sgd,lr=0 --epochs 1 --device cpu --folder {name}");
        let ran = succeeds(&format!("{train} --preprocess tf"), at);
        assert!(ran.out.contains("preprocessing (Rescaling)") && ran.out.contains("accuracy 1.0000"), "{}", ran.out);
        assert!(succeeds(&format!("{evaluate} {name}/model.keras"), at).out.contains("(16 of 16)"), "{name}");
        fails(&format!("{train} --resume"), at, 1, &["preprocess was \"tf\", is null"]);
    }
    let (x, y) = rows(12, 3);
    npz(at.join("grey.npz"), &[("x", &x), ("y", &y)]);
    save(&tiny(3, [Some(8), Some(8), Some(1)]), at.join("grey.keras"));
    let line = "evaluate grey.npz --model grey.keras --device cpu --preprocess";
    fails(&format!("{line} caffe"), at, 1, &["caffe and torch are for pictures of 3 channels, but the samples have 1"]);
    succeeds(&format!("{line} tf"), at);
    fails("train grey.npz --preprocess tf", at, 2, &["--model"]);
}

/// A picture gets smaller in `cnn classify` as in training, if that is asked for.
#[test]
fn a_picture_is_made_smaller_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (channel, name) in ["a", "b"].into_iter().enumerate() {
        class(&at.join("data").join(name), channel, 1, &[(37, 23)]);
    }
    save(&tiny(2, [Some(8), Some(8), Some(3)]), at.join("m.keras"));
    let ran = succeeds("evaluate data --model m.keras --device cpu", at);
    let loss: f64 = ran.out.lines().next().unwrap().split_whitespace().last().unwrap().parse().unwrap();
    let of = |options: &str| {
        let line = format!("classify data --model m.keras --device cpu --json {options}");
        let json: serde_json::Value = serde_json::from_str(&succeeds(&line, at).out).unwrap();
        let score = |class: usize| {
            let labels = json["results"][class]["labels"].as_array().unwrap();
            labels.iter().find(|label| label["index"] == class).unwrap()["score"].as_f64().unwrap()
        };
        -(score(0).ln() + score(1).ln()) / 2.0
    };
    assert!((of("--interpolation dataset") - loss).abs() < 1e-4, "{} {loss}", of("--interpolation dataset"));
    assert!((of("") - loss).abs() > 1e-4, "{} {loss}", of(""));
}
