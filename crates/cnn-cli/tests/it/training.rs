//! `cnn train` and `cnn evaluate` as their users meet them: small data, small models, the CPU.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cnn::io::npy;
use cnn::layers::{Activation, Conv2D, Dense, GlobalAveragePooling2D, Rescaling};
use cnn::{Network, Sequential, Tensor, Weights};
use image::{Rgb, RgbImage};

use crate::files::left_over;
use crate::{NO_ADAPTER, Ran, cnn, cnn_with, prepare, succeeds};

/// Writes `count` pictures of that class: its channel is bright, with a pattern that differs from picture to picture.
pub(crate) fn class(folder: &Path, channel: usize, count: u32, sizes: &[(u32, u32)]) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        let (width, height) = sizes[number as usize % sizes.len()];
        let picture = RgbImage::from_fn(width, height, |x, y| {
            let noise = ((x * 7 + y * 13 + number * 29) % 40) as u8;
            Rgb(std::array::from_fn(|c| if c == channel { 200 + noise } else { noise }))
        });
        picture.save(folder.join(format!("{number}.png"))).unwrap();
    }
}

/// A folder of three classes, one with a Korean name, of mixed sizes.
pub(crate) fn pictures(at: &Path) {
    for (channel, name) in ["apple", "blue sky", "나무"].into_iter().enumerate() {
        class(&at.join("data").join(name), channel, 20, &[(8, 8), (12, 9), (20, 8)]);
    }
}

pub(crate) fn npz(path: impl AsRef<Path>, arrays: &[(&str, &Tensor)]) {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, tensor) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&npy::write(tensor)).unwrap();
    }
    fs::write(path, archive.finish().unwrap().into_inner()).unwrap();
}

/// Pictures `[N, 8, 8]` in which the row of their class is bright, and their classes.
pub(crate) fn rows(samples: usize, classes: usize) -> (Tensor, Tensor) {
    let noise = |i: usize| ((i * 2_654_435_761) >> 7) % 60;
    let x = Tensor::from_fn(vec![samples, 8, 8], |i| {
        let (sample, row) = (i / 64, i / 8 % 8);
        (noise(i) + if row == sample % classes { 190 } else { 0 }) as f32
    });
    (x, Tensor::from_fn(vec![samples], |i| (i % classes) as f32))
}

pub(crate) fn tiny(classes: usize, input: [Option<usize>; 3]) -> Network {
    let model = Sequential::new("tiny")
        .input(input)
        .and_then(|model| model.add(Rescaling::new(1.0 / 255.0, 0.0)))
        .and_then(|model| model.add(Conv2D::new(4, 3).activation(Activation::Relu)))
        .and_then(|model| model.add(GlobalAveragePooling2D::new()))
        .and_then(|model| model.add(Dense::new(classes).activation(Activation::Softmax)))
        .and_then(Sequential::model)
        .unwrap();
    let weights = Weights::initialize(&model, 5);
    Network::new(model, weights).unwrap()
}

pub(crate) fn save(network: &Network, path: impl AsRef<Path>) {
    cnn::io::files::save(path.as_ref(), network.model(), &network.weights().unwrap()).unwrap();
}

pub(crate) fn weights(path: impl AsRef<Path>) -> Weights {
    Network::load(path.as_ref()).unwrap().weights().unwrap()
}

/// The last number of a column of `history.csv`.
pub(crate) fn last(folder: &Path, column: &str) -> f64 {
    let text = fs::read_to_string(folder.join("history.csv")).unwrap();
    let mut lines = text.lines();
    let place = lines.next().unwrap().split(',').position(|name| name == column).unwrap();
    lines.last().unwrap().split(',').nth(place).unwrap().parse().unwrap()
}

pub(crate) fn fails(line: &str, at: &Path, status: i32, wanted: &[&str]) -> Ran {
    let ran = cnn(line, at);
    assert_eq!(ran.status, Some(status), "cnn {line}\n{}", ran.err);
    assert!(!ran.err.contains("panicked"), "cnn {line}\n{}", ran.err);
    for text in wanted {
        assert!(ran.err.contains(text), "cnn {line}\nlacks: {text}\nhas: {}", ran.err);
    }
    ran
}

