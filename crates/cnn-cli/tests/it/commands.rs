//! What each command does when all is well.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use cnn::{Device, Network, Options, Runner, Tensor};
use serde_json::Value;

use crate::files::{array, difference, write_array};
use crate::{FORMATS, NO_ADAPTER, cnn, cnn_with, succeeds};

/// Float32 logits lie up to 3e-5 from float64, a probability p then up to p (1 - p) times twice that, 1.5e-5 at worst, and a
/// tenth of that in networks as small as these.
const FLOAT32: f32 = 1e-5;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn run_gives_keras_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let cases = [
        ("small.keras", "", "small"),
        ("small.h5", "", "small"),
        ("small.keras", "--weights {formats}/small.weights.h5", "small"),
        ("small.keras", "--weights {formats}/small.safetensors", "small"),
        ("small_nested.keras", "", "small_nested"),
    ];
    for device in ["cpu", "reference"] {
        for (model, options, name) in cases {
            let input = format!("--input {{formats}}/{name}_input.npy --output {device}.npy");
            let ran = succeeds(&format!("run {{formats}}/{model} {options} {input} --device {device}"), at);
            assert_eq!(ran.err, "", "{model}");
            let wanted = array(format!("{FORMATS}/{name}_output.npy"));
            let got = array(at.join(format!("{device}.npy")));
            assert!(difference(&got, &wanted) <= FLOAT32, "{model} {options} on {device}");
        }
    }
}

/// Into each format and on: the outputs stay Keras's, and the last file holds the first one's weights bit for bit.
#[test]
fn convert_keeps_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["small", "small_nested", "small_seq"] {
        let model = format!("{{formats}}/{name}.keras");
        let steps = [
            (format!("{model} a.h5"), "model and weights"),
            ("a.h5 b.keras".into(), "model and weights"),
            ("b.keras c.weights.h5".into(), "weights alone"),
            ("c.weights.h5 d.safetensors --model b.keras --dtype float64".into(), "weights alone"),
            ("d.safetensors e.h5 --weights-only --model a.h5".into(), "weights alone"),
            (format!("e.h5 f.keras --model {model}"), "model and weights"),
        ];
        for (step, says) in steps {
            let ran = succeeds(&format!("convert {step}"), at);
            assert!(ran.out.contains(says), "{step}: {}", ran.out);
        }
        let bits = |path: &Path| Network::load(path).unwrap().weights().unwrap();
        assert_eq!(bits(&at.join("f.keras")), bits(&Path::new(FORMATS).join(format!("{name}.keras"))));
        for model in ["a.h5", "b.keras", "f.keras"] {
            succeeds(&format!("run {model} --input {{formats}}/{name}_input.npy --output y.npy --device cpu"), at);
            let wanted = array(format!("{FORMATS}/{name}_output.npy"));
            assert!(difference(&array(at.join("y.npy")), &wanted) <= FLOAT32, "{name}: {model}");
        }
    }
    succeeds("convert b.keras half.safetensors --dtype float16", at);
    let size = |file: &str| fs::metadata(at.join(file)).unwrap().len();
    succeeds("convert b.keras single.safetensors", at);
    assert!(size("half.safetensors") < size("single.safetensors"));
}

#[test]
fn run_writes_taps_and_logits() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = "run {formats}/small.keras --device reference --input {formats}/small_input.npy";
    succeeds(&format!("{run} --output p.npy --tap predictions=t.npy --tap gap=gap.npy"), at);
    let probabilities = array(at.join("p.npy"));
    assert_eq!(array(at.join("t.npy")), probabilities);
    assert_eq!(array(at.join("gap.npy")).shape()[0], probabilities.shape()[0]);

    succeeds(&format!("{run} --output logits.npy --classifier-activation none"), at);
    let logits = array(at.join("logits.npy"));
    let classes = *logits.shape().last().unwrap();
    let softmax = logits.data().chunks(classes).flat_map(|row| {
        let sum: f32 = row.iter().map(|x| x.exp()).sum();
        row.iter().map(move |x| x.exp() / sum)
    });
    let softmax = Tensor::new(logits.shape().to_vec(), softmax.collect()).unwrap();
    assert!(difference(&softmax, &probabilities) <= FLOAT32);

    succeeds(&format!("{run} --output same.npy --classifier-activation softmax"), at);
    assert_eq!(array(at.join("same.npy")), probabilities);
}

