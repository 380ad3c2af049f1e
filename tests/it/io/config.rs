//! Configurations of single layers: Keras's own arguments (`vectors/layers.json`) are read and written.

use cnn_core::layers::{Activation, Add, Conv2D, Dense, DepthwiseConv2D, Layer, Padding, SeparableConv2D};
use cnn_core::shape::Padding2D;
use cnn_core::{Functional, Model, Sequential, Weights};
use cnn_io::keras::{layer_from_config, layer_to_config, model_from_json, model_to_json};
use serde_json::{Value, json};

use super::{run, vector};

fn cases() -> Vec<Value> {
    serde_json::from_slice(&vector("layers.json")).unwrap()
}

/// A value without what differs from version to version and has no effect here.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            if object.get("class_name").is_some_and(|class| class == "DTypePolicy") {
                return object["config"]["name"].clone();
            }
            const DROPPED: [&str; 15] = [
                "build_config",
                "compile_config",
                "shared_object_id",
                "sparse",
                "ragged",
                "optional",
                "renorm",
                "renorm_clipping",
                "renorm_momentum",
                "quantization_config",
                "rms_scaling",
                "antialias",
                "input_axes",
                "output_axes",
                "kwargs",
            ];
            let kept = object.iter().filter(|(key, _)| !DROPPED.contains(&key.as_str()));
            // Once built, Keras's LayerNormalization has a list where the caller gave one axis.
            let one = |value: &Value| value.as_array().filter(|axes| axes.len() == 1).map(|axes| plain(&axes[0]));
            let value = |key: &str, value| one(value).filter(|_| key == "axis").unwrap_or_else(|| plain(value));
            Value::Object(kept.map(|(key, kept)| (key.clone(), value(key, kept))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(plain).collect()),
        // As float32: statistics of Normalization are kept so.
        Value::Number(number) => json!(number.as_f64().map(|number| number as f32)),
        other => other.clone(),
    }
}

/// Each of Keras's configurations is read, makes the shapes and weights it should, and is written as it was.
#[test]
fn every_layer_of_keras() {
    let (mut read, mut refused) = (0, 0);
    for case in cases() {
        let (name, class) = (case["name"].as_str().unwrap(), case["class"].as_str().unwrap());
        if class.starts_with(|c: char| c.is_lowercase()) {
            continue; // a function of keras.activations, which is no layer
        }
        let layer = match layer_from_config(class, &case["config"]) {
            Ok(layer) => layer,
            Err(error) => {
                // Beside what is not promised: factors along another axis than the last.
                assert!(case["extra"] == true || case["config"]["scale"][0].is_array(), "{name}: {error}");
                assert!(error.to_string().contains(class), "{error}");
                refused += 1;
                continue;
            }
        };
        let shapes: Vec<Vec<Option<usize>>> = (case["inputs"].as_array().unwrap().iter())
            .map(|input| serde_json::from_value(input["shape"].clone()).unwrap())
            .collect();
        let output: Vec<Option<usize>> = serde_json::from_value(case["output_shape"].clone()).unwrap();
        assert_eq!(layer.output_shapes(&shapes).unwrap(), [output], "{name}");
        let ours: Vec<Vec<usize>> = layer.weights(&shapes).unwrap().into_iter().map(|spec| spec.shape).collect();
        let theirs = case["weights"].as_array().unwrap().iter();
        let theirs: Vec<Vec<usize>> = theirs.map(|w| serde_json::from_value(w["shape"].clone()).unwrap()).collect();
        assert_eq!(ours, theirs, "{name}");

        let written = layer_to_config(&layer).unwrap();
        let again = layer_from_config(class, &written).unwrap();
        assert_eq!(again, layer, "{name}");
        for (key, mut value) in plain(&written).as_object().unwrap().clone() {
            // The cases have initializers without their modules.
            if let Some(initializer) = value.as_object_mut() {
                initializer.retain(|key, _| !["module", "registered_name"].contains(&key.as_str()));
            }
            let theirs = plain(&case["config"][&key]);
            // One axis may stand alone or in a list, and no axis as null or an empty list.
            let theirs = match theirs.as_array().map(Vec::as_slice) {
                Some([one]) if key == "axis" && value.is_number() => one.clone(),
                Some([]) if key == "axis" => Value::Null,
                _ => theirs,
            };
            assert_eq!(value, theirs, "{name}: {key}");
        }
        read += 1;
    }
    assert!(read > 650, "{read} read, {refused} refused");
}

