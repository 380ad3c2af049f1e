//! `plot`, `features`, `filters`, `explain`, and how pictures are loaded: what is drawn, and what a user sees of bad input.

use std::fs;
use std::path::Path;

use cnn::explain::{GradCam, Occlusion};
use cnn::layers::{Conv2D, Dense, Flatten, Reshape};
use cnn::plot::{Colors, Maps, ModelPlot, RankDir, Scale, heat_maps};
use cnn::{Device, Network, Options, Runner, Sequential, Tensor, Weights};
use serde_json::Value;

use crate::bad_input::check;
use crate::files::left_over;
use crate::{FORMATS, cnn, succeeds};

const SMALL: &str = "--model {formats}/small.keras";

fn small() -> Network {
    Network::load(&Path::new(FORMATS).join("small.keras")).unwrap()
}

/// 16 x 16 pixels of three colours, as `small.keras` takes them.
fn pixels() -> Vec<u8> {
    (0..16 * 16 * 3).map(|i| (i * 7 % 256) as u8).collect()
}

fn tensor(pixels: &[u8]) -> Tensor {
    Tensor::new(vec![1, 16, 16, 3], pixels.iter().map(|&x| f32::from(x)).collect()).unwrap()
}

#[test]
fn plot_draws_as_the_library_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let cases = [
        ("small", "", ModelPlot::default()),
        (
            "small_nested",
            "--expand-nested --rankdir LR --show-layer-activations --show-trainable",
            ModelPlot {
                expand_nested: true,
                rankdir: RankDir::LeftToRight,
                show_layer_activations: true,
                show_trainable: true,
                ..ModelPlot::default()
            },
        ),
        (
            "small",
            "--show-shapes false --show-layer-names false",
            ModelPlot { show_shapes: false, show_layer_names: false, ..ModelPlot::default() },
        ),
    ];
    for (name, options, plot) in cases {
        let network = Network::load(&Path::new(FORMATS).join(format!("{name}.keras"))).unwrap();
        let ran = succeeds(&format!("plot {{formats}}/{name}.keras --output m.svg {options}"), at);
        assert!(ran.out.starts_with("m.svg  ") && ran.out.contains(network.model().name()), "{}", ran.out);
        assert_eq!(fs::read_to_string(at.join("m.svg")).unwrap(), plot.to_svg(network.model()).unwrap());
    }
    succeeds("plot inceptionv3 --no-top --input-shape 128,128,3 --output m.SVG", at);
    assert_eq!(fs::read_to_string(at.join("m.SVG")).unwrap().matches("class=\"layer\"").count(), 311);
    let ran = cnn("plot {formats}/small.keras --output m.png --dpi 48", at);
    match ran.status {
        Some(0) => assert!(image::open(at.join("m.png")).is_ok()),
        _ => check("plot --output m.png", &ran, 1, &["there is no font on this machine", "SVG"]),
    }
}

#[test]
fn features_are_what_the_layer_makes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    image::RgbImage::from_raw(16, 16, pixels()).unwrap().save(at.join("a.png")).unwrap();
    let cases = [
        ("conv1", "", Maps::default()),
        ("gap", "", Maps::default()),
        (
            "conv1",
            "--scale shared --colors grey --max-maps 3",
            Maps { scale: Scale::Shared, colors: Colors::Grey, most: 3 },
        ),
    ];
    for (layer, options, maps) in cases {
        let options_of_run = Options { taps: vec![layer.into()], ..Options::default() };
        let runner = Runner::new(&Device::cpu(), small(), options_of_run).unwrap();
        let output = runner.run_blocking(&[tensor(&pixels())]).unwrap().pop().unwrap();
        let wanted = maps.features(&format!("{layer} of small, a.png"), &output).unwrap();
        let line = format!("features a.png {SMALL} --layer {layer} --output grid.png --device cpu {options}");
        let ran = succeeds(&line, at);
        assert_eq!(fs::read(at.join("grid.png")).unwrap(), wanted.to_png().unwrap(), "{line}");
        let said = format!("grid.png  {}; {}\n", wanted.title_text(), wanted.note_text());
        assert_eq!((ran.out.as_str(), ran.err.as_str()), (said.as_str(), ""));
    }
}