#[test]
fn run_reports_numbers_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    write_array(folder.path().join("nan.npy"), &[1, 16, 16, 3], f32::NAN);
    let ran = succeeds("run {formats}/small.keras --device cpu --input nan.npy --output y.npy", folder.path());
    assert!(ran.err.contains("nan.npy: 768 of 768 elements are NaN or infinite"), "{}", ran.err);
    assert!(ran.err.contains("y.npy: "), "{}", ran.err);
}

#[test]
fn a_zoo_model_takes_its_weights_from_keras_cache() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let cache = at.join("keras/models");
    fs::create_dir_all(&cache).unwrap();
    let row = cnn::zoo::find("MobileNetV2").unwrap();
    let headless = cnn::zoo::Arguments::default().include_top(false);
    let network = Network::untrained("MobileNetV2", &headless, 1).unwrap();
    let bytes = cnn::io::write(network.model(), &network.weights().unwrap(), cnn::io::Format::LegacyWeightsH5).unwrap();
    fs::write(cache.join(row.weights_no_top.file()), bytes).unwrap();
    write_array(at.join("x.npy"), &[1, 32, 32, 3], 0.5);
    let ran = succeeds("run MOBILENETV2 --no-top --input x.npy --output y.npy --device cpu", at);
    assert!(ran.err.contains("weights from") && ran.err.contains(row.weights_no_top.file()), "{}", ran.err);
    assert_eq!(array(at.join("y.npy")).shape(), [1, 1, 1, 1280]);
}

/// Weights of another classifier, as far as they fit: the rest is random, and said to be.
#[test]
fn weights_that_fit_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let classes = |count| cnn::zoo::Arguments::default().classes(count);
    let network = Network::untrained("MobileNetV2", &classes(7), 3).unwrap();
    let bytes = cnn::io::write(network.model(), &network.weights().unwrap(), cnn::io::Format::LegacyWeightsH5).unwrap();
    fs::write(at.join("seven.h5"), bytes).unwrap();
    write_array(at.join("x.npy"), &[1, 224, 224, 3], 0.5);
    let line = "run MobileNetV2 --weights seven.h5 --skip-mismatch --input x.npy --output y.npy --device cpu";
    let ran = succeeds(&format!("{line} --tap global_average_pooling2d=gap.npy"), at);
    assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
    for part in ["should be [1280, 1000], is [1280, 7]", "should be [1000], is [7]"] {
        assert!(ran.err.contains("note: seven.h5: skipped: predictions/") && ran.err.contains(part), "{}", ran.err);
    }
    // What fits is the file's: the features are those of its network.
    let taps = vec!["global_average_pooling2d".into()];
    let runner = Runner::new(&Device::cpu(), network, Options { taps, ..Options::default() }).unwrap();
    let outputs = runner.run_blocking(&[array(at.join("x.npy"))]).unwrap();
    assert_eq!(array(at.join("gap.npy")), outputs[1]);
}

