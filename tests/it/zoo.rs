//! The zoo against Keras, row by row: every layer's name, class, configuration, wiring, output shape and weights, in
//! Keras's order (`vectors/layers`), and what `applications.json` says of each function.

use cnn_core::layers::{Layer, Padding};
use cnn_core::{Model, Tensor, TensorRef};
use cnn_tests::vectors;
use cnn_zoo::{Arguments, Pooling, ROWS, Row, ZooError, find, mobilenet_v2};
use serde_json::{Value, json};

/// The arguments that a layer has, as Keras's `get_config` names them.
fn config(layer: &Layer) -> Value {
    let padding = |padding: Padding| match padding {
        Padding::Valid => "valid",
        Padding::Same => "same",
        Padding::Explicit(_) => "explicit",
    };
    match layer {
        Layer::InputLayer(l) => json!({"batch_shape": l.batch_shape}),
        Layer::Conv2D(l) => json!({
            "filters": l.filters, "kernel_size": l.kernel_size, "strides": l.strides, "padding": padding(l.padding),
            "dilation_rate": l.dilation_rate, "groups": l.groups, "activation": l.activation.keras_name(),
            "use_bias": l.use_bias,
        }),
        Layer::DepthwiseConv2D(l) => json!({
            "depth_multiplier": l.depth_multiplier, "kernel_size": l.kernel_size, "strides": l.strides,
            "padding": padding(l.padding), "dilation_rate": l.dilation_rate, "activation": l.activation.keras_name(),
            "use_bias": l.use_bias,
        }),
        Layer::Dense(l) => {
            json!({"units": l.units, "activation": l.activation.keras_name(), "use_bias": l.use_bias})
        }
        Layer::BatchNormalization(l) => json!({
            "axis": l.axis, "momentum": l.momentum, "epsilon": l.epsilon, "center": l.center, "scale": l.scale,
        }),
        Layer::MaxPooling2D(l) => {
            json!({"pool_size": l.pool_size, "strides": l.strides, "padding": padding(l.padding)})
        }
        Layer::AveragePooling2D(l) => {
            json!({"pool_size": l.pool_size, "strides": l.strides, "padding": padding(l.padding)})
        }
        Layer::GlobalAveragePooling2D(l) => json!({"keepdims": l.keepdims}),
        Layer::ZeroPadding2D(l) => {
            let p = l.padding;
            json!({"padding": [[p.top, p.bottom], [p.left, p.right]]})
        }
        Layer::ReLU(l) => json!({
            "max_value": l.max_value, "negative_slope": l.negative_slope, "threshold": l.threshold,
        }),
        Layer::Activation(l) => json!({"activation": l.keras_name()}),
        Layer::Concatenate(l) => json!({"axis": l.axis}),
        Layer::Add(_) | Layer::Flatten(_) => json!({}),
        other => panic!("no configuration of {} here", other.class_name()),
    }
}

/// Keras's arguments that have no part in what a layer computes here, or only one value.
const NOT_OURS: [(&str, &str); 8] = [
    ("data_format", "\"channels_last\""),
    ("sparse", "false"),
    ("ragged", "false"),
    ("optional", "false"),
    ("synchronized", "false"),
    ("renorm", "false"),
    ("renorm_clipping", "null"),
    ("renorm_momentum", "0.99"),
];

fn check_config(name: &str, ours: &Value, keras: &Value) {
    for (key, value) in keras.as_object().unwrap() {
        if let Some((_, only)) = NOT_OURS.iter().find(|(other, _)| other == key) {
            assert_eq!(value.to_string(), *only, "{name}: {key}");
        } else if !key.ends_with("_initializer") && key != "quantization_config" {
            assert_eq!(&ours[key], value, "{name}: {key}");
        }
    }
    for key in ours.as_object().unwrap().keys() {
        assert!(keras.get(key).is_some(), "{name}: Keras has no {key}");
    }
}

