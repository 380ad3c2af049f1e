//! Whole trainings through the facade: as Keras's `fit`, the same to the bit when they go on from a checkpoint.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cnn::data::{DataError, Dataset, LabelMode};
use cnn::layers::{Activation, BatchNormalization, Conv2D, Dense, Dropout, GlobalAveragePooling2D};
use cnn::training::{Accuracy, EarlyStopping, Fit, Loss, Optimizer, Progress, Schedule, Trainer, Training, callback};
use cnn::{Device, Error, Network, Sequential, Tensor, Weights};
use cnn_core::op::Rule;
use cnn_tests::devices::devices;
use cnn_tests::recipe;

/// Pictures of two classes: brighter above, or brighter below.
pub(crate) fn data(samples: usize) -> Dataset {
    let x = Tensor::from_fn(vec![samples, 8, 8, 1], |i| {
        let (sample, row) = (i / 64, i / 8 % 8);
        let bright = (row < 4) == (sample % 2 == 0);
        (recipe::u("fit/x", i as u64) + if bright { 0.4 } else { 0.0 }) as f32
    });
    let labels = Tensor::from_fn(vec![samples], |i| (i % 2) as f32);
    Dataset::from_classes(x, &labels, LabelMode::Int, ["above", "below"]).unwrap().shuffle(3).batch_size(8).unwrap()
}

/// Everything that a checkpoint has to keep: dropout, moving statistics, an optimizer with state. The convolution has no bias:
/// before a normalisation its gradient is 0 but for rounding, of which Adam would make whole steps, others on each device.
pub(crate) fn network() -> Network {
    let model = Sequential::new("small")
        .input([8, 8, 1])
        .and_then(|m| m.add(Conv2D::new(4, 3).use_bias(false)))
        .and_then(|m| m.add(BatchNormalization::new().momentum(0.8)))
        .and_then(|m| m.add(Dropout::new(0.3)))
        .and_then(|m| m.add(GlobalAveragePooling2D::new()))
        .and_then(|m| m.add(Dense::new(2).activation(Activation::Softmax)))
        .and_then(Sequential::model)
        .unwrap();
    let weights = Weights::initialize(&model, 5);
    Network::new(model, weights).unwrap()
}

fn adam() -> Optimizer {
    Optimizer::adam().learning_rate(0.02)
}

fn trainer(device: &Device) -> Trainer {
    trainer_with(device, compiled(adam()))
}

fn compiled(optimizer: Optimizer) -> Training {
    Training::new(Loss::CROSSENTROPY, optimizer).seed(11)
}

fn trainer_with(device: &Device, training: Training) -> Trainer {
    Trainer::new(device, &network(), training).unwrap()
}

fn has_f16(device: &Device) -> bool {
    matches!(device, Device::Gpu(gpu) if gpu.capabilities().f16)
}

pub(crate) fn variables(trainer: &Trainer) -> Vec<(String, Vec<u32>)> {
    let variables = pollster::block_on(trainer.variables()).unwrap();
    variables.iter().map(|(path, x)| (path.to_string(), x.data().iter().map(|x| x.to_bits()).collect())).collect()
}

pub(crate) fn all_devices() -> Vec<Device> {
    let gpus = devices(false).into_iter().map(|device| Device::Gpu(device.gpu));
    [Device::cpu()].into_iter().chain(gpus).collect()
}

