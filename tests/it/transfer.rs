//! Transfer learning through the facade: two stages as Keras's (`vectors/fine_tune.json`, made by
//! `vectors/scripts/fine_tune.py`), features of a frozen base kept, a search for a learning rate.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cnn::data::Dataset;
use cnn::layers::{
    Activation, Add, BatchNormalization, Conv2D, Dense, Dropout, FlipMode, GlobalAveragePooling2D, RandomFlip,
    Rescaling,
};
use cnn::training::{
    Accuracy, FindLearningRate, FineTune, Fit, Fitted, Loss, Optimizer, Progress, Trainer, Training, fine_tune,
};
use cnn::{Device, Functional, Model, ModelError, Network, Sequential, Tensor, TensorRef, Weights};
use serde_json::Value;

use crate::fit::{all_devices, data, variables};
use crate::training::nets::{classifier, layers};
use crate::training::{BATCH, SAMPLES, check_samples, pictures, weights};

/// Two stages of three epochs of four steps: losses, weights at the end, what is frozen to the bit.
#[test]
fn fine_tuning_follows_keras() {
    let truth: Value = serde_json::from_str(include_str!("../vectors/fine_tune.json")).unwrap();
    let base = layers("bn", "base").and_then(Sequential::model).unwrap();
    let model =
        Sequential::new("model").input([28, 28, 1]).and_then(|m| m.add(base)?.add(classifier("bn"))?.model()).unwrap();
    let initial = weights(&model);
    let network = Network::new(model, initial.clone()).unwrap();
    let labels = Tensor::from_fn(vec![SAMPLES], |i| (i % 10) as f32);
    let data = Dataset::from_arrays(pictures(0..SAMPLES), Some(labels)).unwrap();
    let data = data.in_order().batch_size(BATCH).unwrap();
    let rate = |stage: usize| truth["learning_rates"][stage].as_f64().unwrap();
    let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam().learning_rate(rate(0)));
    let how = |way: FineTune| way.learning_rate(rate(1));
    for (number, device) in [Device::Reference].into_iter().chain(all_devices()).enumerate() {
        let how = how(if number % 2 == 0 { FineTune::last("base", 5) } else { FineTune::from("base", "conv2") });
        let losses = [Mutex::new(Vec::new()), Mutex::new(Vec::new())];
        let fit = |stage: usize| {
            let losses = &losses[stage];
            Fit::new(3).progress(move |progress| {
                if let Progress::Step { loss, .. } = progress {
                    losses.lock().unwrap().push(loss);
                }
            })
        };
        let (mut head, mut whole) = (fit(0), fit(1));
        let tuned = fine_tune(&device, &network, &training, &how, &data, &mut head, &mut whole);
        let tuned = pollster::block_on(tuned).unwrap();
        let trained = pollster::block_on(tuned.trainer.network()).unwrap().weights().unwrap();
        for (stage, name) in ["head", "whole"].into_iter().enumerate() {
            let wanted = truth[name]["losses"].as_array().unwrap();
            assert_eq!(losses[stage].lock().unwrap().len(), wanted.len(), "{device}");
            for (step, (got, wanted)) in losses[stage].lock().unwrap().iter().zip(wanted).enumerate() {
                let wanted = wanted.as_f64().unwrap();
                let allowed = if stage == 0 && step < 5 { 2e-6 } else { 1e-4 } * wanted.max(1.0);
                assert!((got - wanted).abs() <= allowed, "{device}, {name}, step {step}: {got}, Keras {wanted}");
            }
        }
        for tensor in truth["whole"]["weights"].as_array().unwrap() {
            let path = tensor["path"].as_str().unwrap().trim_start_matches("model/");
            let got = trained.get(path).unwrap();
            let doubles: Vec<f64> = got.data().iter().map(|&x| f64::from(x)).collect();
            // Names for messages lead with the model's.
            check_samples(&doubles, tensor).unwrap_or_else(|error| panic!("{device}: {error}"));
            let learns = path.starts_with("dense/") || path == "base/conv2/kernel";
            assert_eq!(got != initial.get(path).unwrap(), learns, "{device}: {path}");
        }
    }
}

/// A frozen convolution and normalisation as a model of their own.
fn base(trainable: bool) -> Model {
    let mut base = Sequential::new("base")
        .input([8, 8, 1])
        .and_then(|m| m.add(Conv2D::new(6, 3).activation(Activation::Relu))?.add(BatchNormalization::new()))
        .and_then(|m| m.add(GlobalAveragePooling2D::new())?.model())
        .unwrap();
    base.set_trainable(trainable);
    base
}

