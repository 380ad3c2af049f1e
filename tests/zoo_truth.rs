//! The zoo's forward passes as Keras computes them in float64 (`vectors/forward`): a model with the recipe's weights, the
//! recipe's picture, and the logits and outputs inside the network that have to come out.

use std::collections::HashMap;
use std::sync::Arc;

use cnn_core::layers::Activation;
use cnn_core::{Model, Tensor, Weights};
use cnn_zoo::{Arguments, find};
use serde_json::Value;

use crate::recipe;
use crate::vectors::{self, numbers, sizes};

/// One model's forward pass.
pub struct ZooTruth {
    /// The model; its output are logits.
    pub model: Model,
    /// The recipe's weights.
    pub weights: Weights,
    /// The recipe's picture, preprocessed: `[1, H, W, 3]`.
    pub picture: Tensor,
    /// Keras's logits in float64.
    pub logits: Vec<f64>,
    /// How far Keras's own float32 logits are from them.
    pub float32_error: f64,
    /// The ten classes with the largest logits, the largest first.
    pub top10: Vec<usize>,
    /// Outputs inside the network.
    pub taps: Vec<Tap>,
}

/// What Keras says of a layer's output.
pub struct Tap {
    /// The layer.
    pub name: String,
    /// The output's shape.
    pub shape: Vec<usize>,
    /// Flat indices and what stands there, in float64.
    pub samples: Vec<(usize, f64)>,
    /// The mean of all elements, in float64.
    pub mean: f64,
    /// Their standard deviation, in float64.
    pub std: f64,
    /// The least element in Keras's float32.
    pub min: f64,
    /// The largest in Keras's float32.
    pub max: f64,
    /// How far Keras's float32 is from its float64, at most.
    pub float32_error: f64,
}

/// The forward pass of a model of `vectors/forward`.
///
/// # Panics
/// If there is none of that name, or what the recipe makes is not what Keras got.
pub fn zoo_truth(name: &str) -> ZooTruth {
    let row = find(name).unwrap_or_else(|error| panic!("{error}"));
    let model = row.build(&Arguments::default().classifier_activation(Activation::Linear));
    let model = model.unwrap_or_else(|error| panic!("{error}"));
    let meta = vectors::json(&format!("forward/{name}/meta.json"));
    let [h, w, c] = *sizes(&meta["input_shape"]) else { panic!("{name}: input_shape") };
    let image = recipe::picture(h, w, c);
    check_start(name, &image, &meta["image"]["first16_hwc"], &meta["image"]["sum"]);
    let picture = row.preprocess.apply(image).unwrap_or_else(|error| panic!("{error}"));
    let preprocessed = &meta["preprocessed"];
    check_start(name, &picture, &preprocessed["first16_hwc"], &preprocessed["sum_f64"]);
    ZooTruth {
        weights: weights(name, &model),
        model,
        picture,
        logits: vectors::array(&format!("forward/{name}/logits_f64.npy")).data,
        float32_error: number(&meta["logits"]["max_abs_diff_f32_f64"]),
        top10: sizes(&meta["top10_index"]),
        taps: meta["taps"].as_array().into_iter().flatten().map(Tap::read).collect(),
    }
}

impl Tap {
    fn read(tap: &Value) -> Self {
        let samples = sizes(&tap["sample_flat_index"]).into_iter().zip(numbers(&tap["samples_f64"])).collect();
        Self {
            name: tap["name"].as_str().unwrap_or_default().to_owned(),
            shape: sizes(&tap["shape"]),
            samples,
            mean: number(&tap["mean_f64"]),
            std: number(&tap["std_f64"]),
            min: number(&tap["min"]),
            max: number(&tap["max"]),
            float32_error: number(&tap["max_abs_diff_f32_f64"]),
        }
    }
}

/// The recipe's weights for `model`, which has those of the model `name` at any size of its input; each begins with the
/// numbers and has the sum that Keras saw.
///
/// # Panics
/// If the model has other weights.
pub fn weights(name: &str, model: &Model) -> Weights {
    let table = vectors::json(&format!("forward/{name}/weights.json.gz"));
    let rows = table.as_array().unwrap_or_else(|| panic!("{name}: weights.json.gz"));
    let by_path: HashMap<&str, &Value> =
        rows.iter().filter_map(|row| row["path"].as_str().map(|path| (path, row))).collect();
    let wanted = model.weights();
    assert_eq!(wanted.len(), by_path.len(), "{name}: number of weights");
    let tensor = |path: &str, shape: &[usize]| {
        let row = by_path.get(path).unwrap_or_else(|| panic!("{name}: no weight {path}"));
        assert_eq!(sizes(&row["shape"]), shape, "{path}");
        let key = row["key"].as_str().unwrap_or_default();
        let tensor = recipe::uniform(key, shape, number(&row["lo"]), number(&row["hi"]));
        check_start(path, &tensor, &row["first"], &row["sum"]);
        tensor
    };
    wanted.iter().map(|weight| (weight.path.clone(), Arc::new(tensor(&weight.path, &weight.shape)))).collect()
}

/// The first elements are equal, and the sum is, but for float64's rounding.
fn check_start(what: &str, tensor: &Tensor, first: &Value, sum: &Value) {
    let first = numbers(first);
    let start: Vec<f64> = tensor.data().iter().take(first.len()).map(|&x| f64::from(x)).collect();
    assert_eq!(start, first, "{what}: the recipe's first numbers");
    let total: f64 = tensor.data().iter().map(|&x| f64::from(x)).sum();
    let magnitude: f64 = tensor.data().iter().map(|&x| f64::from(x.abs())).sum();
    let slack = tensor.len() as f64 * f64::EPSILON * magnitude;
    assert!((total - number(sum)).abs() <= slack, "{what}: the recipe's sum is {total}, Keras had {sum}");
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}