/// What is written for a model that Keras wrote is what Keras wrote.
#[test]
fn models_are_written_as_keras_writes_them() {
    for name in ["small", "small_seq", "small_nested", "convnext", "operations"] {
        let json = String::from_utf8(vector(&format!("formats/{name}.to_json.json"))).unwrap();
        let (model, _) = model_from_json(&json, name).unwrap();
        let ours: Value = serde_json::from_str(&model_to_json(&model).unwrap()).unwrap();
        let theirs: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(plain(&ours), plain(&theirs), "{name}");
    }
}

/// The arguments of the layer called `conv1` in a small Sequential, changed by `change`.
fn changed(change: impl Fn(&mut Value)) -> String {
    let mut value = json!({"class_name": "Sequential", "config": {"name": "net", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8, 3], "dtype": "float32", "name": "in"}},
        {"class_name": "Conv2D", "config": {"name": "conv1", "filters": 4, "kernel_size": [3, 3]}},
    ]}});
    change(&mut value["config"]["layers"][1]);
    value.to_string()
}

#[test]
fn missing_arguments_have_keras_defaults() {
    let (model, _) = model_from_json(&changed(|_| ()), "net.json").unwrap();
    assert_eq!(*model.layer("conv1").unwrap().layer(), Layer::from(Conv2D::new(4, 3)));
}

/// Each error names the file, where it stands, and what is wrong there.
#[test]
fn errors_say_where_and_what() {
    type Change = fn(&mut Value);
    #[rustfmt::skip]
    let cases: [(Change, &[&str]); 23] = [
        (|l| l["class_name"] = json!("Lambda"), &["net/conv1", "unknown layer class 'Lambda'", "Conv2D"]),
        (|l| l["registered_name"] = json!("mine>Conv2D"), &["net/conv1", "'mine>Conv2D'"]),
        (|l| l["module"] = json!("keras.src.ops.numpy"), &["net/conv1", "keras.src.ops.numpy.Conv2D"]),
        (
            |l| *l = json!({"module": "keras.src.ops.numpy", "class_name": "Add", "config": {"name": "sum"}}),
            &["net/sum (Add)", "called once, with two arguments"],
        ),
        (|l| l["config"]["colour"] = json!(1), &["net/conv1 (Conv2D)", "unknown argument 'colour'"]),
        (|l| l["config"]["filters"] = Value::Null, &["net/conv1 (Conv2D)", "filters is missing"]),
        (|l| l["config"]["filters"] = json!(-3), &["filters is -3"]),
        (|l| l["config"]["filters"] = json!(2.5), &["filters is 2.5"]),
        (|l| l["config"]["filters"] = json!(1e300), &["filters is 1e+300"]),
        (|l| l["config"]["filters"] = json!(0), &["conv1 (Conv2D)", "filters"]),
        (|l| l["config"]["kernel_size"] = json!([3, 3, 3]), &["kernel_size is [3,3,3]"]),
        (|l| l["config"]["kernel_size"] = json!([9, 9]), &["conv1 (Conv2D)", "9x9"]),
        (|l| l["config"]["padding"] = json!("causal"), &["padding is 'causal'"]),
        (|l| l["config"]["activation"] = json!("snake"), &["net/conv1 (Conv2D)", "activation 'snake'"]),
        (|l| l["config"]["activation"] = json!({"class_name": "LeakyReLU", "config": {}}), &["conv1", "LeakyReLU"]),
        (|l| l["config"]["data_format"] = json!("channels_first"), &["conv1", "channels_first", "channels_last"]),
        (|l| l["config"]["dtype"] = json!("mixed_float16"), &["net/conv1 (Conv2D)", "dtype 'mixed_float16'", "float32"]),
        (|l| l["config"]["dtype"] = json!({"class_name": "DTypePolicy", "config": {"name": "bfloat16"}}), &["'bfloat16'"]),
        (|l| l["config"]["use_bias"] = json!("yes"), &["use_bias is \"yes\""]),
        (|l| l["config"]["groups"] = json!(2), &["conv1 (Conv2D)", "groups"]),
        (|l| l["config"] = json!([]), &["net/layers[1] (Conv2D)", "config is no object"]),
        (|l| *l = json!(7), &["net/layers[1]", "class_name"]),
        (|l| l["config"]["name"] = json!("in"), &["'in'", "taken"]),
    ];
    for (change, says) in cases {
        let error = model_from_json(&changed(change), "net.json").unwrap_err().to_string();
        assert!(error.starts_with("net.json: "), "{error}");
        for part in says {
            assert!(error.contains(part), "{error}\nlacks {part}");
        }
    }
}

