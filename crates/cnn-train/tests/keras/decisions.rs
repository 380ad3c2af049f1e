use std::num::NonZeroUsize;
use std::path::Path;

use cnn_train::callback::{
    Callback, CallbackError, Control, EarlyStopping, History, LearningRateScheduler, Logs, Mode, ModelCheckpoint,
    ReduceLrOnPlateau, Request, SaveFrequency, What,
};
use cnn_train::metric::Direction;
use serde_json::Value;

use crate::{book, close, number, numbers, optional};

fn mode(args: &Value) -> Mode {
    match args["mode"].as_str() {
        Some("min") => Mode::Min,
        Some("max") => Mode::Max,
        _ => Mode::Auto,
    }
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap_or(0) as usize
}

/// Hands the state on to a new one, as a checkpoint does.
fn resumed<C: Callback>(old: C, make: impl FnOnce() -> C) -> C {
    let mut new = make();
    new.on_train_resume(&old.state(), &mut Control::new(0.0)).unwrap();
    new
}

fn early_stopping(args: &Value) -> EarlyStopping {
    let mut callback = EarlyStopping::new("val_loss")
        .patience(count(&args["patience"]))
        .min_delta(optional(&args["min_delta"]).unwrap_or(0.0))
        .mode(mode(args))
        .restore_best_weights(args["restore_best_weights"].as_bool().unwrap_or(false))
        .start_from_epoch(count(&args["start_from_epoch"]));
    if let Some(baseline) = optional(&args["baseline"]) {
        callback = callback.baseline(baseline);
    }
    callback
}

#[test]
fn early_stopping_stops_when_keras_does() {
    for case in book()["early_stopping"].as_array().unwrap() {
        let make = || early_stopping(&case["args"]);
        for handed_on in [false, true] {
            let (mut callback, mut control) = (make(), Control::new(0.1));
            callback.on_train_begin(&mut control).unwrap();
            let (mut epochs, mut remembered) = (0, Vec::new());
            for value in numbers(&case["values"]) {
                callback.on_epoch_end(epochs, &mut Logs::from([("val_loss", value)]), &mut control).unwrap();
                let remembers = |request: &Request| matches!(request, Request::Remember { .. });
                remembered.extend(control.take_requests().iter().filter(|request| remembers(request)).map(|_| epochs));
                epochs += 1;
                if control.stops() {
                    break;
                }
                if handed_on {
                    callback = resumed(callback, make);
                }
            }
            // Keras takes the first weights twice.
            let mut wanted: Vec<usize> = case["remembered"].as_array().unwrap().iter().map(count).collect();
            wanted.dedup();
            assert_eq!(epochs, count(&case["epochs"]), "{case}");
            assert_eq!(control.stops(), case["stopped"].as_bool().unwrap(), "{case}");
            assert_eq!(callback.stopped_epoch(), count(&case["stopped_epoch"]), "{case}");
            assert_eq!(callback.best_epoch(), count(&case["best_epoch"]), "{case}");
            let best = (callback.best().map(f64::to_bits), optional(&case["best"]).map(f64::to_bits));
            assert_eq!(best.0, best.1, "{case}");
            assert_eq!(remembered, wanted, "{case}");
            callback.on_train_end(&mut Logs::new(), &mut control).unwrap();
            let restored = control.take_requests();
            assert_eq!(restored.len(), case["restored"].as_array().unwrap().len(), "{case}");
        }
    }
}

fn plateau(args: &Value) -> ReduceLrOnPlateau {
    ReduceLrOnPlateau::new(args["monitor"].as_str().unwrap_or("val_loss"))
        .factor(optional(&args["factor"]).unwrap_or(0.1))
        .unwrap()
        .patience(args["patience"].as_u64().unwrap_or(10) as usize)
        .min_delta(optional(&args["min_delta"]).unwrap_or(1e-4))
        .mode(mode(args))
        .cooldown(count(&args["cooldown"]))
        .min_lr(optional(&args["min_lr"]).unwrap_or(0.0))
}

