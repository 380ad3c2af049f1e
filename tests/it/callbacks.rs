//! Callbacks, metrics and checkpoints inside whole trainings, on the CPU: as Keras's `fit` treats them.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cnn::data::{Batch, DataError, Dataset, Example};
use cnn::layers::{Dense, Flatten};
use cnn::training::callback::{CallbackError, Control, CsvLogger, LearningRateScheduler, TensorBoard};
use cnn::training::{
    Accuracy, Callback, EarlyStopping, Fit, Logs, Loss, ModelCheckpoint, Optimizer, Progress, ReduceLrOnPlateau,
    Schedule, Trainer, Training,
};
use cnn::{Device, Error, Network, Sequential, Tensor, Weights};

use crate::fit::{data, network, variables};

fn trainer(optimizer: Optimizer) -> Trainer {
    let training = Training::new(Loss::CROSSENTROPY, optimizer).seed(11);
    Trainer::new(&Device::cpu(), &network(), training).unwrap()
}

fn sgd() -> Optimizer {
    Optimizer::sgd().learning_rate(0.05)
}

/// Rates under which the loss of the validation falls, and rises again after epoch 2.
fn rates() -> Schedule {
    Schedule::piecewise_constant_decay(vec![11], vec![0.05, 3.0]).unwrap()
}

/// Trains until `steps` steps are done by this call.
fn part<'a>(fit: Fit<'a>, checkpoint: &Path, steps: usize) -> Fit<'a> {
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, done) = (stop.clone(), RefCell::new(0));
    fit.checkpoint(checkpoint).stop(stop).progress(move |progress| {
        if let Progress::Step { .. } = progress {
            *done.borrow_mut() += 1;
            asked.store(*done.borrow() >= steps, Ordering::Relaxed);
        }
    })
}