#[test]
fn filters_are_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let network = small();
    let kernel = network.weight_source().tensor("conv1/kernel").unwrap().unwrap();
    for (options, blue_first) in [("", false), ("--layer conv1 --bgr", true)] {
        succeeds(&format!("filters {SMALL} --output f.png {options}"), at);
        let maps = Maps { colors: Colors::Grey, ..Maps::default() };
        let wanted = maps.filters("conv1 of small", &kernel, blue_first).unwrap();
        assert_eq!(fs::read(at.join("f.png")).unwrap(), wanted.to_png().unwrap(), "{options}");
    }
}

#[test]
fn explanations_are_those_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    image::RgbImage::from_raw(16, 16, pixels()).unwrap().save(at.join("a.png")).unwrap();
    fs::write(at.join("names.txt"), "ash\nbeech\ncedar\ndate\nelm\n").unwrap();
    let runner = Runner::new(&Device::cpu(), small(), Options::default()).unwrap();
    let x = tensor(&pixels());
    let scores = runner.run_blocking(std::slice::from_ref(&x)).unwrap().remove(0);
    let order: Vec<usize> = cnn::zoo::top(scores.data(), 5).into_iter().map(|(class, _)| class).collect();
    let mean: Vec<f32> = (0..3)
        .map(|channel| (x.data().iter().skip(channel).step_by(3).map(|&x| f64::from(x)).sum::<f64>() / 256.0) as f32)
        .collect();

    let grad_cam = |layer: &str, classes: &[usize]| {
        let map = |&class: &usize| {
            let grad_cam = GradCam::new_blocking(&runner, Some(layer), x.shape()).unwrap();
            grad_cam.maps_blocking(&x, &[class]).unwrap()
        };
        let maps: Vec<Tensor> = classes.iter().map(map).collect();
        let shape = [&[classes.len()], &maps[0].shape()[1..]].concat();
        Tensor::new(shape, maps.into_iter().flat_map(Tensor::into_data).collect()).unwrap()
    };
    let occlusion = |patch, stride, classes: &[usize]| {
        Occlusion::new(patch, stride).fill(mean.clone()).maps_blocking(&runner, &x, classes).unwrap()
    };
    let names = ["ash", "beech", "cedar", "date", "elm"];
    let cases = [
        ("", "grad-cam at sep", grad_cam("sep", &order[..1]), &order[..1], false),
        ("--layer conv1 --top 2", "grad-cam at conv1", grad_cam("conv1", &order[..2]), &order[..2], false),
        ("--class 3", "grad-cam at sep", grad_cam("sep", &[3]), &[3], false),
        ("--class DATE", "grad-cam at sep", grad_cam("sep", &[3]), &[3], true),
        ("--method occlusion", "occlusion by 2 x 2 pixels every 1", occlusion(2, 1, &order[..1]), &order[..1], false),
        (
            "--method occlusion --patch 5 --stride 3 --top 9",
            "occlusion by 5 x 5 pixels every 3",
            occlusion(5, 3, &order),
            &order[..],
            true,
        ),
    ];
    for (options, method, maps, classes, named) in cases {
        let label = |&class: &usize| if named { names[class].to_string() } else { format!("class {class}") };
        let lines: Vec<String> =
            classes.iter().map(|class| format!("{:.4}  {}", scores.data()[*class], label(class))).collect();
        let title = format!("{method} of small, a.png");
        let labels = if named { "--labels names.txt" } else { "" };
        let line = format!("explain a.png {SMALL} --device cpu --output e.png {options} {labels}");
        let ran = succeeds(&line, at);
        let wanted = heat_maps(&title, &x, &maps, &lines).unwrap().to_png().unwrap();
        assert_eq!(fs::read(at.join("e.png")).unwrap(), wanted, "{line}");
        let said: String = lines.iter().map(|line| format!("  {line}\n")).collect();
        assert_eq!((ran.out, ran.err), (format!("e.png  {title}\n{said}"), String::new()));
    }
    succeeds("explain a.png --model {formats}/small_nested.keras --layer base/bc --device cpu", at);
    assert!(image::open(at.join("overlay.png")).is_ok());
}

/// The scores of the first picture that `cnn classify` prints.
fn scores(line: &str, at: &Path) -> Vec<f32> {
    let json: Value = serde_json::from_str(&succeeds(line, at).out).unwrap();
    let labels = json["results"][0]["labels"].as_array().unwrap().clone();
    let mut scores = vec![0.0; labels.len()];
    for label in labels {
        scores[label["index"].as_u64().unwrap() as usize] = label["score"].as_f64().unwrap() as f32;
    }
    scores
}