/// A file by the name of a published one brings the layer that goes with it, wherever it lies.
#[test]
fn published_weights_of_efficientnet_have_their_own_layer() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let row = cnn::zoo::find("EfficientNetB0").unwrap();
    let headless = cnn::zoo::Arguments::default().include_top(false);
    let network = Network::untrained(row.name, &headless, 1).unwrap();
    let bytes = cnn::io::write(network.model(), &network.weights().unwrap(), cnn::io::Format::LegacyWeightsH5).unwrap();
    write_array(at.join("x.npy"), &[1, 32, 32, 3], 100.0);
    for (name, own) in [(row.weights_no_top.file(), true), ("other.h5", false)] {
        fs::write(at.join(name), &bytes).unwrap();
        let line = format!("run EfficientNetB0 --no-top --weights {name} --input x.npy --output y.npy --device cpu");
        let ran = cnn(&format!("{line} --tap rescaling_1=t.npy"), at);
        assert_eq!(ran.status, Some(if own { 0 } else { 1 }), "{name}: {}", ran.err);
        assert!(own || ran.err.contains("no layer 'rescaling_1'"), "{}", ran.err);
        let hint = format!("if other.h5 holds those, call it {}", row.weights_no_top.file());
        assert_eq!(ran.err.contains(&hint), !own, "{}", ran.err);
    }
}

/// MobileNetV3 takes pictures of any size, as in Keras; they come in the size that it was trained on.
#[test]
fn classify_with_a_model_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let network = Network::untrained("MobileNetV3Small", &cnn::zoo::Arguments::default(), 1).unwrap();
    assert_eq!(network.model().input_shapes(), [[None, None, None, Some(3)]]);
    let bytes = cnn::io::write(network.model(), &network.weights().unwrap(), cnn::io::Format::LegacyWeightsH5).unwrap();
    fs::write(at.join("w.h5"), bytes).unwrap();
    image::RgbImage::from_pixel(300, 200, image::Rgb([255, 0, 51])).save(at.join("red.png")).unwrap();
    let line = "classify red.png --model MobileNetV3Small --weights w.h5 --top 1 --device cpu --json";
    let got = &json(&succeeds(line, at).out)["results"][0]["labels"][0];
    let x = Tensor::from_fn(vec![1, 224, 224, 3], |i| [255.0, 0.0, 51.0][i % 3]);
    let runner = Runner::new(&Device::Reference, network, Options::default()).unwrap();
    let scores = runner.run_blocking(&[x]).unwrap().remove(0);
    let index = got["index"].as_u64().unwrap() as usize;
    assert!((got["score"].as_f64().unwrap() as f32 - scores.data()[index]).abs() <= FLOAT32);
}

#[test]
fn models_lists_the_zoo() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let cache = at.join("keras/models");
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join(cnn::zoo::find("VGG16").unwrap().weights_no_top.file()), "weights").unwrap();
    let text = succeeds("models", at).out;
    assert_eq!(text.lines().count(), 1 + cnn::zoo::ROWS.len(), "{text}");
    let vgg16 = text.lines().find(|line| line.starts_with("VGG16 ")).unwrap();
    let words: Vec<&str> = vgg16.split_whitespace().collect();
    assert_eq!(words, ["VGG16", "224x224", "138.4", "M", "528", "16", "30.94", "no-top"]);

    let models = json(&succeeds("models --json", at).out)["models"].clone();
    let names: Vec<&str> = models.as_array().unwrap().iter().map(|model| model["model"].as_str().unwrap()).collect();
    assert_eq!(names, cnn::zoo::ROWS.iter().map(|row| row.name).collect::<Vec<_>>());
    let resnet50 = models.as_array().unwrap().iter().find(|model| model["model"] == "ResNet50").unwrap();
    assert_eq!((&resnet50["parameters"], &resnet50["depth"]), (&25_636_712.into(), &107.into()));
    assert_eq!(resnet50["weights"]["cached"], false);
}

#[test]
fn summary_is_keras_text() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let network = Network::load(Path::new(&format!("{FORMATS}/small_nested.keras"))).unwrap();
    let cases = [
        ("", cnn::Summary::default()),
        (
            "--expand-nested --show-trainable",
            cnn::Summary { expand_nested: true, show_trainable: true, ..Default::default() },
        ),
        (
            "--style keras2 --line-length 90",
            cnn::Summary { style: cnn::SummaryStyle::Keras2, line_length: Some(90), ..Default::default() },
        ),
    ];
    for (options, summary) in cases {
        let ran = succeeds(&format!("summary {{formats}}/small_nested.keras {options}"), at);
        assert_eq!(ran.out, network.model().summary(&summary).unwrap());
    }
    let ran = succeeds("summary inceptionv3 --no-top --input-shape 128,128,3", at);
    assert!(ran.out.starts_with("Model: \"inception_v3\"\n"));
    assert!(ran.out.contains(" Total params: 21,802,784 (83.17 MB)\n"), "{}", ran.out);
}