fn network(model: Model) -> Network {
    let weights = Weights::initialize(&model, 5);
    Network::new(model, weights).unwrap()
}

/// A frozen base, dropout, a classifier.
fn frozen() -> Network {
    let model = Sequential::new("m").input([8, 8, 1]).and_then(|m| m.add(Rescaling::new(2.0, 0.0))?.add(base(false)));
    let model = model.and_then(|m| m.add(Dropout::new(0.3))?.add(Dense::new(2).activation(Activation::Softmax)));
    network(model.and_then(Sequential::model).unwrap())
}

fn trainer(device: &Device, network: &Network) -> Trainer {
    let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam().learning_rate(0.05)).seed(11);
    Trainer::new(device, network, training).unwrap()
}

/// Trains; how many batches of features were computed, and their bytes.
fn trained(trainer: &mut Trainer, data: &Dataset, fit: Fit<'_>) -> (Fitted, usize, u64) {
    let seen = Mutex::new((0, 0));
    let mut fit = fit.progress(|progress| {
        if let Progress::Features { bytes, .. } = progress {
            let count = seen.lock().unwrap().0 + 1;
            *seen.lock().unwrap() = (count, bytes);
        }
    });
    let fitted = trainer.fit_blocking(data, &mut fit).unwrap();
    drop(fit);
    let (count, bytes) = seen.into_inner().unwrap();
    (fitted, count, bytes)
}

/// Whether the base is computed once or in each step, and wherever the training is interrupted: the same bits.
#[test]
fn kept_features_give_the_same_bits() {
    let (training, validation) = data(64).split(0.25).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (number, device) in all_devices().into_iter().enumerate() {
        let fit = || Fit::new(4).metric(Accuracy::new()).validation(&validation);
        let mut plain = trainer(&device, &frozen());
        let (wanted, count, _) = trained(&mut plain, &training, fit().cache_features(0));
        assert_eq!(count, 0, "{device}");
        let mut kept = trainer(&device, &frozen());
        let (got, count, bytes) = trained(&mut kept, &training, fit());
        // 6 batches of 8 for training, 2 for validation; 64 samples of 6 numbers.
        assert_eq!((count, bytes), (8, 64 * 6 * 4), "{device}");
        assert_eq!(got, wanted, "{device}");
        assert_eq!(variables(&kept), variables(&plain), "{device}");

        let path = folder.path().join(format!("{number}.safetensors"));
        let stopped = fit().checkpoint(&path).max_steps(9);
        assert!(trained(&mut trainer(&device, &frozen()), &training, stopped).0.stopped, "{device}");
        let mut again = trainer(&device, &frozen());
        assert_eq!(trained(&mut again, &training, fit().checkpoint(&path)).0, wanted, "{device}");
        assert_eq!(variables(&again), variables(&plain), "{device}");
    }
}

