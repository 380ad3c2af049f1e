//! What a user sees of each kind of bad input: exit status, a message that names cause and remedy, nothing half-written.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::files::{array, format, keras_with, left_over, png_header, write_array};
use crate::{NO_ADAPTER, Ran, cnn, cnn_with, words};

/// Lays out the files that the table below names.
fn prepare(folder: &Path) {
    for name in ["small.keras", "small.h5", "small.safetensors", "small.weights.h5", "small_input.npy"] {
        let bytes = format(name);
        fs::write(folder.join(format!("cut_{name}")), &bytes[..bytes.len() * 2 / 3]).unwrap();
    }
    let mut nan = format("small.safetensors");
    let end = nan.len() - 4;
    nan[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(folder.join("nan.safetensors"), nan).unwrap();
    fs::write(folder.join("unknown.keras"), keras_with("\"SeparableConv2D\"", "\"FancyConv2D\"")).unwrap();
    fs::write(folder.join("notes.txt"), "not a model").unwrap();
    fs::write(folder.join("two.txt"), "cat\ndog\n").unwrap();
    write_array(folder.join("wrong.npy"), &[1, 10, 10, 3], 1.0);
    write_array(folder.join("flat.npy"), &[48], 1.0);
    fs::write(folder.join("empty.png"), []).unwrap();
    fs::write(folder.join("zero.png"), png_header(0, 0)).unwrap();
    fs::write(folder.join("wide.png"), png_header(60_000, 1)).unwrap();
    image::RgbImage::new(16, 16).save(folder.join("good.png")).unwrap();
}

/// Arguments, exit status, texts that standard error has to hold.
const CASES: &[(&str, i32, &[&str])] = &[
    // Files.
    (
        "run cut_small.keras --input x.npy --output y.npy",
        1,
        &["cut_small.keras: is not a whole", "download or write it"],
    ),
    ("run cut_small.h5 --input x.npy --output y.npy", 1, &["cut_small.h5: is not a whole"]),
    ("summary cut_small.keras", 1, &["cut_small.keras: is not a whole"]),
    (
        "run {formats}/small.keras --weights cut_small.safetensors --input x.npy --output y.npy",
        1,
        &["cut_small.safetensors: is not a whole safetensors file"],
    ),
    (
        "run {formats}/small.keras --weights cut_small.weights.h5 --input x.npy --output y.npy",
        1,
        &["cut_small.weights.h5: is not a whole"],
    ),
    (
        "run {formats}/small.keras --input cut_small_input.npy --output y.npy",
        1,
        &["cut_small_input.npy: is not a whole .npy file"],
    ),
    ("run {formats}/small.keras --input notes.txt --output y.npy", 1, &["notes.txt: is not a whole .npy file"]),
    (
        "run notes.txt --input x.npy --output y.npy",
        1,
        &["notes.txt: is of a format", "not a .keras or whole-model .h5"],
    ),
    ("run {formats}/small.weights.h5 --input x.npy --output y.npy", 1, &["holds weights alone"]),
    ("run nothing.keras --input x.npy --output y.npy", 1, &["nothing.keras: cannot be read: No such file"]),
    ("run {formats}/small.keras --input nothing.npy --output y.npy", 1, &["nothing.npy: cannot be read"]),
    (
        "run unknown.keras --input x.npy --output y.npy",
        1,
        &["unknown layer class 'FancyConv2D'", "known are", "Conv2D"],
    ),
    // Weights.
    (
        "run {formats}/small.keras --weights {formats}/small_nested.h5 --input x.npy --output y.npy",
        1,
        &["small_nested.h5: these are not the weights of model", "missing conv1/kernel [3, 3, 3, 8]"],
    ),
    (
        "run {formats}/small.keras --weights nan.safetensors --input x.npy --output y.npy",
        1,
        &["nan.safetensors", "has 1 elements that are NaN or infinite"],
    ),
    (
        "run {formats}/small.keras --weights {formats}/small_nested.h5 --skip-mismatch --input x.npy --output y.npy",
        1,
        &["small_nested.h5: these are not the weights of model", "layers with weights, the model"],
    ),
    (
        "run ResNet50 --input x.npy --output y.npy",
        1,
        &[
            "resnet50_weights_tf_dim_ordering_tf_kernels.h5 cannot be had from http://127.0.0.1:1/tensorflow/",
            "no connection",
            "--weights FILE",
            "CNN_WEIGHTS_MIRROR",
        ],
    ),
    (
        "run ResNet50 --no-top --input x.npy --output y.npy",
        1,
        &["resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 cannot be had"],
    ),
    (
        "run mobilenetv2 --weights {formats}/small.h5 --input x.npy --output y.npy",
        1,
        &["small.h5: these are not the weights of model", "more like these"],
    ),
    // Shapes and layers.
    (
        "run {formats}/small.keras --device cpu --input wrong.npy --output y.npy",
        1,
        &["expects [None, 16, 16, 3], got [1, 10, 10, 3]"],
    ),
    (
        "run {formats}/small.keras --device cpu --input flat.npy --output y.npy",
        1,
        &["expects [None, 16, 16, 3], got [48]"],
    ),
    (
        "run {formats}/small.keras --device cpu --input x.npy --output y.npy --tap conv9=t.npy",
        1,
        &["no layer 'conv9'", "cnn summary"],
    ),
    (
        "run {formats}/small.keras --input x.npy --input x.npy --output y.npy",
        2,
        &["takes [None, 16, 16, 3]", "--input 1"],
    ),
    ("run {formats}/small.keras --input x.npy --output y.npy --output z.npy", 2, &["--output 1 times, not 2"]),
    (
        "run {formats}/small.keras --device cpu --no-top --input x.npy --output y.npy",
        2,
        &["--no-top goes with a model"],
    ),
    ("run {formats}/small.keras --device cpu --precision f16 --input x.npy --output y.npy", 1, &["--precision f32"]),
    // Names.
    ("summary ResNet51", 2, &["no model is called 'ResNet51'", "MobileNetV2", ".keras or .h5 file"]),
    ("run {formats}/small.keras --device tpu --input x.npy --output y.npy", 2, &["'tpu' is no device", "gpu:N"]),
    ("convert {formats}/small.keras y.onnx", 1, &["y.onnx", "end it in .keras, .weights.h5, .h5 or .safetensors"]),
    ("convert {formats}/small.keras no/y.keras", 1, &["no/y.keras", "make it first"]),
    ("convert {formats}/small.keras y.keras --weights-only", 2, &["holds the model too"]),
    ("convert {formats}/small.keras y.h5 --dtype float16", 2, &["--dtype goes with .safetensors"]),
    ("convert {formats}/small.weights.h5 y.keras", 1, &["holds weights alone", "name the model"]),
    ("convert {formats}/small.weights.h5 y.keras --model {formats}/small_seq.keras", 1, &["small.weights.h5"]),
    ("convert {formats}/small.keras y.h5 --model {formats}/small.h5 --no-top", 2, &["goes with a model of the zoo"]),
    ("convert {formats}/small.keras y.h5 --no-top", 2, &["--model"]),
    ("convert none.keras y.h5", 1, &["none.keras: cannot be read"]),
    (
        "run {formats}/small.keras --device reference --input {formats}/small_input.npy --output y.npy --profile",
        1,
        &["keeps no times of single steps", "leave --profile out"],
    ),
    (
        "run {formats}/small.keras --device gpu:99 --input x.npy --output y.npy",
        1,
        &["no GPU adapter gpu:99, there are gpu:0", "take one of these or the CPU"],
    ),
    ("run {formats}/small.keras --tap conv1 --input x.npy --output y.npy", 2, &["a layer and a file"]),
    ("run {formats}/small.keras --output y.npy", 2, &["--input"]),
    ("summary ResNet50 --input-shape 224,224", 2, &["height, width and channels"]),
    ("summary ResNet50 --input-shape 8,8,3 --no-top", 1, &["at least 32x32, got [8, 8, 3]"]),
    ("summary ResNet50 --line-length 5", 2, &["--line-length", "too small"]),
    ("summary {formats}/small.keras --no-top", 2, &["--no-top", "model of the zoo"]),
    ("frobnicate", 2, &["frobnicate"]),
    ("bench ResNet50 --batch 0", 2, &["0", "--batch"]),
    // Places to write to.
    (
        "run {formats}/small.keras --device cpu --input x.npy --output none/y.npy",
        1,
        &["none/y.npy: cannot be written: there is no folder none"],
    ),
    ("run {formats}/small.keras --input x.npy --output y.npy --tap conv1=y.npy", 2, &["y.npy is to be written twice"]),
    ("run {formats}/small.keras --device cpu --input x.npy --output .", 1, &["it is a folder"]),
    ("bench {formats}/small.keras --device cpu --json none/b.json", 1, &["there is no folder none"]),
    ("demo --folder empty.png", 1, &["empty.png: this folder cannot be made"]),
    ("demo --epochs 0", 2, &["0", "--epochs"]),
    ("demo --device tpu", 2, &["'tpu' is no device", "gpu:N"]),
    // Pictures.
    ("classify empty.png --model {formats}/small.keras --device cpu", 1, &["empty.png: is empty"]),
    (
        "classify zero.png --model {formats}/small.keras --device cpu",
        1,
        &["zero.png: is a picture of 0 rows and 0 columns"],
    ),
    (
        "classify wide.png --model {formats}/small.keras --device cpu",
        1,
        &["wide.png: has 1 rows and 60000 columns", "scale it down"],
    ),
    (
        "classify notes.txt --model {formats}/small.keras --device cpu",
        1,
        &["notes.txt: is no picture", "PNG, JPEG, GIF, BMP or WebP"],
    ),
    ("classify nothing.png --model {formats}/small.keras --device cpu", 1, &["nothing.png: cannot be read"]),
    ("classify good.png --model {formats}/small.keras --device cpu --labels two.txt", 1, &["two.txt: has 2 names"]),
    ("classify good.png --model {formats}/small.keras --device cpu --top 0", 2, &["--top"]),
    (
        "classify good.png --model VGG16",
        1,
        &["vgg16_weights_tf_dim_ordering_tf_kernels.h5 cannot be had", "--weights FILE"],
    ),
    // Nothing is downloaded for what is not there.
    ("classify nothing.png --model VGG16", 1, &["nothing.png: cannot be read"]),
    ("run VGG16 --input nothing.npy --output y.npy", 1, &["nothing.npy: cannot be read"]),
    ("run VGG16 --skip-mismatch --input x.npy --output y.npy", 2, &["--weights <FILE>"]),
];

#[test]
fn each_kind_of_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    fs::copy(Path::new(crate::FORMATS).join("small_input.npy"), folder.path().join("x.npy")).unwrap();
    for &(line, status, texts) in CASES {
        let ran = cnn(line, folder.path());
        check(line, &ran, status, texts);
        assert!(!folder.path().join("y.npy").exists(), "cnn {line} wrote y.npy");
        assert_eq!(left_over(folder.path()), [""; 0], "cnn {line}");
    }
}