#[test]
fn a_folder_is_learned_and_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    fs::write(at.join("data/apple/broken.png"), b"not a picture").unwrap();
    let options = "--image-size 8 --epochs 12 --batch 8 --optimizer adam,lr=0.01 --device cpu --step-log steps.csv";
    let ran = succeeds(&format!("train data {options} --folder results"), at);
    assert!(ran.err.contains("left out") && ran.err.contains("broken.png"), "{}", ran.err);
    for text in
        ["48 samples of 8x8x3, 12 for validation, 3 classes", "나무", "on CPU", "epoch 12/12  loss", "val_accuracy"]
    {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let results = at.join("results");
    assert!(last(&results, "val_accuracy") > 0.99, "{}", ran.out);
    assert_eq!(fs::read_to_string(results.join("classes.txt")).unwrap(), "apple\nblue sky\n나무\n");
    let history = fs::read_to_string(results.join("history.svg")).unwrap();
    assert!(history.contains("validation") && history.contains("accuracy"));
    assert!(fs::read_to_string(results.join("confusion.svg")).unwrap().contains("나무"));
    assert!(image::open(results.join("worst.png")).is_ok());
    assert!(Network::load(&results.join("best.keras")).is_ok());
    assert_eq!(left_over(&results), [""; 0]);
    // A line for each step, each the shortest text of its number.
    let steps = fs::read_to_string(at.join("steps.csv")).unwrap();
    assert_eq!(steps.lines().count(), 1 + 12 * 6);
    for (index, line) in steps.lines().skip(1).enumerate() {
        let (step, loss) = line.split_once(',').unwrap();
        assert_eq!(step.parse::<usize>().unwrap(), index + 1);
        assert_eq!(format!("{:?}", loss.parse::<f64>().unwrap()), loss);
    }
    let ran = succeeds("evaluate data --model results/model.keras --device cpu --confusion c.svg", at);
    for text in ["loss", "accuracy        1.0000  (60 of 60)", "precision", "나무", "mean of classes"] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    assert!(fs::read_to_string(at.join("c.svg")).unwrap().contains("60 of 60 right"));
    // What was trained is what `cnn classify` takes.
    let classify =
        "classify data/나무/0.png --model results/model.keras --labels results/classes.txt --device cpu --top 1";
    assert!(succeeds(classify, at).out.contains("나무"));
}

#[test]
fn arrays_are_learned_with_their_own_validation() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let ((x, y), (x_test, y_test)) = (rows(96, 8), rows(24, 8));
    npz(at.join("d.npz"), &[("x_train", &x), ("y_train", &y), ("x_test", &x_test), ("y_test", &y_test)]);
    let options = "--epochs 15 --optimizer rmsprop,lr=0.01 --batch 16 --device cpu --output m.keras";
    let ran = succeeds(&format!("train d.npz {options} --loss sparse_categorical_crossentropy"), at);
    assert!(ran.out.contains("96 samples of 8x8x1, 24 for validation, 8 classes"), "{}", ran.out);
    assert!(last(&at.join("training"), "val_accuracy") > 0.99, "{}", ran.out);
    let ran = succeeds("evaluate d.npz --model m.keras --device cpu", at);
    assert!(ran.out.contains("(24 of 24)") && ran.out.contains("top_5_accuracy  1.0000"), "{}", ran.out);
    // A batch larger than the data is one batch of all; arrays in their own order, one-hot, without validation.
    let one_hot = Tensor::from_fn(vec![96, 8], |i| f32::from(u8::from(i % 8 == i / 8 % 8)));
    npz(at.join("o.npz"), &[("x", &x), ("y", &one_hot)]);
    for loss in ["mse", "huber", "binary_crossentropy", "categorical_focal_crossentropy", "mae"] {
        let line =
            format!("train o.npz --loss {loss} --steps 2 --batch 1000 --shuffle false --validation 0 --device cpu");
        let ran = succeeds(&format!("{line} --folder {loss}"), at);
        assert!(ran.out.contains("epoch 2/2  loss") && !ran.out.contains("val_"), "{}", ran.out);
    }
}

#[test]
fn two_classes_may_have_one_output() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(64, 2);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let ran = succeeds("train d.npz --loss binary_crossentropy --optimizer adam,lr=0.01 --epochs 15 --device cpu", at);
    assert!(ran.out.contains("(None, 1)"), "{}", ran.out);
    assert!(last(&at.join("training"), "val_accuracy") > 0.99, "{}", ran.out);
    let ran = succeeds("evaluate d.npz --model training/best.keras --device cpu", at);
    assert!(ran.out.contains("of 64)") && ran.out.contains("F1"), "{}", ran.out);
}