/// hard_sigmoid is another function in Keras 2.
#[test]
fn hard_sigmoid_of_keras_2_is_refused() {
    let with = changed(|layer| layer["config"]["activation"] = json!("hard_sigmoid"));
    assert!(model_from_json(&with, "net.json").is_ok());
    let mut old: Value = serde_json::from_str(&with).unwrap();
    old["keras_version"] = json!("2.15.0");
    let error = model_from_json(&old.to_string(), "net.json").unwrap_err().to_string();
    assert!(error.contains("0.2 x + 0.5"), "{error}");
}

/// How a weight begins and what training asks of it, in the forms that Keras reads, and in the one that it writes.
#[test]
fn initializers_regularizers_and_constraints() {
    let object = |class: &str, config: Value| json!({"class_name": class, "config": config});
    let scaled = json!({"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal", "seed": null});
    let cases = [
        ("kernel_initializer", Value::Null, object("GlorotUniform", json!({"seed": null}))),
        ("kernel_initializer", json!("he_normal"), object("HeNormal", json!({"seed": null}))),
        ("kernel_initializer", json!("LecunUniform"), object("LecunUniform", json!({"seed": null}))),
        ("kernel_initializer", object("HeUniform", json!({"seed": 7})), object("HeUniform", json!({"seed": 7}))),
        ("kernel_initializer", object("VarianceScaling", scaled.clone()), object("VarianceScaling", scaled)),
        // As the first Keras 2 wrote Glorot's.
        (
            "kernel_initializer",
            object(
                "VarianceScaling",
                json!({"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "dtype": "float32"}),
            ),
            object("GlorotUniform", json!({"seed": null})),
        ),
        ("bias_initializer", object("Constant", json!({"value": 0.1})), object("Constant", json!({"value": 0.1}))),
        ("bias_initializer", json!("one"), object("Ones", json!({}))),
        (
            "bias_initializer",
            json!("uniform"),
            object("RandomUniform", json!({"minval": -0.05, "maxval": 0.05, "seed": null})),
        ),
        ("kernel_regularizer", json!("l2"), object("L2", json!({"l2": 0.01}))),
        ("kernel_regularizer", object("L1", json!({"l1": 0.5})), object("L1", json!({"l1": 0.5}))),
        (
            "bias_regularizer",
            object("L1L2", json!({"l1": null, "l2": 0.5})),
            object("L1L2", json!({"l1": 0.0, "l2": 0.5})),
        ),
        ("activity_regularizer", object("L2", json!({"l2": 0.25})), object("L2", json!({"l2": 0.25}))),
        ("kernel_constraint", json!("max_norm"), object("MaxNorm", json!({"max_value": 2.0, "axis": 0}))),
        (
            "kernel_constraint",
            object("UnitNorm", json!({"axis": {"class_name": "__tuple__", "items": [0, 1, 2]}})),
            object("UnitNorm", json!({"axis": [0, 1, 2]})),
        ),
        (
            "kernel_constraint",
            object("MinMaxNorm", json!({"min_value": 0.5, "axis": null})),
            object("MinMaxNorm", json!({"min_value": 0.5, "max_value": 1.0, "rate": 1.0, "axis": null})),
        ),
        ("bias_constraint", object("NonNeg", json!({})), object("NonNeg", json!({}))),
    ];
    for (key, read, written) in cases {
        let (model, notes) =
            model_from_json(&changed(|layer| layer["config"][key] = read.clone()), "net.json").unwrap();
        assert!(notes.is_empty(), "{key} {read}: {notes:?}");
        let config = layer_to_config(model.layer("conv1").unwrap().layer()).unwrap();
        assert_eq!(plain(&config[key]["class_name"]), written["class_name"], "{key} {read}");
        assert_eq!(plain(&config[key]["config"]), plain(&written["config"]), "{key} {read}");
        let (again, _) = model_from_json(&model_to_json(&model).unwrap(), "net.json").unwrap();
        assert_eq!(again, model, "{key} {read}");
    }
}

/// A regularizer or constraint of a user's own is noted, and training refuses it; an initializer is noted.
#[test]
fn what_is_not_kept_of_a_weight_is_noted() {
    for (key, refused) in [("kernel_regularizer", true), ("bias_constraint", true), ("kernel_initializer", false)] {
        let own = json!({"class_name": "Mine", "registered_name": "my>Mine", "config": {"a": 1}});
        let (model, notes) = model_from_json(&changed(|layer| layer["config"][key] = own.clone()), "net.json").unwrap();
        assert_eq!(notes.len(), 1, "{key}");
        assert!(notes[0].contains("net/conv1") && notes[0].contains(&format!("{key} 'my>Mine'")), "{notes:?}");
        let shapes: Vec<Vec<usize>> =
            model.input_shapes().iter().map(|shape| shape.iter().map(|size| size.unwrap_or(2)).collect()).collect();
        let training = cnn_train::Training::new(cnn_train::Loss::MeanSquaredError, cnn_train::Optimizer::sgd());
        let step = cnn_train::Step::new(&model, &shapes, &training, false);
        let message = step.err().map(|error| error.to_string());
        assert_eq!(message.is_some(), refused, "{key}: {message:?}");
        assert!(message.is_none_or(|text| text.starts_with("conv1/") && text.contains("'my>Mine'")), "{key}");
    }
}

/// What is no initializer, regularizer or constraint for the weight is an error that names the layer.
#[test]
fn wrong_options_of_a_weight() {
    for (key, value, says) in [
        ("kernel_initializer", json!(3), "a name, or an object"),
        ("kernel_initializer", json!({"class_name": "HeNormal", "config": {"gain": 1}}), "unknown argument 'gain'"),
        ("kernel_initializer", json!("identity"), "two axes"),
        ("kernel_regularizer", json!({"class_name": "L2", "config": {"l2": "x"}}), "l2 is"),
        ("kernel_regularizer", json!({"class_name": "L2", "config": {"l2": -1.0}}), "at least 0"),
        ("kernel_regularizer", json!("orthogonal_regularizer"), "for matrices"),
        ("kernel_constraint", json!({"class_name": "UnitNorm", "config": {"axis": 4}}), "along axes"),
    ] {
        let error = model_from_json(&changed(|layer| layer["config"][key] = value.clone()), "net.json").unwrap_err();
        let error = error.to_string();
        assert!(error.contains("conv1") && error.contains(says), "{key} {value}: {error}");
    }
}

/// The several ways in which a Sequential may say its input's shape.
#[test]
fn shapes_of_a_sequential_without_an_input_layer() {
    let dense = |extra: Value| {
        let mut config = json!({"name": "d", "units": 2});
        config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"class_name": "Dense", "config": config})
    };
    let with = |layer: Value, extra: Value| {
        let mut config = json!({"name": "net", "layers": [layer]});
        config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"class_name": "Sequential", "config": config})
    };
    let good = [
        with(dense(json!({"batch_input_shape": [null, 3]})), json!({})),
        with(dense(json!({})), json!({"build_input_shape": [null, 3]})),
        with(dense(json!({})), json!({"build_input_shape": {"class_name": "TensorShape", "items": [null, 3]}})),
        json!({"class_name": "Sequential", "config": [dense(json!({"batch_input_shape": {"class_name": "__tuple__", "items": [null, 3]}}))]}),
    ];
    for value in good {
        let (model, _) = model_from_json(&value.to_string(), "net.json").unwrap();
        assert_eq!(model.weights()[0].shape, [3, 2], "{value}");
        assert_eq!(model.weights()[0].path, "d/kernel");
    }
    let error = model_from_json(&with(dense(json!({})), json!({})).to_string(), "net.json").unwrap_err().to_string();
    assert!(error.contains("shape is not known"), "{error}");
}

