//! Grad-CAM and occlusion against real Keras (`vectors/explain.json.gz`), in float64 and on every device.

use cnn::explain::{ExplainError, GradCam, Occlusion};
use cnn::layers::{Activation, Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D, Reshape};
use cnn::{Device, Error, Functional, Model, Network, Options, Runner, Sequential, Tensor, Weights};
use cnn_core::op::{Function, Unary};
use cnn_core::plan::bytes;
use cnn_core::{Node, Op, Simplify, simplify};
use cnn_cpu::reference::{Array, run};
use cnn_tests::devices::{Tally, devices};
use cnn_tests::float64::constants_moved;
use cnn_tests::vectors;
use serde_json::Value;

/// How exactly two implementations in float64 agree, of the largest element.
const FLOAT64: f64 = 1e-12;
/// How exactly float32 computes outputs of models, as `models_on_devices` has it; here of the largest element or 1.
const FLOAT32: f64 = 1e-4;

fn truth(what: &str) -> Vec<Value> {
    vectors::json("explain.json.gz")[what].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

fn network(case: &Value) -> Network {
    Network::load(&vectors::path(&format!("{}.keras", text(case, "model")))).unwrap()
}

fn input(case: &Value) -> Tensor {
    let name = format!("{}.npy", text(case, "input"));
    cnn_io::npy::read(&vectors::bytes(&name), &name).unwrap()
}

fn classes(case: &Value) -> Vec<usize> {
    vectors::sizes(&case["classes"])
}

fn maps(case: &Value) -> Array {
    Array { shape: vectors::sizes(&case["maps"]["shape"]), data: vectors::numbers(&case["maps"]["data"]) }
}

/// The largest element, or 1 if none is as large.
fn largest(array: &Array) -> f64 {
    array.data.iter().fold(1.0, |largest, x| largest.max(x.abs()))
}

#[test]
fn grad_cam_in_float64_is_that_of_keras() {
    for case in truth("grad_cam") {
        let (network, x, wanted) = (network(&case), input(&case), maps(&case));
        let name = format!("{} {}", text(&case, "model"), text(&case, "layer"));
        let (graph, layer) = GradCam::graph(network.model(), Some(text(&case, "layer")), x.shape()).unwrap();
        assert_eq!(layer, text(&case, "layer"));
        let relu = graph.made_by(graph.outputs()[0].1).unwrap().clone();
        assert_eq!(relu.op, Op::Unary(Unary { function: Function::RELU }));
        // Before what is below 0 is cut off: what moves there would not be seen otherwise.
        let mut graph = graph.without_outputs();
        graph.output("sum", relu.inputs[0]);
        let chosen = cnn_train::one_hot(&classes(&case), graph.value(graph.inputs()[1]).shape[1]).unwrap();
        let weights = network.weights().unwrap();
        let find = |path: &str| weights.get(path).map(|tensor| tensor.as_ref());
        let inputs = [Array::from(&x), Array::from(&chosen)];
        let got = run(&graph, find, &inputs).unwrap();
        // Such as epsilon, which float32 rounds, and Keras in float64 does not.
        let moved = constants_moved(&graph, &got, |graph| run(graph, find, &inputs).unwrap()).remove(0);
        assert_eq!(got[0].shape, wanted.shape, "{name}");
        // As devices run it, those too whose bindings do not hold the transposed weights of a dense layer.
        let simple = simplify(&graph, &Simplify { weight_limit: Some(100), ..Simplify::default() });
        let weights_of_dense = |node: &Node| matches!(node.op, Op::Gemm(_)) && bytes(&simple, node.inputs[1]) > 100;
        assert!(!simple.nodes().iter().any(weights_of_dense), "{name}");
        for (got, simple) in got[0].data.iter().zip(&run(&simple, find, &inputs).unwrap()[0].data) {
            assert!((got - simple).abs() <= FLOAT64 * largest(&wanted), "{name}: {got}, simplified {simple}");
        }
        for (index, ((got, wanted_here), moved)) in got[0].data.iter().zip(&wanted.data).zip(moved).enumerate() {
            let allowed = FLOAT64 * largest(&wanted) + moved;
            let error = (got.max(0.0) - wanted_here).abs();
            assert!(error <= allowed, "{name}[{index}]: {got} {wanted_here}, off by {error:e}, allowed {allowed:e}");
        }
    }
}

/// Whether maps are those of Keras, as exactly as float32 can tell.
fn near(name: &str, got: &Tensor, wanted: &Array) -> Result<(), String> {
    if got.shape() != wanted.shape {
        return Err(format!("{name}: {:?} and not {:?}", got.shape(), wanted.shape));
    }
    let off = got.data().iter().zip(&wanted.data).map(|(got, wanted)| (f64::from(*got) - wanted).abs());
    // NaN is the largest of all.
    let worst = off.max_by(f64::total_cmp).unwrap_or(0.0) / largest(wanted);
    if worst <= FLOAT32 { Ok(()) } else { Err(format!("{name}: off by {worst:e}")) }
}

fn check_grad_cam(device: &Device, case: &Value, logits: bool) -> Result<(), String> {
    let name = format!("{} {}, logits: {logits}", text(case, "model"), text(case, "layer"));
    let mut network = network(case);
    if logits {
        network = network.with_classifier_activation(Activation::Linear).unwrap();
    }
    let runner = Runner::new(device, network, Options::default()).unwrap();
    let x = input(case);
    let named = GradCam::new_blocking(&runner, Some(text(case, "layer")), x.shape()).map_err(|e| e.to_string())?;
    let got = named.maps_blocking(&x, &classes(case)).map_err(|e| e.to_string())?;
    near(&name, &got, &maps(case))?;
    if case["default"] == true {
        let default = GradCam::new_blocking(&runner, None, x.shape()).map_err(|e| e.to_string())?;
        if default.layer() != text(case, "layer") {
            return Err(format!("{name}: without a name it is {}", default.layer()));
        }
    }
    Ok(())
}

fn check_occlusion(device: &Device, case: &Value) -> Result<(), String> {
    let size = |key: &str| case[key].as_u64().unwrap() as usize;
    let name = format!("occlusion of {}, patch {} stride {}", text(case, "model"), size("patch"), size("stride"));
    let runner = Runner::new(device, network(case), Options::default()).unwrap();
    let fill: Vec<f32> = vectors::numbers(&case["fill"]).iter().map(|&x| x as f32).collect();
    let x = input(case);
    let row = x.len() / x.shape()[0];
    let picture = Tensor::new([&[1], &x.shape()[1..]].concat(), x.data()[..row].to_vec()).unwrap();
    let wanted = maps(case);
    // Batches that the places fill, that they do not fill, and one for all.
    for batch in [1, 7, 32] {
        let occlusion = Occlusion::new(size("patch"), size("stride")).fill(fill.clone()).batch(batch);
        let classes: Vec<usize> = (0..wanted.shape[0]).collect();
        let got = occlusion.maps_blocking(&runner, &picture, &classes).map_err(|e| e.to_string())?;
        near(&name, &got, &wanted)?;
    }
    Ok(())
}

/// All cases on one device.
fn check(device: &Device) -> Tally {
    let mut tally = Tally::default();
    for case in truth("grad_cam") {
        [false, true].into_iter().for_each(|logits| tally.add(check_grad_cam(device, &case, logits)));
    }
    truth("occlusion").iter().for_each(|case| tally.add(check_occlusion(device, case)));
    tally
}

#[test]
fn explanations_on_the_cpu_are_those_of_keras() {
    for device in [Device::cpu(), Device::Reference] {
        let tally = check(&device);
        assert!(tally.run > 20 && tally.failures.is_empty(), "{device}: {:?}", tally.failures);
    }
}

#[test]
fn explanations_on_gpus_are_those_of_keras() {
    for device in devices(false) {
        check(&Device::Gpu(device.gpu.clone())).finish(&device, "explain");
    }
}

fn untrained(model: Model) -> Runner {
    let network = Network::new(model.clone(), Weights::initialize(&model, 1)).unwrap();
    Runner::new(&Device::cpu(), network, Options::default()).unwrap()
}

/// A convolution, pooling, and dense layers, one of which makes no picture; a branch that leads nowhere near the scores is
/// an output of its own where `outputs` is 2.
fn model(outputs: usize) -> Model {
    let mut f = Functional::new();
    let input = f.input([6, 6, 1]).unwrap();
    let x = f.call(Conv2D::new(2, 3).name("conv"), &[input]).unwrap();
    let x = f.call(MaxPooling2D::new(2).name("pool"), &[x]).unwrap();
    let x = f.call(Flatten.name("flat"), &[x]).unwrap();
    let x = f.call(Dense::new(3).activation(Activation::Softmax).name("out"), &[x]).unwrap();
    let other = f.call(GlobalAveragePooling2D::new().name("gap"), &[input]).unwrap();
    f.model("m", &[input], &[x, other][..outputs]).unwrap()
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let flat = Sequential::new("flat").input([4, 4, 1]).and_then(|m| m.add(Flatten)).and_then(|m| m.add(Dense::new(2)));
    let flat = flat.and_then(Sequential::model).unwrap();
    let no_classifier = Sequential::new("maps").input([4, 4, 1]).and_then(|m| m.add(Conv2D::new(1, 1)));
    let no_classifier = no_classifier.and_then(|m| m.add(Reshape::new([16, 1]))).and_then(Sequential::model).unwrap();
    let cases = [
        (model(1), Some("con"), "model 'm' has no layer 'con', but 'conv'"),
        (model(1), Some("flat"), "layer 'flat' makes [1, 8], which has no places in the picture"),
        (model(1), Some("out"), "layer 'out' makes [1, 3]"),
        (model(2), None, "model 'm' has outputs of the shapes [[1, 3], [1, 1]]"),
        (no_classifier, None, "model 'maps' has outputs of the shapes [[1, 16, 1]]"),
        (flat, None, "model 'flat' has no layer on the way to its scores"),
    ];
    for (model, layer, wanted) in cases {
        let shape: Vec<usize> = [1].into_iter().chain(model.input_shapes()[0][1..].iter().flatten().copied()).collect();
        let error = GradCam::new_blocking(&untrained(model), layer, &shape).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let runner = untrained(model(1));
    let grad_cam = GradCam::new_blocking(&runner, None, &[2, 6, 6, 1]).unwrap();
    assert_eq!(grad_cam.layer(), "conv");
    let [one, two] = [1, 2].map(|count| Tensor::full(vec![count, 6, 6, 1], 0.5));
    let no_class = |error: Error| matches!(error, Error::Explain(ExplainError::NoSuchClass { class: 3, classes: 3 }));
    assert!(no_class(grad_cam.maps_blocking(&two, &[0, 3]).unwrap_err()));
    for (pictures, classes) in [(&one, vec![0, 1]), (&two, vec![0])] {
        let error = grad_cam.maps_blocking(pictures, &classes).unwrap_err().to_string();
        assert!(error.contains("expects pictures [2, 6, 6, 1] and a class for each"), "{error}");
    }
    assert!(no_class(Occlusion::new(2, 2).maps_blocking(&runner, &one, &[3]).unwrap_err()));
    let none = Tensor::new(vec![1, 0, 6, 1], vec![]).unwrap();
    let cases = [
        (Occlusion::new(1, 1), &none, "expects a picture of one pixel at least"),
        (Occlusion::new(0, 1), &one, "both have to be 1 at least"),
        (Occlusion::new(1, 0), &one, "both have to be 1 at least"),
        (Occlusion::new(1, 1).fill([0.0, 0.0]), &one, "expects a fill of one value or one for each channel, not 2"),
        (Occlusion::new(1, 1), &two, "expects one picture"),
    ];
    for (occlusion, picture, wanted) in cases {
        let error = occlusion.maps_blocking(&runner, picture, &[0]).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

/// One output is that of class 1, and what speaks against it speaks for class 0: as of two outputs of opposite signs.
#[test]
fn one_output_is_of_two_classes() {
    let model = |outputs| {
        let model = Sequential::new("m").input([6, 6, 1]).and_then(|m| m.add(Conv2D::new(2, 3))).unwrap();
        let model =
            model.add(Flatten).and_then(|m| m.add(Dense::new(outputs).activation(Activation::Sigmoid).name("out")));
        model.and_then(Sequential::model).unwrap()
    };
    let runner = |model: Model, weights: Weights| {
        Runner::new(&Device::Reference, Network::new(model, weights).unwrap(), Options::default()).unwrap()
    };
    let weights = Weights::initialize(&model(1), 1);
    let kernel = weights.get("out/kernel").unwrap().clone();
    let mut opposite = weights.clone();
    let sign = |i: usize| if i.is_multiple_of(2) { -1.0 } else { 1.0 };
    opposite.insert("out/kernel", Tensor::from_fn(vec![kernel.len(), 2], |i| sign(i) * kernel.data()[i / 2]));
    opposite.insert("out/bias", Tensor::full(vec![2], 0.0));
    let (one, two) = (runner(model(1), weights), runner(model(2), opposite));
    let x = Tensor::from_fn(vec![1, 6, 6, 1], |i| (i * 7 % 11) as f32 / 10.0);
    let both = |runner: &Runner| {
        let grad_cam = GradCam::new_blocking(runner, None, x.shape()).unwrap();
        let maps = [0, 1].map(|class| grad_cam.maps_blocking(&x, &[class]).unwrap().into_data());
        let occlusion = Occlusion::new(2, 2).maps_blocking(runner, &x, &[0, 1]).unwrap();
        [maps.concat(), occlusion.into_data()]
    };
    for (one, two) in both(&one).into_iter().zip(both(&two)) {
        assert!(one.iter().any(|&x| x > 1e-3) && one.len() == two.len());
        assert!(one.iter().zip(&two).all(|(a, b)| (a - b).abs() < 1e-6), "{one:?} {two:?}");
    }
    let no_class = |error: Error| matches!(error, Error::Explain(ExplainError::NoSuchClass { class: 2, classes: 2 }));
    assert!(no_class(Occlusion::new(2, 2).maps_blocking(&one, &x, &[2]).unwrap_err()));
    let grad_cam = GradCam::new_blocking(&one, None, x.shape()).unwrap();
    assert!(no_class(grad_cam.maps_blocking(&x, &[2]).unwrap_err()));
}
