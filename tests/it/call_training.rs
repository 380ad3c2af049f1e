//! Calls with Keras's argument `training` (`vectors/call_training.json`, made by `vectors/scripts/call_training.py`): steps of
//! training beside Keras's, its files, what a step leaves alone.

use std::collections::HashMap;
use std::sync::Mutex;

use cnn::data::Dataset;
use cnn::layers::{Activation, BatchNormalization, Dense, Dropout, FlipMode, Named, RandomFlip};
use cnn::training::{Fit, Loss, Optimizer, Progress, Trainer, Training};
use cnn::{Device, Functional, Model, Network, Sequential, SummaryStyle, Tensor};
use cnn_core::{Mode, Op};
use cnn_io::keras::{model_from_json, model_to_json};
use serde_json::Value;

use crate::fit::all_devices;
use crate::training::nets::{classifier, layers};
use crate::training::{BATCH, SAMPLES, check_samples, pictures, weights};

fn truth() -> Value {
    serde_json::from_str(include_str!("../vectors/call_training.json")).unwrap()
}

/// Net "bn" as a base that is called with `outer`, its "bn1" with `inner`.
fn model([outer, inner]: [Option<bool>; 2]) -> Model {
    let net = layers("bn", "base").and_then(Sequential::model).unwrap();
    let mut base = Functional::new();
    let image = base.input([28, 28, 1]).unwrap();
    let mut x = image;
    for layer in &net.layers()[1..] {
        x = base.call(Named::from(layer.layer().clone()).name(layer.name()), &[x]).unwrap();
        if layer.name() == "bn1" {
            base.set_training(x, inner).unwrap();
        }
    }
    let base = base.model("base", &[image], &[x]).unwrap();
    let mut f = Functional::new();
    let image = f.input([28, 28, 1]).unwrap();
    let x = match outer {
        None => f.call(base, &[image]),
        Some(training) => f.call_with_training(base, &[image], training),
    };
    let y = f.call(classifier("bn"), &[x.unwrap()]).unwrap();
    f.model("model", &[image], &[y]).unwrap()
}

fn arguments(case: &Value) -> [Option<bool>; 2] {
    ["outer", "inner"].map(|key| case[key].as_bool())
}

/// Losses of two epochs and the weights behind them, moving statistics among them.
#[test]
fn calls_with_training_follow_keras() {
    let truth = truth();
    let labels = Tensor::from_fn(vec![SAMPLES], |i| (i % 10) as f32);
    let data = Dataset::from_arrays(pictures(0..SAMPLES), Some(labels)).unwrap();
    let data = data.in_order().batch_size(BATCH).unwrap();
    let sgd = Optimizer::sgd().learning_rate(truth["learning_rate"].as_f64().unwrap());
    for device in [Device::Reference].into_iter().chain(all_devices()) {
        for case in truth["cases"].as_array().unwrap() {
            let model = model(arguments(case));
            let initial = weights(&model);
            let network = Network::new(model, initial.clone()).unwrap();
            let mut trainer = Trainer::new(&device, &network, Training::new(Loss::CROSSENTROPY, sgd)).unwrap();
            let losses = Mutex::new(Vec::new());
            let mut fit = Fit::new(2).progress(|progress| {
                if let Progress::Step { loss, .. } = progress {
                    losses.lock().unwrap().push(loss);
                }
            });
            trainer.fit_blocking(&data, &mut fit).unwrap();
            drop(fit);
            let place = format!("{device}, {:?}", arguments(case));
            let wanted = case["losses"].as_array().unwrap();
            assert_eq!(losses.lock().unwrap().len(), wanted.len(), "{place}");
            for (step, (got, wanted)) in losses.lock().unwrap().iter().zip(wanted).enumerate() {
                let wanted = wanted.as_f64().unwrap();
                let allowed = if step < 5 { 2e-6 } else { 1e-4 } * wanted.max(1.0);
                assert!((got - wanted).abs() <= allowed, "{place}, step {step}: {got}, Keras {wanted}");
            }
            let trained = pollster::block_on(trainer.network()).unwrap().weights().unwrap();
            for tensor in case["weights"].as_array().unwrap() {
                let path = tensor["path"].as_str().unwrap().trim_start_matches("model/");
                let got = trained.get(path).unwrap();
                let doubles: Vec<f64> = got.data().iter().map(|&x| f64::from(x)).collect();
                check_samples(&doubles, tensor).unwrap_or_else(|error| panic!("{place}: {error}"));
                let [outer, inner] = arguments(case);
                let of_inference = if path.starts_with("base/bn1/") { inner.or(outer) } else { outer } == Some(false);
                let stays = path.contains("/moving_") && of_inference;
                assert_eq!(got == initial.get(path).unwrap(), stays, "{place}: {path}");
            }
        }
    }
}

/// The arguments of all calls of the layer at `path`.
fn of_calls(model: &Model, path: &str) -> Vec<Option<bool>> {
    model.find_layer(path).unwrap().calls().iter().map(|call| call.training).collect()
}