/// Every callback and metric that keeps something, two of one name each, stopped in the middle and at the end of epochs.
#[test]
fn callbacks_go_on_from_a_checkpoint() {
    let (data, validation) = data(40).split(0.2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |run: &str, name: &str| folder.path().join(format!("{run}-{name}"));
    let fit = |run: &str| {
        Fit::new(6)
            .schedule(rates())
            .validation(&validation)
            .metric(Accuracy::new())
            .metric(Accuracy::new())
            .callback(EarlyStopping::new("val_loss").patience(4).restore_best_weights(true))
            .callback(CsvLogger::new(path(run, "a.csv")))
            .callback(CsvLogger::new(path(run, "b.csv")).separator(';').unwrap())
            .callback(TensorBoard::new(path(run, "board")))
            .callback(
                ModelCheckpoint::new(path(run, "best.weights.h5").to_str().unwrap())
                    .unwrap()
                    .save_weights_only(true)
                    .save_best_only(true),
            )
    };
    let mut whole = trainer(sgd());
    let wanted = whole.fit_blocking(&data, &mut fit("whole")).unwrap();
    let losses = wanted.history.get("val_loss").unwrap();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(losses[losses.len() - 1] > best, "the last weights are to be other ones than the best: {losses:?}");
    assert_eq!(wanted.history.get("accuracy"), wanted.history.get("accuracy_1"));

    let checkpoint = path("parts", "checkpoint");
    // Four batches in an epoch: in the middle of the second, at the end of the fourth, in the fifth, to the end.
    for (steps, last) in [(6, false), (10, false), (2, false), (100, true)] {
        let mut trainer = trainer(sgd());
        let fitted = trainer.fit_blocking(&data, &mut part(fit("parts"), &checkpoint, steps)).unwrap();
        assert_eq!(fitted.stopped, !last || wanted.stopped);
        if last {
            assert_eq!(fitted.history, wanted.history);
            assert_eq!(variables(&trainer), variables(&whole), "the best weights");
        }
    }
    for name in ["a.csv", "b.csv", "best.weights.h5"] {
        let read = |run| std::fs::read(path(run, name)).unwrap();
        assert!(read("whole") == read("parts"), "{name}");
    }
}

/// Asks for something where it is told.
struct Asks<F>(&'static str, F);

impl<F: FnMut(&str, usize, &mut Control) + Send> Callback for Asks<F> {
    fn name(&self) -> &str {
        self.0
    }

    fn on_train_batch_begin(&mut self, batch: usize, control: &mut Control) -> Result<(), CallbackError> {
        (self.1)("begin", batch, control);
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, _: &mut Logs, control: &mut Control) -> Result<(), CallbackError> {
        (self.1)("end", batch, control);
        Ok(())
    }
}

/// A learning rate that is set before a batch is that of the batch.
#[test]
fn what_is_asked_before_a_batch_is_done_before_it() {
    let data = data(24);
    let before = variables(&trainer(sgd()));
    let mut trainer = trainer(sgd());
    // Nothing is learned at a rate of 0 but moving statistics.
    let callback = Asks("zero", |when: &str, _, control: &mut Control| {
        if when == "begin" {
            control.set_learning_rate(0.0);
        }
    });
    trainer.fit_blocking(&data, &mut Fit::new(1).callback(callback)).unwrap();
    let learned = |(path, _): &&(String, Vec<u32>)| path.ends_with("kernel") || path.ends_with("bias");
    let after = variables(&trainer);
    assert!(before.iter().filter(learned).eq(after.iter().filter(learned)));
}

/// As Keras: the batches after it are left out, the validation and the epoch's end are not.
#[test]
fn a_callback_ends_the_training_after_its_batch() {
    let data = data(40);
    let mut trainer = trainer(sgd());
    let callback = Asks("third", |when: &str, batch, control: &mut Control| {
        if (when, batch) == ("end", 2) {
            control.stop();
        }
    });
    let fitted = trainer.fit_blocking(&data, &mut Fit::new(3).validation(&data).callback(callback)).unwrap();
    assert_eq!((trainer.iterations(), fitted.stopped), (3, true));
    assert_eq!(fitted.history.get("val_loss").unwrap().len(), 1);
}

/// `metrics` count all samples alike, `weighted_metrics` by their weights; names as in Keras's `CompileMetrics.result`.
#[test]
fn weights_count_in_weighted_metrics_alone() {
    let data = data(40);
    let mut trainer = trainer(Optimizer::sgd().learning_rate(0.0));
    let mut fit = Fit::new(1)
        .metric(Accuracy::new())
        .weighted_metric(Accuracy::new())
        .weighted_metric(Accuracy::new())
        .class_weights([1.0, 0.0]);
    let history = trainer.fit_blocking(&data, &mut fit).unwrap().history;
    let of = |classes: [f32; 2]| {
        let mut fit = Fit::new(1).weighted_metric(Accuracy::new()).class_weights(classes);
        let mut trainer = self::trainer(Optimizer::sgd().learning_rate(0.0));
        trainer.fit_blocking(&data, &mut fit).unwrap().history.get("accuracy").unwrap()[0]
    };
    let [first, second] = [of([1.0, 0.0]), of([0.0, 1.0])];
    assert!(first != second, "one class is known better than the other: {first}");
    let got = ["accuracy", "weighted_accuracy", "weighted_accuracy_1"].map(|name| history.get(name).unwrap()[0]);
    // Half of the samples are of each class.
    let wanted = [(first + second) / 2.0, first, first];
    assert!(got.iter().zip(wanted).all(|(got, wanted)| (got - wanted).abs() < 1e-6), "{got:?}, wanted {wanted:?}");
}

#[test]
fn rates_are_reduced_inside_a_training() {
    let data = data(24);
    let rate = |fit: Fit<'_>| {
        let mut trainer = trainer(sgd());
        trainer.fit_blocking(&data, &mut { fit }).map(|_| trainer.learning_rate())
    };
    // Nothing improves by so much.
    let reduce = || ReduceLrOnPlateau::new("loss").factor(0.5).unwrap().patience(1).min_delta(1e9);
    assert_eq!(rate(Fit::new(3).callback(reduce())).unwrap(), 0.0125);
    let halves = LearningRateScheduler::new(|_, rate| rate / 2.0);
    assert_eq!(rate(Fit::new(3).callback(halves)).unwrap(), 0.00625);
    let error = rate(Fit::new(3).schedule(rates()).callback(reduce())).unwrap_err();
    assert!(matches!(error, Error::Scheduled), "{error}");
}

/// A schedule that leaves float32 is refused before the first step, if the last step is one of those that are to come.
#[test]
fn a_schedule_beyond_float32_is_refused() {
    let growing = || Fit::new(24).schedule(Schedule::exponential_decay(1e-30, 1, 10.0, false).unwrap());
    let mut trainer = trainer(sgd());
    let error = trainer.fit_blocking(&data(24), &mut growing()).unwrap_err();
    assert!(matches!(error, Error::ScheduledRate { step: 71, rate } if rate > 1e40), "{error}");
    assert_eq!(trainer.iterations(), 0);
    trainer.fit_blocking(&data(24), &mut growing().max_steps(30)).unwrap();
    // It goes on behind them.
    let error = trainer.fit_blocking(&data(24), &mut growing().max_steps(70)).unwrap_err();
    assert!(matches!(error, Error::ScheduledRate { step: 69, .. }), "{error}");
}

/// No result is made up of nothing.
#[test]
fn data_without_batches_is_refused() {
    let full = data(24);
    let none = data(4).drop_remainder(true);
    let cases: [(&Dataset, Option<&Dataset>); 3] = [(&none, None), (&full, Some(&none)), (&none, Some(&full))];
    for (training, validation) in cases {
        let fit = validation.into_iter().fold(Fit::new(1), Fit::validation);
        let error = trainer(sgd()).fit_blocking(training, &mut { fit }).unwrap_err();
        assert!(matches!(error, Error::NoBatches), "{error}");
    }
    let error = pollster::block_on(trainer(sgd()).evaluate(&none, &mut [])).unwrap_err();
    assert!(matches!(error, Error::NoBatches), "{error}");
}

/// A second attempt has the metrics and the progress of the first.
#[test]
fn a_failed_validation_leaves_the_arguments_whole() {
    let (data, validation) = data(32).split(0.25).unwrap();
    // The batch of eight is read before the training, and breaks where it is read again, after the epoch.
    let read = AtomicUsize::new(0);
    let reported = AtomicUsize::new(0);
    let validation = validation.map(move |example, _| {
        let shape = if read.fetch_add(1, Ordering::Relaxed) == 8 { vec![64] } else { vec![8, 8, 1] };
        Ok(Example { x: example.x.reshape(shape)?, ..example })
    });
    let mut fit = Fit::new(1).metric(Accuracy::new()).validation(&validation).progress(|_| {
        reported.fetch_add(1, Ordering::Relaxed);
    });
    let mut trainer = trainer(sgd());
    trainer.fit_blocking(&data, &mut fit).unwrap_err();
    assert_eq!(trainer.iterations(), 3);
    let before = reported.load(Ordering::Relaxed);
    let history = trainer.fit_blocking(&data, &mut fit).unwrap().history;
    assert!(history.get("val_accuracy").is_some() && reported.load(Ordering::Relaxed) > before);
}

/// What cannot be validated is told before the first step, not after an epoch.
#[test]
fn validation_is_tried_before_anything_is_learned() {
    let (data, validation) = data(32).split(0.25).unwrap();
    let broken = validation.clone().map(|_, _| Err(DataError::function("no such sample")));
    let misshaped = validation.clone().map(|example, _| Ok(Example { x: example.x.reshape(vec![64])?, ..example }));
    let scalar = validation.clone().map_batches(|batch, _| Ok(Batch { x: Tensor::scalar(0.0), ..batch }));
    let of_no_class = validation.clone().map(|example, _| Ok(Example { y: Some(Tensor::scalar(2.0)), ..example }));
    for (validation, wanted) in [
        (&broken, "no such sample"),
        (&misshaped, "[8, 64]"),
        (&scalar, "[]"),
        (&of_no_class, "expects class numbers from 0 to 1"),
    ] {
        let mut trainer = trainer(sgd());
        let error = trainer.fit_blocking(&data, &mut Fit::new(1).validation(validation)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        assert_eq!(trainer.iterations(), 0, "{error}");
    }
    // A training of two of three steps has no validation.
    let fitted = trainer(sgd()).fit_blocking(&data, &mut Fit::new(1).validation(&broken).max_steps(2)).unwrap();
    assert!(fitted.stopped);
}

/// Callbacks know how many epochs the training is for: Keras's `params["epochs"]`.
#[test]
fn callbacks_know_the_epochs() {
    struct Epochs(Arc<AtomicUsize>);
    impl Callback for Epochs {
        fn name(&self) -> &str {
            "epochs"
        }
        fn on_train_begin(&mut self, control: &mut Control) -> Result<(), CallbackError> {
            self.0.store(control.epochs().unwrap(), Ordering::Relaxed);
            Ok(())
        }
    }
    let seen = Arc::new(AtomicUsize::new(0));
    trainer(sgd()).fit_blocking(&data(8), &mut Fit::new(3).callback(Epochs(seen.clone()))).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 3);
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let data = data(40);
    trainer(Optimizer::adam()).fit_blocking(&data, &mut part(Fit::new(2), &path, 3)).unwrap();
    let cases = [
        (Optimizer::adamw(), data.clone(), Some("weight decay")),
        (sgd(), data.clone(), Some("its optimizer is Adam")),
        (Optimizer::nadam(), data.clone(), Some("this training's Nadam")),
        (Optimizer::adam().use_ema(true), data.clone(), Some(" with averages of momentum 0.99")),
        (Optimizer::adam().clipnorm(0.5), data.clone(), Some(" with clipnorm 0.5")),
        (
            Optimizer::adam(),
            data.clone().batch_size(4).unwrap(),
            Some("after batch 3 of 5, and now an epoch has 10 batches"),
        ),
        (Optimizer::adam().learning_rate(0.5), data.clone(), None),
    ];
    for (optimizer, data, wanted) in cases {
        let fitted = trainer(optimizer).fit_blocking(&data, &mut Fit::new(1).checkpoint(&path));
        let error = fitted.err().map(|error| error.to_string());
        match (wanted, &error) {
            (None, None) => {}
            (Some(wanted), Some(error)) => assert!(error.contains(wanted), "{error}"),
            _ => panic!("{wanted:?}: {error:?}"),
        }
    }
    // Another model's, and one that is not whole: the file is named, and what to do.
    let model = Sequential::new("other").input([8, 8, 1]).and_then(|m| m.add(Flatten)?.add(Dense::new(2))?.model());
    let model = model.unwrap();
    let other = Network::new(model.clone(), Weights::initialize(&model, 5)).unwrap();
    let training = Training::new(Loss::CROSSENTROPY, Optimizer::adam());
    let mut other = Trainer::new(&Device::cpu(), &other, training).unwrap();
    let error = other.fit_blocking(&data, &mut Fit::new(1).checkpoint(&path)).unwrap_err().to_string();
    assert!(error.contains("checkpoint.safetensors") && error.contains("remove it to begin anew"), "{error}");
    let bytes = std::fs::read(&path).unwrap();
    for end in [0, 5, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let cut = trainer(Optimizer::adam()).fit_blocking(&data, &mut Fit::new(1).checkpoint(&path));
        let error = cut.unwrap_err().to_string();
        assert!(error.contains("it is not whole") && error.contains("remove it to begin anew"), "{end}: {error}");
    }
    let averaged = trainer(Optimizer::adam().use_ema(true));
    let error = trainer(Optimizer::adam()).restore(pollster::block_on(averaged.variables()).unwrap(), 0).unwrap_err();
    assert!(matches!(error, Error::UnknownVariable { .. }), "{error}");
}

#[test]
fn a_files_name_says_what_is_saved_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(8);
    for (name, weights_only, wanted) in [
        ("a.keras", false, None),
        ("a.h5", false, None),
        ("a.weights.h5", true, None),
        ("a.safetensors", true, None),
        ("b.keras", true, Some("weights alone need a name that ends in .weights.h5")),
        ("b.h5", true, Some("weights alone need")),
        ("b.weights.h5", false, Some("a whole model needs a name that ends in .keras")),
        ("b.safetensors", false, Some("a whole model needs")),
        ("b.ckpt", false, Some("a whole model needs")),
    ] {
        let path = folder.path().join(name);
        let callback = ModelCheckpoint::new(path.to_str().unwrap()).unwrap().save_weights_only(weights_only);
        let steps = AtomicUsize::new(0);
        let count = |progress: Progress<'_>| {
            steps.fetch_add(usize::from(matches!(progress, Progress::Step { .. })), Ordering::Relaxed);
        };
        let fitted = trainer(sgd()).fit_blocking(&data, &mut Fit::new(1).callback(callback).progress(count));
        // What cannot be saved is told before anything is learnt.
        assert_eq!(steps.load(Ordering::Relaxed), usize::from(wanted.is_none()), "{name}");
        let error = fitted.err().map(|error| error.to_string());
        assert_eq!(path.exists(), wanted.is_none(), "{name}: {error:?}");
        assert!(wanted.is_none_or(|wanted| error.as_deref().is_some_and(|error| error.contains(wanted))), "{error:?}");
    }
}

/// A label between two classes has no weight, and is not taken for the class below.
#[test]
fn what_is_no_class_has_no_class_weight() {
    let x = Tensor::full(vec![4, 8, 8, 1], 0.5);
    for label in [0.7, -1.0, 2.0] {
        let y = Tensor::new(vec![4], vec![0.0, 1.0, label, 1.0]).unwrap();
        let data = Dataset::from_arrays(x.clone(), Some(y)).unwrap();
        let training = Training::new(Loss::MeanSquaredError, sgd());
        let mut trainer = Trainer::new(&Device::cpu(), &network(), training).unwrap();
        let error = trainer.fit_blocking(&data, &mut Fit::new(1).class_weights([1.0, 2.0])).unwrap_err();
        assert!(matches!(error, Error::Shape(_)), "{label}: {error}");
    }
}
