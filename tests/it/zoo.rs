//! The 40 models of the zoo against Keras: every layer's name, class, configuration, wiring, output shape and weights, in
//! Keras's order (`vectors/layers`), what `applications.json` says of each function, and what `zoo.json.gz` says of odd
//! sizes, of the arguments of single papers, and of what is refused.

use std::collections::{BTreeMap, BTreeSet};

use cnn_core::layers::{Activation, Layer, SymbolicShape, WeightSpec};
use cnn_core::model::ModelLayer;
use cnn_core::{Model, Tensor};
use cnn_tests::vectors;
use cnn_zoo::{Arguments, Pooling, ROWS, Row, ZooError, find};
use serde_json::{Value, json};

/// Keras's arguments that have only one value here, or no part in what a layer computes.
const NOT_OURS: [(&str, &str); 9] = [
    ("data_format", "\"channels_last\""),
    ("sparse", "false"),
    ("ragged", "false"),
    ("optional", "false"),
    ("synchronized", "false"),
    ("renorm", "false"),
    ("renorm_clipping", "null"),
    ("renorm_momentum", "0.99"),
    ("rms_scaling", "false"),
];

/// What Keras has of an argument for a weight, class and arguments, and nothing of what is said by other names: the axes are
/// the usual ones, 0 alone is zeros.
fn of_weight(value: &Value) -> Option<(String, BTreeMap<String, Value>)> {
    let class = ["class", "class_name"].iter().find_map(|key| value.get(key)?.as_str())?;
    let arguments = value.get("config").and_then(Value::as_object).into_iter().flatten();
    let arguments = arguments.filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), value.clone()));
    let arguments: BTreeMap<String, Value> = arguments.collect();
    match class {
        "Constant" if arguments["value"] == 0.0 => Some(("Zeros".into(), BTreeMap::new())),
        class => Some((class.into(), arguments)),
    }
}

fn is_of_weight(key: &str) -> bool {
    ["_initializer", "_regularizer", "_constraint"].iter().any(|end| key.ends_with(end))
}

fn check_config(name: &str, layer: &Layer, keras: &Value) {
    let ours = cnn_io::keras::layer_to_config(layer).unwrap();
    for (key, value) in keras.as_object().unwrap() {
        if let Some((_, only)) = NOT_OURS.iter().find(|(other, _)| other == key) {
            assert_eq!(value.to_string(), *only, "{name}: {key}");
        } else if matches!(layer, Layer::Normalization(_)) && ["mean", "variance"].contains(&key.as_str()) {
            assert_eq!(rounded(&ours[key]), rounded(value), "{name}: {key}");
        } else if is_of_weight(key) {
            assert_eq!(of_weight(&ours[key]), of_weight(value), "{name}: {key}");
        } else if key != "quantization_config" {
            assert!(same(&ours[key], value), "{name}: {key} is {} instead of {value}", ours[key]);
        }
    }
    for (key, _) in ours.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
        assert!(keras.get(key).is_some() || NOT_OURS.iter().any(|(other, _)| other == key), "{name}: {key}");
    }
}

/// Keras writes -1 for -1.0 where its code does, and, once it is built, a list where LayerNormalization was given one axis.
fn same(ours: &Value, keras: &Value) -> bool {
    match (ours, keras) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Number(_), Value::Array(one)) => one.len() == 1 && *ours == one[0],
        _ => ours == keras,
    }
}

/// Statistics are float32 here.
fn rounded(value: &Value) -> Option<Vec<f32>> {
    Some(value.as_array()?.iter().map(|number| number.as_f64().unwrap() as f32).collect())
}

/// The layers that Keras lists of a nested model: without its input.
fn listed(model: &Model) -> impl Iterator<Item = &ModelLayer> {
    model.layers().iter().filter(|layer| !matches!(layer.layer(), Layer::InputLayer(_)))
}