/// Files of Keras 3 and 2, as they read and as they are written.
#[test]
fn keras_files_hold_the_argument() {
    let truth = truth();
    // Keras 2 drops the argument where a layer does not know it.
    for (key, add) in [("keras3", Some(true)), ("keras2", None)] {
        let (model, notes) = model_from_json(&truth[key].to_string(), key).unwrap();
        assert!(notes.is_empty(), "{key}: {notes:?}");
        for (path, wanted) in [
            ("base", vec![Some(false), None]),
            ("base/norm", vec![None, Some(false)]),
            ("base/drop", vec![Some(true)]),
            ("add", vec![add]),
            ("dense", vec![None]),
        ] {
            assert_eq!(of_calls(&model, path), wanted, "{key}: {path}");
        }
        let json = model_to_json(&model).unwrap();
        assert_eq!(model_from_json(&json, key).unwrap().0, model, "{key}");
        if key == "keras3" {
            assert_eq!(written(&serde_json::from_str(&json).unwrap()), written(&truth[key]));
        }
        // The first call of "norm" is one of training in the second of "base", and the others see what it has made.
        let graph = model.lower(&[vec![4, 8]], Mode::Training, &[]).unwrap();
        let count = |is: fn(&Op) -> bool| graph.nodes().iter().filter(|node| is(&node.op)).count();
        assert_eq!(count(|op| matches!(op, Op::Assign(_))), 2, "{key}");
        assert_eq!(count(|op| matches!(op, Op::RandomUniform(_))), 2, "{key}");
        // In inference no call is one of training.
        let graph = model.lower(&[vec![4, 8]], Mode::Inference, &[]).unwrap();
        assert!(!graph.nodes().iter().any(|node| matches!(node.op, Op::Assign(_) | Op::RandomUniform(_))), "{key}");
    }
}

/// The argument of each call in a configuration of Keras 3, by layer.
fn written(config: &Value) -> HashMap<String, Vec<Value>> {
    let mut found = HashMap::new();
    for layer in config["config"]["layers"].as_array().unwrap() {
        let nodes = layer["inbound_nodes"].as_array().unwrap().iter();
        found.insert(layer["name"].to_string(), nodes.map(|node| node["kwargs"]["training"].clone()).collect());
        if layer["config"]["layers"].is_array() {
            found.extend(written(layer));
        }
    }
    found
}

/// Dropout and augmentation are off too; a summary does not show the argument.
#[test]
fn a_call_of_inference_draws_nothing() {
    let inner = || {
        let base = Sequential::new("base").input([8, 8, 1]).and_then(|m| m.add(RandomFlip::new(FlipMode::Horizontal)));
        base.and_then(|m| m.add(BatchNormalization::new())?.add(Dropout::new(0.5))?.model()).unwrap()
    };
    let outer = |training: Option<bool>| {
        let mut f = Functional::new();
        let x = f.input([8, 8, 1]).unwrap();
        let y = f.call(inner(), &[x]).unwrap();
        f.set_training(y, training).unwrap();
        f.model("outer", &[x], &[y]).unwrap()
    };
    let graph = |training, mode| outer(training).lower(&[vec![2, 8, 8, 1]], mode, &[]).unwrap();
    let inference = graph(None, Mode::Inference);
    for (training, mode, is_inference) in [
        (None, Mode::Training, false),
        (Some(true), Mode::Training, false),
        (Some(false), Mode::Training, true),
        (Some(true), Mode::Inference, true),
        (Some(false), Mode::Inference, true),
    ] {
        assert_eq!(graph(training, mode) == inference, is_inference, "{training:?}, {mode:?}");
    }
    for style in [SummaryStyle::Keras3, SummaryStyle::Keras2] {
        let options = cnn::Summary { style, expand_nested: true, ..cnn::Summary::default() };
        assert_eq!(outer(Some(false)).summary(&options).unwrap(), outer(None).summary(&options).unwrap());
    }
    let error = Functional::new().set_training(outer(None).outputs()[0], Some(false)).unwrap_err().to_string();
    assert!(error.contains("not a tensor of this builder"), "{error}");
}

/// A normalisation that learns, called in inference and then in training: the second call changes the statistics that the
/// gradient of the first one reads. No graph holds the old ones, and the error says so.
#[test]
fn statistics_that_a_later_call_changes_are_refused() {
    let mut f = Functional::new();
    let x = f.input([4]).unwrap();
    let first = f.call_with_training(Named::from(BatchNormalization::new()).name("norm"), &[x], false).unwrap();
    let second = f.call_again("norm", &[first]).unwrap();
    let y = f.call(Dense::new(2).activation(Activation::Softmax), &[second]).unwrap();
    let model = f.model("m", &[x], &[y]).unwrap();
    let network = Network::new(model.clone(), weights(&model)).unwrap();
    let (x, y) = (Tensor::from_fn(vec![3, 4], |i| i as f32), Tensor::from_fn(vec![3, 2], |i| (i % 2) as f32));
    let mut trainer =
        Trainer::new(&Device::Reference, &network, Training::new(Loss::CROSSENTROPY, Optimizer::sgd())).unwrap();
    let error = trainer.train_on_batch_blocking(&[x], &y, None).unwrap_err().to_string();
    assert!(error.contains("norm/moving_variance before it is assigned"), "{error}");
}
