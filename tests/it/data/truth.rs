//! Against Keras and TensorFlow.

use cnn_core::Tensor;
use cnn_data::{
    Channels, DataError, DecodeOptions, Fit, ImageDirectory, Interpolation, LabelMode, ResizeMethod, decode, resize,
};
use cnn_tests::recipe;
use cnn_tests::vectors::sizes;
use serde_json::Value;

use super::{TRUTH, cases, difference, folder, numbers, picture, pixel, relative, strings};

fn method(name: &Value) -> ResizeMethod {
    ResizeMethod::ALL.into_iter().find(|(known, _)| name == known).unwrap().1
}

fn channels(mode: &str) -> Channels {
    match mode {
        "grayscale" => Channels::Grey,
        "rgb" => Channels::Rgb,
        "rgba" => Channels::Rgba,
        _ => panic!("{mode}"),
    }
}

/// The same arguments here.
fn directory(path: &std::path::Path, arguments: &Value) -> ImageDirectory {
    let mut data = ImageDirectory::new(path).in_order().image_size(1, 1);
    for (key, value) in arguments.as_object().unwrap() {
        data = match (key.as_str(), value.as_str()) {
            ("label_mode", None) => data.label_mode(None),
            ("label_mode", Some("binary")) => data.label_mode(LabelMode::Binary),
            ("label_mode", Some("categorical")) => data.label_mode(LabelMode::Categorical),
            ("class_names", _) => data.class_names(strings(value)),
            ("follow_links", _) => data.follow_links(value.as_bool().unwrap()),
            ("validation_split" | "subset", _) => data,
            other => panic!("{other:?}"),
        };
    }
    data
}

/// Classes, the order of files, labels and divisions; refused where Keras refuses.
#[test]
fn folders() {
    for case in cases("trees") {
        let (name, arguments) = (&case["name"], &case["arguments"]);
        let files = strings(&case["files"]);
        let folder = folder(files.iter().map(|file| (file.as_str(), pixel(20))));
        let links = case["links"].as_object().unwrap();
        if !links.is_empty() && !cfg!(unix) {
            continue;
        }
        #[cfg(unix)]
        for (link, target) in links {
            let target = folder.path().join(target.as_str().unwrap());
            std::os::unix::fs::symlink(target, folder.path().join(link)).unwrap();
        }
        let data = directory(folder.path(), arguments).dataset();
        let data = match arguments["validation_split"].as_f64() {
            None => data,
            Some(fraction) => data
                .and_then(|data| data.split(fraction))
                .map(|(training, validation)| if arguments["subset"] == "training" { training } else { validation }),
        };
        // Keras takes 0 of 10 files for all of them where it is asked for the last 0, and refuses the other part.
        if case["refused"] == true || arguments["validation_split"] == 0.05 {
            assert!(data.is_err(), "{name}");
            continue;
        }
        let data = data.unwrap_or_else(|error| panic!("{name}: {error}"));
        let names = if case["class_names"].is_null() { Vec::new() } else { strings(&case["class_names"]) };
        assert_eq!(data.class_names(), names, "{name}");
        assert_eq!(relative(&data, folder.path()), strings(&case["file_paths"]), "{name}");
        let batch = data.batch_size(None).unwrap().epoch(0).next().unwrap().unwrap();
        let labels = batch.y.map(Tensor::into_data);
        let wanted = case["labels"].as_array().map(|labels| match labels[0].is_array() {
            true => labels.iter().flat_map(numbers).collect(),
            false => numbers(&case["labels"]),
        });
        assert_eq!(labels, wanted, "{name}");
    }
}

/// Values in the file are rounded to 0.01. TensorFlow's cubic takes its weights from a table of 1024 places a pixel:
/// its weights change by at most 4 together over a pixel, so half a place is 0.5 of 255. Grey is made in another fixed
/// point, within one level.
#[test]
fn pixels() {
    for case in cases("pixels") {
        let (file, mode) = (case["file"].as_str().unwrap(), case["mode"].as_str().unwrap());
        let (size, interpolation) = (sizes(&case["size"]), &case["method"]);
        let folder = folder([(format!("c/{file}").as_str(), picture(file))]);
        let fit = match case["fit"].as_str().unwrap() {
            "crop" => Fit::Crop,
            "pad" => Fit::Pad,
            _ => Fit::Stretch,
        };
        let data = ImageDirectory::new(folder.path())
            .color_mode(channels(mode))
            .image_size(size[0], size[1])
            .interpolation(method(interpolation))
            .fit(fit);
        let x = data.dataset().unwrap().epoch(0).next().unwrap().unwrap().x;
        assert_eq!(x.shape(), [1, size[0], size[1], channels(mode).count()]);
        let tolerance = match (mode, interpolation.as_str().unwrap()) {
            ("grayscale", _) => 1.01,
            (_, "bicubic") => 0.5,
            _ => 0.01,
        };
        let off = difference(x.data(), &numbers(&case["values"]));
        println!("{file} {mode} {size:?} {interpolation} {fit:?}: {off}");
        assert!(off <= tolerance, "{file} {mode} {size:?} {interpolation} {fit:?}: {off}");
    }
}

/// [2, 4, 5, 3], as in the vectors.
fn input(unit: bool) -> Tensor {
    let top = if unit { 1.0 } else { 255.0 };
    Tensor::from_fn(vec![2, 4, 5, 3], |i| recipe::value("data/input", i as u64, 0.0, top))
}