fn check_layer(ours: &ModelLayer, prefix: &str, keras: &Value) {
    let name = keras["name"].as_str().unwrap();
    assert_eq!(ours.name(), name);
    assert_eq!(ours.layer().class_name(), keras["class"], "{name}");
    assert_eq!(json!(ours.calls()[0].output_shapes[0]), keras["output_shape"], "{name}");
    assert_eq!(!ours.layer().is_operation(), keras.get("is_layer").is_none(), "{name}");
    if let Some(nested) = ours.nested() {
        let sublayers = keras["sublayers"].as_array().unwrap();
        assert_eq!(listed(nested).count(), sublayers.len(), "{name}");
        for (ours, keras) in listed(nested).zip(sublayers) {
            check_layer(ours, &format!("{name}/"), keras);
        }
        return;
    }
    if let Layer::Operation(operation) = ours.layer() {
        let number = operation.right.map(|number| format!(", {number:?})"));
        assert!(number.is_none_or(|number| keras["args"].as_str().unwrap().ends_with(&number)), "{name}");
        assert_eq!((operation.left, operation.right.is_some()), (None, ours.calls()[0].inputs.len() == 1), "{name}");
        return;
    }
    check_config(name, ours.layer(), &keras["config"]);
    let weight = |(w, keras): (&WeightSpec, &Value)| {
        // Keras numbers LayerScale's weight through the whole session, and NASNet's paths begin with name scopes.
        let own = if matches!(ours.layer(), Layer::LayerScale(_)) { keras["name"].as_str().unwrap() } else { w.name };
        let path = format!("{prefix}{name}/{own}");
        let scopes = keras["path"].as_str().unwrap().strip_suffix(&path).unwrap_or_else(|| panic!("{path}"));
        assert!(scopes.is_empty() || scopes.contains("_A_block_"), "{scopes}{path}");
        let dtype = if w.name == "count" { "int64" } else { "float32" };
        json!({
            "path": format!("{scopes}{path}"), "name": own, "shape": w.shape, "trainable": w.trainable, "dtype": dtype,
        })
    };
    let keras = keras.get("weights").cloned().unwrap_or(json!([]));
    let weights: Vec<Value> = ours.weights().iter().zip(keras.as_array().unwrap()).map(weight).collect();
    assert_eq!((ours.weights().len(), &json!(weights)), (weights.len(), &keras), "{name}");
}

/// A model against one of `vectors/layers`.
fn check_layers(model: &Model, file: &str) {
    let keras = vectors::json(&format!("layers/{file}.json.gz"));
    let layers = keras["layers"].as_array().unwrap();
    assert_eq!(model.layers().len(), layers.len(), "{file}");
    for (ours, keras) in model.layers().iter().zip(layers) {
        check_layer(ours, "", keras);
        let inputs = &ours.calls()[0].inputs;
        let inbound: Vec<&str> = inputs.iter().map(|x| model.layers()[x.layer].name()).collect();
        assert_eq!(json!(inbound), keras["inbound"], "{file}: {}", ours.name());
    }
    let outputs: Vec<&str> = model.outputs().iter().map(|x| model.layers()[x.layer].name()).collect();
    assert_eq!(json!(outputs), keras["outputs"], "{file}");
}

/// What Keras 3.15.1 counts as trainable behind `for layer in model.layers[first:end]: layer.trainable = False`.
#[test]
fn places_of_layers_are_keras_s() {
    let arguments = Arguments::default();
    let small = arguments.clone().include_top(false).input_shape([75, 75, 3]);
    for (name, arguments, range, layers, trainable) in [
        ("InceptionV3", &small, 0..249, 311, 11_114_880),
        ("MobileNetV3Small", &arguments, 0..100, 164, 2_371_048),
        ("MobileNetV3Small", &arguments, 50..90, 164, 2_412_216),
        ("ConvNeXtTiny", &arguments, 0..30, 135, 27_966_376),
    ] {
        let mut model = find(name).unwrap().build(arguments).unwrap();
        assert_eq!(model.listed_layers().count(), layers, "{name}");
        model.set_trainable_range(range, false).unwrap();
        assert_eq!(model.count_params().trainable, trainable, "{name}");
    }
}

#[test]
fn every_layer_of_every_row() {
    for row in ROWS {
        let size = row.default_size;
        let arguments = Arguments::default().input_shape([size, size, 3]);
        check_layers(&row.build(&arguments).unwrap(), row.name);
        let published = row.build(&arguments.clone().imagenet(true)).unwrap();
        let has_more_layers = row.name.starts_with("EfficientNetB");
        check_layers(&published, &format!("{}{}", row.name, if has_more_layers { ".imagenet" } else { "" }));
        if row.takes.contains(&"minimalistic") {
            let model = row.build(&arguments.minimalistic(true)).unwrap();
            check_layers(&model, &format!("{}.minimalistic", row.name));
        }
    }
}

fn check_counts(name: &str, model: &Model, keras: &Value) {
    let count = model.count_params();
    let wanted = &keras["params"];
    assert_eq!(json!(count.total()), wanted["total"], "{name}");
    assert_eq!(json!(count.trainable), wanted["trainable"], "{name}");
    assert_eq!(json!(count.non_trainable), wanted["non_trainable"], "{name}");
    let layers = model.layers().iter().filter(|layer| !layer.layer().is_operation()).count();
    assert_eq!(json!(layers), keras["n_layers"], "{name}");
    assert_eq!(json!(model.layers().len()), keras["n_operations"], "{name}");
    assert_eq!(json!(model.weights().len()), keras["n_weight_tensors"], "{name}");
}