/// To the bit: a training that was ended and resumed leaves the files of one that was not.
#[test]
fn a_resumed_training_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    let train = "train data --image-size 8 --batch 8 --optimizer sgd,lr=0.05,momentum=0.9,nesterov --seed 3 --device cpu \
         --augment flip,rotate=0.1,contrast,mixup";
    succeeds(&format!("{train} --epochs 4 --folder whole --step-log whole.csv"), at);
    // In the middle of an epoch, at the end of one, and on the first step.
    for (steps, name) in [(9, "middle"), (12, "end"), (1, "first")] {
        let ended = succeeds(&format!("{train} --steps {steps} --folder {name} --step-log {name}.csv"), at);
        assert!(ended.out.contains("validation\n"), "{}", ended.out);
        let ran = succeeds(&format!("{train} --epochs 4 --folder {name} --step-log {name}.csv --resume"), at);
        assert!(ran.out.contains("epoch 4/4"), "{}", ran.out);
        for file in ["model.keras", "best.keras"] {
            assert_eq!(weights(at.join(name).join(file)), weights(at.join("whole").join(file)), "{name}: {file}");
        }
        for file in ["history.csv", "history.svg", "confusion.svg", "worst.png"] {
            let read = |folder: &str| fs::read(at.join(folder).join(file)).unwrap();
            assert!(read(name) == read("whole"), "{name}: {file}");
        }
        let read = |name: &str| fs::read_to_string(at.join(format!("{name}.csv"))).unwrap();
        assert_eq!(read(name), read("whole"));
    }
    // More epochs than before, with the same settings alone.
    let ran = succeeds(&format!("{train} --epochs 5 --folder whole --resume"), at);
    assert!(ran.out.contains("epoch 5/5") && !ran.out.contains("epoch 4/5"), "{}", ran.out);
    let other = train.replace("lr=0.05", "lr=0.5").replace("--batch 8", "--batch 4");
    let wanted = ["batch was 8, is 4; optimizer was", "the same ones, or name another --folder"];
    fails(&format!("{other} --folder whole --resume"), at, 1, &wanted);
    fails(&format!("{train} --folder whole"), at, 1, &["whole: holds a training; go on with it by --resume"]);
    // Under another name, where the best epoch is known all the same; and after other data, of as many samples.
    fs::rename(at.join("whole"), at.join("moved")).unwrap();
    succeeds(&format!("{train} --epochs 6 --folder ./moved --resume"), at);
    class(&at.join("data/apple"), 0, 1, &[(9, 9)]);
    fails(&format!("{train} --epochs 7 --folder moved --resume"), at, 1, &["data was", "name another --folder"]);
    fails(&format!("{train} --folder none --resume"), at, 1, &["none: there is no checkpoint to go on from"]);
}

/// Ctrl-C ends after the step, says how to go on, and going on is exact.
#[cfg(unix)]
#[test]
fn ctrl_c_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(64, 4);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let train = "train d.npz --batch 2 --device cpu --epochs 40";
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    prepare(&mut command, &format!("{train} --folder broken --step-log steps.csv"), at);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while fs::read_to_string(at.join("steps.csv")).map_or(0, |text| text.lines().count()) < 10 {
        assert!(begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.status, Some(130), "{}", ran.err);
    assert!(ran.err.contains("stopped after step") && ran.err.contains("--resume"), "{}", ran.err);
    assert!(!at.join("broken/model.keras").exists());
    succeeds(&format!("{train} --folder broken --step-log steps.csv --resume"), at);
    succeeds(&format!("{train} --folder whole --step-log whole.csv"), at);
    assert_eq!(weights(at.join("broken/model.keras")), weights(at.join("whole/model.keras")));
    assert_eq!(fs::read(at.join("steps.csv")).unwrap(), fs::read(at.join("whole.csv")).unwrap());
}

