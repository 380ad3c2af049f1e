use std::fs;
use std::path::Path;

use cnn_train::callback::{Callback, CallbackError, Control, CsvLogger, Logs, TensorBoard};
use serde_json::Value;

use crate::{book, number};

fn logs(value: &Value) -> Logs {
    value.as_object().unwrap().iter().map(|(name, value)| (name, number(value))).collect()
}

fn logger(path: &Path, case: &Value) -> CsvLogger {
    let separator = case["separator"].as_str().unwrap().chars().next().unwrap();
    CsvLogger::new(path).separator(separator).unwrap().append(case["append"].as_bool().unwrap())
}

#[test]
fn csv_files_are_those_of_keras() {
    for case in book()["csv"].as_array().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        for run in case["runs"].as_array().unwrap() {
            let (mut callback, mut control) = (logger(&path, case), Control::new(0.1));
            callback.on_train_begin(&mut control).unwrap();
            for (epoch, entries) in run.as_array().unwrap().iter().enumerate() {
                callback.on_epoch_end(epoch, &mut logs(entries), &mut control).unwrap();
            }
            callback.on_train_end(&mut Logs::new(), &mut control).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), case["text"].as_str().unwrap(), "{case}");
    }
}

/// A run that died an epoch after its checkpoint, in the middle of a row, and one that goes on from there: the file is
/// that of one run.
#[test]
fn csv_files_go_on_from_a_checkpoint() {
    let case = &book()["csv"][0];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    let mut control = Control::new(0.1);
    let epochs = case["runs"][0].as_array().unwrap();
    let mut first = logger(&path, case);
    first.on_train_begin(&mut control).unwrap();
    first.on_epoch_end(0, &mut logs(&epochs[0]), &mut control).unwrap();
    let state = first.state();
    first.on_epoch_end(1, &mut logs(&epochs[2]), &mut control).unwrap();
    drop(first);
    let torn = fs::read(&path).unwrap();
    fs::write(&path, &torn[..torn.len() - 5]).unwrap();

    let mut second = logger(&path, case);
    second.on_train_resume(&state, &mut control).unwrap();
    for (epoch, entries) in epochs.iter().enumerate().skip(1) {
        second.on_epoch_end(epoch, &mut logs(entries), &mut control).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), case["text"].as_str().unwrap());
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut control = Control::new(0.1);
    let error = CsvLogger::new(folder.path()).on_train_begin(&mut control).unwrap_err();
    assert!(matches!(&error, CallbackError::File { path, .. } if path == folder.path()), "{error}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = TensorBoard::new(&file).on_train_begin(&mut control).unwrap_err();
    assert!(matches!(error, CallbackError::File { .. }), "{error}");
    assert!(CsvLogger::new(&file).separator('"').is_err());
}

/// The steps, tags and values of Keras's files, in their places; that the records are TensorFlow's, a test beside them
/// says.
#[test]
fn event_files_have_what_those_of_keras_have() {
    let case = &book()["tensorboard"];
    let folder = tempfile::tempdir().unwrap();
    let (mut callback, mut control) = (TensorBoard::new(folder.path()), Control::new(number(&case["rate"])));
    callback.on_train_begin(&mut control).unwrap();
    for (epoch, entries) in case["epochs"].as_array().unwrap().iter().enumerate() {
        callback.on_epoch_end(epoch, &mut logs(entries), &mut control).unwrap();
    }
    callback.on_train_end(&mut Logs::new(), &mut control).unwrap();
    for part in ["train", "validation"] {
        let files: Vec<_> = fs::read_dir(folder.path().join(part)).unwrap().map(|file| file.unwrap()).collect();
        assert_eq!(files.len(), 1);
        assert!(files[0].file_name().to_str().unwrap().starts_with("events.out.tfevents."));
        let (got, wanted) = (records(&fs::read(files[0].path()).unwrap()), hex(case["files"][part].as_str().unwrap()));
        let wanted = records(&wanted);
        assert_eq!(got.len(), wanted.len(), "{part}");
        // The first record names the writer in Keras's file alone.
        assert!(wanted[0].starts_with(&got[0]), "{part}");
        assert_eq!(got[1..], wanted[1..], "{part}");
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// The data of each record without its time, which comes first: a tag of one byte and eight bytes.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        records.push(bytes[12 + 9..12 + length].to_vec());
        bytes = &bytes[12 + length + 4..];
    }
    records
}