#[test]
fn a_reader_that_has_seen_enough() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    command.args(["summary", "InceptionV3"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn devices_lists_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let ran = succeeds("devices --json", folder.path());
    let devices = json(&ran.out)["devices"].clone();
    let devices = devices.as_array().unwrap();
    let (cpu, gpus) = devices.split_last().unwrap();
    assert_eq!(cpu["device"], "cpu");
    assert!(cpu["limits"]["threads"].as_u64().unwrap() > 0);
    let text = succeeds("devices", folder.path()).out;
    for (number, gpu) in gpus.iter().enumerate() {
        assert_eq!(gpu["device"], format!("gpu:{number}"));
        assert!(gpu["limits"]["max_binding"].as_u64().unwrap() > 0);
        assert!(text.contains(&format!("gpu:{number}  {}\n", gpu["name"].as_str().unwrap())), "{text}");
    }
    assert!(text.contains("cpu    "), "{text}");
}

#[test]
fn classify_scores_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let pixels: Vec<u8> = (0..16 * 16 * 3).map(|i| (i * 7 % 256) as u8).collect();
    image::RgbImage::from_raw(16, 16, pixels.clone()).unwrap().save(at.join("a.png")).unwrap();
    let network = Network::load(Path::new(&format!("{FORMATS}/small.keras"))).unwrap();
    let runner = Runner::new(&Device::Reference, network, Options::default()).unwrap();
    let x = Tensor::new(vec![1, 16, 16, 3], pixels.iter().map(|&x| f32::from(x)).collect()).unwrap();
    let wanted = runner.run_blocking(&[x]).unwrap().remove(0);
    let names: Vec<String> = (0..wanted.len()).map(|i| format!("kind {i}")).collect();
    fs::write(at.join("names.txt"), names.join("\n")).unwrap();

    let line = "classify a.png --model {formats}/small.keras --labels names.txt --top 2 --device cpu";
    let got = json(&succeeds(&format!("{line} --json"), at).out);
    let labels = got["results"][0]["labels"].as_array().unwrap();
    assert_eq!(labels.len(), 2);
    let best = wanted.data().iter().copied().fold(f32::MIN, f32::max);
    assert!((labels[0]["score"].as_f64().unwrap() as f32 - best).abs() <= FLOAT32);
    for label in labels {
        let index = label["index"].as_u64().unwrap() as usize;
        assert!((label["score"].as_f64().unwrap() as f32 - wanted.data()[index]).abs() <= FLOAT32);
        assert_eq!(label["label"], format!("kind {index}"));
    }
    let text = succeeds(line, at).out;
    assert!(text.starts_with("a.png\n") && text.contains(labels[0]["label"].as_str().unwrap()), "{text}");

    // A model file brings no preprocessing of its own; asked for, it changes the scores.
    let other = json(&succeeds(&format!("{line} --json --preprocess tf"), at).out);
    assert_ne!(other["results"], got["results"]);
}

