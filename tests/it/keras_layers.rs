//! Single layers (`vectors/layers.json`): built from Keras's configuration, lowered and run in float64, each gives
//! Keras's float64 output.

use std::collections::BTreeMap;

use cnn_core::layers::{Activation, ELU, Layer, LeakyReLU, Permute, ReLU, Softmax, SymbolicShape};
use cnn_core::{Functional, Graph, Mode, Model, ModelError, Source, Tensor, TensorRef, ValueId, Weights};
use cnn_cpu::reference::{Array, run};
use cnn_io::Problem;
use cnn_io::keras::layer_from_config;
use cnn_tests::float64::tolerance;
use cnn_tests::{recipe, vectors};
use safetensors::SafeTensors;
use serde_json::Value;

/// How exactly the stored outputs are known, of the largest element or 1: two implementations agreed so far, or one of
/// them was proved by formula (`vectors/README.md`).
const STORED: f64 = 1e-12;

/// Cases that are refused, with what the message says. All but the last are outside what is promised.
const REFUSED: [(&str, &str); 11] = [
    ("Resizing-height3-width3-bilinear-antialias-in1x7x8x2", "antialias"),
    ("Resizing-height5-width9-bilinear-antialias-in1x4x5x2", "antialias"),
    ("MaxPooling2D-k2-data_formatchannels_first-in1x3x4x6", "data_format 'channels_first' is not supported"),
    ("AveragePooling2D-k2-same-data_formatchannels_first-in1x3x5x5", "data_format 'channels_first' is not supported"),
    ("GlobalAveragePooling2D-data_formatchannels_first-in2x3x4x5", "data_format 'channels_first' is not supported"),
    ("ZeroPadding2D-1x0x2x1-data_formatchannels_first-in1x2x3x3", "data_format 'channels_first' is not supported"),
    ("Conv2D-f3-k3-same-data_formatchannels_first-in1x2x5x4", "data_format 'channels_first' is not supported"),
    ("Flatten-data_formatchannels_first-in2x3x2x2", "data_format 'channels_first' is not supported"),
    ("LayerNormalization-rms_scaling-in2x7", "rms_scaling"),
    ("UpSampling2D-x2-bicubic-in1x3x3x2", "bicubic"),
    // Keras's layer refuses a negative threshold too; only the bare function takes one, which no file can hold.
    ("relu-negative_slope0.25-max_value2-threshold-0.5-in2x20", "needs a threshold of at least 0, not -0.5"),
];

struct Case {
    name: String,
    class: String,
    config: Value,
    inputs: Vec<Drawn>,
    weights: Vec<Drawn>,
    output_shape: Vec<usize>,
    extra: bool,
}

/// A tensor of the recipe.
struct Drawn {
    name: String,
    key: String,
    shape: Vec<usize>,
    range: (f64, f64),
}

impl Drawn {
    fn read(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let range = (value["lo"].as_f64().unwrap(), value["hi"].as_f64().unwrap());
        Self { name: text("name"), key: text("key"), shape: vectors::sizes(&value["shape"]), range }
    }

    fn tensor(&self) -> Tensor {
        recipe::uniform(&self.key, &self.shape, self.range.0, self.range.1)
    }
}

impl Case {
    fn read(value: &Value) -> Self {
        let all = |key: &str| value[key].as_array().unwrap().iter().map(Drawn::read).collect();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        Self {
            name: text("name"),
            class: text("class"),
            config: value["config"].clone(),
            inputs: all("inputs"),
            weights: all("weights"),
            output_shape: vectors::sizes(&value["output_shape"]),
            extra: value.get("extra").is_some(),
        }
    }

    /// A model of this layer alone.
    fn model(&self) -> Result<Model, Problem> {
        let mut f = Functional::new();
        let inputs = self.inputs.iter().map(|x| f.input(&x.shape[1..])).collect::<Result<Vec<_>, _>>()?;
        let output = if self.class.starts_with(char::is_lowercase) {
            self.function(&mut f, inputs[0])?
        } else {
            f.call(layer_from_config(&self.class, &self.config)?, &inputs)?
        };
        Ok(f.model("layer", &inputs, &[output])?)
    }

    /// A bare function of `keras.activations`; Keras saves these as the layers of the same meaning.
    fn function(&self, f: &mut Functional, x: TensorRef) -> Result<TensorRef, ModelError> {
        let number = |key: &str| self.config[key].as_f64().unwrap();
        let layer: Layer = match self.class.as_str() {
            "gelu" if self.config["approximate"] == true => Activation::GeluTanh.into(),
            "gelu" => Activation::Gelu.into(),
            "leaky_relu" => LeakyReLU::new().negative_slope(number("negative_slope")).into(),
            "elu" => ELU::new().alpha(number("alpha")).into(),
            "relu" => {
                let relu = ReLU::new().max_value(number("max_value")).negative_slope(number("negative_slope"));
                relu.threshold(number("threshold")).into()
            }
            "softmax" => Softmax::new().axis(vec![number("axis") as isize]).into(),
            "log_softmax" => {
                // Ours is along the last axis.
                assert_eq!((self.inputs[0].shape.len(), number("axis")), (3, 1.0));
                let x = f.call(Permute::new([2, 1]), &[x])?;
                let x = f.call(Activation::LogSoftmax, &[x])?;
                return f.call(Permute::new([2, 1]), &[x]);
            }
            other => panic!("no function {other}"),
        };
        f.call(layer, &[x])
    }

