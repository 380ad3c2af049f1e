//! `cnn augment`: what is on the sheet, and what a user sees of bad input.

use std::fs;
use std::path::Path;

use cnn::data::{Channels, DecodeOptions, Interpolation, batch, decode};
use cnn::layers::{FlipMode, MixUp, Pipeline, RandomFlip};
use cnn::plot::{ContactSheet, Mark};
use cnn::{Augmenter, Device};

use crate::bad_input::check;
use crate::files::left_over;
use crate::{cnn, succeeds};

/// Two pictures of other sizes, one with an alpha channel.
fn pictures(at: &Path) {
    let color = |x: u32, y: u32| [(x * 9) as u8, (y * 11) as u8, (x * y) as u8];
    image::RgbImage::from_fn(24, 20, |x, y| image::Rgb(color(x, y))).save(at.join("a.png")).unwrap();
    let alpha = |x, y| image::Rgba([255 - (x * 7) as u8, (y * 5) as u8, 90, 30]);
    image::RgbaImage::from_fn(30, 30, alpha).save(at.join("b.png")).unwrap();
    image::GrayImage::from_fn(16, 16, |x, y| image::Luma([(x * y) as u8])).save(at.join("grey.png")).unwrap();
}

#[test]
fn the_sheet_shows_what_the_library_makes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    let line = "augment a.png b.png --augment flip,mixup=0.9 --count 3 --seed 5 --image-size 16x18 --device cpu";
    let ran = succeeds(&format!("{line} --output s.png"), at);
    assert_eq!(ran.out, "s.png  flip, mixup (alpha 0.9), 8 pictures, seed 5, on CPU\n");
    let read = |name: &str| {
        let picture = decode(&fs::read(at.join(name)).unwrap(), name, &DecodeOptions::default()).unwrap();
        picture.convert(Channels::Rgb).resize(16, 18, Interpolation::Bilinear).unwrap()
    };
    let pictures = batch(&[read("a.png"), read("b.png")], Channels::Rgb).unwrap();
    let pipeline = Pipeline::new().layer(RandomFlip::new(FlipMode::Horizontal)).layer(MixUp::new(0.9));
    let mut augmenter = Augmenter::new(&Device::cpu(), pipeline);
    let mut sheet = ContactSheet::new("flip, mixup (alpha 0.9)").note("seed 5, on CPU").columns(4);
    for (index, name) in ["a.png", "b.png"].into_iter().enumerate() {
        sheet.add(&pictures, index, name, Mark::Plain).unwrap();
        for step in 0..3 {
            let (made, _) = augmenter.run_blocking(&pictures, None, [5, step]).unwrap();
            sheet.add(&made, index, format!("{}", step + 1), Mark::Plain).unwrap();
        }
    }
    assert!(fs::read(at.join("s.png")).unwrap() == sheet.to_png().unwrap());
}

#[test]
fn a_row_for_each_way() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    let line = |arguments: &str| format!("augment {arguments} --count 2 --image-size 12 --device cpu --output s.png");
    // 29 ways for two pictures.
    let ran = succeeds(&line("a.png b.png"), at);
    assert!(ran.out.contains("174 pictures") && ran.err.is_empty(), "{}{}", ran.out, ran.err);
    // Without mixing.
    let ran = succeeds(&line("grey.png"), at);
    assert!(ran.out.contains("81 pictures") && ran.err.contains("name two or more"), "{}{}", ran.out, ran.err);
    // Without saturation, hue and jitter, too.
    let ran = succeeds(&line("a.png --color-mode grayscale"), at);
    assert!(ran.out.contains("72 pictures"), "{}", ran.out);
    let ran = succeeds(&line("a.png --augment elastic,augmix,crop=0.5,posterize=2"), at);
    assert!(ran.out.contains("elastic (scale 0.5), augmix (factor 0.3), crop"), "{}", ran.out);
}

/// Arguments, exit status, texts that standard error has to hold.
const CASES: &[(&str, i32, &[&str])] = &[
    ("augment --output s.png", 2, &["PICTURE"]),
    ("augment a.png", 2, &["--output"]),
    ("augment a.png --output s.jpg", 2, &["s.jpg: end its name in .png"]),
    ("augment a.png --output none/s.png", 1, &["none/s.png: cannot be written", "no folder none"]),
    ("augment a.png --output s.png --augment flop", 2, &["'flop' is no augmentation", "augmix, mixup, cutmix"]),
    ("augment a.png --output s.png --augment cutmixx", 2, &["did you mean cutmix?"]),
    ("augment a.png --output s.png --augment rotate=2", 2, &["(factor) is a number from 0 to 1"]),
    ("augment a.png --output s.png --augment flip,mixup", 2, &["mix pictures with each other", "name two or more"]),
    ("augment a.png --output s.png --count 0", 2, &["--count"]),
    ("augment a.png --output s.png --image-size 0", 2, &["from 1 to 65535"]),
    ("augment a.png --output s.png --device tpu", 2, &["tpu"]),
    ("augment nothing.png --output s.png", 1, &["nothing.png: cannot be read"]),
    ("augment a.png empty.png --output s.png", 1, &["empty.png"]),
    (
        "augment a.png --output s.png --color-mode grayscale --augment hue",
        1,
        &["hue: expects pictures of 3 channels, and these are 128x128x1", "leave it out of --augment"],
    ),
];

#[test]
fn each_kind_of_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    fs::write(folder.path().join("empty.png"), []).unwrap();
    for (line, status, texts) in CASES {
        check(line, &cnn(line, folder.path()), *status, texts);
        assert!(left_over(folder.path()).is_empty() && !folder.path().join("s.png").exists(), "{line}");
    }
}