/// A shared layer, several inputs and outputs, a model used twice; written and read again.
fn wired() -> Model {
    let mut f = Functional::new();
    let (a, b) = (f.input([8, 8, 3]).unwrap(), f.input([8, 8, 3]).unwrap());
    let mut inner = Functional::new();
    let x = inner.input([8, 8, 4]).unwrap();
    let y = inner.call(Conv2D::new(4, 1).name("point"), &[x]).unwrap();
    let z = inner.call(Add, &[x, y]).unwrap();
    let inner = inner.model("inner", &[x], &[y, z]).unwrap();
    let p = f.call(Conv2D::new(4, 3).padding(Padding::Same).name("shared"), &[a]).unwrap();
    let q = f.call_again("shared", &[b]).unwrap();
    let first = f.call_all(inner, &[p]).unwrap();
    let second = f.call_again_all("inner", &[q]).unwrap();
    let sum = f.call(Add, &[first[1], second[0]]).unwrap();
    f.model("wired", &[b, a], &[sum, second[1]]).unwrap()
}

#[test]
fn wiring_survives() {
    let model = wired();
    let json = model_to_json(&model).unwrap();
    let (again, _) = model_from_json(&json, "wired.json").unwrap();
    assert_eq!(again, model);
    // Whatever the order in which the layers are listed.
    let mut value: Value = serde_json::from_str(&json).unwrap();
    value["config"]["layers"].as_array_mut().unwrap().reverse();
    assert_eq!(model_from_json(&value.to_string(), "wired.json").unwrap().0, model);
}