    /// The recipe's weights, which have to be the model's in name, shape and order.
    fn weights(&self, model: &Model) -> Result<Weights, String> {
        let ours: Vec<(&str, Vec<usize>)> = model.weights().iter().map(|w| (w.name, w.shape.clone())).collect();
        let theirs: Vec<(&str, Vec<usize>)> = self.weights.iter().map(|w| (w.name.as_str(), w.shape.clone())).collect();
        if ours != theirs {
            return Err(format!("weights are {ours:?}, Keras has {theirs:?}"));
        }
        let paths = model.weights().into_iter().map(|weight| weight.path);
        Ok(paths.zip(&self.weights).map(|(path, drawn)| (path, drawn.tensor().into())).collect())
    }

    /// Fails where the model does not give what Keras gave; returns how far off it is, of what is allowed.
    fn check(&self, model: &Model, wanted: &[f64]) -> Result<f64, String> {
        let shapes: Vec<Vec<usize>> = self.inputs.iter().map(|x| x.shape.clone()).collect();
        let symbolic: Vec<SymbolicShape> = shapes.iter().map(|s| s.iter().copied().map(Some).collect()).collect();
        let inferred = model.output_shapes_for(&symbolic).map_err(|error| error.to_string())?;
        if inferred != [self.output_shape.iter().copied().map(Some).collect::<SymbolicShape>()] {
            return Err(format!("shape {inferred:?} is inferred, Keras has {:?}", self.output_shape));
        }
        let graph = model.lower(&shapes, Mode::Inference, &[]).map_err(|error| error.to_string())?;
        let weights = self.weights(model)?;
        let inputs: Vec<Array> = self.inputs.iter().map(|x| Array::from(&x.tensor())).collect();
        let got = outputs(&graph, &weights, &inputs).remove(0);
        if got.shape != self.output_shape {
            return Err(format!("shape {:?}, Keras has {:?}", got.shape, self.output_shape));
        }
        let values = values(&graph, &weights, &inputs);
        let allowed =
            tolerance(&graph, |id| values[id.index()].clone(), |graph| outputs(graph, &weights, &inputs).remove(0));
        compare(&got.data, wanted, &allowed)
    }
}

/// The graph's outputs.
fn outputs(graph: &Graph, weights: &Weights, inputs: &[Array]) -> Vec<Array> {
    run(graph, |path| weights.get(path).map(|tensor| tensor.as_ref()), inputs).unwrap()
}

/// All of the graph's values, by index.
fn values(graph: &Graph, weights: &Weights, inputs: &[Array]) -> Vec<Array> {
    let mut all = graph.clone();
    let own = all.outputs().len();
    for id in graph.value_ids().filter(|&id| graph.value(id).source != Source::Input) {
        all.output("", id);
    }
    let mut made = outputs(&all, weights, inputs).split_off(own).into_iter();
    let mut given = inputs.iter();
    let value = |id: ValueId| match graph.value(id).source {
        Source::Input => given.next().cloned(),
        _ => made.next(),
    };
    graph.value_ids().map(value).collect::<Option<_>>().unwrap()
}

/// The worst element's error, of what it is allowed.
fn compare(got: &[f64], wanted: &[f64], allowed: &[f64]) -> Result<f64, String> {
    assert!(got.len() == wanted.len() && got.len() == allowed.len());
    let scale = wanted.iter().filter(|x| x.is_finite()).fold(1.0f64, |max, x| max.max(x.abs()));
    let mut worst = 0.0f64;
    for (index, ((&got, &wanted), &allowed)) in got.iter().zip(wanted).zip(allowed).enumerate() {
        let (error, allowed) = ((got - wanted).abs(), STORED * scale + allowed);
        if !allowed.is_finite() {
            return Err(format!("[{index}]: no tolerance for {wanted}"));
        }
        if got != wanted && (error > allowed || error.is_nan()) {
            return Err(format!("[{index}]: {got:e}, Keras has {wanted:e}, off by {error:.1e}, allowed {allowed:.1e}"));
        }
        worst = worst.max(error / allowed);
    }
    Ok(worst)
}

#[test]
fn layers_give_keras_outputs() {
    let cases: Vec<Case> = vectors::json("layers.json").as_array().unwrap().iter().map(Case::read).collect();
    let bytes = vectors::bytes("layers.safetensors");
    let stored = SafeTensors::deserialize(&bytes).unwrap();
    let mut failures = Vec::new();
    let (mut passed, mut refused) = (BTreeMap::<&str, usize>::new(), Vec::new());
    let mut worst = (0.0, "");
    for case in &cases {
        let numbers = stored.tensor(&case.name).unwrap();
        assert_eq!((numbers.dtype(), numbers.shape()), (safetensors::Dtype::F64, case.output_shape.as_slice()));
        let (numbers, rest) = numbers.data().as_chunks::<8>();
        assert!(rest.is_empty());
        let wanted: Vec<f64> = numbers.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
        match case.model().map_err(|error| error.to_string()) {
            Err(error) => refused.push((case.name.as_str(), error, case.extra)),
            Ok(model) => match case.check(&model, &wanted) {
                Err(error) => failures.push(format!("{}: {error}", case.name)),
                Ok(ratio) => {
                    *passed.entry(&case.class).or_default() += 1;
                    if ratio > worst.0 {
                        worst = (ratio, &case.name);
                    }
                }
            },
        }
    }
    println!("passed {passed:?}\nworst {worst:?}");
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
    for (name, error, _) in &refused {
        let wanted = REFUSED.iter().find(|(refused, _)| refused == name);
        let (_, words) = wanted.unwrap_or_else(|| panic!("{name} is refused: {error}"));
        assert!(error.contains(words), "{name}: {error}");
    }
    assert_eq!(refused.len(), REFUSED.len());
    assert_eq!(refused.iter().filter(|(.., extra)| *extra).count(), 10);
    assert_eq!((cases.len(), passed.values().sum::<usize>()), (734, 723));
}