pub fn check(line: &str, ran: &Ran, status: i32, texts: &[&str]) {
    assert_eq!(ran.status, Some(status), "cnn {line}\n{}", ran.err);
    assert!(ran.err.starts_with("cnn: "), "cnn {line}\n{}", ran.err);
    for text in texts {
        assert!(ran.err.contains(text), "cnn {line}\nlacks {text:?}:\n{}", ran.err);
    }
}

#[test]
fn bad_pictures_do_not_keep_good_ones_back() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let line = "classify zero.png good.png wide.png --model {formats}/small.keras --device cpu";
    let ran = cnn(line, folder.path());
    check(line, &ran, 1, &["cnn: zero.png: ", "cnn: wide.png: "]);
    assert!(ran.out.starts_with("good.png\n") && ran.out.contains("class 1"), "{}", ran.out);
}

#[cfg(target_os = "linux")]
#[test]
fn without_any_adapter() {
    let folder = tempfile::tempdir().unwrap();
    let run = "run {formats}/small.keras --input {formats}/small_input.npy --output y.npy --device";
    let line = format!("{run} gpu");
    check(&line, &cnn_with(&line, folder.path(), &NO_ADAPTER), 1, &["no GPU adapter was found;", "Vulkan driver"]);
    assert!(!folder.path().join("y.npy").exists());

    let line = format!("{run} auto");
    check(&line, &cnn_with(&line, folder.path(), &NO_ADAPTER), 0, &["no GPU adapter was found;", "running on the CPU"]);
    assert_eq!(
        array(folder.path().join("y.npy")).shape(),
        array(format!("{}/small_output.npy", crate::FORMATS)).shape()
    );

    let ran = cnn_with("devices", folder.path(), &NO_ADAPTER);
    assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.starts_with("No GPU adapter was found."), "{}", ran.out);
}

