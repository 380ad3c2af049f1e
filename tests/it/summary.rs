//! `summary()` against the texts that Keras 3 and Keras 2 print (`vectors/summary`), character for character.

use cnn_core::layers::{Activation, Conv2D, Dense, GlobalAveragePooling2D, Named, Padding};
use cnn_core::{Functional, Model, Sequential, Summary, SummaryStyle};
use cnn_zoo::{Arguments, find};

/// The text in `vectors/summary`. Keras 2 calls an input layer `input_1`; the columns are left-aligned, so the longer
/// name takes the place of spaces.
fn keras(file: &str) -> String {
    let path = format!("{}/vectors/summary/{file}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    text.replace("input_1 (InputLayer)    ", "input_layer (InputLayer)")
        .replace("['input_1[0][0]']    ", "['input_layer[0][0]']")
}

fn conv(strides: usize) -> Model {
    let conv = Conv2D::new(3, 3).strides(strides).padding(Padding::Same);
    Sequential::new("sequential").input([28, 28, 3]).and_then(|m| m.add(conv)).and_then(Sequential::model).unwrap()
}

/// The tutorial's third model: InceptionV3 without top, frozen, under a classifier of 100 classes.
fn transfer() -> Model {
    let base = find("InceptionV3").unwrap().build(&Arguments::default().include_top(false)).unwrap();
    Sequential::new("sequential")
        .input([128, 128, 3])
        .and_then(|m| m.add(Named::from(base).trainable(false)))
        .and_then(|m| m.add(GlobalAveragePooling2D::new()))
        .and_then(|m| m.add(Dense::new(1024).activation(Activation::Relu)))
        .and_then(|m| m.add(Dense::new(100).activation(Activation::Softmax)))
        .and_then(Sequential::model)
        .unwrap()
}

/// The same, built on from the base's output.
fn functional(name: &str) -> Model {
    let mut base = find("InceptionV3")
        .unwrap()
        .build(&Arguments::default().include_top(false).input_shape([128, 128, 3]))
        .unwrap();
    base.set_trainable(false);
    let mut f = Functional::extend(&base);
    let x = f.call(GlobalAveragePooling2D::new(), base.outputs()).unwrap();
    let x = f.call(Dense::new(1024).activation(Activation::Relu), &[x]).unwrap();
    let x = f.call(Dense::new(100).activation(Activation::Softmax), &[x]).unwrap();
    f.model(name, base.inputs(), &[x]).unwrap()
}

#[track_caller]
fn check(model: &Model, options: Summary, file: &str) {
    let ours = model.summary(&options).unwrap();
    let keras = keras(file);
    // Keras 3 hands its whole text, newline included, to a function that ends each text with one more.
    let ours = if options.style == SummaryStyle::Keras3 { ours + "\n" } else { ours };
    for (i, (ours, keras)) in ours.lines().zip(keras.lines()).enumerate() {
        assert_eq!(ours, keras, "{file}, line {}", i + 1);
    }
    assert_eq!(ours, keras, "{file}");
}

const KERAS3: Summary =
    Summary { style: SummaryStyle::Keras3, line_length: None, expand_nested: false, show_trainable: false };
const KERAS2: Summary = Summary { style: SummaryStyle::Keras2, ..KERAS3 };

#[test]
fn the_tutorials_models_in_keras_3() {
    let models = [("a_conv_stride3", conv(3)), ("b_conv_stride1", conv(1)), ("c_inception_transfer", transfer())];
    for (name, model) in &models {
        check(model, KERAS3, &format!("{name}.keras3.default"));
        for width in [65, 98] {
            check(model, Summary { line_length: Some(width), ..KERAS3 }, &format!("{name}.keras3.len{width}"));
        }
    }
}

#[test]
fn the_tutorials_models_in_keras_2() {
    let models = [("a_conv_stride3", conv(3)), ("b_conv_stride1", conv(1)), ("c_inception_transfer", transfer())];
    for (name, model) in &models {
        check(model, KERAS2, &format!("{name}.keras2.default"));
        for width in [65, 98] {
            check(model, Summary { line_length: Some(width), ..KERAS2 }, &format!("{name}.keras2.len{width}"));
        }
    }
}

#[test]
fn options() {
    let model = transfer();
    for (style, options) in [("keras3", KERAS3), ("keras2", KERAS2)] {
        let options = Summary { line_length: Some(98), ..options };
        let file = |option: &str| format!("c_inception_transfer.{style}.len98.{option}");
        check(&model, Summary { expand_nested: true, ..options }, &file("expand_nested"));
        check(&model, Summary { show_trainable: true, ..options }, &file("show_trainable"));
    }
}

#[test]
fn connections() {
    check(&functional("functional"), KERAS3, "c2_inception_functional.keras3.default");
    let wide = Summary { line_length: Some(98), ..KERAS3 };
    check(&functional("functional"), wide, "c2_inception_functional.keras3.len98");
    check(&functional("model"), Summary { line_length: Some(98), ..KERAS2 }, "c2_inception_functional.keras2.len98");
    let mut base = find("InceptionV3").unwrap().build(&Arguments::default().include_top(false)).unwrap();
    base.set_trainable(false);
    check(&base, wide, "c_inception_base.keras3.len98");
    check(&base, Summary { line_length: Some(98), ..KERAS2 }, "c_inception_base.keras2.len98");
}

#[test]
fn counts() {
    for version in ["keras2", "keras3"] {
        let path = format!("{}/vectors/summary/counts.{version}.json", env!("CARGO_MANIFEST_DIR"));
        let keras: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let models = [
            ("a_conv_stride3", conv(3)),
            ("b_conv_stride1", conv(1)),
            ("c_inception_transfer", transfer()),
            ("c2_inception_functional", functional("functional")),
        ];
        for (name, model) in models {
            let count = model.count_params();
            assert_eq!(count.total(), keras[name]["total"], "{name}");
            assert_eq!(count.trainable, keras[name]["trainable"], "{name}");
            assert_eq!(count.non_trainable, keras[name]["non_trainable"], "{name}");
        }
    }
}

#[test]
fn a_width_that_is_too_small() {
    for options in [KERAS3, KERAS2] {
        for width in 0..40 {
            // Text or an error, never a panic or an endless line.
            let made =
                conv(1).summary(&Summary { line_length: Some(width), show_trainable: width % 2 == 1, ..options });
            assert!(width > 15 || made.is_err(), "{width}");
        }
    }
    let error = conv(1).summary(&Summary { line_length: Some(7), ..KERAS3 }).unwrap_err();
    assert_eq!(error.to_string(), "a line length of 7 is too small for a summary; 65 and more is enough");
}