/// Killed at any moment, before the first checkpoint too, a training begins anew or goes on, and ends with the same bits.
#[cfg(unix)]
#[test]
fn a_killed_training_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(64, 4);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let train = "train d.npz --batch 2 --device cpu --epochs 30 --augment translate";
    for steps in [3, 43, 114, 314] {
        let resume = if at.join("broken/checkpoint.safetensors").exists() { " --resume" } else { "" };
        kill(&format!("{train} --folder broken --step-log steps.csv{resume}"), at, steps);
    }
    // What a killed writer leaves goes away, and two trainings do not write to one folder.
    let left = at.join("broken/checkpoint.safetensors.123-4.part");
    fs::write(&left, b"half").unwrap();
    let resumed = format!("{train} --folder broken --step-log steps.csv --resume");
    let settings = fs::File::open(at.join("broken/training.json")).unwrap();
    settings.lock().unwrap();
    fails(&resumed, at, 1, &["broken: another training is writing to this folder"]);
    drop(settings);
    succeeds(&resumed, at);
    assert!(!left.exists());
    succeeds(&format!("{train} --folder whole --step-log whole.csv"), at);
    for file in ["model.keras", "best.keras"] {
        assert_eq!(weights(at.join("broken").join(file)), weights(at.join("whole").join(file)), "{file}");
    }
    assert_eq!(fs::read(at.join("steps.csv")).unwrap(), fs::read(at.join("whole.csv")).unwrap());
    assert_eq!(fs::read(at.join("broken/history.csv")).unwrap(), fs::read(at.join("whole/history.csv")).unwrap());
}

/// As in `cnn train … | head -1`.
#[test]
fn a_training_goes_on_when_nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(64, 4);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    prepare(&mut command, "train d.npz --device cpu --epochs 5", at);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.status, ran.err.contains("cnn:")), (Some(0), false), "{}", ran.err);
    assert!(at.join("training/model.keras").exists());
    assert_eq!(fs::read_to_string(at.join("training/history.csv")).unwrap().lines().count(), 6);
}

/// A model without sizes is trained on pictures of one, and asked about pictures of that.
#[test]
fn a_model_of_any_size_takes_the_size_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    save(&tiny(3, [None, None, Some(3)]), at.join("any.keras"));
    succeeds("train data --model any.keras --image-size 8 --epochs 1 --device cpu", at);
    let asked = "data/apple/0.png --model training/model.keras --labels training/classes.txt --device cpu";
    for command in ["classify", "explain"] {
        fails(&format!("{command} {asked}"), at, 1, &["[None, None, None, 3]", "say by --image-size"]);
        succeeds(&format!("{command} {asked} --image-size 8x9"), at);
    }
    save(&tiny(3, [Some(8), Some(8), Some(3)]), at.join("eight.keras"));
    let wanted = ["it takes [None, 8, 8, 3], not pictures of 9x9; leave --image-size out"];
    fails("classify data/apple/0.png --model eight.keras --image-size 9", at, 1, &wanted);
}