fn check_application(row: &Row, keras: &Value) {
    let (name, size, least) = (row.name, row.default_size, row.min_size);
    // MobileNetV3 has neither; 32 is what its refusal names.
    if keras.get("nominal_input_shape").is_none() {
        assert_eq!(json!([size, least]), json!([keras["default_size"], keras["min_size"]]), "{name}");
    }
    let model = row.build(&Arguments::default()).unwrap();
    let with_top = &keras["include_top_true"];
    check_counts(name, &model, with_top);
    assert_eq!(json!(model.input_shapes()[0][1..]), keras["default_input_shape"], "{name}");
    assert_eq!(json!(model.name()), with_top["model_name"]);
    assert_eq!(json!(model.output_shapes()[0]), with_top["output_shape"], "{name}");

    let no_top = &keras["include_top_false"];
    let bare = Arguments::default().include_top(false);
    let model = row.build(&bare).unwrap();
    assert_eq!(json!(model.input_shapes()[0]), no_top["input_shape_when_not_given"], "{name}");
    assert_eq!(json!(model.output_shapes()[0]), no_top["output_shape_when_not_given"], "{name}");
    assert_eq!(json!(model.count_params().total()), no_top["params_when_not_given"], "{name}");
    let model = row.build(&bare.clone().input_shape([size, size, 3])).unwrap();
    check_counts(name, &model, no_top);
    assert_eq!(json!(model.output_shapes()[0]), no_top["output_shape_at_default_size"], "{name}");
    assert!(row.build(&bare.clone().input_shape([least, least, 3])).is_ok(), "{name}");
    let small = row.build(&bare.input_shape([least, least - 1, 3])).unwrap_err();
    assert!(matches!(small, ZooError::TooSmall { min, .. } if min == least), "{name}: {small}");

    for (file, side) in [(row.weights, "top"), (row.weights_no_top, "no_top")] {
        let wanted = &keras["imagenet_weight_file"][side][0];
        assert_eq!(json!({"file": file.file(), "url": file.url, "hash": file.hash}), *wanted);
    }
    for (module, keras) in keras["preprocess"].as_object().unwrap() {
        check_preprocessing(row, module, keras);
    }
}

fn check_preprocessing(row: &Row, module: &str, keras: &Value) {
    let flat = |value: &Value| -> Vec<f32> {
        let rows = value.as_array().unwrap();
        rows.iter().flat_map(|row| row.as_array().unwrap()).map(|x| x.as_f64().unwrap() as f32).collect()
    };
    let pixels = Tensor::new(vec![4, 3], flat(&keras["probe_in_rgb"])).unwrap();
    let made = row.preprocess.apply(pixels).unwrap();
    for (got, wanted) in made.data().iter().zip(flat(&keras["probe_out"])) {
        // One rounding of float32 at the size of a pixel: the probe ran in float64.
        assert!((got - wanted).abs() <= 255.0 * f32::EPSILON, "{}, {module}: {got} {wanted}", row.name);
    }
}

#[test]
fn what_applications_json_says() {
    let keras = vectors::json("applications.json");
    let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(json!(names), keras["_functions"]);
    assert_eq!(ROWS.len(), 40);
    for row in ROWS {
        check_application(row, &keras["models"][row.name]);
    }
}

/// The shapes of all layers' outputs, those of nested models behind the model's own.
fn output_shapes(model: &Model) -> Vec<&SymbolicShape> {
    let mut shapes = Vec::new();
    for layer in model.layers() {
        shapes.push(&layer.calls()[0].output_shapes[0]);
        if let Some(nested) = layer.nested() {
            shapes.extend(listed(nested).map(|layer| &layer.calls()[0].output_shapes[0]));
        }
    }
    shapes
}

#[test]
fn an_odd_size_and_the_ends_without_top() {
    let keras = vectors::json("zoo.json.gz");
    for row in ROWS {
        let keras = &keras["models"][row.name];
        let odd = &keras["odd"];
        let size = vectors::sizes(&odd["size"]);
        let bare = Arguments::default().include_top(false);
        let model = row.build(&bare.clone().input_shape([size[0], size[1], 3])).unwrap();
        assert_eq!(json!(output_shapes(&model)), odd["output_shapes"], "{}", row.name);
        let mut padded = 0;
        for layer in model.layers() {
            let Layer::ZeroPadding2D(pad) = layer.layer() else { continue };
            let p = pad.padding;
            let ours = json!([[p.top, p.bottom], [p.left, p.right]]);
            assert_eq!(ours, odd["padding"][layer.name()], "{}: {}", row.name, layer.name());
            padded += 1;
        }
        assert_eq!(padded, odd["padding"].as_object().unwrap().len(), "{}", row.name);
        for (pooling, wanted) in [(Pooling::Avg, &keras["avg"]), (Pooling::Max, &keras["max"])] {
            let model = row.build(&bare.clone().input_shape([96, 96, 3]).pooling(pooling)).unwrap();
            let last = model
                .layers()
                .iter()
                .map(|layer| json!([layer.name(), layer.layer().class_name(), layer.calls()[0].output_shapes[0]]));
            let last: Vec<Value> = last.collect();
            assert_eq!(json!(last[last.len() - 2..]), *wanted, "{}", row.name);
        }
    }
}