/// A write that fails leaves the file that was there before, and nothing else.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("y.npy"), "before").unwrap();
    let run = "run {formats}/small.keras --device cpu --input {formats}/small_input.npy --output";

    // A device that is always full is written to, not replaced.
    let ran = cnn(&format!("{run} /dev/full"), at);
    check(run, &ran, 1, &["/dev/full: cannot be written: No space left on device", "nothing was changed"]);

    // No file may grow: what is written comes back as an error, since the signal is ignored.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_cnn")]).current_dir(at);
    let ran = Ran::from(shell.args(words(&format!("{run} y.npy"))).output().unwrap());
    check(run, &ran, 1, &["y.npy: cannot be written: File too large", "nothing was changed"]);
    assert_eq!(fs::read_to_string(at.join("y.npy")).unwrap(), "before");
    assert_eq!(left_over(at), [""; 0]);

    // Standard output too.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    let ran = Ran::from(command.args(["summary", "VGG16"]).stdout(full).output().unwrap());
    check("summary VGG16", &ran, 1, &["standard output cannot be written: No space left"]);
}

/// The first software driver of Vulkan, as `gpu:N`: what follows takes its limits or the process's memory away, and asks for
/// more than a real GPU may refuse. `cargo xtask test` brings one in.
#[cfg(target_os = "linux")]
fn software_driver(at: &Path) -> String {
    let all: serde_json::Value = serde_json::from_str(&cnn("devices --json", at).out).unwrap();
    let devices = all["devices"].as_array().unwrap();
    let found = devices.iter().position(|device| device["kind"] == "software" && device["backend"] == "vulkan");
    let number = found.unwrap_or_else(|| panic!("no software driver of Vulkan: `cargo xtask test --install-drivers`"));
    format!("gpu:{number}")
}

/// An adapter that has too little for a model says for which layer, and no run is half a run.
#[cfg(target_os = "linux")]
#[test]
fn an_adapter_with_too_little() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let gpu = software_driver(at);
    // 1.2 GB for the picture, where these drivers bind 1 GB at most.
    let line = format!("bench MobileNetV2 --input-shape 10000,10000,3 --device {gpu} --runs 1");
    check(
        &line,
        &cnn(&line, at),
        1,
        &["input_layer of shape [1, 10000, 10000, 3] needs 1200000000 bytes in one piece"],
    );

    // VGG16 takes 0.55 GB on the host and as much on the device, and with all else addresses of 1.95 GB.
    let line = format!("bench VGG16 --device {gpu} --runs 1");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v 1700000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_cnn")]).current_dir(at);
    let ran = Ran::from(shell.args(words(&line)).output().unwrap());
    check(
        &line,
        &ran,
        1,
        &["ran out of memory while preparing", "use a smaller batch, recomputation in training, or the CPU"],
    );
}