/// Runs a training with `--step-log steps.csv` and kills it once so many of its steps are logged.
fn kill(line: &str, at: &Path, steps: usize) {
    let logged = || fs::read_to_string(at.join("steps.csv")).map_or(0, |text| text.lines().skip(1).count());
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    prepare(&mut command, line, at);
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while logged() < steps {
        assert!(begin.elapsed() < Duration::from_secs(60), "{line}: {steps} steps");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_file_is_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    save(&tiny(3, [None, None, Some(3)]), at.join("any.keras"));
    save(&tiny(3, [Some(10), Some(10), Some(1)]), at.join("grey.keras"));
    save(&tiny(7, [Some(8), Some(8), Some(3)]), at.join("seven.keras"));
    save(&tiny(3, [Some(8), Some(8), Some(2)]), at.join("two.keras"));
    let train = |model: &str| format!("train data --model {model} --device cpu --epochs 1 --folder {model}.results");
    succeeds(&format!("{} --image-size 9x11", train("any.keras")), at);
    assert_ne!(weights(at.join("any.keras")), weights(at.join("any.keras.results/model.keras")));
    // What augments is not in the file.
    let augmented = format!(
        "{} --image-size 9x11 --augment flip,crop,cutmix",
        train("any.keras").replace(".results", ".augmented")
    );
    succeeds(&augmented, at);
    let model = |folder: &str| Network::load(&at.join(folder).join("model.keras")).unwrap().model().clone();
    assert_eq!(model("any.keras.augmented"), model("any.keras.results"));
    assert_ne!(weights(at.join("any.keras.augmented/model.keras")), weights(at.join("any.keras.results/model.keras")));
    let wanted = ["hue: expects pictures of 3 channels, and these are 10x10x1", "leave it out of --augment"];
    fails(&format!("{} --augment hue", train("grey.keras")), at, 1, &wanted);
    let ran = succeeds(&train("grey.keras"), at);
    assert!(ran.out.contains("of 10x10x1"), "{}", ran.out);
    let wanted = ["its last layer has 7 classes, but the data has 3", "--base"];
    fails(&train("seven.keras"), at, 1, &wanted);
    fails(&train("two.keras"), at, 1, &["it takes [None, 8, 8, 2], not pictures of 1 or 3 channels"]);
    let wanted = ["it takes [None, 10, 10, 1], not pictures of 8x8; leave --image-size out"];
    fails(&format!("{} --image-size 8", train("grey.keras")), at, 1, &wanted);
    let (x, y) = rows(12, 3);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let wanted = ["it takes [None, 10, 10, 1], but the samples are [None, 8, 8, 1]"];
    fails("train d.npz --model grey.keras --device cpu", at, 1, &wanted);
    fails("evaluate d.npz --model grey.keras --device cpu", at, 1, &wanted);
    fails("evaluate data --model seven.keras --device cpu", at, 1, &["has 7 classes, but the data has 3"]);
}

/// The base stays as it is where it is frozen, in all its modes of preprocessing.
#[test]
fn a_new_classifier_on_a_base() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) =
        (Tensor::from_fn(vec![8, 32, 32, 3], |i| (i * 31 % 256) as f32), Tensor::from_fn(vec![8], |i| (i % 2) as f32));
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    for name in ["MobileNet", "ResNet50"] {
        let arguments = cnn::zoo::Arguments::default().include_top(false).input_shape([32, 32, 3]);
        let arguments = arguments.pooling(cnn::zoo::Pooling::Avg);
        let base = Network::untrained(name, &arguments, 2).unwrap();
        save(&base, at.join(format!("{name}.weights.h5")));
        let line =
            format!("train d.npz --base {name} --weights {name}.weights.h5 --freeze --steps 1 --batch 4 --device cpu");
        let ran = succeeds(&format!("{line} --validation 0 --folder {name}"), at);
        assert!(ran.out.contains("(Functional)") && ran.out.contains("predictions (Dense)"), "{}", ran.out);
        let trained = Network::load(&at.join(name).join("model.keras")).unwrap();
        let nested = trained.model().layers().iter().find(|layer| layer.nested().is_some()).unwrap().name().to_string();
        let trained = trained.weights().unwrap();
        for (path, tensor) in base.weights().unwrap().iter() {
            assert_eq!(trained.get(&format!("{nested}/{path}")), Some(tensor), "{path}");
        }
        // More than one epoch of two batches; a loss that takes rows of 0 and 1 changes nothing of that.
        let line = line.replace("--steps 1", "--steps 4");
        for loss in ["mse", "sparse_categorical_crossentropy"] {
            let ran = succeeds(&format!("{line} --validation 0.25 --loss {loss} --folder {name}_{loss}"), at);
            assert!(ran.err.contains("the frozen base is computed once"), "{loss}: {}", ran.err);
        }
    }
    fails("train d.npz --base InceptionV4 --device cpu", at, 2, &["no model is called 'InceptionV4'"]);
    fails("train d.npz --freeze", at, 2, &["--base"]);
    let (x, y) = rows(8, 2);
    npz(at.join("grey.npz"), &[("x", &x), ("y", &y)]);
    fails("train grey.npz --base MobileNet", at, 1, &["3 channels, but the samples are 8x8x1"]);
}