fn check_row(row: &Row) {
    let keras = vectors::json(&format!("layers/{}.json.gz", row.name));
    let model = row.build(&Arguments::default()).unwrap();
    let layers = keras["layers"].as_array().unwrap();
    assert_eq!(model.layers().len(), layers.len());
    for (ours, keras) in model.layers().iter().zip(layers) {
        let name = keras["name"].as_str().unwrap();
        assert_eq!(ours.name(), name);
        assert_eq!(ours.layer().class_name(), keras["class"], "{name}");
        check_config(name, &config(ours.layer()), &keras["config"]);
        let call = &ours.calls()[0];
        let inbound: Vec<&str> = call.inputs.iter().map(|x: &TensorRef| model.layers()[x.layer].name()).collect();
        assert_eq!(json!(inbound), keras["inbound"], "{name}");
        assert_eq!(json!(call.output_shapes[0]), keras["output_shape"], "{name}");
        let weights: Vec<Value> = ours
            .weights()
            .iter()
            .map(|w| {
                let path = format!("{name}/{}", w.name);
                json!({"path": path, "name": w.name, "shape": w.shape, "trainable": w.trainable, "dtype": "float32"})
            })
            .collect();
        let wanted = keras.get("weights").cloned().unwrap_or(json!([]));
        assert_eq!(json!(weights), wanted, "{name}");
    }
    let outputs: Vec<&str> = model.outputs().iter().map(|x| model.layers()[x.layer].name()).collect();
    assert_eq!(json!(outputs), keras["outputs"]);
    assert_eq!(json!(model.input_shapes()[0][1..]), keras["input_shape"]);
}

fn check_counts(model: &Model, keras: &Value) {
    let count = model.count_params();
    let wanted = &keras["params"];
    assert_eq!(json!(count.total()), wanted["total"]);
    assert_eq!(json!(count.trainable), wanted["trainable"]);
    assert_eq!(json!(count.non_trainable), wanted["non_trainable"]);
    assert_eq!(json!(model.layers().len()), keras["n_layers"]);
    assert_eq!(json!(model.weights().len()), keras["n_weight_tensors"]);
}

fn check_application(row: &Row) {
    let all = vectors::json("applications.json");
    let keras = &all["models"][row.name];
    assert_eq!(json!(row.default_size), keras["default_size"]);
    assert_eq!(json!(row.min_size), keras["min_size"]);
    let model = row.build(&Arguments::default()).unwrap();
    let with_top = &keras["include_top_true"];
    check_counts(&model, with_top);
    assert_eq!(json!(model.name()), with_top["model_name"]);
    assert_eq!(json!(model.output_shapes()[0]), with_top["output_shape"]);

    let no_top = &keras["include_top_false"];
    let bare = Arguments::default().include_top(false);
    let model = row.build(&bare).unwrap();
    check_counts(&model, no_top);
    assert_eq!(json!(model.input_shapes()[0]), no_top["input_shape_when_not_given"]);
    assert_eq!(json!(model.output_shapes()[0]), no_top["output_shape_when_not_given"]);
    let size = row.default_size;
    let model = row.build(&bare.clone().input_shape([size, size, 3])).unwrap();
    assert_eq!(json!(model.output_shapes()[0]), no_top["output_shape_at_default_size"]);
    let least = row.min_size;
    assert!(row.build(&bare.clone().input_shape([least, least, 3])).is_ok());
    let small = row.build(&bare.input_shape([least, least - 1, 3])).unwrap_err();
    assert!(matches!(small, ZooError::TooSmall { min, .. } if min == least), "{small}");

    for (file, side) in [(row.weights, "top"), (row.weights_no_top, "no_top")] {
        let wanted = &keras["imagenet_weight_file"][side][0];
        assert_eq!(json!({"file": file.file(), "url": file.url, "hash": file.hash}), *wanted);
    }
    for (module, keras) in keras["preprocess"].as_object().unwrap() {
        let flat = |value: &Value| -> Vec<f32> {
            let rows = value.as_array().unwrap();
            rows.iter().flat_map(|row| row.as_array().unwrap()).map(|x| x.as_f64().unwrap() as f32).collect()
        };
        let pixels = Tensor::new(vec![4, 3], flat(&keras["probe_in_rgb"])).unwrap();
        let made = row.preprocess.apply(pixels).unwrap();
        for (got, wanted) in made.data().iter().zip(flat(&keras["probe_out"])) {
            // One rounding of float32 at the size of a pixel: the probe ran in float64.
            assert!((got - wanted).abs() <= 255.0 * f32::EPSILON, "{module}: {got} {wanted}");
        }
    }
}