#[test]
fn pictures_are_loaded_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let runner = Runner::new(&Device::cpu(), small(), Options::default()).unwrap();
    let of = |pixels: &[u8]| runner.run_blocking(&[tensor(pixels)]).unwrap().remove(0).into_data();

    // Twice as wide, the model's picture in the middle; its size is the model's, so no filter changes it.
    let middle = image::RgbImage::from_raw(16, 16, pixels()).unwrap();
    let mut wide = image::RgbImage::new(32, 16);
    image::imageops::replace(&mut wide, &middle, 8, 0);
    wide.save(at.join("wide.png")).unwrap();
    let line = format!("classify {{}} {SMALL} --device cpu --json --top 99");
    let classify = |picture: &str, options: &str| scores(&format!("{} {options}", line.replacen("{}", picture, 1)), at);
    for interpolation in ["nearest", "bilinear", "bicubic", "lanczos", "hamming"] {
        let options = format!("--keep-aspect-ratio --interpolation {interpolation}");
        assert_eq!(classify("wide.png", &options), of(&pixels()), "{interpolation}");
    }
    assert_ne!(classify("wide.png", "--interpolation bilinear"), classify("wide.png", ""));

    // 16 bits: 0 to 255 twice, as values of 16 bits and in their upper half.
    let deep = |i: u32| if i < 128 { i as u16 } else { (i as u16) << 8 | 0xff };
    let picture = image::ImageBuffer::from_fn(16, 16, |x, y| image::Luma([deep(16 * y + x)]));
    image::DynamicImage::ImageLuma16(picture).save(at.join("deep.png")).unwrap();
    let grey = |level: fn(u16) -> u8| -> Vec<u8> { (0..256).flat_map(|i| [level(deep(i)); 3]).collect() };
    assert_eq!(classify("deep.png", ""), of(&grey(|value| ((u32::from(value) + 128) / 257) as u8)));
    assert_eq!(classify("deep.png", "--as-keras"), of(&grey(|value| value.min(255) as u8)));
}