/// A folder in batches: each picture as by itself, in the order of names, with a bad one reported in its place; memory does
/// not grow with their number, so the last batch of another size is all that is made anew.
#[test]
fn classify_a_folder_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir_all(at.join("photos/more")).unwrap();
    let mut names: Vec<String> = (0..11).map(|i| format!("photos/p{i:02}.png")).collect();
    names.insert(0, "photos/more/first.PNG".into());
    for (i, name) in names.iter().enumerate() {
        let picture = image::RgbImage::from_fn(20, 10, |x, y| image::Rgb([x as u8 * 12, y as u8 * 25, i as u8 * 20]));
        picture.save_with_format(at.join(name), image::ImageFormat::Png).unwrap();
    }
    fs::write(at.join("photos/p03.png"), "no picture").unwrap();
    fs::write(at.join("photos/readme.txt"), "not looked at").unwrap();
    let line = "--model {formats}/small.keras --device cpu --top 1";
    let single = |name: &str| json(&cnn(&format!("classify {name} {line} --json"), at).out)["results"][0].clone();
    let wanted: Vec<Value> = names.iter().map(|name| single(name)).collect();
    for batch in [1, 4, 5, 32] {
        let ran = cnn(&format!("classify photos {line} --json --batch {batch}"), at);
        assert_eq!(ran.status, Some(1), "{}", ran.err);
        assert!(ran.err.contains("12 pictures in") && ran.err.contains("% of that time"), "{}", ran.err);
        let got = json(&ran.out)["results"].clone();
        for (got, wanted) in got.as_array().unwrap().iter().zip(&wanted) {
            assert_eq!((&got["picture"], &got["error"]), (&wanted["picture"], &wanted["error"]));
            let [got, wanted] = [got, wanted].map(|result| &result["labels"][0]);
            assert_eq!(got["index"], wanted["index"]);
            let difference = got["score"].as_f64().unwrap_or(0.0) - wanted["score"].as_f64().unwrap_or(0.0);
            assert!(difference.abs() <= f64::from(FLOAT32));
        }
        assert_eq!(got.as_array().unwrap().len(), wanted.len());
    }
    let csv = cnn(&format!("classify photos {line} --csv"), at).out;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (13, "picture,rank,index,label,score,error"));
    assert!(lines[1].starts_with("photos/more/first.PNG,1,") && lines[5].starts_with("photos/p03.png,,,,,"), "{csv}");

    fs::create_dir(at.join("empty")).unwrap();
    let ran = cnn(&format!("classify empty {line}"), at);
    assert_eq!(ran.status, Some(1));
    assert!(ran.err.contains("empty: there is no picture in this folder"), "{}", ran.err);
}

/// MobileNetV2 is the model where none is named; weights come from Keras's cache, labels are ImageNet's, and pixels are
/// preprocessed.
#[test]
fn classify_with_a_zoo_model() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let cache = at.join("keras/models");
    fs::create_dir_all(&cache).unwrap();
    let row = cnn::zoo::find("MobileNetV2").unwrap();
    let network = Network::untrained(row.name, &cnn::zoo::Arguments::default(), 1).unwrap();
    let bytes = cnn::io::write(network.model(), &network.weights().unwrap(), cnn::io::Format::LegacyWeightsH5).unwrap();
    fs::write(cache.join(row.weights.file()), bytes).unwrap();
    image::RgbImage::from_pixel(300, 200, image::Rgb([255, 0, 51])).save(at.join("red.png")).unwrap();

    let ran = succeeds("classify red.png --top 1 --device cpu --json", at);
    assert!(ran.err.contains("weights from"), "{}", ran.err);
    let got = &json(&ran.out)["results"][0]["labels"][0];
    // Mode tf: x / 127.5 - 1.
    let x = Tensor::from_fn(vec![1, 224, 224, 3], |i| [1.0, -1.0, -0.6][i % 3]);
    let runner = Runner::new(&Device::Reference, network, Options::default()).unwrap();
    let scores = runner.run_blocking(&[x]).unwrap().remove(0);
    let index = got["index"].as_u64().unwrap() as usize;
    let class = cnn::zoo::imagenet_classes()[index];
    assert_eq!((&got["label"], &got["wordnet_id"]), (&class.name.into(), &class.wordnet_id.into()));
    let best = scores.data().iter().copied().fold(f32::MIN, f32::max);
    for wanted in [best, scores.data()[index]] {
        assert!((got["score"].as_f64().unwrap() as f32 - wanted).abs() <= FLOAT32);
    }
}