#[test]
fn wirings_that_are_none() {
    type Change = fn(&mut Value);
    fn layer<'a>(config: &'a mut Value, name: &str) -> &'a mut Value {
        config["layers"].as_array_mut().unwrap().iter_mut().find(|layer| layer["name"] == name).unwrap()
    }
    #[rustfmt::skip]
    let cases: [(Change, &[&str]); 10] = [
        (|c| layer(c, "add")["inbound_nodes"] = json!([]), &["wired/add", "never called"]),
        (|c| layer(c, "add")["inbound_nodes"] = json!(3), &["wired/add", "no list"]),
        (|c| layer(c, "add")["inbound_nodes"] = json!([[["shared", 0, 0, {}], ["nobody", 0, 0, {}]]]), &["wired/add", "'nobody'"]),
        (|c| layer(c, "add")["inbound_nodes"] = json!([[["shared", 0, 0, {}], ["shared", 9, 0, {}]]]), &["wired/add", "call 9"]),
        (|c| layer(c, "add")["inbound_nodes"] = json!([[["shared", 0, 3, {}]]]), &["output 3"]),
        (|c| layer(c, "add")["inbound_nodes"] = json!([[["add", 0, 0, {}]]]), &["'add'", "depends on itself"]),
        (|c| layer(c, "add")["inbound_nodes"] = json!([{"args": [1.5], "kwargs": {}}]), &["wired/add", "no tensor"]),
        (|c| layer(c, "shared")["inbound_nodes"][0]["kwargs"] = json!({"state": [1]}), &["wired/shared", "'state'"]),
        (|c| c["input_layers"] = json!([["input_layer", 0, 0]]), &["wired", "input_layer_1"]),
        (|c| c["output_layers"] = json!([]), &["wired", "no output"]),
    ];
    let json = model_to_json(&wired()).unwrap();
    for (change, says) in cases {
        let mut value: Value = serde_json::from_str(&json).unwrap();
        change(&mut value["config"]);
        let error = model_from_json(&value.to_string(), "wired.json").unwrap_err().to_string();
        for part in says {
            assert!(error.contains(part), "{error}\nlacks {part}");
        }
    }
}