/// Keras's arguments as ours.
fn arguments(keras: &Value) -> Arguments {
    let mut arguments = Arguments::default();
    for (key, value) in keras.as_object().unwrap() {
        let size = || value.as_u64().and_then(|size| usize::try_from(size).ok());
        match key.as_str() {
            "weights" => arguments.imagenet = value == "imagenet",
            "include_top" => arguments.include_top = value.as_bool().unwrap(),
            "input_shape" => arguments.input_shape = Some(serde_json::from_value(value.clone()).unwrap()),
            "pooling" => arguments.pooling = Some(if value == "avg" { Pooling::Avg } else { Pooling::Max }),
            "classes" => arguments.classes = size().unwrap(),
            "classifier_activation" => {
                let activation = value.as_str().map_or(Some(Activation::Linear), Activation::from_name);
                arguments.classifier_activation = activation.unwrap();
            }
            "alpha" => arguments.alpha = value.as_f64(),
            "depth_multiplier" => arguments.depth_multiplier = size(),
            "dropout" | "dropout_rate" => arguments.dropout = value.as_f64(),
            "minimalistic" => arguments.minimalistic = value.as_bool().unwrap(),
            "include_preprocessing" => arguments.include_preprocessing = value.as_bool().unwrap(),
            other => panic!("no argument {other}"),
        }
    }
    arguments
}

#[test]
fn arguments_of_single_papers() {
    for keras in vectors::json("zoo.json.gz")["variants"].as_array().unwrap() {
        let row = find(keras["function"].as_str().unwrap()).unwrap();
        let model = row.build(&arguments(&keras["arguments"])).unwrap();
        let last = model.layers().iter().rfind(|layer| !layer.layer().is_operation()).unwrap();
        let ours = json!({
            "function": row.name, "arguments": keras["arguments"], "name": model.name(),
            "params": model.count_params().total(), "operations": model.layers().len(),
            "input_shape": model.input_shapes()[0], "output_shape": model.output_shapes()[0], "last": last.name(),
        });
        assert_eq!(ours, *keras);
    }
}

/// What Keras refuses is refused, and by these words of ours for Keras's.
#[test]
fn what_keras_refuses() {
    const WORDS: [(&str, &str); 11] = [
        ("Input size must be at least", "input size must be at least"),
        ("you should specify a static `input_shape`", "input_shape must be known"),
        ("must be a tuple of three integers", "height, width, channels"),
        ("`classes` should be 1000", "classes must be 1000"),
        ("`input_shape` should be", "input_shape must be [224, 224, 3]"),
        ("The input must have 3 channels", "3 channels"),
        ("Only `None` and `softmax` activations are allowed", "activation must be softmax or linear"),
        ("alpha can be one of", "for alpha"),
        ("alpha must be one of", "for alpha"),
        ("depth multiplier must be 1", "depth_multiplier 1"),
        ("the input_shape argument must be static", "input_shape must be known"),
    ];
    for keras in vectors::json("zoo.json.gz")["refused"].as_array().unwrap() {
        let row = find(keras["function"].as_str().unwrap()).unwrap();
        let (reason, arguments) = (keras["error"].as_str().unwrap(), arguments(&keras["arguments"]));
        let error = row.build(&arguments).unwrap_err().to_string();
        let words = WORDS.iter().find(|(theirs, _)| reason.contains(theirs));
        let (_, ours) = words.unwrap_or_else(|| panic!("{}: {reason}", row.name));
        assert!(error.contains(ours), "{}: {error}; Keras: {reason}", row.name);
    }
}

#[test]
fn what_no_row_takes() {
    let with = Arguments::default;
    for (name, arguments, words) in [
        ("ResNet50", with().alpha(0.5), "ResNet50 takes no argument alpha"),
        ("MobileNetV2", with().alpha(f64::NAN), "alpha must be over 0"),
        ("MobileNetV2", with().depth_multiplier(2), "takes no argument depth_multiplier"),
        ("MobileNet", with().minimalistic(true), "takes no argument minimalistic"),
        ("EfficientNetB0", with().include_preprocessing(false), "takes no argument include_preprocessing"),
    ] {
        let error = find(name).unwrap().build(&arguments).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(find("ResNet51").unwrap_err().to_string().contains("VGG16, VGG19"));
}