/// Arguments, exit status, texts that standard error has to hold.
const CASES: &[(&str, i32, &[&str])] = &[
    ("plot {formats}/small.keras", 2, &["--output"]),
    ("plot {formats}/small.keras --output m.pdf", 2, &["--output m.pdf: end its name in .svg or .png"]),
    ("plot {formats}/small.keras --output none/m.svg", 1, &["none/m.svg: cannot be written: there is no folder none"]),
    ("plot {formats}/small.keras --output m.svg --rankdir XY", 2, &["XY", "TB"]),
    ("plot {formats}/small.keras --output m.svg --show-shapes perhaps", 2, &["perhaps", "--show-shapes"]),
    (
        "plot {formats}/small.keras --output m.svg --no-top",
        2,
        &["--no-top and --input-shape go with a model of the zoo"],
    ),
    ("plot {formats}/small.keras --output m.png --dpi 0", 2, &["0", "--dpi"]),
    ("plot {formats}/small.weights.h5 --output m.svg", 1, &["holds weights alone"]),
    ("plot nothing.keras --output m.svg", 1, &["nothing.keras: cannot be read"]),
    ("plot ResNet51 --output m.svg", 2, &["no model is called 'ResNet51'"]),
    ("features good.png --model {formats}/small.keras --output m.png", 2, &["--layer"]),
    (
        "features good.png --model {formats}/small.keras --layer conv9 --output m.png",
        1,
        &["no layer 'conv9', but 'conv1'", "cnn summary"],
    ),
    ("features good.png --model {formats}/small.keras --layer conv1 --output m.jpg", 2, &["end its name in .png"]),
    (
        "features good.png --model {formats}/small.keras --layer conv1 --output none/m.png",
        1,
        &["there is no folder none"],
    ),
    (
        "features good.png --model {formats}/small.keras --layer conv1 --output m.png --max-maps 0",
        2,
        &["0", "--max-maps"],
    ),
    ("features notes.txt --model {formats}/small.keras --layer conv1 --output m.png", 1, &["notes.txt: is no picture"]),
    (
        "features nothing.png --model {formats}/small.keras --layer conv1 --output m.png",
        1,
        &["nothing.png: cannot be read"],
    ),
    (
        "features good.png --model VGG16 --layer block1_conv1 --output m.png",
        1,
        &["vgg16_weights_tf_dim_ordering_tf_kernels.h5 cannot be had"],
    ),
    (
        "features good.png --model rows.keras --layer rows --output m.png",
        1,
        &["rows (Reshape) makes [None, 16, 1]", "cnn run --tap"],
    ),
    (
        "features good.png --model vector.keras --layer dense --output m.png",
        1,
        &["its input has the shape [None, 3], not that of pictures", "cnn run"],
    ),
    ("explain good.png", 2, &["--model"]),
    (
        "explain good.png --model {formats}/small.keras --layer conv9 --output m.png",
        1,
        &["no layer 'conv9', but 'conv1'", "cnn summary"],
    ),
    (
        "explain good.png --model {formats}/small.keras --layer gap --output m.png",
        1,
        &["layer 'gap' makes [1, 8], which has no places in the picture"],
    ),
    ("explain good.png --model {formats}/small.keras --class 5 --output m.png", 1, &["--class 5: there are 5 classes"]),
    ("explain good.png --model {formats}/small.keras --class cat --output m.png", 1, &["--class cat", "--labels"]),
    (
        "explain good.png --model {formats}/small.keras --labels names.txt --class dates --output m.png",
        1,
        &["--class dates: no class has that name; did you mean date?"],
    ),
    ("explain good.png --model {formats}/small.keras --class 1 --top 2 --output m.png", 2, &["--class", "--top"]),
    ("explain good.png --model {formats}/small.keras --patch 3 --output m.png", 2, &["--method occlusion"]),
    (
        "explain good.png --model {formats}/small.keras --method occlusion --layer sep --output m.png",
        2,
        &["--layer goes with --method grad-cam"],
    ),
    ("explain good.png --model {formats}/small.keras --method occlusion --patch 0", 2, &["0", "--patch"]),
    (
        "explain good.png --model {formats}/small.keras --method occlusion --patch 100 --device cpu",
        2,
        &["a patch of 100 pixels every 50 says nothing of a picture of", "take a --patch smaller"],
    ),
    (
        "explain good.png --model {formats}/small.keras --method occlusion --patch 2 --stride 3 --device cpu",
        2,
        &["a patch of 2 pixels every 3 says nothing"],
    ),
    ("explain good.png --model {formats}/small.keras --output m.jpg", 2, &["end its name in .png"]),
    ("explain notes.txt --model {formats}/small.keras --output m.png", 1, &["notes.txt: is no picture"]),
    ("explain good.png --model vector.keras --output m.png", 1, &["not that of pictures"]),
    ("filters --output m.png", 2, &["--model"]),
    ("filters --model {formats}/small.keras --output none/m.png", 1, &["there is no folder none"]),
    ("filters --model {formats}/small.keras --output m.svg", 2, &["end its name in .png"]),
    ("filters --model {formats}/small.keras --layer conv9 --output m.png", 1, &["no layer 'conv9'", "'conv1'"]),
    (
        "filters --model {formats}/small.keras --layer gap --output m.png",
        1,
        &["gap (GlobalAveragePooling2D) has no filters", "Conv2D"],
    ),
    ("filters --model vector.keras --output m.png", 1, &["vector has no layer of the classes Conv2D"]),
    ("filters --model VGG16 --output m.png", 1, &["vgg16_weights_tf_dim_ordering_tf_kernels.h5 cannot be had"]),
    ("classify good.png --model {formats}/small.keras --interpolation cubic", 2, &["cubic", "bicubic"]),
];

#[test]
fn each_kind_of_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("notes.txt"), "not a picture").unwrap();
    fs::write(at.join("names.txt"), "ash\nbeech\ncedar\ndate\nelm\n").unwrap();
    image::RgbImage::new(16, 16).save(at.join("good.png")).unwrap();
    let rows = Sequential::new("rows").input([4, 4, 1]).unwrap().add(Conv2D::new(1, 1)).unwrap();
    let rows = rows.add(Reshape::new([16, 1]).name("rows")).unwrap().add(Flatten).unwrap().model().unwrap();
    let vector = Sequential::new("vector").input([3]).unwrap().add(Dense::new(2)).unwrap().model().unwrap();
    for model in [rows, vector] {
        cnn::io::files::save(&at.join(format!("{}.keras", model.name())), &model, &Weights::initialize(&model, 1))
            .unwrap();
    }
    for &(line, status, texts) in CASES {
        check(line, &cnn(line, at), status, texts);
        for name in ["m.svg", "m.png", "m.jpg", "m.pdf"] {
            assert!(!at.join(name).exists(), "cnn {line} wrote {name}");
        }
        assert_eq!(left_over(at), [""; 0], "cnn {line}");
    }
}