/// Two stages: the base stays as it is before the layer named, and in its normalisations; a stopped one goes on.
#[test]
fn a_base_is_fine_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = (
        Tensor::from_fn(vec![12, 32, 32, 3], |i| (i * 31 % 256) as f32),
        Tensor::from_fn(vec![12], |i| (i % 2) as f32),
    );
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let arguments = cnn::zoo::Arguments::default().include_top(false).input_shape([32, 32, 3]);
    let base = Network::untrained("ResNet50", &arguments.pooling(cnn::zoo::Pooling::Avg), 2).unwrap();
    save(&base, at.join("w.weights.h5"));
    let line = "train d.npz --base ResNet50 --weights w.weights.h5 --batch 4 --device cpu --validation 0";
    let two =
        format!("{line} --epochs 2 --fine-tune-from conv5_block3_3_conv --fine-tune-rate 0.001 --step-log steps.csv");
    let ran = succeeds(&format!("{two} --fine-tune-epochs 3 --folder whole"), at);
    // 12 samples of 2048 numbers.
    assert!(ran.err.contains("96.0 KiB of features are kept"), "{}", ran.err);
    // conv5_block3_3_conv has 512 x 2048 + 2048 weights, the classifier 2048 x 2 + 2.
    for text in
        ["epoch 2/2  loss", "fine-tuning: 1054722 parameters learn, at 1e-3", "epoch 3/3  loss", "fine_tuning.svg"]
    {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let steps: Vec<String> = fs::read_to_string(at.join("steps.csv")).unwrap().lines().map(String::from).collect();
    assert!(steps.len() == 1 + 5 * 3 && steps[15].starts_with("15,"), "{steps:?}");
    let trained = weights(at.join("whole/model.keras"));
    let mut moved: Vec<&str> = Vec::new();
    let before = base.weights().unwrap();
    for (path, tensor) in before.iter() {
        let now = trained.iter().find(|(now, _)| now.ends_with(&format!("/{path}"))).unwrap().1;
        moved.extend((now != tensor).then_some(path));
    }
    moved.sort_unstable();
    assert_eq!(moved, ["conv5_block3_3_conv/bias", "conv5_block3_3_conv/kernel"]);
    // The same in parts: killed in the first stage of 6 steps and in the first and the third epoch of the second.
    fs::remove_file(at.join("steps.csv")).unwrap();
    for steps in [2, 8, 13] {
        let resume = if at.join("parts/checkpoint.safetensors").exists() { " --resume" } else { "" };
        kill(&format!("{two} --fine-tune-epochs 3 --folder parts{resume}"), at, steps);
    }
    assert!(at.join("parts/fine_tuning.safetensors").exists(), "it was killed in its second stage");
    assert!(!at.join("parts/model.keras").exists(), "it was killed before its end");
    succeeds(&format!("{two} --fine-tune-epochs 3 --folder parts --resume"), at);
    let parts = weights(at.join("parts/model.keras"));
    assert!(parts.iter().all(|(path, tensor)| trained.get(path) == Some(tensor)));
    let resumed: Vec<String> = fs::read_to_string(at.join("steps.csv")).unwrap().lines().map(String::from).collect();
    assert_eq!(resumed, steps);
    // The second stage has begun behind two epochs.
    let more = two.replace("--epochs 2", "--epochs 3");
    fails(&format!("{more} --fine-tune-epochs 3 --folder parts --resume"), at, 1, &["epochs was 2, is 3"]);
    // A multiplier of the base waits for the second stage.
    let slow = format!("{two} --fine-tune-epochs 1 --learning-rate-multiplier");
    succeeds(&format!("{slow} resnet50/=0.1 --folder slow"), at);
    fails(&format!("{slow} resnet50/conv1=0.1 --folder none"), at, 1, &["begins with 'resnet50/conv1'"]);

    fails(&format!("{line} --fine-tune-epochs 3"), at, 2, &["ask for one by --fine-tune"]);
    fails(&format!("{line} --fine-tune 3 --freeze"), at, 2, &["cannot be used with"]);
    fails(&format!("{line} --fine-tune-from conv5_block3_3"), at, 1, &["no layer 'conv5_block3_3', but '"]);
    fails(&format!("{line} --fine-tune 1"), at, 1, &["the last 1 layers of", "take more layers"]);
    fails("train d.npz --fine-tune 3", at, 2, &["--base"]);
}

/// A search suggests a rate and trains nothing.
#[test]
fn a_learning_rate_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(64, 4);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let ran = succeeds("train d.npz --batch 16 --device cpu --find-learning-rate", at);
    for text in ["where the loss falls fastest", "a tenth of where it is least", "learning_rate.svg  the loss at"] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    assert!(fs::read_to_string(at.join("learning_rate.svg")).unwrap().contains("steepest"));
    assert!(!at.join("training").exists());
    fails("train d.npz --find-learning-rate rate.gif", at, 2, &["end its name in .svg or .png"]);
    for option in ["--step-log s.csv", "--folder other", "--epochs 2", "--steps 2", "--output m.keras", "--resume"] {
        fails(&format!("train d.npz --find-learning-rate r.svg {option}"), at, 2, &["cannot be used with"]);
    }
}

