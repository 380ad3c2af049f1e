//! Whole models on every adapter: each step, given what the device itself made before it, is inside its bound, in
//! float32 and in float16, and the float32 outputs lie within 1e-4 of float64. The zoo's models at full size run on one
//! adapter, since plain kernels take minutes for them on slow drivers.

use std::sync::Arc;

use cnn_core::layers::Activation;
use cnn_core::{DType, Graph, Mode, Model, Plan, Simplify, Tensor, Weights, simplify};
use cnn_cpu::reference::{self, Array};
use cnn_tests::devices::{Excluded, Tally, devices};
use cnn_tests::steps::check_steps;
use cnn_tests::{recipe, vectors, zoo_truth};
use cnn_wgpu::{DeviceWeights, Gpu, Program};
use cnn_zoo::{Arguments, find};

struct Network {
    name: &'static str,
    model: Model,
    weights: Weights,
    input: Tensor,
}

impl Network {
    /// A file of `vectors/formats` with its input.
    fn of_file(name: &'static str, input: &str) -> Self {
        let loaded = cnn_io::read_model(vectors::bytes(name), name).unwrap();
        let input = cnn_io::npy::read(&vectors::bytes(input), input).unwrap();
        Self { name, model: loaded.model, weights: loaded.weights, input }
    }

    /// MobileNetV2 with the recipe's weights, which do not depend on the picture's size, for a small picture.
    fn mobilenet_v2(size: usize) -> Self {
        let row = find("MobileNetV2").unwrap();
        let arguments = Arguments::default().input_shape([size, size, 3]).classifier_activation(Activation::Linear);
        let model = row.build(&arguments).unwrap();
        let weights = zoo_truth::weights("MobileNetV2", &model);
        let input = row.preprocess.apply(recipe::picture(size, size, 3)).unwrap();
        Self { name: "MobileNetV2", model, weights, input }
    }

    /// The graph, lowered and not simplified.
    fn graph(&self) -> Graph {
        self.model.lower(&[self.input.shape().to_vec()], Mode::Inference, &[]).unwrap()
    }

    /// Every step on `gpu`; in float32 the outputs too.
    fn check(&self, gpu: &Arc<Gpu>, storage: DType) -> Result<(), String> {
        let weight_limit = usize::try_from(gpu.capabilities().max_binding).ok();
        let graph = simplify(&self.graph(), &Simplify { weight_limit, storage });
        let inputs = std::slice::from_ref(&self.input);
        let run = |graph: &Graph| self.run(gpu, graph);
        check_steps(&graph, &self.weights, inputs, run)
            .map_err(|error| format!("{} {storage:?}: {error}", self.name))?;
        if storage == DType::F16 {
            return Ok(());
        }
        let find = |path: &str| self.weights.get(path).map(|tensor| tensor.as_ref());
        let exact = reference::run(&self.graph(), find, &[Array::from(&self.input)]).map_err(|e| e.to_string())?;
        let got = self.run(gpu, &graph)?;
        let pairs = got.iter().zip(&exact).flat_map(|(got, exact)| got.data().iter().zip(&exact.data));
        let worst = pairs.map(|(got, exact)| (f64::from(*got) - exact).abs()).fold(0.0, f64::max);
        if worst <= 1e-4 { Ok(()) } else { Err(format!("{}: outputs off by {worst:e}", self.name)) }
    }

    fn run(&self, gpu: &Arc<Gpu>, graph: &Graph) -> Result<Vec<Tensor>, String> {
        let weights = DeviceWeights::new(gpu.clone(), Arc::new(self.weights.clone()));
        let outputs = async {
            let program = Program::new(weights, Plan::new(graph.clone())).await?;
            program.run(std::slice::from_ref(&self.input)).await
        };
        pollster::block_on(outputs).map_err(|error| error.to_string())
    }
}