/// Features are kept where they are the same in every step, and nowhere else.
#[test]
fn features_are_kept_where_nothing_before_them_changes() {
    type Body = fn(&mut Functional, TensorRef) -> Result<TensorRef, ModelError>;
    let wired = |body: Body| {
        let mut f = Functional::new();
        let x = f.input([8, 8, 1]).unwrap();
        let y = body(&mut f, x).and_then(|y| f.call(Dense::new(2).activation(Activation::Softmax), &[y])).unwrap();
        network(f.model("m", &[x], &[y]).unwrap())
    };
    let cases: [(&str, bool, Body); 10] = [
        ("a frozen base", true, |f, x| f.call(base(false), &[x])),
        ("a frozen base, dropout before it in inference", true, |f, x| {
            let x = f.call_with_training(Dropout::new(0.3), &[x], false)?;
            f.call(base(false), &[x])
        }),
        ("dropout before it", false, |f, x| {
            let x = f.call(Dropout::new(0.3), &[x])?;
            f.call(base(false), &[x])
        }),
        ("weights behind it", true, |f, x| {
            let y = f.call(base(false), &[x])?;
            let z = f.call(Dense::new(6), &[y])?;
            f.call(Add, &[y, z])
        }),
        ("a frozen base twice", true, |f, x| {
            let y = f.call(base(false), &[x])?;
            let z = f.call_again("base", &[x])?;
            f.call(Add, &[y, z])
        }),
        ("a base that learns", false, |f, x| f.call(base(true), &[x])),
        ("augmentation before it", false, |f, x| {
            let x = f.call(RandomFlip::new(FlipMode::Horizontal), &[x])?;
            f.call(base(false), &[x])
        }),
        ("moving statistics before it", false, |f, x| {
            let x = f.call(BatchNormalization::new().center(false).scale(false), &[x])?;
            f.call(base(false), &[x])
        }),
        ("a way around it", false, |f, x| {
            let (y, z) = (f.call(base(false), &[x])?, f.call(GlobalAveragePooling2D::new(), &[x])?);
            let (y, z) = (f.call(Dense::new(3), &[y])?, f.call(Dense::new(3), &[z])?);
            f.call(Add, &[y, z])
        }),
        ("no weights before", false, |f, x| {
            let x = f.call(Rescaling::new(2.0, 0.0), &[x])?;
            let x = f.call(Conv2D::new(4, 3), &[x])?;
            f.call(GlobalAveragePooling2D::new(), &[x])
        }),
    ];
    let data = data(16);
    let kept = |network: &Network, data: &Dataset, fit: Fit<'_>| {
        let mut trainer = trainer(&Device::cpu(), network);
        trained(&mut trainer, data, fit).1 > 0
    };
    for (name, wanted, body) in cases {
        let network = wired(body);
        assert_eq!(kept(&network, &data, Fit::new(2)), wanted, "{name}");
    }
    let frozen = frozen();
    // 16 samples of 6 numbers are 384 bytes.
    assert!(kept(&frozen, &data, Fit::new(2).cache_features(384)));
    assert!(!kept(&frozen, &data, Fit::new(2).cache_features(383)), "too many bytes");
    assert!(!kept(&frozen, &data, Fit::new(1)), "an epoch alone");
    assert!(!kept(&frozen, &data, Fit::new(9).max_steps(2)), "an epoch alone");
    assert!(!kept(&frozen, &data.clone().map(|sample, _| Ok(sample)), Fit::new(2)), "mapped data");
    let told = Mutex::new(None);
    let mut fit = Fit::new(2).cache_features(383).progress(|progress| {
        if let Progress::FeaturesNotKept { bytes, limit } = progress {
            *told.lock().unwrap() = Some((bytes, limit));
        }
    });
    trainer(&Device::cpu(), &frozen).fit_blocking(&data, &mut fit).unwrap();
    drop(fit);
    assert_eq!(told.into_inner().unwrap(), Some((384, 383)));
}

/// The user may end a training while features are computed.
#[test]
fn a_training_ends_while_features_are_computed() {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let mut trainer = trainer(&Device::cpu(), &frozen());
    let mut fit = Fit::new(3).stop(stop).progress(move |progress| {
        assert!(!matches!(progress, Progress::Step { .. }));
        asked.store(true, Ordering::Relaxed);
    });
    let fitted = trainer.fit_blocking(&data(64), &mut fit).unwrap();
    assert!(fitted.stopped && trainer.iterations() == 0);
}

/// A search leaves everything as it was, and what it suggests lets the loss fall.
#[test]
fn a_search_for_a_learning_rate_changes_nothing() {
    let data = data(48);
    let model = Sequential::new("m").input([8, 8, 1]).and_then(|m| m.add(base(true))?.add(Dense::new(2))?.model());
    let mut model = model.unwrap();
    model.set_classifier_activation(Activation::Softmax).unwrap();
    let network = network(model);
    for device in all_devices() {
        let mut trainer = trainer(&device, &network);
        trainer.fit_blocking(&data, &mut Fit::new(1)).unwrap();
        let state = |trainer: &Trainer| (variables(trainer), trainer.iterations(), trainer.learning_rate());
        let before = state(&trainer);
        let how = FindLearningRate { steps: 60, smoothing: 0.9, ..FindLearningRate::default() };
        let mut told = Vec::new();
        let see = |progress: Progress<'_>| match progress {
            Progress::Search { step, steps, learning_rate, .. } => told.push((step, steps, learning_rate)),
            other => panic!("{other:?}"),
        };
        let found = pollster::block_on(trainer.find_learning_rate_with(&data, &how, see)).unwrap();
        let rates = found.rates.iter().enumerate().map(|(step, &rate)| (step, 60, rate));
        assert_eq!(told[..found.rates.len()], rates.collect::<Vec<_>>(), "{device}");
        // A step that ends the search is told, too.
        assert!(told.len() <= found.rates.len() + 1, "{device}: {told:?}");
        assert_eq!(state(&trainer), before, "{device}");
        // 6 batches an epoch: it goes on with the next ones.
        assert!(found.rates.len() > 30 && found.rates.len() == found.losses.len(), "{device}: {found:?}");
        let rate = found.steepest().unwrap();
        trainer.set_learning_rate(rate);
        let history = trainer.fit_blocking(&data, &mut Fit::new(4)).unwrap().history;
        let losses = history.get("loss").unwrap();
        assert!(losses[3] < 0.9 * losses[0], "{device}, rate {rate}: {losses:?}");
    }
    let empty = data.take(0);
    let error = trainer(&Device::cpu(), &network).find_learning_rate_blocking(&empty, &FindLearningRate::default());
    assert!(error.unwrap_err().to_string().contains("no batch"));
}