/// Stopped in the middle of an epoch and gone on from the checkpoint by another trainer: the same bits, the same history.
#[test]
fn resuming_gives_the_bits_of_an_uninterrupted_run() {
    let (data, validation) = data(60).split(0.2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Stops fall inside of an accumulation of 4 batches, which does not end with the epoch of 6.
    let averaged = adam().use_ema(true).ema_momentum(0.7).ema_overwrite_frequency(2).gradient_accumulation_steps(4);
    let runs = all_devices().into_iter().flat_map(|device| {
        let mixed = compiled(averaged).mixed_precision(true);
        let mixed = has_f16(&device).then(|| (device.clone(), mixed));
        [(device.clone(), compiled(adam())), (device, compiled(averaged))].into_iter().chain(mixed)
    });
    for (number, (device, training)) in runs.enumerate() {
        let fit = || Fit::new(4).metric(Accuracy::new()).validation(&validation);
        let trainer = |device: &Device| trainer_with(device, training.clone());
        let mut whole = trainer(&device);
        let wanted = whole.fit_blocking(&data, &mut fit()).unwrap();
        let mut again = trainer(&device);
        assert_eq!(again.fit_blocking(&data, &mut fit()).unwrap(), wanted, "{device}: a second run");
        assert_eq!(variables(&again), variables(&whole), "{device}: a second run");

        let path = folder.path().join(format!("{number}.safetensors"));
        for stops in [3, 9, 100] {
            let stop = Arc::new(AtomicBool::new(false));
            let (asked, steps) = (stop.clone(), RefCell::new(0));
            let mut part = fit().checkpoint(&path).stop(stop).progress(move |progress| {
                if let Progress::Step { .. } = progress {
                    *steps.borrow_mut() += 1;
                    asked.store(*steps.borrow() >= stops, Ordering::Relaxed);
                }
            });
            // Every part is done by a trainer of its own, as after a crash.
            let mut trainer = trainer(&device);
            let fitted = trainer.fit_blocking(&data, &mut part).unwrap();
            if stops == 100 {
                assert_eq!(fitted, wanted, "{device}");
                assert_eq!(variables(&trainer), variables(&whole), "{device}");
            } else {
                assert!(fitted.stopped, "{device}");
            }
        }
    }
}

#[test]
fn every_device_learns_the_same() {
    let data = data(96);
    let schedule = || Schedule::cosine_decay(0.05, 60, 0.0, None).unwrap();
    let mut losses: Vec<Vec<f64>> = Vec::new();
    for device in all_devices() {
        let mut trainer = trainer(&device);
        let mut fit = Fit::new(5).metric(Accuracy::new()).schedule(schedule()).validation(&data);
        let fitted = trainer.fit_blocking(&data, &mut fit).unwrap();
        assert_eq!(fitted.history.get("val_accuracy").unwrap().last(), Some(&1.0), "{device}: {:?}", fitted.history);
        losses.push(["loss", "val_loss"].map(|name| fitted.history.get(name).unwrap().to_vec()).concat());
    }
    for device in all_devices().into_iter().filter(has_f16) {
        let mut trainer = trainer_with(&device, compiled(adam()).mixed_precision(true));
        let mut fit = Fit::new(5).metric(Accuracy::new()).schedule(schedule()).validation(&data);
        let fitted = trainer.fit_blocking(&data, &mut fit).unwrap();
        assert_eq!(fitted.history.get("val_accuracy").unwrap().last(), Some(&1.0), "{device}: {:?}", fitted.history);
    }
    for other in &losses[1..] {
        for (a, b) in losses[0].iter().zip(other) {
            assert!((a - b).abs() <= 1e-4 * a.max(1.0), "{losses:?}");
        }
    }
}

#[test]
fn early_stopping_restores_the_best_weights() {
    let data = data(32);
    let mut trainer = trainer(&Device::cpu());
    // So large a step that the loss rises after it has fallen.
    let rates = Schedule::piecewise_constant_decay(vec![7], vec![0.05, 3.0]).unwrap();
    let stopping = EarlyStopping::new("val_loss").patience(2).restore_best_weights(true);
    let mut fit = Fit::new(50).schedule(rates).validation(&data).callback(stopping);
    let fitted = trainer.fit_blocking(&data, &mut fit).unwrap();
    let losses = fitted.history.get("val_loss").unwrap();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(fitted.stopped && losses.len() < 50 && losses[losses.len() - 1] > best, "{losses:?}");
    let now = pollster::block_on(trainer.evaluate(&data, &mut [])).unwrap().get("loss").unwrap();
    assert!((now - best).abs() < 1e-6, "{now}, best {best}");
}

/// A class of weight 0 is not learned from: its examples change nothing.
#[test]
fn classes_and_examples_have_weights() {
    let device = Device::cpu();
    let x = |value: f32| Tensor::full(vec![2, 8, 8, 1], value);
    let one_hot = Tensor::new(vec![2, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let loss = |weights: Option<Vec<f32>>| {
        let mut trainer = trainer(&device);
        let weights = weights.map(|weights| Tensor::new(vec![2], weights).unwrap());
        pollster::block_on(trainer.test_on_batch(&[x(0.5)], &one_hot, weights.as_ref())).unwrap().loss
    };
    let (all, first, second) = (loss(None), loss(Some(vec![1.0, 0.0])), loss(Some(vec![0.0, 1.0])));
    assert!((first + second - all).abs() < 1e-6 && first > 0.0 && second > 0.0);
    assert!((loss(Some(vec![3.0, 3.0])) - 3.0 * all).abs() < 1e-6, "divided by the number of examples");

    let data = data(16).in_order();
    let mut trainer = trainer(&device);
    let error = trainer.fit_blocking(&data, &mut Fit::new(1).class_weights([1.0])).unwrap_err();
    assert!(error.to_string().contains("a weight for each of 2 classes"), "{error}");
    trainer.fit_blocking(&data, &mut Fit::new(1).class_weights([1.0, 2.0])).unwrap();
}

/// A runtime moves a training between its threads as it likes, with all that its user has given it.
#[test]
fn a_training_is_a_task_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for device in all_devices() {
        let told = Arc::new(AtomicUsize::new(0));
        let (steps, data) = (told.clone(), data(16));
        let task = runtime.spawn(async move {
            let mut trainer = trainer(&device);
            let stopping = EarlyStopping::new("val_loss").patience(9);
            let halves = callback::LearningRateScheduler::new(|_, rate| rate / 2.0);
            let mut fit = Fit::new(2).metric(Accuracy::new()).validation(&data).callback(stopping).callback(halves);
            fit = fit.progress(|progress| {
                if let Progress::Step { .. } = progress {
                    steps.fetch_add(1, Ordering::Relaxed);
                }
            });
            trainer.fit(&data, &mut fit).await?;
            trainer.evaluate(&data, &mut [Box::new(Accuracy::new())]).await?;
            trainer.predict_dataset(&data).await?;
            trainer.network().await
        });
        runtime.block_on(task).unwrap().unwrap();
        assert_eq!(told.load(Ordering::Relaxed), 4);
    }
}

/// A batch that is being read holds nobody up: it needs here what another task of the same thread does meanwhile.
#[test]
fn a_training_that_waits_for_pictures_leaves_its_thread_to_others() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (give, wait) = std::sync::mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    let reads = move |example, _| {
        let given = wait.lock().unwrap().recv_timeout(Duration::from_secs(60));
        given.map(|()| example).map_err(|_| DataError::Threads("nobody else was heard for a minute".into()))
    };
    let data = data(16).map(reads).prefetch(1);
    // One for each time that a sample is read, by each call below.
    let other = async move {
        for _ in 0..16 * 3 {
            if give.send(()).is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let training = async move {
        let mut trainer = trainer(&Device::cpu());
        trainer.fit(&data, &mut Fit::new(1)).await?;
        trainer.evaluate(&data, &mut []).await?;
        trainer.predict_dataset(&data).await
    };
    let predicted = runtime.block_on(async { tokio::join!(training, other) }).0.unwrap();
    assert_eq!(predicted[0].shape()[0], 16);
}

#[test]
fn what_cannot_be_trained_says_why() {
    let device = Device::cpu();
    let mut trainer = trainer(&device);
    let pictures = || Tensor::full(vec![4, 8, 8, 1], 0.5);
    let unlabelled = Dataset::from_arrays(pictures(), None).unwrap();
    let error = trainer.fit_blocking(&unlabelled, &mut Fit::new(1)).unwrap_err();
    assert!(matches!(error, Error::NoTargets), "{error}");
    let labels = Tensor::new(vec![4], vec![0.0, 1.0, 2.0, 0.0]).unwrap();
    let other = Dataset::from_arrays(pictures(), Some(labels)).unwrap();
    let error = trainer.fit_blocking(&other, &mut Fit::new(1)).unwrap_err();
    assert!(error.to_string().contains("class numbers from 0 to 1"), "{error}");
    let wrong = Tensor::full(vec![4, 8, 9, 1], 0.5);
    let wrong = Dataset::from_arrays(wrong, Some(Tensor::full(vec![4], 0.0))).unwrap();
    let error = trainer.fit_blocking(&wrong, &mut Fit::new(1)).unwrap_err();
    assert!(error.to_string().contains("[4, 8, 9, 1]"), "{error}");

    let mut model = network().model().clone();
    model.set_trainable(false);
    let frozen = Network::new(model, network().weights().unwrap()).unwrap();
    let training = Training::new(Loss::CROSSENTROPY, Optimizer::sgd());
    let error = Trainer::new(&device, &frozen, training).unwrap().fit_blocking(&data(8), &mut Fit::new(1)).unwrap_err();
    assert!(error.to_string().contains("make a layer trainable"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    std::fs::write(&path, b"no tensors").unwrap();
    let error = trainer.fit_blocking(&data(8), &mut Fit::new(1).checkpoint(&path)).unwrap_err();
    assert!(error.to_string().contains("training.safetensors"), "{error}");
}

/// At the end of a training the averages are in the weights' places, and only then.
#[test]
fn averages_take_the_weights_places_at_the_end() {
    let data = data(32);
    for device in all_devices() {
        let mut trainer = trainer_with(&device, compiled(adam().use_ema(true).ema_momentum(0.9)));
        let first = data.epoch(0).next().unwrap().unwrap();
        let targets =
            Tensor::from_fn(vec![8, 2], |i| f32::from(i % 2 == first.y.as_ref().unwrap().data()[i / 2] as usize));
        for _ in 0..2 {
            trainer.train_on_batch_blocking(std::slice::from_ref(&first.x), &targets, None).unwrap();
        }
        let read = |trainer: &Trainer, path: &str| {
            let variables = pollster::block_on(trainer.variables()).unwrap();
            variables.get(path).unwrap().data().to_vec()
        };
        let (path, average) = ("dense/kernel", "optimizer/dense/kernel/average");
        assert_ne!(read(&trainer, path), read(&trainer, average), "{device}");
        trainer.fit_blocking(&data, &mut Fit::new(1)).unwrap();
        assert_eq!(read(&trainer, path), read(&trainer, average), "{device}");
        let network = pollster::block_on(trainer.network()).unwrap().weights().unwrap();
        assert_eq!(network.get(path).unwrap().data(), read(&trainer, average), "{device}");
    }
}

#[test]
fn arguments_that_are_none_are_told() {
    let with = |rule| compiled(Optimizer::new(rule, 0.1));
    let ftrl = |learning_rate_power, l1, l2| Rule::Ftrl { learning_rate_power, l1, l2, l2_shrinkage: 0.0, beta: 0.0 };
    let less = |loss| Training::new(loss, adam());
    for (training, wanted) in [
        (compiled(adam().ema_momentum(-0.1)), "ema_momentum is a number from 0 to 1"),
        (compiled(adam().ema_overwrite_frequency(0)), "ema_overwrite_frequency is a number of steps, 1 at least"),
        (compiled(adam().learning_rate(-0.1)), "learning_rate is a finite number, 0 at least"),
        (compiled(adam().weight_decay(f64::NAN)), "weight_decay is a finite number, 0 at least"),
        (compiled(adam().clipnorm(-1.0)), "clipnorm is a number above 0, or 0 for none"),
        (compiled(adam().clipvalue(f64::NAN)), "clipvalue is a number above 0, or 0 for none"),
        (compiled(adam().global_clipnorm(-1.0)), "global_clipnorm is a number above 0, or 0 for none"),
        (
            compiled(adam().clipnorm(1.0).clipvalue(0.5)),
            "clipnorm, clipvalue, global_clipnorm are three ways, of which",
        ),
        (compiled(Optimizer::sgd().momentum(1.5)), "momentum is a number from 0 to 1"),
        (compiled(Optimizer::rmsprop().momentum(-0.5)), "momentum is a number from 0 to 1"),
        (
            with(Rule::Adam { beta_1: 1.0, beta_2: 0.9, epsilon: 0.0, amsgrad: true }),
            "beta_1 is a number from 0 to below 1",
        ),
        (with(Rule::Nadam { beta_1: 0.9, beta_2: -0.1, epsilon: 0.0 }), "beta_2 is a number from 0 to below 1"),
        (with(Rule::Adamax { beta_1: 0.9, beta_2: 0.9, epsilon: -1.0 }), "epsilon is a finite number, 0 at least"),
        (with(Rule::Adadelta { rho: 1.5, epsilon: 0.0 }), "rho is a number from 0 to 1"),
        (with(Rule::Adagrad { epsilon: f64::NAN }), "epsilon is a finite number, 0 at least"),
        (with(Rule::Lion { beta_1: 0.0, beta_2: 0.9 }), "beta_1 is a number above 0, 1 at most"),
        (with(Rule::Lion { beta_1: 1.0, beta_2: 1.1 }), "beta_2 is a number from 0 to 1"),
        (with(ftrl(0.5, 0.0, 0.0)), "learning_rate_power is a finite number, 0 at most"),
        (with(ftrl(-0.5, -1.0, 0.0)), "l1_regularization_strength is a finite number, 0 at least"),
        (with(ftrl(-0.5, 0.0, f64::INFINITY)), "l2_regularization_strength is a finite number, 0 at least"),
        (
            compiled(Optimizer { initial_state: -0.1, ..Optimizer::ftrl() }),
            "initial_accumulator_value is a finite number",
        ),
        (less(Loss::Huber { delta: f32::NAN }), "delta is a finite number, 0 at least"),
        (
            less(Loss::CategoricalCrossentropy { from_logits: false, label_smoothing: 1.0 }),
            "label_smoothing is from 0 to below 1",
        ),
        (
            less(Loss::BinaryFocalCrossentropy {
                alpha: Some(1.5),
                gamma: 2.0,
                from_logits: false,
                label_smoothing: 0.0,
            }),
            "alpha is a number from 0 to 1",
        ),
        (
            less(Loss::CategoricalFocalCrossentropy {
                alpha: 1.0,
                gamma: -1.0,
                from_logits: false,
                label_smoothing: 0.0,
            }),
            "gamma is a finite number, 0 at least",
        ),
        (compiled(adam().momentum(0.9)), "momentum is an argument of SGD and RMSprop alone; leave it out"),
        (compiled(Optimizer::rmsprop().nesterov(true)), "nesterov is an argument of SGD alone; leave it out"),
        (compiled(adam().gradient_accumulation_steps(1)), "gradient_accumulation_steps is a number of batches, 2 at"),
        (compiled(adam()).learning_rate_multiplier("dense/", 0.0), "freeze what is not to learn"),
        (compiled(adam()).learning_rate_multiplier("dens/", 0.1), "begins with 'dens/'"),
        (compiled(adam()).mixed_precision(true), "CPU does not store float16"),
    ] {
        let error = Trainer::new(&Device::cpu(), &network(), training).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

/// Segmentation: a class for each pixel, as numbers or one-hot. A picture has no class, whose weight it could have.
#[test]
fn every_pixel_may_have_a_class() {
    let model = Sequential::new("m").input([8, 8, 1]).unwrap();
    let model = model.add(Conv2D::new(3, 1).activation(Activation::Softmax)).unwrap().model().unwrap();
    let network = Network::new(model.clone(), Weights::initialize(&model, 5)).unwrap();
    let class = |i: usize| i * 7 / 5 % 3;
    let x = Tensor::from_fn(vec![4, 8, 8, 1], |i| recipe::u("segmentation/x", i as u64) as f32);
    let numbers = Tensor::from_fn(vec![4, 8, 8], |i| class(i) as f32);
    let one_hot = Tensor::from_fn(vec![4, 8, 8, 3], |i| f32::from(u8::from(class(i / 3) == i % 3)));
    let trained = |y: Tensor, fit: Fit<'_>| {
        let data = Dataset::from_arrays(x.clone(), Some(y)).unwrap().batch_size(2).unwrap();
        let mut trainer = Trainer::new(&Device::cpu(), &network, compiled(adam())).unwrap();
        let history = trainer.fit_blocking(&data, &mut fit.metric(Accuracy::new())).map(|fitted| fitted.history)?;
        Ok::<_, Error>(["loss", "accuracy"].map(|name| history.get(name).unwrap().to_vec()))
    };
    let wanted = trained(one_hot.clone(), Fit::new(2)).unwrap();
    assert_eq!(trained(numbers.clone(), Fit::new(2)).unwrap(), wanted);
    assert_eq!(trained(numbers.clone().reshape(vec![4, 8, 8, 1]).unwrap(), Fit::new(2)).unwrap(), wanted);
    let beyond = Tensor::from_fn(vec![4, 8, 8], |i| (class(i) + 1) as f32);
    let error = trained(beyond, Fit::new(1)).unwrap_err().to_string();
    assert!(error.contains("expects class numbers from 0 to 2"), "{error}");
    for y in [numbers, one_hot] {
        let error = trained(y, Fit::new(1).class_weights([1.0, 2.0, 3.0])).unwrap_err().to_string();
        assert!(error.contains("weigh examples instead"), "{error}");
    }
}

/// Nothing is learnt before it is known where it can be written.
#[test]
fn a_checkpoints_folder_is_made_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/one/training.safetensors");
    let in_there = path.clone();
    let see = move |progress: Progress<'_>| {
        if let Progress::Step { .. } = progress {
            assert!(in_there.parent().unwrap().is_dir());
        }
    };
    let fitted = trainer(&Device::cpu()).fit_blocking(&data(16), &mut Fit::new(1).checkpoint(&path).progress(see));
    assert!(fitted.is_ok() && path.exists());
    // A file is where the folder should be.
    let error = trainer(&Device::cpu()).fit_blocking(&data(16), &mut Fit::new(1).checkpoint(path.join("below/it")));
    assert!(matches!(error, Err(Error::Folder { .. })), "{error:?}");
}

/// As in Keras, where a limit of 0 is none (`BaseOptimizer._clip_gradients`).
#[test]
fn a_limit_of_0_clips_nothing() {
    let data = data(16).in_order();
    let trained = |optimizer: Optimizer| {
        let mut trainer = trainer_with(&Device::cpu(), compiled(optimizer));
        trainer.fit_blocking(&data, &mut Fit::new(1)).unwrap();
        variables(&trainer)
    };
    let wanted = trained(adam());
    for optimizer in [adam().clipnorm(0.0), adam().clipvalue(0.0), adam().global_clipnorm(0.0)] {
        assert!(trained(optimizer) == wanted);
    }
    assert!(trained(adam().clipvalue(1e-9)) != wanted);
}

/// A frozen matrix of 144 MB, as the first of a VGG16's top is of 411 MB, where a binding takes 128 MiB.
#[test]
fn a_frozen_weight_may_be_larger_than_a_binding() {
    const ROWS: usize = 4000;
    let mut model = Sequential::new("m")
        .input([ROWS])
        .and_then(|m| m.add(Dense::new(9000).name("frozen")))
        .and_then(|m| m.add(Dense::new(1).use_bias(false).name("top")))
        .and_then(Sequential::model)
        .unwrap();
    model.layer_mut("frozen").unwrap().set_trainable(false);
    let mut weights = Weights::new();
    weights.insert("frozen/kernel", Tensor::full(vec![ROWS, 9000], 1.0 / 4096.0));
    weights.insert("frozen/bias", Tensor::full(vec![9000], 0.0));
    weights.insert("top/kernel", Tensor::full(vec![9000, 1], 0.0));
    let network = Network::new(model, weights).unwrap();
    let mut small = 0;
    for device in devices(true).into_iter().map(|device| Device::Gpu(device.gpu)) {
        if device.max_tensor_bytes().unwrap() >= (ROWS * 9000 * 4) as u64 {
            continue;
        }
        small += 1;
        let training = Training::new(Loss::MeanSquaredError, Optimizer::sgd().learning_rate(1.0));
        let mut trainer = Trainer::new(&device, &network, training).unwrap();
        let (x, target) = (Tensor::full(vec![1, ROWS], 1.0), Tensor::full(vec![1, 1], 1.0));
        let stepped = trainer.train_on_batch_blocking(&[x], &target, None).unwrap();
        assert_eq!(stepped.loss, 1.0, "{device}");
        // The prediction was 0: each weight goes by twice what it was given, 4000 / 4096.
        let network = pollster::block_on(trainer.network()).unwrap().weights().unwrap();
        assert!(network.get("top/kernel").unwrap().data().iter().all(|&w| w == 2.0 * 4000.0 / 4096.0), "{device}");
    }
    assert!(small > 0, "no device has WebGPU's default limits");
}
