//! Training on float16 with a loss scale: the scales of Keras's `LossScaleOptimizer`, the gradients of a training in float32,
//! every step of it inside its bound on every adapter that has float16.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use cnn::training::{Loss, LossScale, Optimizer, Trainer, Training};
use cnn::{Device, Network};
use cnn_core::layers::{
    Activation, AugMix, BatchNormalization, Constraint, Conv2D, CutMix, Dense, Dropout, Equalization,
    GlobalAveragePooling2D, LayerNormalization, MaxPooling2D, MixUp, Padding, Pipeline, RandAugment,
    RandomElasticTransform, Regularizer,
};
use cnn_core::{DType, Model, Plan, Sequential, Simplify, Source, Tensor, Weights, simplify};
use cnn_cpu::reference::{self, Array};
use cnn_tests::devices::{Excluded, Tally, TestDevice, devices};
use cnn_tests::recipe;
use cnn_tests::steps::check_steps;
use cnn_train::{Feed, Step, feed, initial_state};
use serde_json::Value;

const BATCH: usize = 6;

/// Whatever a network is made of: what is float16, what is not, and both ways between them.
fn model(second: Conv2D) -> Model {
    Sequential::new("m")
        .input([10, 10, 3])
        .and_then(|m| {
            m.add(Conv2D::new(8, 3).padding(Padding::Same).kernel_regularizer(Regularizer::L2(0.01)).name("conv1"))
        })
        .and_then(|m| m.add(BatchNormalization::new().momentum(0.9).name("bn")))
        .and_then(|m| m.add(cnn_core::Layer::Activation(Activation::Relu)))
        .and_then(|m| m.add(MaxPooling2D::new(2)))
        .and_then(|m| m.add(second.activation(Activation::Silu).name("conv2")))
        .and_then(|m| m.add(LayerNormalization::new().name("ln")))
        .and_then(|m| m.add(Dropout::new(0.2)))
        .and_then(|m| m.add(GlobalAveragePooling2D::new()))
        .and_then(|m| m.add(Dense::new(4).activation(Activation::Softmax).name("dense")))
        .and_then(Sequential::model)
        .unwrap()
}

fn training() -> Training {
    let optimizer = Optimizer::adam().clipnorm(0.5).use_ema(true).gradient_accumulation_steps(2);
    Training::new(Loss::CROSSENTROPY, optimizer)
}

fn inputs(step: &Step) -> Vec<Tensor> {
    let pictures = recipe::uniform("mixed", &[BATCH, 10, 10, 3], 0.0, 1.0);
    let targets = Tensor::from_fn(vec![BATCH, 4], |i| if i / 4 % 4 == i % 4 { 1.0 } else { 0.0 });
    let settings = training().optimizer.settings(1, 0.01);
    let besides = Feed { targets: Some(&targets), weights: None, settings, seed: [3, 1] };
    let inputs = feed(&step.graph, std::slice::from_ref(&pictures), &besides).unwrap();
    inputs.into_iter().map(Cow::into_owned).collect()
}

fn step_of(training: &Training) -> (Step, Weights) {
    step_on(&model(Conv2D::new(12, 3)), training)
}

fn step_on(model: &Model, training: &Training) -> (Step, Weights) {
    let step = Step::new(model, &[vec![BATCH, 10, 10, 3]], training, false).unwrap();
    let mut weights = Weights::initialize(model, 5);
    initial_state(training, model).iter().for_each(|(path, tensor)| weights.insert(path, tensor.clone()));
    (step, weights)
}

/// The reference rounds nothing, so casts and the loss scale have to leave every gradient and every new variable as it is, also
/// where a constraint changes it once more.
#[test]
fn without_rounding_a_mixed_step_is_a_plain_one() {
    let norm = Constraint::MaxNorm { max_value: 0.5, axis: vec![0, 1, 2] };
    let model = model(Conv2D::new(12, 3).kernel_constraint(norm));
    let run = |training: &Training| {
        let (mut step, weights) = step_on(&model, training);
        step.gradients.iter().for_each(|&gradient| step.graph.output("gradient", gradient));
        let find = |path: &str| weights.get(path).map(|tensor| Array::from(tensor.as_ref()));
        let inputs: Vec<Array> = inputs(&step).iter().map(Array::from).collect();
        let stepped = reference::step(&step.graph, find, &inputs).unwrap();
        (stepped.outputs, stepped.assigned.into_iter().collect::<HashMap<_, _>>())
    };
    let (plain, assigned) = run(&training());
    let (mut mixed, mixed_assigned) = run(&training().mixed_precision(true));
    assert_eq!(mixed.remove(2).data, [1.0], "all gradients are finite");
    let same =
        |a: &Array, b: &Array| a.data.iter().zip(&b.data).all(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(1e-3));
    assert!(plain.len() > 10 && plain.len() == mixed.len());
    assert!(plain.iter().zip(&mixed).all(|(a, b)| same(a, b)), "outputs");
    assigned.iter().for_each(|(path, array)| assert!(same(array, &mixed_assigned[path]), "{path}"));
}

/// Convolutions and products are float16, forward and backward; what the weights are made of is float32.
#[test]
fn heavy_ops_are_float16() {
    let (step, _) = step_of(&training().mixed_precision(true));
    let graph = simplify(&step.graph, &Simplify::default());
    for node in graph.nodes() {
        let dtype = graph.value(node.output).dtype;
        let wanted = match node.op.name() {
            "Conv2D" | "Conv2DTranspose" | "Conv2DFilterGradient" | "Gemm" | "Pool2D" | "Pool2DGradient" => DType::F16,
            "Softmax" | "BatchNorm" | "LayerNorm" | "OptimizerStep" | "Assign" => DType::F32,
            _ => continue,
        };
        assert_eq!(dtype, wanted, "{} ({})", node.name, node.op.name());
        let mixed = node.inputs.iter().any(|&input| graph.value(input).dtype != dtype);
        assert!(!mixed, "{} ({}) reads both", node.name, node.op.name());
    }
    assert!(graph.outputs().iter().all(|&(_, output)| graph.value(output).dtype == DType::F32));
}

