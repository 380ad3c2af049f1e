//! Files of Keras 3 and Keras 2 (`vectors/formats`, `vectors/nested`) are read and give Keras's outputs.

use cnn_core::{Model, Tensor};
use cnn_io::files::{load_weights, open_weights};
use cnn_io::{Format, read_model, read_weights, write};

use super::{array, assert_gives, vector};

/// Every file of `formats` with the model it holds or belongs to, and whether it is a whole model.
const FORMATS: [(&str, &str, bool); 23] = [
    ("small.keras", "small", true),
    ("small.h5", "small", true),
    ("small_keras2.keras", "small", true),
    ("small_keras2.h5", "small", true),
    ("small_compiled.keras", "small_compiled", true),
    ("small_compiled.h5", "small_compiled", true),
    ("small.weights.h5", "small", false),
    ("small_keras2_weights.h5", "small", false),
    ("small.safetensors", "small", false),
    ("small_seq.keras", "small_seq", true),
    ("small_seq.h5", "small_seq", true),
    ("small_seq.weights.h5", "small_seq", false),
    ("small_seq.safetensors", "small_seq", false),
    ("small_nested.keras", "small_nested", true),
    ("small_nested.h5", "small_nested", true),
    ("small_nested.weights.h5", "small_nested", false),
    ("small_nested.safetensors", "small_nested", false),
    ("convnext.keras", "convnext", true),
    ("convnext.h5", "convnext", true),
    ("convnext.weights.h5", "convnext", false),
    ("operations.keras", "operations", true),
    ("operations.h5", "operations", true),
    ("operations.weights.h5", "operations", false),
];

/// The networks that all their files agree on.
const NETWORKS: [&str; 5] = ["small", "small_seq", "small_nested", "convnext", "operations"];

fn input_of(model: &str) -> String {
    format!("formats/{}_input.npy", model.trim_end_matches("_compiled"))
}

/// The model that a file's weights belong to.
fn model_of(name: &str) -> Model {
    read_model(vector(&format!("formats/{}.keras", name.trim_end_matches("_compiled"))), name).unwrap().model
}

#[test]
fn formats_give_keras_outputs() {
    for (file, name, whole) in FORMATS {
        let bytes = vector(&format!("formats/{file}"));
        let (x, wanted) = (array(&input_of(name)), array(&format!("formats/{name}_output.npy")));
        let model = model_of(name);
        let weights = read_weights(&bytes, &model, file).unwrap();
        assert_gives(&model, &weights, &x, &wanted, file);
        match read_model(&bytes, file) {
            Ok(loaded) => {
                assert!(whole, "{file} holds no model, but one was read");
                assert_gives(&loaded.model, &loaded.weights, &x, &wanted, file);
                assert_eq!(loaded.notes.len(), usize::from(name == "small_compiled"), "{file}: {:?}", loaded.notes);
            }
            Err(error) => {
                let text = error.to_string();
                assert!(!whole && text.starts_with(file) && text.contains("weights alone"), "{text}");
            }
        }
    }
}

/// No file of a folder is left out: those that are no models or weights are what models take and give.
#[test]
fn every_file_is_read() {
    let files = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(cnn_tests::vectors::path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| [".keras", ".h5", ".safetensors"].iter().any(|end| name.ends_with(end))).collect()
    };
    let formats = files("formats");
    assert!(formats.iter().all(|name| FORMATS.iter().any(|(file, ..)| file == name)), "{formats:?}");
    assert_eq!(formats.len(), FORMATS.len());
    let nested = files("nested");
    let known = |name: &str| NESTED.iter().any(|model| WEIGHTS.iter().any(|end| format!("{model}.{end}") == name));
    assert!(nested.iter().all(|name| known(name)), "{nested:?}");
    assert_eq!(nested.len(), NESTED.len() * WEIGHTS.len());
}

/// All files of one network agree, tensor by tensor.
#[test]
fn formats_hold_the_same_weights() {
    for name in NETWORKS {
        let model = model_of(name);
        let first = read_weights(vector(&format!("formats/{name}.keras")), &model, name).unwrap();
        assert_eq!(first.len(), model.weights().len());
        for (file, owner, _) in FORMATS {
            if owner == name {
                let weights = read_weights(vector(&format!("formats/{file}")), &model, file).unwrap();
                assert!(weights == first, "{file}");
            }
        }
    }
}

/// A file that stays open gives, tensor by tensor, what the same file gives that is read whole.
#[test]
fn an_open_file_holds_the_same_weights() {
    for (file, name, _) in FORMATS {
        let model = model_of(name);
        let path = cnn_tests::vectors::path(&format!("formats/{file}"));
        let (open, whole) = (open_weights(&path, &model).unwrap(), load_weights(&path, &model).unwrap());
        assert_eq!(whole.len(), model.weights().len(), "{file}");
        for (path, tensor) in whole.iter() {
            assert_eq!(open.tensor(path).unwrap().as_ref(), Some(tensor), "{file}: {path}");
        }
        assert_eq!(open.tensor("no/such").unwrap(), None, "{file}");
    }
}