#[test]
fn bench_tells_times() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = "bench {formats}/small.keras --device cpu,reference --batch 1,3 --runs 2";
    let got = json(&succeeds(&format!("{line} --json -"), at).out);
    let results = got["results"].as_array().unwrap();
    let keys = |result: &Value| (result["device"].as_str().unwrap().to_string(), result["batch"].as_u64().unwrap());
    let wanted = [("CPU", 1), ("CPU", 3), ("CPU reference in float64", 1), ("CPU reference in float64", 3)];
    assert_eq!(results.iter().map(keys).collect::<Vec<_>>(), wanted.map(|(device, batch)| (device.into(), batch)));
    for result in results {
        assert_eq!(
            (&result["runs"], &result["precision"], &result["weights"]),
            (&2.into(), &"f32".into(), &"trained".into())
        );
        let [least, median] = ["min_ms", "median_ms"].map(|key| result[key].as_f64().unwrap());
        assert!(0.0 < least && least <= median && result["first_ms"].as_f64().unwrap() > 0.0);
    }
    let table = succeeds(&format!("{line} --json b.json"), at).out;
    assert!(table.starts_with("model") && table.lines().count() == 5, "{table}");
    assert_eq!(json(&fs::read_to_string(at.join("b.json")).unwrap())["results"].as_array().unwrap().len(), 4);
}

#[test]
fn demo_agrees_with_keras_and_learns() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = "demo --device cpu --epochs 2 --seed 1";
    let ran = succeeds(&format!("{line} --folder pictures"), at);
    for wanted in [
        "accuracy  297 of 300, 99.0 %",
        "as Keras  300 of 300",
        "learn on CPU, 2 epochs each",
        "of 300 never seen in training",
        "; frozen), Dropout, Dense\n            33573 parameters, 5125 of them trained",
        "learned   3000 images in",
        "RandomTranslation, RandomRotation, RandomZoom, base (Rescaling, Conv2D",
    ] {
        assert!(ran.out.contains(wanted), "{wanted}\n{}", ran.out);
    }
    let accuracies = |out: &str| -> Vec<String> {
        out.lines().filter(|line| line.contains("never seen in training")).map(str::to_string).collect()
    };
    assert_eq!(accuracies(&ran.out).len(), 5, "{}", ran.out);
    for name in ["loss.svg", "accuracy.svg"] {
        let svg = fs::read_to_string(at.join("pictures").join(name)).unwrap();
        assert!(svg.contains("augmented, test") && svg.ends_with("</svg>\n"), "{name}");
    }
    for name in ["keras", "scratch", "transfer", "writers"] {
        let picture = image::open(at.join("pictures").join(format!("{name}.png"))).unwrap();
        assert!(picture.width() > 100 && picture.height() > 100, "{name}");
    }
    // The seed decides all but the times; without a folder nothing is written.
    let files = || fs::read_dir(at).unwrap().count();
    let before = files();
    let again = succeeds(line, at);
    assert_eq!((accuracies(&again.out), files()), (accuracies(&ran.out), before));
}

#[cfg(target_os = "linux")]
#[test]
fn demo_says_that_there_is_no_gpu() {
    let folder = tempfile::tempdir().unwrap();
    let ran = cnn_with("demo --epochs 1", folder.path(), &NO_ADAPTER);
    assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.contains("No GPU was found, so the CPU does it"), "{}", ran.out);
    assert!(ran.out.contains("300 of 300"), "{}", ran.out);
}

#[test]
fn help_and_version() {
    let folder = tempfile::tempdir().unwrap();
    for (line, status) in [("--help", 0), ("--version", 0), ("run --help", 0), ("", 2)] {
        let ran = cnn(line, folder.path());
        assert_eq!(ran.status, Some(status), "cnn {line}");
        assert!(!ran.err.contains("cnn: "), "{}", ran.err);
    }
}