/// Counts, positions and targets of what is augmented are too large for float16, and nothing of them is: neither ahead of the
/// model nor in its first layers. Only casts hand on to the model what it reads.
#[test]
fn what_augments_is_float32() {
    let pipeline = Pipeline::new()
        .layer(Equalization::new())
        .layer(RandomElasticTransform::new(1.0))
        .layer(RandAugment::new(0.5))
        .layer(AugMix::new(0.3))
        .layer(MixUp::new(0.2))
        .layer(CutMix::new(1.0));
    let (step, _) = step_of(&training().augment(pipeline).mixed_precision(true));
    let graph = &step.graph;
    let mut touched = vec![false; graph.values().len()];
    for id in graph.value_ids() {
        touched[id.index()] = matches!(graph.value(id).source, Source::Variable);
    }
    let mut products = 0;
    for node in graph.nodes() {
        let output = node.output.index();
        touched[output] = node.inputs.iter().any(|input| touched[input.index()]);
        if !touched[output] && node.op.name() != "Cast" {
            products += usize::from(["Gemm", "Conv2D"].contains(&node.op.name()));
            assert_eq!(graph.value(node.output).dtype, DType::F32, "{} ({})", node.name, node.op.name());
        }
    }
    assert!(products >= 4, "{products} products of what is augmented");
}

/// The devices that have float16; the others are reported as left out.
fn on_devices_with_f16(family: &str, case: &'static str, check: impl Fn(&TestDevice) -> Result<(), String>) {
    for device in devices(false) {
        let mut tally = Tally::default();
        if device.gpu.capabilities().f16 {
            tally.add(check(&device));
        } else {
            tally.excluded.push(Excluded { case, count: 1, reason: "the device has no SHADER_F16" });
        }
        tally.finish(&device, family);
    }
}

#[test]
fn every_step_is_inside_its_bound() {
    let (step, weights) = step_of(&training().mixed_precision(true));
    let graph = simplify(&step.graph, &Simplify::default());
    let inputs = inputs(&step);
    on_devices_with_f16("mixed precision", "a step", |device| {
        let run = |graph: &cnn_core::Graph| {
            let weights = cnn_wgpu::DeviceWeights::new(device.gpu.clone(), Arc::new(weights.clone()));
            let program = cnn_wgpu::Program::new(weights, Plan::new(graph.clone()));
            let program = pollster::block_on(program).map_err(|error| error.to_string())?;
            pollster::block_on(program.run(&inputs)).map_err(|error| error.to_string())
        };
        check_steps(&graph, &weights, &inputs, run).map(drop)
    });
}

/// What a training of one matrix does with gradients that are finite and such that are not.
fn follow_keras(case: &Value, device: &Device) -> Result<(), String> {
    let model = Sequential::new("m").input([2]).and_then(|m| m.add(Dense::new(1))).and_then(Sequential::model).unwrap();
    let network = Network::new(model.clone(), Weights::initialize(&model, 1)).unwrap();
    let mut training = Training::new(Loss::MeanSquaredError, Optimizer::adam().use_ema(true));
    training.mixed_precision = Some(LossScale {
        initial_scale: case["initial_scale"].as_f64().unwrap(),
        dynamic_growth_steps: case["dynamic_growth_steps"].as_u64().unwrap() as u32,
    });
    let mut trainer = Trainer::new(device, &network, training).map_err(|error| error.to_string())?;
    let bits = |trainer: &Trainer| -> HashMap<String, Vec<u32>> {
        let variables = pollster::block_on(trainer.variables()).unwrap();
        variables.iter().map(|(path, x)| (path.into(), x.data().iter().map(|x| x.to_bits()).collect())).collect()
    };
    for (step, finite) in case["finite"].as_array().unwrap().iter().enumerate() {
        let finite = finite.as_bool().unwrap();
        let before = bits(&trainer);
        // What float16 cannot hold.
        let x = Tensor::new(vec![1, 2], vec![0.5, if finite { 0.25 } else { 1e6 }]).unwrap();
        // So small a weight that no scale here is too large.
        let (target, weight) = (Tensor::full(vec![1, 1], 5.0), Tensor::full(vec![1], 1e-3));
        let stepped =
            trainer.train_on_batch_blocking(&[x], &target, Some(&weight)).map_err(|error| error.to_string())?;
        let mut after = bits(&trainer);
        let mut number = |path: &str| f64::from(f32::from_bits(after.remove(path).unwrap()[0]));
        let got =
            (stepped.done, number("optimizer/dynamic_scale"), number("optimizer/step_counter"), trainer.iterations());
        let of = |name: &str| case[name][step].as_f64().unwrap();
        let wanted = (finite, of("scales"), of("counters"), of("iterations") as u64);
        if got != wanted {
            return Err(format!("step {step}: {got:?}, Keras {wanted:?}"));
        }
        let changed = after.iter().filter(|(path, bits)| before[*path] != **bits).count();
        if changed != if finite { after.len() } else { 0 } {
            return Err(format!("step {step}: {changed} variables have changed"));
        }
    }
    Ok(())
}

#[test]
fn the_loss_scale_is_that_of_keras() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../vectors/loss_scale.json")).unwrap();
    on_devices_with_f16("loss scale", "scales", |device| {
        cases.iter().try_for_each(|case| follow_keras(case, &Device::Gpu(device.gpu.clone())))
    });
}