#[test]
fn every_step_is_inside_its_bound() {
    let networks = [
        Network::of_file("formats/small.keras", "formats/small_input.npy"),
        Network::of_file("formats/small_nested.keras", "formats/small_nested_input.npy"),
        Network::of_file("formats/convnext.keras", "formats/convnext_input.npy"),
        Network::of_file("formats/operations.keras", "formats/operations_input.npy"),
        Network::mobilenet_v2(64),
    ];
    for device in devices(false) {
        let mut tally = Tally::default();
        for storage in [DType::F32, DType::F16] {
            if storage == DType::F16 && !device.gpu.capabilities().f16 {
                let (case, count) = ("all in float16", networks.len());
                tally.excluded.push(Excluded { case, count, reason: "the device has no SHADER_F16" });
                continue;
            }
            for network in &networks {
                tally.add(network.check(&device.gpu, storage));
            }
        }
        tally.finish(&device, "models");
    }
}

/// A model of the zoo with the recipe's weights, on one adapter, which has float16 if any has.
fn check_full_size(name: &'static str) {
    let devices = devices(false);
    let chosen = devices.iter().position(|device| device.gpu.capabilities().f16).unwrap_or(0);
    let device = &devices[chosen];
    for (index, other) in devices.iter().enumerate() {
        if index != chosen {
            let reason = "one adapter runs models at full size, all run small ones";
            let excluded = vec![Excluded { case: "float32 and float16", count: 2, reason }];
            Tally { excluded, ..Tally::default() }.finish(other, "full_size");
        }
    }
    let truth = zoo_truth::zoo_truth(name);
    let network = Network { name, model: truth.model, weights: truth.weights, input: truth.picture };
    let mut tally = Tally::default();
    for storage in [DType::F32, DType::F16] {
        if storage == DType::F16 && !device.gpu.capabilities().f16 {
            tally.excluded.push(Excluded { case: "float16", count: 1, reason: "no adapter has SHADER_F16" });
            continue;
        }
        let checked = full_size(&network, &truth.logits, &truth.top10, &device.gpu, storage);
        tally.add(checked.map_err(|error| format!("{name} {storage:?}: {error}")));
    }
    tally.finish(device, "full_size");
}

/// Every step inside its bound; in float32 the logits within 1e-4 of Keras's float64 and the top 10 in its order, in
/// float16 the same top 1.
fn full_size(network: &Network, truth: &[f64], top10: &[usize], gpu: &Arc<Gpu>, storage: DType) -> Result<(), String> {
    let weight_limit = usize::try_from(gpu.capabilities().max_binding).ok();
    let graph = simplify(&network.graph(), &Simplify { weight_limit, storage });
    let run = |graph: &Graph| network.run(gpu, graph);
    let worst = check_steps(&graph, &network.weights, std::slice::from_ref(&network.input), run)?;
    let logits = network.run(gpu, &graph)?.remove(0);
    let pairs = logits.data().iter().zip(truth);
    let error = pairs.map(|(got, wanted)| (f64::from(*got) - wanted).abs()).fold(0.0, f64::max);
    println!("{} {storage:?}: worst step {worst:.3} of its bound, logits off by {error:.1e}", network.name);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits.data()[b].total_cmp(&logits.data()[a]));
    let (limit, first) = if storage == DType::F32 { (1e-4, 10) } else { (f64::INFINITY, 1) };
    if error.is_nan() || error > limit {
        return Err(format!("logits off by {error:e}"));
    }
    if order[..first] != top10[..first] {
        return Err(format!("the first classes are {:?} and not {:?}", &order[..first], &top10[..first]));
    }
    Ok(())
}

#[test]
fn resnet50_at_full_size() {
    check_full_size("ResNet50");
}

#[test]
fn vgg16_at_full_size() {
    check_full_size("VGG16");
}

#[test]
fn mobilenet_v2_at_full_size() {
    check_full_size("MobileNetV2");
}

#[test]
fn inception_v3_at_full_size() {
    check_full_size("InceptionV3");
}

#[test]
fn mobilenet_at_full_size() {
    check_full_size("MobileNet");
}

#[test]
fn mobilenet_v3_small_at_full_size() {
    check_full_size("MobileNetV3Small");
}