#[test]
fn what_cannot_be_fine_tuned_says_why() {
    let network = frozen();
    let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam());
    for (how, wanted) in [
        (FineTune::last("bas", 1), "no layer 'bas'"),
        (FineTune::last("dense", 1), "'dense' of model 'm' is no model in itself"),
        (FineTune::from("base", "conv"), "no layer 'conv'"),
        (FineTune::last("base", 2), "the last 2 layers of 'base' have no weight"),
        (FineTune::from("base", "batch_normalization"), "the layers from 'batch_normalization' on of 'base'"),
        (FineTune::last("base", 3).learning_rate(0.0), "learning_rate is 0"),
        (FineTune::last("base", 3).layer_decay(f64::NAN), "layer_decay is NaN"),
    ] {
        let error = how.whole(&network, &training).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    // A layer of a model within the base.
    let block = Sequential::new("block").input([4]).and_then(|m| m.add(Dense::new(4).name("c"))?.model()).unwrap();
    let inner = Sequential::new("base").input([4]).and_then(|m| m.add(block)?.add(Dense::new(4).name("c"))?.model());
    let model = Sequential::new("m").input([4]).and_then(|m| m.add(inner.unwrap())?.add(Dense::new(2))?.model());
    let error = FineTune::from("base", "block/c").whole(&self::network(model.unwrap()), &training).unwrap_err();
    assert!(error.to_string().contains("'block/c' lies in a model that 'base' takes as one layer"), "{error}");
    // Rates fall from the head to the first layer that learns.
    let inner =
        Sequential::new("base").input([4]).and_then(|m| m.add(Dense::new(4).name("a"))?.add(Dense::new(4).name("b")));
    let inner = inner.and_then(|m| m.add(Activation::Relu)?.add(Dense::new(4).name("c"))?.model()).unwrap();
    let model = Sequential::new("m").input([4]).and_then(|m| m.add(inner)?.add(Dense::new(2).name("head"))?.model());
    let how = FineTune::from("base", "b").layer_decay(0.5);
    let network = self::network(model.unwrap());
    let (_, second) = how.whole(&network, &training).unwrap();
    let factors = ["base/b/kernel", "base/c/bias", "head/kernel"].map(|path| second.multiplier(path));
    assert_eq!(factors, [0.25, 0.5, 1.0]);
    // A multiplier of the base waits for the second stage; what neither stage takes is told before the first.
    let x = Tensor::from_fn(vec![8, 4], |i| (i % 3) as f32);
    let data = Dataset::from_arrays(x, Some(Tensor::from_fn(vec![8], |i| (i % 2) as f32))).unwrap();
    for (prefix, wanted) in [("base/c/", None), ("head/", None), ("base/a/", Some("begins with 'base/a/'"))] {
        let training = training.clone().learning_rate_multiplier(prefix, 0.5);
        let steps = AtomicUsize::new(0);
        let (mut head, mut whole) = (
            Fit::new(1).progress(|_| {
                steps.fetch_add(1, Ordering::Relaxed);
            }),
            Fit::new(1),
        );
        let device = Device::cpu();
        let tuned = fine_tune(&device, &network, &training, &how, &data, &mut head, &mut whole);
        let error = pollster::block_on(tuned).err().map(|error| error.to_string());
        assert_eq!(error.is_some(), wanted.is_some(), "{prefix}: {error:?}");
        assert!(
            wanted.is_none_or(|wanted| error.unwrap().contains(wanted) && steps.load(Ordering::Relaxed) == 0),
            "{prefix}"
        );
    }
}