/// Explicit padding becomes a layer of zeros before the convolution; the function and the weights stay.
#[test]
fn explicit_padding_becomes_a_layer() {
    let padding = Padding::Explicit(Padding2D { top: 1, bottom: 2, left: 0, right: 3 });
    let sequential = Sequential::new("s").input([5, 6, 2]).unwrap();
    let sequential = sequential.add(Conv2D::new(3, 3).strides(2).padding(padding).name("c")).unwrap();
    let sequential = sequential.add(DepthwiseConv2D::new(2).padding(padding).name("d")).unwrap().model().unwrap();
    let mut f = Functional::new();
    let x = f.input([5, 6, 2]).unwrap();
    let y = f.call(SeparableConv2D::new(2, 1).padding(padding).name("c"), &[x]).unwrap();
    let z = f.call_again("c", &[y]).unwrap();
    f.set_training(z, Some(false)).unwrap();
    let w = f.call(Conv2D::new(2, 3).padding(padding).name("c_pad"), &[z]).unwrap();
    let functional = f.model("f", &[x], &[w]).unwrap();
    let outer = Sequential::new("o").add(functional.clone()).unwrap().add(Dense::new(2)).unwrap().model().unwrap();
    for (model, pads) in [(sequential, 2), (functional, 2), (outer, 0)] {
        let (written, _) = model_from_json(&model_to_json(&model).unwrap(), "m").unwrap();
        assert_eq!(written.layers().len(), model.layers().len() + pads, "{}", model.name());
        let paths = |model: &Model| model.weights().into_iter().map(|w| (w.path, w.shape)).collect::<Vec<_>>();
        assert_eq!(paths(&written), paths(&model));
        if model.name() == "f" {
            assert_eq!(written.layer("c").unwrap().calls()[1].training, Some(false));
        }
        let weights = Weights::initialize(&model, 3);
        let x = cnn_tests::recipe::uniform("padding", &[2, 5, 6, 2], -1.0, 1.0);
        assert_eq!(run(&written, &weights, &x), run(&model, &weights, &x), "{}", model.name());
    }
}

/// What Keras has no form for is refused by name.
#[test]
fn what_keras_cannot_save() {
    let layer = Conv2D::new(2, 1).activation(Activation::GeluTanh).name("layer");
    let model = Sequential::new("net").input([4, 4, 2]).unwrap().add(layer).unwrap().model().unwrap();
    let error = model_to_json(&model).unwrap_err().to_string();
    assert!(error.contains("net/layer (Conv2D): gelu by tanh"), "{error}");
    let padding = Padding::Explicit(Padding2D { top: 1, ..Default::default() });
    let error = layer_to_config(&Conv2D::new(2, 1).padding(padding).into()).unwrap_err().to_string();
    assert!(error.contains("explicit padding"), "{error}");
}
