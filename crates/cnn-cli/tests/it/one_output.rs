//! Two classes told apart by one output.

use std::fs;
use std::path::Path;

use cnn::layers::{Activation, Conv2D, Dense, GlobalAveragePooling2D, Rescaling};
use cnn::{Network, Sequential, Tensor, Weights};
use image::{Rgb, RgbImage};

use crate::succeeds;
use crate::training::{class, fails, save};

/// A network with one output, the mean of a picture's values times `scale`, and `bias`: a logit, or its probability.
pub(crate) fn brightness(activation: Activation, scale: f64, bias: f32) -> Network {
    let model = Sequential::new("brightness")
        .input([Some(8), Some(8), Some(3)])
        .and_then(|model| model.add(Rescaling::new(scale, 0.0)))
        .and_then(|model| model.add(Conv2D::new(1, 1).name("mean")))
        .and_then(|model| model.add(GlobalAveragePooling2D::new()))
        .and_then(|model| model.add(Dense::new(1).activation(activation).name("predictions")))
        .and_then(Sequential::model)
        .unwrap();
    let mut weights = Weights::initialize(&model, 0);
    weights.insert("mean/kernel", Tensor::full(vec![1, 1, 3, 1], 1.0 / 3.0));
    weights.insert("predictions/kernel", Tensor::full(vec![1, 1], 1.0));
    weights.insert("predictions/bias", Tensor::full(vec![1], bias));
    Network::new(model, weights).unwrap()
}

/// The label and score of each line that `cnn classify` or `cnn explain` prints.
fn scored(line: &str, at: &Path) -> Vec<(String, f32)> {
    let out = succeeds(line, at).out;
    let lines = out.lines().skip(1).filter_map(|line| line.trim().split_once("  "));
    lines.map(|(score, label)| (label.to_string(), score.parse().unwrap())).collect()
}

/// From training to the labels of a picture and to what speaks for them.
#[test]
fn one_output_is_both_classes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (channel, name) in ["apple", "berry"].into_iter().enumerate() {
        class(&at.join("data").join(name), channel, 20, &[(8, 8)]);
    }
    let options = "--loss binary_crossentropy --image-size 8 --epochs 8 --optimizer adam,lr=0.01 --device cpu";
    assert!(succeeds(&format!("train data {options}"), at).out.contains("(None, 1)"));
    let named = "--model training/model.keras --labels training/classes.txt --device cpu";
    let unnamed = "--model training/model.keras --device cpu";
    for (name, number) in [("apple", "class 0"), ("berry", "class 1")] {
        let both = scored(&format!("classify data/{name}/3.png {named}"), at);
        assert!(both.len() == 2 && both[0].0 == name && both[0].1 > 0.5, "{both:?}");
        assert!((both[0].1 + both[1].1 - 1.0).abs() < 2e-4, "{both:?}");
        assert_eq!(scored(&format!("classify data/{name}/3.png {unnamed} --top 1"), at)[0].0, number);
        assert_eq!(scored(&format!("explain data/{name}/3.png {named} --top 2"), at), both);
    }
    fs::write(at.join("one.txt"), "berry\n").unwrap();
    let one = "classify data/berry/3.png --model training/model.keras --labels one.txt --device cpu";
    fails(one, at, 1, &["one.txt: has 1 names, the model 2 classes"]);

    // A logit is made a probability; what is bright speaks for the second class, what is dark for the first.
    RgbImage::from_fn(8, 8, |x, _| Rgb([if x < 4 { 255 } else { 0 }; 3])).save(at.join("half.png")).unwrap();
    save(&brightness(Activation::Linear, 1.0 / 255.0, -0.5), at.join("linear.keras"));
    save(&brightness(Activation::Sigmoid, 1.0 / 255.0, -0.5), at.join("sigmoid.keras"));
    for model in ["linear", "sigmoid"] {
        let line = format!("classify data/apple/0.png --model {model}.keras --device cpu");
        let [(first, p), (_, q)] = &scored(&line, at)[..] else { panic!("{line}") };
        let sum: f64 = image::open(at.join("data/apple/0.png")).unwrap().to_rgb8().iter().map(|&x| f64::from(x)).sum();
        let wanted = 1.0 / (1.0 + (sum / 255.0 / 192.0 - 0.5).exp());
        assert!(first == "class 0" && (f64::from(*p) - wanted).abs() < 1e-4, "{model}: {p} {wanted}");
        assert!((p + q - 1.0).abs() < 2e-4, "{model}: {p} {q}");
        for method in ["grad-cam --layer mean", "occlusion --patch 4 --stride 4"] {
            let map = |class: u32| {
                let options = format!("--method {method} --class {class} --output {class}.png");
                succeeds(&format!("explain half.png --model {model}.keras --device cpu {options}"), at);
                image::open(at.join(format!("{class}.png"))).unwrap().to_rgb8()
            };
            assert!(map(0) != map(1), "{model} {method}");
        }
    }
}
