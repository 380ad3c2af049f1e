//! Training against real Keras (`vectors/train.json.gz`, made by `vectors/scripts/train.py`): losses step by step, the first
//! gradients, the weights at the end, on the reference in float64, the CPU and every adapter.

pub(crate) mod nets;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use cnn_core::op::Rule;
use cnn_core::{Model, Plan, Simplify, Tensor, Weights, simplify};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_cpu::reference::{self, Array};
use cnn_tests::devices::{Tally, TestDevice, devices};
use cnn_tests::recipe;
use cnn_train::{Feed, Loss, Optimizer, Step, Training, feed, initial_state, judge, one_hot, overwrite_with_averages};
use cnn_wgpu::DeviceWeights;
use serde_json::Value;

use self::nets::net;

pub(crate) const SAMPLES: usize = 64;
pub(crate) const BATCH: usize = 16;
const STEPS: usize = 20;

fn cases() -> Vec<Value> {
    let packed = include_bytes!("../vectors/train.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Stripes that depend on the label, and noise: the recipe's section 5.
pub(crate) fn pictures(samples: std::ops::Range<usize>) -> Tensor {
    let first = samples.start;
    Tensor::from_fn(vec![samples.len(), 28, 28, 1], |index| {
        let (i, y, x) = (first + index / 784, index / 28 % 28, index % 28);
        let (label, period) = (i % 10, 2 + 2 * (i % 10 / 2));
        let t = if label % 2 == 0 { y } else { x };
        let stripe = if t % period < period / 2 { 1.0 } else { 0.0 };
        (0.25 * recipe::u("train/x", (i * 784 + y * 28 + x) as u64) + 0.75 * stripe) as f32
    })
}

fn targets(samples: std::ops::Range<usize>) -> Tensor {
    one_hot(&samples.map(|i| i % 10).collect::<Vec<_>>(), 10).unwrap()
}

pub(crate) fn weights(model: &Model) -> Weights {
    let tensor = |weight: &cnn_core::model::Weight| {
        let depthwise = weight.name == "depthwise_kernel" || weight.layer == "dw" && weight.name == "kernel";
        let (low, high) = recipe::range(weight.name, &weight.shape, depthwise);
        // Keras has the nested models' names in no key.
        let key = format!("{}/{}", weight.layer.rsplit('/').next().unwrap_or_default(), weight.name);
        let tensor = recipe::uniform(&key, &weight.shape, low, high);
        (weight.path.clone(), Arc::new(tensor))
    };
    model.weights().iter().map(tensor).collect()
}

/// The optimizer that Keras's configuration describes.
fn optimizer(config: &Value) -> Optimizer {
    let number = |name: &str| config[name].as_f64();
    let of = |name: &str| number(name).unwrap_or_else(|| panic!("{name} of {config}"));
    let is = |name: &str| config[name].as_bool().unwrap_or(false);
    let made = match config["name"].as_str().unwrap() {
        "sgd" => Optimizer::sgd().momentum(of("momentum")).nesterov(is("nesterov")),
        "adam" if is("amsgrad") => {
            let (beta_1, beta_2, epsilon) = (of("beta_1"), of("beta_2"), of("epsilon"));
            Optimizer { rule: Rule::Adam { beta_1, beta_2, epsilon, amsgrad: true }, ..Optimizer::adam() }
        }
        "adam" => Optimizer::adam(),
        "adam_w" => Optimizer::adamw(),
        "rmsprop" | "rm_sprop" => {
            let (rho, momentum, epsilon, centered) = (of("rho"), of("momentum"), of("epsilon"), is("centered"));
            Optimizer { rule: Rule::RmsProp { rho, momentum, epsilon, centered }, ..Optimizer::rmsprop() }
        }
        "adagrad" => Optimizer::adagrad(),
        "adadelta" => Optimizer::adadelta(),
        "adamax" => Optimizer::adamax(),
        "nadam" => Optimizer::nadam(),
        "lion" => Optimizer::lion(),
        "ftrl" => Optimizer::ftrl(),
        other => panic!("there is no optimizer {other}"),
    };
    Optimizer {
        learning_rate: number("learning_rate").unwrap_or(f64::NAN),
        weight_decay: number("weight_decay"),
        clipnorm: number("clipnorm"),
        clipvalue: number("clipvalue"),
        global_clipnorm: number("global_clipnorm"),
        use_ema: is("use_ema"),
        ema_momentum: of("ema_momentum"),
        ema_overwrite_frequency: config["ema_overwrite_frequency"].as_u64(),
        gradient_accumulation_steps: config["gradient_accumulation_steps"].as_u64(),
        ..made
    }
}

/// What a case asks for.
fn training(case: &Value) -> Training {
    let truth = &case["float64"];
    let excluded = truth["excluded"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
    let training =
        Training::new(Loss::CROSSENTROPY, optimizer(&truth["optimizer"])).exclude_from_weight_decay(excluded);
    let multipliers = truth["multipliers"].as_object().into_iter().flatten();
    multipliers.fold(training, |training, (prefix, factor)| {
        training.learning_rate_multiplier(prefix, factor.as_f64().unwrap())
    })
}

/// What runs steps of training over variables that it keeps.
trait Trainer {
    /// The outputs of a step.
    fn step(&mut self, inputs: &[Tensor], batch: &Feed) -> Result<Vec<Vec<f64>>, String>;
    /// A variable as it is now.
    fn read(&self, path: &str) -> Result<Vec<f64>, String>;
    /// Puts the averages in the weights' places.
    fn overwrite(&mut self) -> Result<(), String>;
    /// The loss over all samples in inference.
    fn evaluate(&mut self) -> Result<f64, String>;
}

/// A model in training, and the graph that judges it.
struct Setting {
    step: Step,
    weights: Weights,
    inference: cnn_core::Graph,
    overwrite: cnn_core::Graph,
}

impl Setting {
    fn new(case: &Value) -> Self {
        Self::with(case, training(case))
    }

    /// The case with its activations made again.
    fn recomputing(case: &Value) -> Self {
        Self::with(case, training(case).recompute(true))
    }

    fn with(case: &Value, training: Training) -> Self {
        let name = case["case"].as_str().unwrap();
        let mut model = net(name.split('_').next().unwrap());
        for layer in case["float64"]["frozen"].as_array().unwrap() {
            model.layer_mut(layer.as_str().unwrap()).unwrap().set_trainable(false);
        }
        let mut step = Step::new(&model, &[vec![BATCH, 28, 28, 1]], &training, false).unwrap();
        for (path, &gradient) in step.trained.clone().iter().zip(&step.gradients.clone()) {
            step.graph.output(format!("gradient {path}"), gradient);
        }
        let mut weights = weights(&model);
        initial_state(&training, &model).iter().for_each(|(path, tensor)| weights.insert(path, tensor.clone()));
        let inference = judge(&model, &[vec![SAMPLES, 28, 28, 1]], &training.loss, false).unwrap();
        let overwrite = overwrite_with_averages(&model).unwrap();
        Self { step, weights, inference, overwrite }
    }

    fn plan(&self) -> Plan {
        Plan::new(simplify(&self.step.graph, &Simplify::default()))
    }

    fn overwrite_plan(&self) -> Plan {
        Plan::new(simplify(&self.overwrite, &Simplify::default()))
    }

    fn inference_plan(&self) -> Plan {
        Plan::new(simplify(&self.inference, &Simplify::default()))
    }
}

/// What `inference` takes: all samples.
fn all_samples() -> [Tensor; 2] {
    [pictures(0..SAMPLES), targets(0..SAMPLES)]
}

fn doubles(tensor: &Tensor) -> Vec<f64> {
    tensor.data().iter().map(|&x| f64::from(x)).collect()
}

struct Reference<'a> {
    setting: &'a Setting,
    variables: HashMap<String, Array>,
}

impl Trainer for Reference<'_> {
    fn step(&mut self, inputs: &[Tensor], batch: &Feed) -> Result<Vec<Vec<f64>>, String> {
        let graph = &self.setting.step.graph;
        let tensors = feed(&self.setting.step.graph, inputs, batch).map_err(|error| error.to_string())?;
        let mut arrays: Vec<Array> = tensors.iter().map(|tensor| Array::from(tensor.as_ref())).collect();
        // Settings are not rounded here.
        for (array, &id) in arrays.iter_mut().zip(graph.inputs()) {
            if let Some(settings) = batch.settings.of_input(&graph.value(id).name) {
                array.data = settings.to_vec();
            }
        }
        let step = reference::step(graph, |path| self.variables.get(path).cloned(), &arrays);
        let step = step.map_err(|error| error.to_string())?;
        self.variables.extend(step.assigned);
        Ok(step.outputs.into_iter().map(|output| output.data).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<f64>, String> {
        Ok(self.variables[path].data.clone())
    }

    fn overwrite(&mut self) -> Result<(), String> {
        let find = |path: &str| self.variables.get(path).cloned();
        let step = reference::step(&self.setting.overwrite, find, &[]).map_err(|error| error.to_string())?;
        self.variables.extend(step.assigned);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<f64, String> {
        let inputs = all_samples().map(|tensor| Array::from(&tensor));
        let step = reference::step(&self.setting.inference, |path| self.variables.get(path).cloned(), &inputs);
        Ok(step.map_err(|error| error.to_string())?.outputs[0].data[0])
    }
}

struct Cpu<'a> {
    setting: &'a Setting,
    weights: Arc<CpuWeights>,
    program: fast::Program,
    inference: fast::Program,
}

impl<'a> Cpu<'a> {
    fn new(setting: &'a Setting) -> Self {
        let weights = CpuWeights::new(Arc::new(setting.weights.clone()));
        // Made before training, so that what it makes of the weights becomes stale.
        let inference = fast::Program::new(weights.clone(), setting.inference_plan()).unwrap();
        let program = fast::Program::new(weights.clone(), setting.plan()).unwrap();
        Self { setting, weights, program, inference }
    }
}

impl Trainer for Cpu<'_> {
    fn step(&mut self, inputs: &[Tensor], batch: &Feed) -> Result<Vec<Vec<f64>>, String> {
        let inputs = feed(&self.setting.step.graph, inputs, batch).map_err(|error| error.to_string())?;
        let outputs = self.program.run(&inputs).map_err(|error| error.to_string())?;
        Ok(outputs.iter().map(doubles).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<f64>, String> {
        Ok(doubles(&self.weights.read(path).map_err(|error| error.to_string())?.unwrap()))
    }

    fn overwrite(&mut self) -> Result<(), String> {
        let program = fast::Program::new(self.weights.clone(), self.setting.overwrite_plan());
        program.map_err(|error| error.to_string())?.run(&[] as &[Tensor]).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn evaluate(&mut self) -> Result<f64, String> {
        let outputs = self.inference.run(&all_samples()).map_err(|error| error.to_string())?;
        Ok(f64::from(outputs[0].data()[0]))
    }
}

struct Device<'a> {
    setting: &'a Setting,
    weights: Arc<DeviceWeights>,
    program: cnn_wgpu::Program,
    inference: cnn_wgpu::Program,
}

impl<'a> Device<'a> {
    fn new(setting: &'a Setting, device: &TestDevice) -> Result<Self, String> {
        let weights = DeviceWeights::new(device.gpu.clone(), Arc::new(setting.weights.clone()));
        let program = |plan| pollster::block_on(cnn_wgpu::Program::new(weights.clone(), plan));
        let inference = program(setting.inference_plan()).map_err(|error| error.to_string())?;
        let program = program(setting.plan()).map_err(|error| error.to_string())?;
        Ok(Self { setting, weights, program, inference })
    }
}

impl Trainer for Device<'_> {
    fn step(&mut self, inputs: &[Tensor], batch: &Feed) -> Result<Vec<Vec<f64>>, String> {
        let inputs = feed(&self.setting.step.graph, inputs, batch).map_err(|error| error.to_string())?;
        let outputs = pollster::block_on(self.program.run(&inputs)).map_err(|error| error.to_string())?;
        Ok(outputs.iter().map(doubles).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<f64>, String> {
        let tensor = pollster::block_on(self.weights.read(path)).map_err(|error| error.to_string())?;
        Ok(doubles(&tensor))
    }

    fn overwrite(&mut self) -> Result<(), String> {
        let program = cnn_wgpu::Program::new(self.weights.clone(), self.setting.overwrite_plan());
        let program = pollster::block_on(program).map_err(|error| error.to_string())?;
        pollster::block_on(program.run(&[] as &[Tensor])).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn evaluate(&mut self) -> Result<f64, String> {
        let outputs = pollster::block_on(self.inference.run(&all_samples()));
        Ok(f64::from(outputs.map_err(|error| error.to_string())?[0].data()[0]))
    }
}

/// Keras's samples of a tensor: index and number.
fn samples(tensor: &Value) -> Vec<(usize, f64)> {
    let indices = tensor["sample_flat_index"].as_array().unwrap().iter();
    let values = tensor["samples"].as_array().unwrap().iter();
    indices.zip(values).map(|(i, x)| (i.as_u64().unwrap() as usize, x.as_f64().unwrap())).collect()
}

/// The path without the model's name.
fn path(tensor: &Value) -> &str {
    tensor["path"].as_str().unwrap().split_once('/').unwrap().1
}

/// Twenty steps, against Keras's float64.
fn check(case: &Value, setting: &Setting, trainer: &mut dyn Trainer) -> Result<(), String> {
    let truth = &case["float64"];
    let name = case["case"].as_str().unwrap();
    let optimizer = optimizer(&truth["optimizer"]);
    let rate = |step: usize| case["learning_rates"][step].as_f64().unwrap();
    let untouched = |path: &str| {
        let frozen = truth["frozen"]
            .as_array()
            .unwrap()
            .iter()
            .any(|layer| path.starts_with(&format!("{}/", layer.as_str().unwrap())));
        frozen.then(|| doubles(setting.weights.get(path).unwrap()))
    };
    trainer.evaluate()?;
    for step in 0..STEPS {
        let first = step * BATCH % SAMPLES;
        let targets = targets(first..first + BATCH);
        let batch = Feed {
            targets: Some(&targets),
            weights: None,
            settings: optimizer.settings(step as u64, rate(step)),
            seed: [1, step as u64],
        };
        let outputs = trainer.step(&[pictures(first..first + BATCH)], &batch)?;
        let (got, wanted) = (outputs[0][0], truth["losses"][step].as_f64().unwrap());
        let allowed = if step < 5 { 2e-6 } else { 1e-4 } * wanted.max(1.0);
        let error = (got - wanted).abs();
        if error.is_nan() || error > allowed {
            return Err(format!("{name}, step {step}: loss {got}, Keras {wanted}, off by {error:e}"));
        }
        if step == 0 {
            check_gradients(setting, &outputs[2..], truth).map_err(|error| format!("{name}: {error}"))?;
        }
        if optimizer.overwrites(step as u64) {
            trainer.overwrite()?;
        }
    }
    for tensor in truth["final_averages"].as_array().into_iter().flatten() {
        let got = trainer.read(&format!("optimizer/{}/average", path(tensor)))?;
        check_samples(&got, tensor).map_err(|error| format!("{name}: average of {error}"))?;
    }
    for tensor in truth["final_weights"].as_array().unwrap() {
        let got = trainer.read(path(tensor))?;
        if untouched(path(tensor)).is_some_and(|initial| got != initial) {
            return Err(format!("{name}: {} is frozen and has changed", path(tensor)));
        }
        check_samples(&got, tensor).map_err(|error| format!("{name}: {error}"))?;
    }
    let (got, wanted) = (trainer.evaluate()?, truth["final_loss_all_64_inference"].as_f64().unwrap());
    if (got - wanted).abs() > 1e-4 * wanted.max(1.0) {
        return Err(format!("{name}: at the end the loss over all is {got}, Keras {wanted}"));
    }
    Ok(())
}

/// A variable at the end, beside Keras's.
pub(crate) fn check_samples(got: &[f64], tensor: &Value) -> Result<(), String> {
    for (index, wanted) in samples(tensor) {
        let error = (got[index] - wanted).abs();
        if error.is_nan() || error > 1e-4 * wanted.abs().max(1.0) {
            return Err(format!("{}[{index}] is {}, Keras {wanted}", path(tensor), got[index]));
        }
    }
    Ok(())
}

/// The first step's gradients, within 1e-5 of the largest element of each.
fn check_gradients(setting: &Setting, gradients: &[Vec<f64>], truth: &Value) -> Result<(), String> {
    let truths = truth["first_gradients"].as_array().unwrap();
    if truths.len() != gradients.len() {
        return Err(format!("{} gradients, Keras {}", gradients.len(), truths.len()));
    }
    for tensor in truths {
        let at = setting.step.trained.iter().position(|trained| trained == path(tensor));
        let got = &gradients[at.ok_or_else(|| format!("no gradient of {}", path(tensor)))?];
        let largest = got.iter().fold(0.0f64, |max, x| max.max(x.abs()));
        for (index, wanted) in samples(tensor) {
            let error = (got[index] - wanted).abs();
            if error.is_nan() || error > 1e-5 * largest {
                return Err(format!("gradient of {}[{index}] is {}, Keras {wanted}", path(tensor), got[index]));
            }
        }
    }
    Ok(())
}

/// The first case of each network.
fn first_of_each_net() -> Vec<Value> {
    let mut cases = cases();
    let mut nets: Vec<String> = Vec::new();
    cases.retain(|case| {
        let net = case["case"].as_str().unwrap().split('_').next().unwrap().to_string();
        let new = !nets.contains(&net);
        nets.push(net);
        new
    });
    cases
}

fn check_all(check: impl Fn(&Value, &Setting) -> Result<(), String>) {
    let failures: Vec<String> = cases().iter().filter_map(|case| check(case, &Setting::new(case)).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_reference_follows_keras() {
    check_all(|case, setting| {
        let variables = setting.weights.iter().map(|(path, tensor)| (path.to_string(), Array::from(tensor.as_ref())));
        check(case, setting, &mut Reference { setting, variables: variables.collect() })
    });
}

/// Activations that are made again have the bits of those that were kept, and so has all that is made of them.
#[test]
fn recomputation_changes_no_bit() {
    for case in cases() {
        let (kept, again) = (Setting::new(&case), Setting::recomputing(&case));
        let name = case["case"].as_str().unwrap();
        assert_eq!(kept.step.segments, 1, "{name}");
        // Behind a frozen base little is kept anyway.
        let frozen = !case["float64"]["frozen"].as_array().unwrap().is_empty();
        assert!(again.step.segments > 1 || frozen, "{name}: nothing is made again");
        let optimizer = optimizer(&case["float64"]["optimizer"]);
        let targets = targets(0..BATCH);
        let batch = Feed {
            targets: Some(&targets),
            weights: None,
            settings: optimizer.settings(0, case["learning_rates"][0].as_f64().unwrap()),
            seed: [1, 0],
        };
        let [kept, again] = [&kept, &again].map(|setting| {
            let variables =
                setting.weights.iter().map(|(path, tensor)| (path.to_string(), Array::from(tensor.as_ref())));
            let mut reference = Reference { setting, variables: variables.collect() };
            let outputs = reference.step(&[pictures(0..BATCH)], &batch).unwrap();
            let mut variables: Vec<(String, Vec<f64>)> =
                reference.variables.into_iter().map(|(path, array)| (path, array.data)).collect();
            variables.sort_by(|a, b| a.0.cmp(&b.0));
            (outputs, variables)
        });
        assert!(kept == again, "{name}");
    }
}

#[test]
fn a_step_says_what_it_is_not_fed() {
    let case = &cases()[0];
    let graph = &Setting::new(case).step.graph;
    let settings = Optimizer::sgd().settings(0, 0.0);
    for (inputs, targets, wanted) in [
        (vec![], Some(targets(0..BATCH)), "of shape [16, 28, 28, 1]"),
        (vec![pictures(0..BATCH)], None, "expects training/targets of shape [16, 10]"),
        (vec![pictures(0..BATCH), pictures(0..1)], Some(targets(0..BATCH)), "expects 1 inputs fewer"),
    ] {
        let besides = Feed { targets: targets.as_ref(), weights: None, settings, seed: [0; 2] };
        let error = feed(graph, &inputs, &besides).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn the_cpu_follows_keras() {
    check_all(|case, setting| check(case, setting, &mut Cpu::new(setting)));
}

#[test]
fn the_cpu_follows_keras_with_recomputation() {
    for case in first_of_each_net() {
        let setting = Setting::recomputing(&case);
        check(&case, &setting, &mut Cpu::new(&setting)).unwrap();
    }
}

#[test]
fn every_adapter_follows_keras() {
    let kept = cases().into_iter().map(|case| (case.clone(), Setting::new(&case)));
    let again = first_of_each_net().into_iter().map(|case| (case.clone(), Setting::recomputing(&case)));
    let settings: Vec<(Value, Setting)> = kept.chain(again).collect();
    for device in devices(false) {
        let mut tally = Tally::default();
        for (case, setting) in &settings {
            let trainer = Device::new(setting, &device);
            tally.add(trainer.and_then(|mut trainer| check(case, setting, &mut trainer)));
        }
        tally.finish(&device, "training");
    }
}