#[test]
fn plateaus_are_those_of_keras() {
    for case in book()["plateau"].as_array().unwrap() {
        let make = || plateau(&case["args"]);
        for handed_on in [false, true] {
            let (mut callback, mut control) = (make(), Control::new(number(&case["rate"])));
            callback.on_train_begin(&mut control).unwrap();
            let wanted = numbers(&case["rates"]).into_iter().zip(numbers(&case["logged"]));
            for (epoch, (value, (rate, logged))) in numbers(&case["values"]).into_iter().zip(wanted).enumerate() {
                let mut logs = Logs::from([("val_loss", value)]);
                callback.on_epoch_end(epoch, &mut logs, &mut control).unwrap();
                close(control.learning_rate(), rate, 1e-6 * rate, &format!("{case} epoch {epoch}"));
                close(logs.get("learning_rate").unwrap(), logged, 1e-6 * logged, &format!("{case} epoch {epoch}"));
                if handed_on {
                    callback = resumed(callback, make);
                }
            }
        }
    }
}

#[test]
fn the_scheduler_sets_and_logs() {
    let case = &book()["scheduler"];
    let mut callback = LearningRateScheduler::new(|epoch, rate| if epoch < 2 { rate } else { rate * 0.5 });
    let mut control = Control::new(number(&case["rate"]));
    for (epoch, wanted) in numbers(&case["rates"]).into_iter().enumerate() {
        callback.on_epoch_begin(epoch, &mut control).unwrap();
        let mut logs = Logs::new();
        callback.on_epoch_end(epoch, &mut logs, &mut control).unwrap();
        close(logs.get("learning_rate").unwrap(), wanted, 1e-6 * wanted, "scheduler");
    }
    let mut wrong = LearningRateScheduler::new(|_, _| f64::NAN);
    assert!(wrong.on_epoch_begin(0, &mut control).is_err());
}

fn checkpoint(args: &Value) -> ModelCheckpoint {
    let mut callback = ModelCheckpoint::new(args["filepath"].as_str().unwrap())
        .unwrap()
        .save_best_only(args["save_best_only"].as_bool().unwrap_or(false))
        .save_weights_only(args["save_weights_only"].as_bool().unwrap_or(false))
        .mode(mode(args));
    if let Some(batches) = NonZeroUsize::new(count(&args["save_freq"])) {
        callback = callback.save_frequency(SaveFrequency::Batches(batches));
    }
    if let Some(threshold) = optional(&args["initial_value_threshold"]) {
        callback = callback.initial_value_threshold(threshold);
    }
    callback
}

#[test]
fn checkpoints_are_those_of_keras() {
    for case in book()["checkpoints"].as_array().unwrap() {
        let make = || checkpoint(&case["args"]);
        for handed_on in [false, true] {
            let (mut callback, mut control) = (make(), Control::new(0.1));
            callback.on_train_begin(&mut control).unwrap();
            for (epoch, value) in numbers(&case["values"]).into_iter().enumerate() {
                callback.on_epoch_begin(epoch, &mut control).unwrap();
                for batch in 0..count(&case["batches"]) {
                    let mut logs = Logs::from([("loss", 0.125 * batch as f64)]);
                    callback.on_train_batch_end(batch, &mut logs, &mut control).unwrap();
                    if handed_on {
                        callback = resumed(callback, make);
                    }
                }
                let mut logs = Logs::from([("loss", 0.25), ("val_loss", value)]);
                callback.on_epoch_end(epoch, &mut logs, &mut control).unwrap();
            }
            let saved: Vec<Request> = control.take_requests();
            let wanted = case["saved"].as_array().unwrap().iter().map(|saved| Request::Save {
                path: Path::new(saved[1].as_str().unwrap()).to_owned(),
                what: if saved[0] == "weights" { What::WeightsOnly } else { What::Whole },
            });
            assert_eq!(saved, wanted.collect::<Vec<_>>(), "{case}");
        }
    }
}