#[test]
fn data_that_cannot_be_learned() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir_all(at.join("empty")).unwrap();
    class(&at.join("one/only"), 0, 3, &[(4, 4)]);
    class(&at.join("lonely/only"), 0, 3, &[(4, 4)]);
    fs::create_dir_all(at.join("lonely/nothing")).unwrap();
    fs::create_dir_all(at.join("all_broken/a")).unwrap();
    fs::write(at.join("all_broken/a/x.png"), b"?").unwrap();
    let (x, y) = rows(12, 3);
    npz(at.join("no_x.npz"), &[("pictures", &x), ("y", &y)]);
    npz(at.join("from_1.npz"), &[("x", &x), ("y", &Tensor::from_fn(vec![12], |i| (i % 3 + 1) as f32))]);
    npz(at.join("half.npz"), &[("x", &x), ("y", &Tensor::from_fn(vec![12], |i| i as f32 / 2.0))]);
    npz(at.join("negative.npz"), &[("x", &x), ("y", &Tensor::full(vec![12], -1.0))]);
    npz(at.join("short.npz"), &[("x", &x), ("y", &Tensor::from_fn(vec![11], |i| (i % 3) as f32))]);
    npz(at.join("same.npz"), &[("x", &x), ("y", &Tensor::full(vec![12], 0.0))]);
    npz(at.join("flat.npz"), &[("x", &x.clone().reshape(vec![12, 64]).unwrap()), ("y", &y)]);
    let stray = Tensor::from_fn(vec![12], |i| if i == 3 { 999_999.0 } else { (i % 3) as f32 });
    npz(at.join("stray.npz"), &[("x", &x), ("y", &stray)]);
    let one_nan = Tensor::from_fn(vec![12, 8, 8], |i| if i == 5 * 64 + 7 { f32::NAN } else { 1.0 });
    npz(at.join("one_nan.npz"), &[("x", &one_nan), ("y", &y)]);
    npz(at.join("test_nan.npz"), &[("x_train", &x), ("y_train", &y), ("x_test", &one_nan), ("y_test", &y)]);
    save(&tiny(3, [Some(8), Some(8), Some(1)]), at.join("three.keras"));
    save(&tiny(1, [Some(8), Some(8), Some(1)]), at.join("one.keras"));
    let two = Tensor::from_fn(vec![12], |i| (i % 2) as f32);
    npz(at.join("two.npz"), &[("x", &x), ("y", &two)]);
    npz(at.join("nan.npz"), &[("x", &Tensor::full(vec![12, 8, 8], f32::NAN)), ("y", &y)]);
    npz(at.join("soft.npz"), &[("x", &x), ("y", &Tensor::full(vec![12, 3], 0.3))]);
    npz(at.join("good.npz"), &[("x", &x), ("y", &y)]);
    let larger = Tensor::full(vec![12, 9, 9], 1.0);
    npz(at.join("sizes.npz"), &[("x_train", &x), ("y_train", &y), ("x_test", &larger), ("y_test", &y)]);
    fs::write(at.join("file.npz"), b"not an archive").unwrap();
    let cases: &[(&str, i32, &[&str])] = &[
        ("nothing", 1, &["nothing: ", "give the folder that holds one folder of pictures for each class"]),
        ("nothing.npz", 1, &["nothing.npz: cannot be read: No such file"]),
        ("empty", 1, &["empty: holds no folders"]),
        ("one", 1, &["one: all samples are of class 'only', so there is nothing to learn; give two classes"]),
        ("lonely", 1, &["class 'nothing' has no picture", "all samples are of class 'only'"]),
        ("all_broken", 1, &["x.png"]),
        ("no_x.npz", 1, &["no_x.npz", "x_train and y_train, or x and y", "pictures, y"]),
        ("from_1.npz", 1, &["from_1.npz: its labels go from 1 to 3, but classes are counted from 0; subtract 1"]),
        ("half.npz", 1, &["half.npz: label 0.5 of sample 1 is no class number", "whole and from 0 on"]),
        ("negative.npz", 1, &["negative.npz: label -1 of sample 0 is no class number"]),
        ("short.npz", 1, &["short.npz: ", "11 entries, but there are 12 samples"]),
        ("same.npz", 1, &["same.npz: all samples are of class '0'"]),
        ("flat.npz", 1, &["flat.npz: samples have the shape 64, but pictures are height x width x channels"]),
        ("nan.npz", 1, &["nan.npz: x: 768 values are NaN"]),
        ("one_nan.npz", 1, &["one_nan.npz: x: 1 values are NaN or infinite, the first in sample 5"]),
        ("test_nan.npz", 1, &["test_nan.npz: of x_test and y_test: x: 1 values are NaN", "the first in sample 5"]),
        ("stray.npz", 1, &["stray.npz: label 999999 of sample 3 makes 1000000 classes of 12 samples"]),
        ("soft.npz", 1, &["soft.npz: the rows of its labels are not one-hot"]),
        ("sizes.npz", 1, &["sizes.npz: the samples of x_train are 8x8x1, those of x_test 9x9x1; bring them to one"]),
        ("file.npz", 1, &["file.npz: is not a whole .npz"]),
        ("good.npz --epochs 0", 2, &["--epochs", "0 is not in 1.."]),
        ("good.npz --batch 0", 2, &["--batch"]),
        ("good.npz --epochs 1 --steps 1", 2, &["--steps"]),
        ("good.npz --validation 1", 2, &["it takes a share from 0 to below 1"]),
        ("good.npz --validation 0.01", 1, &["0.01 of 12 samples leaves 0 samples for validation"]),
        ("good.npz --image-size 8", 2, &["--image-size is for folders of pictures"]),
        ("good.npz --image-size 8x", 2, &["HEIGHTxWIDTH"]),
        ("good.npz --optimizer adm", 2, &["did you mean adam?"]),
        ("good.npz --optimizer sgd,lr=fast", 2, &["learning_rate is 'fast'"]),
        ("good.npz --loss crossentropy", 2, &["is no loss; there are categorical_crossentropy"]),
        ("good.npz --output m.txt", 2, &["--output m.txt: a whole model needs a name that ends in .keras or .h5"]),
        ("good.npz --output m.weights.h5", 2, &["--output m.weights.h5: a whole model needs a name"]),
        ("good.npz --output /proc/m.keras", 1, &["/proc/m.keras: cannot be written", "name a file in another folder"]),
        ("good.npz --output none/m.keras", 1, &["there is no folder none"]),
        ("good.npz --folder good.npz/results", 1, &["good.npz/results: this folder cannot be made"]),
        ("good.npz --step-log none/s.csv", 1, &["none/s.csv: cannot be written"]),
        ("good.npz --device gpu:99", 1, &["gpu"]),
        ("good.npz --model three.keras --freeze", 2, &["--model", "cannot be used with", "--freeze"]),
        ("good.npz --model three.keras --weights w.h5", 2, &["--model", "cannot be used with", "--weights"]),
        ("good.npz --model three.keras --fine-tune 2", 2, &["--model", "cannot be used with", "--fine-tune"]),
        ("good.npz --model three.keras --fine-tune-from a", 2, &["--model", "cannot be used with", "--fine-tune-from"]),
        ("good.npz --base MobileNetV2 --preprocess caffe", 2, &["--base", "cannot be used with", "--preprocess"]),
        (
            "good.npz --base MobileNetV2 --fine-tune 1 --fine-tune-rate 0",
            2,
            &["--fine-tune-rate", "a finite number above 0"],
        ),
        (
            "two.npz --model one.keras --loss categorical_crossentropy",
            2,
            &["--loss categorical_crossentropy compares classes, but 'tiny' has one output; take binary_crossentropy"],
        ),
        ("good.npz --model none.keras", 1, &["none.keras: cannot be read"]),
    ];
    for (line, status, wanted) in cases {
        fails(&format!("train {line}"), at, *status, wanted);
    }
    fails("evaluate good.npz --model none.keras --confusion c.txt", at, 2, &["end the name in .svg or .png"]);
}

#[test]
fn few_samples_and_no_gpu() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (x, y) = rows(4, 2);
    npz(at.join("d.npz"), &[("x", &x), ("y", &y)]);
    let ran = cnn_with("train d.npz --epochs 1", at, &NO_ADAPTER);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert!(ran.err.contains("too few samples to keep some for validation"), "{}", ran.err);
    assert!(ran.err.contains("running on the CPU") && ran.out.contains("on CPU, since"), "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("training\nloss"), "{}", ran.out);
    // Numbers from 0 to 1 are no pixels of 255.
    assert!(ran.out.contains("rescaling"));
    npz(at.join("unit.npz"), &[("x", &Tensor::from_fn(vec![4, 8, 8], |i| (i % 2) as f32)), ("y", &y)]);
    let ran = succeeds("train unit.npz --epochs 1 --device reference --folder unit", at);
    assert!(!ran.out.contains("rescaling"), "{}", ran.out);
}
