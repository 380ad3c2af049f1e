//! Steps of training: images a second, and where the time goes.
//!
//! usage: training MODEL [--device cpu|gpu|gpu:N] [--batch N] [--size N] [--classes N] [--steps N] [--profile] [--freeze]
//!        [--recompute]
//!
//! With `--freeze` a new classifier is trained on the model as a frozen base; the memory of both is told. With `--recompute`
//! activations are made again for the gradients; what that saves is told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cnn::layers::{Activation, Dense};
use cnn::training::{Loss, Optimizer, Trainer, Training, one_hot};
use cnn::{Device, DeviceRequest, Network, Options, Profile, Runner, Sequential, Tensor, Weights};
use cnn_zoo::{Arguments, Pooling};

/// What the command line asks for.
struct Asked {
    model: String,
    device: DeviceRequest,
    batch: usize,
    size: usize,
    classes: usize,
    steps: usize,
    profile: bool,
    freeze: bool,
    recompute: bool,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked {
        model: String::new(),
        device: DeviceRequest::Auto,
        batch: 4,
        size: 64,
        classes: 10,
        steps: 5,
        profile: false,
        freeze: false,
        recompute: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        let number = |text: String| text.parse().map_err(|_| format!("'{text}' is no number"));
        match argument.as_str() {
            "--device" => {
                asked.device = value()?.parse().map_err(|error: cnn::device::UnknownDevice| error.to_string())?
            }
            "--batch" => asked.batch = number(value()?)?,
            "--size" => asked.size = number(value()?)?,
            "--classes" => asked.classes = number(value()?)?,
            "--steps" => asked.steps = number(value()?)?,
            "--profile" => asked.profile = true,
            "--freeze" => asked.freeze = true,
            "--recompute" => asked.recompute = true,
            model => asked.model = model.into(),
        }
    }
    Ok(asked)
}

fn run(asked: &Asked) -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::default().input_shape([asked.size, asked.size, 3]).classes(asked.classes);
    let device = pollster::block_on(Device::open(asked.device))?;
    let x = Tensor::from_fn(vec![asked.batch, asked.size, asked.size, 3], |i| (i * 7919 % 255) as f32 / 127.5 - 1.0);
    let network = if asked.freeze {
        let base = Network::untrained(&asked.model, &arguments.include_top(false).pooling(Pooling::Avg), 1)?;
        let runner = Runner::new(&device, base.clone(), Options::default())?;
        memory("inference of the base", &pollster::block_on(runner.run_profiled(std::slice::from_ref(&x)))?.1);
        on_frozen(&base, asked)?
    } else {
        Network::untrained(&asked.model, &arguments, 1)?
    };
    let training = Training::new(Loss::CROSSENTROPY, Optimizer::sgd().momentum(0.9).learning_rate(1e-3));
    let mut trainer = Trainer::new(&device, &network, training.recompute(asked.recompute))?;
    if let Some(recomputation) = trainer.recomputation(&[x.shape().to_vec()])? {
        println!("{recomputation:?}");
    }
    let labels: Vec<usize> = (0..asked.batch).map(|i| i % asked.classes).collect();
    let targets = one_hot(&labels, asked.classes).ok_or("labels are classes")?;
    println!("{} on {device}, batch {}, {}x{}", asked.model, asked.batch, asked.size, asked.size);
    let begin = Instant::now();
    trainer.train_on_batch_blocking(std::slice::from_ref(&x), &targets, None)?;
    println!("first step, compiling included: {:.2} s", begin.elapsed().as_secs_f64());
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..asked.steps {
        let begin = Instant::now();
        trainer.train_on_batch_blocking(std::slice::from_ref(&x), &targets, None)?;
        times.push(begin.elapsed());
    }
    times.sort();
    let median = times[times.len() / 2].as_secs_f64();
    println!("median of {} steps: {:.1} ms, {:.2} images/s", asked.steps, 1e3 * median, asked.batch as f64 / median);
    if asked.freeze || asked.recompute {
        memory("a step", &pollster::block_on(trainer.profile_on_batch(std::slice::from_ref(&x), &targets))?);
    }
    if asked.profile {
        profile(&mut trainer, &x, &targets)?;
    }
    Ok(())
}

/// A classifier on a frozen base.
fn on_frozen(base: &Network, asked: &Asked) -> Result<Network, Box<dyn std::error::Error>> {
    let mut inner = base.model().clone();
    inner.set_trainable(false);
    let name = inner.name().to_string();
    let classifier = Dense::new(asked.classes).activation(Activation::Softmax);
    let model = Sequential::new("m").input([asked.size, asked.size, 3])?.add(inner)?.add(classifier)?.model()?;
    let mut weights = Weights::initialize(&model, 1);
    base.weights()?.iter().for_each(|(path, tensor)| weights.insert(format!("{name}/{path}"), tensor.clone()));
    Ok(Network::new(model, weights)?)
}

/// What a program takes on its device.
fn memory(what: &str, profile: &Profile) {
    let [weights, activations, others] =
        [profile.weight_bytes, profile.activation_bytes, profile.auxiliary_bytes].map(|bytes| bytes as f64 / 1048576.0);
    let all = weights + activations + others;
    println!("{what}: weights {weights:.1} MiB, activations {activations:.1}, all else {others:.1}, in all {all:.1}");
}

/// The kernels by the time they take together.
fn profile(trainer: &mut Trainer, x: &Tensor, targets: &Tensor) -> Result<(), Box<dyn std::error::Error>> {
    let profile = pollster::block_on(trainer.profile_on_batch(std::slice::from_ref(x), targets))?;
    let mut kinds: HashMap<String, (Duration, usize)> = HashMap::new();
    for step in &profile.steps {
        let kind = kinds.entry(format!("{} ({})", step.op, step.kernel)).or_default();
        kind.0 += step.time;
        kind.1 += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (time, _))| std::cmp::Reverse(*time));
    for (kind, (time, count)) in kinds.iter().take(14) {
        println!("{:9.2} ms  {count:4}  {kind}", 1e3 * time.as_secs_f64());
    }
    println!(
        "weights {:.1} MiB, activations {:.1} MiB (at least {:.1})",
        profile.weight_bytes as f64 / 1048576.0,
        profile.activation_bytes as f64 / 1048576.0,
        profile.liveness_bound as f64 / 1048576.0
    );
    Ok(())
}

fn main() -> std::process::ExitCode {
    let ran = asked().map_err(Into::into).and_then(|asked| run(&asked));
    if let Err(error) = ran {
        eprintln!("error: {error}");
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}