fn path(template: &str, epoch: usize, value: f64) -> Result<String, CallbackError> {
    let (mut callback, mut control) = (ModelCheckpoint::new(template)?, Control::new(0.1));
    callback.on_epoch_end(epoch - 1, &mut Logs::from([("val_loss", value)]), &mut control)?;
    match control.take_requests().as_slice() {
        [Request::Save { path, .. }] => Ok(path.to_str().unwrap().to_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn paths_are_formatted_as_python_does() {
    for case in book()["formats"].as_array().unwrap() {
        let template = case["template"].as_str().unwrap();
        let got = path(template, count(&case["epoch"]), number(&case["value"])).unwrap();
        assert_eq!(got, case["text"].as_str().unwrap(), "{template}");
    }
    for (template, wanted) in [
        ("{epoch", "has a lonely '{'; double it"),
        ("a}b", "has a lonely '}'; double it"),
        ("{batch}", "wants 'batch'; there are epoch, val_loss"),
        ("{val_loss:d}", "writes val_loss as an integer, which it is not"),
        ("{epoch:x}", "the format 'x' is none that is known here; write such as 02d, .2f, .3e, g or .1%"),
        ("{val_loss:.2}", "the format '.2' is none that is known here; write such as 02d, .2f, .3e, g or .1%"),
        ("{val_loss:.999f}", "the format '.999f' is none that is known here; write such as 02d, .2f, .3e, g or .1%"),
    ] {
        let error = path(template, 1, 0.5).unwrap_err().to_string();
        assert_eq!(error, format!("the path '{template}': {wanted}"));
    }
}

#[test]
fn what_is_monitored_has_to_be_there_and_known() {
    let mut control = Control::new(0.1).with_metric("accuracy", Direction::Up);
    let mut logs = Logs::from([("loss", 0.5), ("val_accuracy", 0.5)]);
    let error = EarlyStopping::new("val_loss").on_epoch_end(0, &mut logs, &mut control).unwrap_err();
    let wanted = "early_stopping/val_loss: there is no 'val_loss' in the logs; there are loss, val_accuracy";
    assert_eq!(error.to_string(), wanted);

    let error = EarlyStopping::new("val_accuracy").on_epoch_end(0, &mut logs, &mut Control::new(0.1)).unwrap_err();
    let wanted = "early_stopping/val_accuracy: nothing says whether 'val_accuracy' is better large or small; choose Mode::Min or Mode::Max";
    assert_eq!(error.to_string(), wanted);

    // The trainer's metric says that larger is better.
    let mut stopping = EarlyStopping::new("val_accuracy").patience(1);
    for (epoch, accuracy) in [0.5, 0.75, 0.625].into_iter().enumerate() {
        assert!(!control.stops());
        logs.set("val_accuracy", accuracy);
        stopping.on_epoch_end(epoch, &mut logs, &mut control).unwrap();
    }
    assert!(control.stops());
    assert!(ReduceLrOnPlateau::new("loss").factor(1.0).is_err());
}

/// A training that says for how many epochs it is does not move what is kept of them.
#[test]
fn history_has_its_room_from_the_beginning() {
    let mut control = Control::new(0.1).with_epochs(1000);
    let mut history = History::new();
    history.on_train_begin(&mut control).unwrap();
    let mut place = |epoch| {
        history.on_epoch_end(epoch, &mut Logs::from([("loss", 0.5)]), &mut control).unwrap();
        [history.epochs().as_ptr().addr(), history.get("loss").unwrap().as_ptr().addr()]
    };
    let first = place(0);
    assert!((1..1000).all(|epoch| place(epoch) == first));
}

#[test]
fn history_goes_on() {
    let mut control = Control::new(0.1);
    let mut history = History::new();
    history.on_train_begin(&mut control).unwrap();
    history.on_epoch_end(0, &mut Logs::from([("loss", 0.5)]), &mut control).unwrap();
    let mut history = resumed(history, History::new);
    history.on_epoch_end(1, &mut Logs::from([("loss", 0.25), ("val_loss", 1.0)]), &mut control).unwrap();
    assert_eq!(history.epochs(), [0, 1]);
    assert_eq!(history.iter().collect::<Vec<_>>(), [("loss", [0.5, 0.25].as_slice()), ("val_loss", &[1.0])]);
}