#[test]
fn widened_filters() {
    let all = input(false);
    let first = Tensor::from_fn(vec![4, 5, 1], |i| all.data()[3 * i]);
    for case in cases("resize") {
        let size = sizes(&case["size"]);
        let out = resize(&first, size[0], size[1], method(&case["method"]), true).unwrap();
        let off = difference(out.data(), &numbers(&case["values"]));
        assert!(off <= 1e-3, "{} {size:?}: {off}", case["method"]);
    }
}

fn apply(function: &str, x: &Tensor, arguments: &Value) -> Result<Tensor, DataError> {
    let whole = |i: usize| arguments[i].as_i64().unwrap();
    let side = |i: usize| whole(i) as usize;
    let real = |i: usize| arguments[i].as_f64().unwrap();
    match function {
        "flip_left_right" => cnn_data::flip_left_right(x),
        "flip_up_down" => cnn_data::flip_up_down(x),
        "rot90" => cnn_data::rot90(x, whole(0) as i32),
        "crop" => cnn_data::crop(x, side(0), side(1), side(2), side(3)),
        "central_crop" => cnn_data::central_crop(x, real(0)),
        "pad_to_bounding_box" => cnn_data::pad_to_bounding_box(x, side(0), side(1), side(2), side(3)),
        "adjust_brightness" => cnn_data::adjust_brightness(x, real(0) as f32),
        "adjust_contrast" => cnn_data::adjust_contrast(x, real(0) as f32),
        "adjust_saturation" => cnn_data::adjust_saturation(x, real(0) as f32),
        "adjust_hue" => cnn_data::adjust_hue(x, real(0) as f32),
        "adjust_gamma" => cnn_data::adjust_gamma(x, real(0) as f32, real(1) as f32),
        "rgb_to_grayscale" => cnn_data::rgb_to_grayscale(x),
        _ => panic!("{function}"),
    }
}

/// What moves pixels is exact. Colours take under ten roundings of values up to the picture's range (float32, 2^-24 each);
/// hue six more, as it goes by an angle of up to 6 that is multiplied by the range. Contrast goes beyond it.
#[test]
fn functions() {
    for case in cases("functions") {
        let (function, unit) = (case["function"].as_str().unwrap(), case["unit"].as_bool().unwrap());
        let (x, arguments) = (input(unit), &case["arguments"]);
        let out = apply(function, &x, arguments).unwrap();
        assert_eq!(out.shape(), sizes(&case["shape"]), "{function} {arguments}");
        let range = if unit { 1.0 } else { 255.0 };
        let tolerance = if function.starts_with("adjust") || function.starts_with("rgb") { 2e-6 * range } else { 0.0 };
        let off = difference(out.data(), &numbers(&case["values"]));
        println!("{function} {arguments}: {off}");
        assert!(off <= tolerance, "{function} {arguments}: {off}");
        // One picture alone is the same.
        let half = x.len() / 2;
        let one = Tensor::new(x.shape()[1..].to_vec(), x.data()[half..].to_vec()).unwrap();
        let one = apply(function, &one, arguments).unwrap();
        assert_eq!(one.shape(), &out.shape()[1..]);
        assert_eq!(one.data(), &out.data()[out.len() / 2..], "{function} {arguments}");
    }
}

/// PIL resizes colours multiplied by alpha, of 8 bits: where alpha is small, dividing again makes one grey level many.
/// The colours are compared as they are seen.
#[test]
fn pictures_with_alpha() {
    let options = DecodeOptions { alpha: true, ..DecodeOptions::default() };
    let whole = decode(&picture("rgba.png"), "rgba.png", &options).unwrap();
    assert_eq!(whole.channels(), Channels::Rgba);
    for (name, case) in TRUTH["rgba"].as_object().unwrap() {
        let size = sizes(&case["size"]);
        let interpolation = Interpolation::ALL.into_iter().find(|(known, _)| known == name).unwrap().1;
        let got = whole.resize(size[0], size[1], interpolation).unwrap().to_tensor(Channels::Rgba);
        let seen = |pixels: &[f32]| -> Vec<f32> {
            let pixels = pixels.as_chunks::<4>().0.iter();
            pixels
                .flat_map(|[r, g, b, alpha]| [r * alpha / 255.0, g * alpha / 255.0, b * alpha / 255.0, *alpha])
                .collect()
        };
        let off = difference(&seen(got.data()), &seen(&numbers(&case["values"])));
        println!("{name}: {off}");
        // One level in the multiplied colour, one in alpha, and rounding down on the way back.
        assert!(off <= 3.0, "{name}: {off}");
    }
}

/// Kept or dropped, alpha changes no colour; what has none comes out as before.
#[test]
fn alpha_kept_or_dropped() {
    let (dropped, kept) = (DecodeOptions::default(), DecodeOptions { alpha: true, ..DecodeOptions::default() });
    let transparent = [
        "rgba.png",
        "rgba16.png",
        "grey_alpha.png",
        "grey_alpha16.png",
        "palette_transparent.png",
        "rgb_transparent.png",
    ];
    for name in transparent.into_iter().chain(["rgb.png", "grey.png", "rgb.jpg", "cmyk.jpg"]) {
        let bytes = picture(name);
        let (with, without) = (decode(&bytes, name, &kept).unwrap(), decode(&bytes, name, &dropped).unwrap());
        assert_eq!(with.channels() == Channels::Rgba, transparent.contains(&name), "{name}");
        let opaque = with.to_tensor(Channels::Rgba).data().as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255.0);
        assert_eq!(opaque, !transparent.contains(&name), "{name}");
        for channels in [Channels::Grey, Channels::Rgb] {
            assert_eq!(with.to_tensor(channels), without.to_tensor(channels), "{name}");
            assert_eq!(with.clone().convert(channels).to_tensor(channels), without.to_tensor(channels), "{name}");
        }
    }
}