#[test]
fn resnet50_layer_by_layer() {
    check_row(find("resnet50").unwrap());
}

#[test]
fn vgg16_layer_by_layer() {
    check_row(find("VGG16").unwrap());
}

#[test]
fn mobilenet_v2_layer_by_layer() {
    check_row(find("MobileNetV2").unwrap());
}

#[test]
fn inception_v3_layer_by_layer() {
    check_row(find("INCEPTIONV3").unwrap());
}

#[test]
fn what_applications_json_says() {
    assert_eq!(ROWS.len(), 4);
    for row in ROWS {
        check_application(row);
    }
}

/// Parameter counts, names and the rows of `block_1_pad` by Keras 3.15: `MobileNetV2(alpha, (size, size, 3))`.
const MOBILENETS: [(f64, usize, usize, &str, usize); 6] = [
    (0.35, 96, 1_691_208, "mobilenetv2_0.35_96", 0),
    (0.5, 128, 1_987_224, "mobilenetv2_0.50_128", 0),
    (0.75, 160, 2_663_064, "mobilenetv2_0.75_160", 0),
    (1.0, 97, 3_538_984, "mobilenetv2_1.00_97", 1),
    (1.3, 224, 5_431_048, "mobilenetv2_1.30_224", 0),
    (1.4, 192, 6_156_712, "mobilenetv2_1.40_192", 0),
];

#[test]
fn mobilenet_v2_of_other_widths() {
    for (alpha, size, parameters, name, above) in MOBILENETS {
        let model = mobilenet_v2(alpha, &Arguments::default().input_shape([size, size, 3])).unwrap();
        assert_eq!((model.count_params().total(), model.name()), (parameters, name));
        let Layer::ZeroPadding2D(pad) = model.layer("block_1_pad").unwrap().layer() else { panic!("no padding") };
        assert_eq!((pad.padding.top, pad.padding.bottom), (above, 1), "{name}");
    }
    let model = mobilenet_v2(1.0, &Arguments::default().include_top(false)).unwrap();
    assert_eq!(model.name(), "mobilenetv2_1.00_None");
    assert!(mobilenet_v2(0.6, &Arguments::default().imagenet(true)).is_err());
}

#[test]
fn arguments_that_do_not_go_together() {
    let row = find("ResNet50").unwrap();
    let wrong = |arguments: Arguments, part: &str| {
        let error = row.build(&arguments).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let with = Arguments::default;
    wrong(with().imagenet(true).classes(10), "classes must be 1000");
    wrong(with().imagenet(true).input_shape([32, 32, 3]), "input_shape must be [224, 224, 3]");
    wrong(with().imagenet(true).include_top(false).input_shape([32, 32, 1]), "3 channels");
    wrong(with().input_shape([None, None, Some(3)]), "must be known");
    wrong(with().input_shape([31, 64, 3]), "at least 32x32, got [31, 64, 3]");
    wrong(with().input_shape([64, 64]), "height, width, channels");
    assert!(find("ResNet51").unwrap_err().to_string().contains("ResNet50, VGG16"));
}

#[test]
fn pooling_at_the_end() {
    for row in ROWS {
        let size = row.min_size;
        let arguments = Arguments::default().include_top(false).input_shape([size, size, 3]);
        for pooling in [Pooling::Avg, Pooling::Max] {
            let model = row.build(&arguments.clone().pooling(pooling)).unwrap();
            assert_eq!(model.output_shapes()[0].len(), 2, "{}", row.name);
            let last = model.layers().last().unwrap().name();
            let wanted = match (row.name, pooling) {
                ("ResNet50", Pooling::Avg) => "avg_pool",
                ("ResNet50", Pooling::Max) => "max_pool",
                (_, Pooling::Avg) => "global_average_pooling2d",
                (_, Pooling::Max) => "global_max_pooling2d",
            };
            assert_eq!(last, wanted);
        }
    }
}