#[test]
fn an_open_file_that_goes_bad() {
    let folder = tempfile::tempdir().unwrap();
    let (path, model) = (folder.path().join("small.weights.h5"), model_of("small"));
    let whole = vector("formats/small.weights.h5");
    std::fs::write(&path, &whole).unwrap();
    let open = open_weights(&path, &model).unwrap();

    // Cut short where it lies: the weight and the file are named. Another file in its place does not matter.
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(whole.len() as u64 / 2).unwrap();
    let errors = model.weights().into_iter().filter_map(|weight| open.tensor(&weight.path).err());
    let errors: Vec<String> = errors.map(|error| error.to_string()).collect();
    assert!(!errors.is_empty());
    let wanted = format!(" cannot be read from {} any more: ", path.display());
    assert!(errors.iter().all(|text| text.starts_with("weight ") && text.contains(&wanted)), "{errors:?}");
    let text = open_weights(&path, &model).unwrap_err().to_string();
    assert!(text.contains("small.weights.h5") && text.contains("it ends after"), "{text}");

    // Numbers that are not finite are refused when it is opened, as when it is read.
    let mut weights = read_weights(&whole, &model, "small").unwrap();
    let bad = &model.weights()[1];
    weights.insert(bad.path.clone(), Tensor::full(bad.shape.clone(), f32::NAN));
    std::fs::write(&path, write(&model, &weights, Format::WeightsH5).unwrap()).unwrap();
    let (open, whole) = (open_weights(&path, &model).unwrap_err(), load_weights(&path, &model).unwrap_err());
    assert_eq!(open.to_string(), whole.to_string());
    assert!(open.to_string().contains(&bad.path), "{open}");
}

/// Names and shapes of the weights are those that Keras lists, in its order.
#[test]
fn weights_are_named_as_in_keras() {
    let info: serde_json::Value = serde_json::from_slice(&vector("formats/info.json")).unwrap();
    for name in ["small", "small_seq", "small_nested"] {
        let ours: Vec<(String, Vec<usize>)> = model_of(name).weights().into_iter().map(|w| (w.path, w.shape)).collect();
        let theirs = info[name]["weights"].as_array().unwrap().iter().map(|weight| {
            let path = weight[0].as_str().unwrap();
            let path = path.strip_prefix(&format!("{name}/")).unwrap_or(path).to_owned();
            (path, serde_json::from_value(weight[1].clone()).unwrap())
        });
        assert_eq!(ours, theirs.collect::<Vec<_>>(), "{name}");
    }
}

/// `model.to_json()` builds the same model as the file.
#[test]
fn configurations_alone() {
    for name in NETWORKS {
        let json = String::from_utf8(vector(&format!("formats/{name}.to_json.json"))).unwrap();
        let (model, notes) = cnn_io::keras::model_from_json(&json, name).unwrap();
        assert_eq!((model, notes.len()), (model_of(name), 0));
    }
}

const NESTED: [&str; 12] = [
    "seq_trainable",
    "seq_frozen",
    "seq_conv1_frozen",
    "seq_conv2_frozen",
    "seq_bn1_frozen",
    "seq_conv1_bn2_frozen",
    "fn_trainable",
    "fn_frozen",
    "fn_conv2_frozen",
    "deep_trainable",
    "deep_frozen",
    "deep_conv2_frozen",
];

const WHOLE: [&str; 3] = ["keras", "h5", "keras2.h5"];
const WEIGHTS: [&str; 6] = ["keras", "h5", "weights.h5", "legacy_weights.h5", "keras2.h5", "keras2_weights.h5"];

fn nested(name: &str, end: &str) -> (String, Vec<u8>) {
    let file = format!("nested/{name}.{end}");
    let bytes = vector(&file);
    (file, bytes)
}

/// All kernels of these networks have one shape, and so have all vectors: an order mixed up shows in the output alone.
#[test]
fn nested_models_give_keras_outputs() {
    let x = array("nested/input.npy");
    for name in NESTED {
        let wanted = array(&format!("nested/{name}.output.npy"));
        for end in WHOLE {
            let (file, bytes) = nested(name, end);
            let loaded = read_model(bytes, &file).unwrap();
            assert_gives(&loaded.model, &loaded.weights, &x, &wanted, &file);
        }
        let model = read_model(nested(name, "keras").1, name).unwrap().model;
        for end in WEIGHTS {
            let (file, bytes) = nested(name, end);
            assert_gives(&model, &read_weights(bytes, &model, &file).unwrap(), &x, &wanted, &file);
        }
    }
}

/// What was frozen when a legacy file was saved decides its order; what is frozen when it is read does not matter.
#[test]
fn legacy_order_is_that_of_the_file() {
    let x = array("nested/input.npy");
    for saved in NESTED {
        let kind = saved.split_once('_').unwrap().0;
        let wanted = array(&format!("nested/{saved}.output.npy"));
        for model in NESTED.iter().filter(|other| other.starts_with(kind)) {
            let model = read_model(nested(model, "keras").1, model).unwrap().model;
            for end in ["h5", "legacy_weights.h5", "keras2_weights.h5"] {
                let (file, bytes) = nested(saved, end);
                let what = format!("{file} in {}", model.name());
                assert_gives(&model, &read_weights(bytes, &model, &file).unwrap(), &x, &wanted, &what);
            }
        }
    }
}

/// Frozen layers stay frozen, and all forms of a file agree on which.
#[test]
fn frozen_layers_are_read() {
    let info: serde_json::Value = serde_json::from_slice(&vector("nested/info.json")).unwrap();
    for name in NESTED {
        let theirs: Vec<bool> =
            info[name]["weights"].as_array().unwrap().iter().map(|weight| weight[2].as_bool().unwrap()).collect();
        for end in WHOLE {
            let (file, bytes) = nested(name, end);
            let model = read_model(bytes, &file).unwrap().model;
            let ours: Vec<bool> = model.weights().iter().map(|weight| weight.trainable).collect();
            assert_eq!(ours, theirs, "{file}");
        }
    }
}
