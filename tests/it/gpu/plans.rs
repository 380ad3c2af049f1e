//! What plans and the static choice of kernels make of the zoo's four models: how many pipelines, how much memory.

use std::collections::HashSet;

use cnn_core::layers::{Activation, Dense, Layer, Mode};
use cnn_core::plan::{self, Plan};
use cnn_core::{DType, Model, Sequential, Simplify, Source, Tensor, Weights, simplify};
use cnn_cpu::reference;
use cnn_tests::devices::devices;
use cnn_tests::recipe;
use cnn_train::{Loss, Optimizer, Step, Training};
use cnn_wgpu::kernel::{Capabilities, Problem};
use cnn_wgpu::{Program, kernels};
use cnn_zoo::{Arguments, Pooling, ROWS, find};

use super::{plan as plan_of, tiny_with, upload};

/// Devices of three kinds.
fn capabilities() -> [(&'static str, Capabilities); 3] {
    let baseline = Capabilities::baseline();
    let gpu = Capabilities {
        f16: true,
        subgroup_size: Some(32),
        timestamps: true,
        max_binding: 2 << 30,
        max_buffer: 4 << 30,
        max_invocations: 1024,
        workgroup_memory: 48 << 10,
        ..baseline.clone()
    };
    let lavapipe = Capabilities { software: true, subgroup_size: Some(8), workgroup_memory: 32 << 10, ..gpu.clone() };
    [("baseline", baseline), ("GPU", gpu), ("lavapipe", lavapipe)]
}

/// The distinct (shader, variant) that a plan needs, the weight prologue's among them.
fn pipelines(plan: &Plan, capabilities: &Capabilities) -> HashSet<String> {
    let graph = plan.graph();
    let mut pipelines = HashSet::new();
    // A resident is made by all nodes behind it, a step by one.
    let mut wanted: Vec<_> = plan.residents().iter().map(|resident| (resident.value, true)).collect();
    wanted.extend(plan.steps().iter().map(|id| (graph.nodes()[id.index()].output, false)));
    while let Some((value, prologue)) = wanted.pop() {
        let Source::Node(id) = graph.value(plan::storage(graph, value)).source else { continue };
        let node = &graph.nodes()[id.index()];
        let shapes: Vec<&[usize]> = node.inputs.iter().map(|&input| &graph.value(input).shape[..]).collect();
        let problem = Problem {
            inputs: &shapes,
            output: &graph.value(node.output).shape,
            dtype: graph.value(node.inputs[0]).dtype,
            capabilities,
        };
        for kernel in kernels::choose(&node.op, &node.name, &problem).unwrap().dispatches {
            pipelines.insert(format!("{} {:?}", kernel.shader, kernel.variant));
        }
        if prologue {
            wanted.extend(node.inputs.iter().map(|&input| (input, true)));
        }
    }
    pipelines
}

#[test]
fn resnet50_makes_at_most_16_pipelines() {
    let model = find("ResNet50").unwrap().build(&Arguments::default()).unwrap();
    for (name, capabilities) in capabilities() {
        for (storage, batch) in [(DType::F32, 1), (DType::F32, 8), (DType::F16, 1)] {
            if storage == DType::F16 && !capabilities.f16 {
                continue;
            }
            let plan = plan_of(&model, batch, &Simplify { storage, ..Simplify::default() });
            let made = pipelines(&plan, &capabilities);
            println!("{name}, {storage:?}, batch {batch}: {} pipelines", made.len());
            assert!(made.len() <= 16, "{name}, {storage:?}, batch {batch}: {} pipelines: {made:#?}", made.len());
        }
    }
}

/// Bytes of what lies among the weights, and of all else.
fn weights_and_slots(plan: &Plan) -> (usize, usize) {
    let residents = plan.residents().iter();
    (residents.map(|resident| plan::bytes(plan.graph(), resident.value)).sum(), plan.slots().iter().sum())
}

/// What a plan takes on a device is within 1.2 times of what no plan can do without.
#[test]
fn memory_is_within_1_2_times_the_bound() {
    for row in ROWS {
        let size = row.default_size;
        let model = row.build(&Arguments::default().input_shape([size, size, 3])).unwrap();
        for (storage, batch) in [(DType::F32, 1), (DType::F32, 8), (DType::F16, 8)] {
            let plan = plan_of(&model, batch, &Simplify { storage, ..Simplify::default() });
            let (weights, slots) = weights_and_slots(&plan);
            let of_activations = slots as f64 / plan.liveness_bound() as f64;
            let of_all = (weights + slots) as f64 / (weights + plan.liveness_bound()) as f64;
            println!(
                "{} {storage:?} batch {batch}: weights {:.1} MB, slots {:.1} MB: {of_activations:.3} times the liveness \
                 bound, in all {of_all:.3}",
                row.name,
                weights as f64 / 1e6,
                slots as f64 / 1e6,
            );
            assert!(of_all <= 1.2, "{} at batch {batch}: {of_all}", row.name);
        }
    }
}

/// A step that trains the head of a frozen base keeps none of the base's activations: it takes what inference of the base and a
/// step of the head alone take, and a tenth at most beyond that.
#[test]
fn a_frozen_base_costs_what_its_inference_costs() {
    const BATCH: usize = 32;
    let all = |plan: Plan| {
        let (weights, slots) = weights_and_slots(&plan);
        (weights + slots) as f64
    };
    let step_of = |model: &Model, shape: Vec<usize>, optimizer| {
        let training = Training::new(Loss::CROSSENTROPY, optimizer);
        let step = Step::new(model, &[shape], &training, false).unwrap();
        all(Plan::new(simplify(&step.graph, &Simplify::default())))
    };
    let head = |classes| Dense::new(classes).activation(Activation::Softmax).name("predictions");
    for name in ["InceptionV3", "ResNet50", "MobileNetV2"] {
        let arguments = Arguments::default().include_top(false).pooling(Pooling::Avg).input_shape([128, 128, 3]);
        let base = find(name).unwrap().build(&arguments).unwrap();
        let features = base.output_shapes()[0][1].unwrap();
        let inference = all(plan_of(&base, BATCH, &Simplify::default()));
        let (mut frozen, trained) = (base.clone(), base);
        frozen.set_trainable(false);
        let on = |base: &Model, classes| {
            Sequential::new("m").input([128, 128, 3])?.add(base.clone())?.add(head(classes))?.model()
        };
        for (classes, optimizer) in [(5, Optimizer::adam()), (1000, Optimizer::sgd().momentum(0.9))] {
            let alone = Sequential::new("head").input([features]).and_then(|m| m.add(head(classes))?.model()).unwrap();
            let wanted = inference + step_of(&alone, vec![BATCH, features], optimizer);
            let got = step_of(&on(&frozen, classes).unwrap(), vec![BATCH, 128, 128, 3], optimizer);
            println!(
                "{name}, {classes} classes: inference {:.1} MB, with a step of the head {:.1} MB; the frozen base's step {:.1} MB, {:.4} times",
                inference / 1e6,
                wanted / 1e6,
                got / 1e6,
                got / wanted,
            );
            assert!(got <= 1.1 * wanted, "{name}, {classes} classes: {got} bytes, {wanted} wanted");
        }
        // What the bound is for: with a trainable base activations stay until their gradients are taken.
        let whole = step_of(&on(&trained, 5).unwrap(), vec![BATCH, 128, 128, 3], Optimizer::adam());
        assert!(whole > 2.0 * inference, "{name}: {whole} bytes with a trainable base, {inference} for inference");
    }
}

/// The plan of a step that keeps activations or makes them again, with the number of segments.
fn step_plan(model: &Model, shape: &[usize], loss: &Loss, recompute: bool) -> (Plan, usize) {
    let training = Training::new(*loss, Optimizer::sgd()).recompute(recompute);
    let step = Step::new(model, &[shape.to_vec()], &training, false).unwrap();
    (Plan::new(simplify(&step.graph, &Simplify::default())), step.segments)
}

/// A chain of n equal activations takes n of them for its gradients. With segments of n / k it takes the k that are handed on
/// and one segment, k + n / k, which is least at 2 √n (Chen et al., 2016). What is added are those of the loss: prediction,
/// targets, a gradient, and two between.
#[test]
fn recomputation_takes_the_square_root_of_a_chain() {
    for n in [16, 36, 100, 225] {
        let mut model = Sequential::new("chain").input([32]).unwrap().add(Dense::new(64)).unwrap();
        for _ in 0..n {
            model = model.add(Layer::Activation(Activation::Sigmoid)).unwrap();
        }
        let model = model.model().unwrap();
        let each = 512 * 64 * 4;
        let [kept, again] =
            [false, true].map(|recompute| step_plan(&model, &[512, 32], &Loss::MeanSquaredError, recompute));
        let root = f64::from(n).sqrt();
        println!(
            "{n} activations: {} bytes, {} in {} segments, of {each} each",
            kept.0.liveness_bound(),
            again.0.liveness_bound(),
            again.1
        );
        assert!(kept.0.liveness_bound() >= n as usize * each);
        assert!(again.0.liveness_bound() as f64 <= (2.0 * root + 5.0) * each as f64);
    }
}

/// Beside the gradients of the weights, which all stay until the step is done, real networks take half at most.
#[test]
fn recomputation_halves_what_a_step_takes() {
    for name in ["ResNet50", "MobileNetV2", "DenseNet121", "EfficientNetB0"] {
        let arguments = Arguments::default().include_top(false).pooling(Pooling::Avg).input_shape([64, 64, 3]);
        let model = find(name).unwrap().build(&arguments).unwrap();
        let gradients = 4 * model.count_params().trainable as usize;
        let [kept, again] = [false, true].map(|recompute| {
            let (plan, segments) = step_plan(&model, &[32, 64, 64, 3], &Loss::CROSSENTROPY, recompute);
            let (_, slots) = weights_and_slots(&plan);
            println!(
                "{name}: {:.1} MB in {segments} segments, {:.1} MB of them gradients",
                slots as f64 / 1e6,
                gradients as f64 / 1e6
            );
            slots - gradients
        });
        assert!(2 * again <= kept, "{name}: {again} bytes, {kept} where activations are kept");
    }
}

/// [`tiny`] up to its logits, with small integers as weights: every sum is exact in float32 (27 products up to 4, then 200
/// up to 216), so that every kernel gives the same bits.
fn integers() -> (Model, Weights) {
    let model = tiny_with(Activation::Linear);
    let mut weights = Weights::new();
    for (path, tensor) in Weights::initialize(&model, 1).iter() {
        weights.insert(path, integer(path, tensor.shape()));
    }
    (model, weights)
}

/// Integers from -2 to 2.
fn integer(key: &str, shape: &[usize]) -> Tensor {
    Tensor::from_fn(shape.to_vec(), |i| recipe::value(key, i as u64, -2.5, 2.5).round())
}

/// The logits of [`integers`] for a batch, in float64.
fn reference_logits(batch: usize) -> Vec<f32> {
    let (model, weights) = integers();
    let input = integer("a", &[batch, 12, 12, 3]);
    let graph = model.lower(&[input.shape().to_vec()], Mode::Inference, &[]).unwrap();
    let outputs = reference::run(&graph, |path| weights.get(path).map(|tensor| tensor.as_ref()), &[(&input).into()]);
    outputs.unwrap()[0].data.iter().map(|&x| x as f32).collect()
}

fn logits(program: &Program, batch: usize) -> Vec<f32> {
    let outputs = pollster::block_on(program.run(&[integer("a", &[batch, 12, 12, 3])])).unwrap();
    outputs[0].data().to_vec()
}

/// VGG16's fc1 is 411 MB; 128 MiB can be bound.
#[test]
fn vgg16_fits_the_default_limits() {
    let model = find("VGG16").unwrap().build(&Arguments::default()).unwrap();
    let capabilities = Capabilities::baseline();
    let limit = capabilities.max_tensor() as usize;
    let plan = plan_of(&model, 1, &Simplify { weight_limit: Some(limit), ..Simplify::default() });
    capabilities.check(&plan).unwrap();
    let graph = plan.graph();
    // No value at all, bound or not.
    for (index, value) in graph.values().iter().enumerate() {
        let read_whole = matches!(value.source, Source::Variable);
        let bytes = value.shape.iter().product::<usize>() * value.dtype.size();
        assert!(bytes <= limit || read_whole, "value {index}, {}: {bytes} bytes", value.name);
    }
    assert!(plan.slots().iter().all(|&bytes| bytes <= limit));
}

/// The same path on devices: a dense layer's weight in pieces gives what it gives in one.
#[test]
fn a_weight_in_pieces_gives_the_same() {
    let (model, weights) = integers();
    // The dense layer's 200 x 10 numbers are 8000 bytes.
    for limit in [None, Some(4096), Some(1000)] {
        let plan = plan_of(&model, 2, &Simplify { weight_limit: limit, ..Simplify::default() });
        let pieces = plan.residents().iter().filter(|resident| resident.key.contains("dense/kernel")).count();
        assert_eq!(pieces > 1, limit.is_some());
        for device in devices(true) {
            let program = pollster::block_on(Program::new(upload(&device.gpu, &weights), plan.clone())).unwrap();
            assert_eq!(logits(&program, 2), reference_logits(2), "{}, {limit:?}", device.name);
        }
    }
}

#[test]
fn two_batch_sizes_hold_the_weights_once() {
    let (model, host) = integers();
    for device in devices(true) {
        let weights = upload(&device.gpu, &host);
        let program = |batch| {
            let plan = plan_of(&model, batch, &Simplify::default());
            pollster::block_on(Program::new(weights.clone(), plan)).unwrap()
        };
        let one = program(1);
        // Filter and bias of the convolution, weight and bias of the dense layer, each in whole vectors of four numbers.
        let bytes = 4 * (3 * 3 * 3 * 8 + 8 + 200 * 10 + 12);
        assert_eq!(weights.bytes(), bytes, "{}", device.name);
        let eight = program(8);
        assert_eq!(weights.bytes(), bytes, "{}", device.name);
        assert_eq!(logits(&one, 1), reference_logits(1), "{}", device.name);
        assert_eq!(logits(&eight, 8), reference_logits(8), "{}", device.name);
    }
}
