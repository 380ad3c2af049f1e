//! Pictures: decoded, converted and resized as Keras does it through PIL (`vectors/pictures.py`), and refused where they
//! are none.

use std::path::PathBuf;

use cnn_data::{Channels, DecodeOptions, Interpolation, Picture, PictureError, PictureProblem, batch, decode};

use crate::damage;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/pictures")
}

fn file(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn open(name: &str) -> Picture {
    decode(&file(name), name, &DecodeOptions::default()).unwrap()
}

fn refused(bytes: &[u8]) -> PictureError {
    decode(bytes, "cat.png", &DecodeOptions::default()).unwrap_err()
}

/// An expected array's name: FILE.EXTENSION.MODE.INTERPOLATION.SIZE.npy, where the size is HEIGHTxWIDTH or `own`, with
/// `.keep` before `.npy` where the aspect ratio is kept, `.keras` where nothing is done otherwise than Keras does it.
struct Expected {
    picture: String,
    channels: Channels,
    interpolation: Interpolation,
    size: Option<(usize, usize)>,
    variant: String,
}

impl Expected {
    fn parse(name: &str) -> Self {
        let parts: Vec<&str> = name.split('.').collect();
        let (parts, variant) = match parts[..] {
            [ref parts @ .., "npy"] if parts.len() == 5 => (parts, ""),
            [ref parts @ .., variant @ ("keep" | "keras"), "npy"] if parts.len() == 5 => (parts, variant),
            _ => panic!("{name}"),
        };
        let [file, extension, mode, interpolation, size] = parts[..] else { panic!("{name}") };
        let size = size.split_once('x').map(|(height, width)| (height.parse().unwrap(), width.parse().unwrap()));
        Self {
            picture: format!("{file}.{extension}"),
            channels: if mode == "grey" { Channels::Grey } else { Channels::Rgb },
            interpolation: Interpolation::ALL.into_iter().find(|(name, _)| *name == interpolation).unwrap().1,
            size,
            variant: variant.into(),
        }
    }

    /// The picture as this project loads it.
    fn load(&self) -> Picture {
        let options = DecodeOptions::default();
        let options = if self.variant == "keras" { options.as_keras() } else { options };
        let picture = decode(&file(&self.picture), &self.picture, &options).unwrap().convert(self.channels);
        match (self.size, self.variant.as_str()) {
            (None, _) => picture,
            (Some((height, width)), "keep") => {
                picture.resize_keeping_aspect_ratio(height, width, self.interpolation).unwrap()
            }
            (Some((height, width)), _) => picture.resize(height, width, self.interpolation).unwrap(),
        }
    }
}

/// Within one grey level for all but JPEG: filters are fixed point in PIL and here, so a sum near a half may round either
/// way. JPEG leaves the inverse transform's rounding and the upsampling of colours to the decoder: within 6, and 0.6 on average.
#[test]
fn as_keras_loads_them() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder().join("expected")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let expected = Expected::parse(name);
        let array = cnn_io::npy::read(&std::fs::read(&path).unwrap(), name).unwrap();
        let tensor = expected.load().to_tensor(expected.channels);
        assert_eq!(tensor.shape(), [&[1], array.shape()].concat(), "{name}");
        let (largest, mean) = if name.contains(".jpg.") { (6.0, 0.6) } else { (1.0, 1.0) };
        let differences = tensor.data().iter().zip(array.data()).map(|(got, wanted)| (got - wanted).abs());
        let worst = differences.clone().fold(0.0, f32::max);
        let average = differences.sum::<f32>() / array.len() as f32;
        println!("{name}: at most {worst}, on average {average:.3}");
        assert!(worst <= largest && average <= mean, "{name}: at most {worst}, on average {average:.3}");
        count += 1;
    }
    assert_eq!(count, 251, "expected arrays");
}

/// The options that leave a picture as it lies in the file.
const LYING: DecodeOptions = DecodeOptions {
    max_side: 1 << 14,
    max_pixels: 1 << 28,
    exif_orientation: false,
    scale_16_bits: true,
    alpha: false,
};

#[test]
fn turned_only_where_wanted() {
    let (upright, turned) = (open("rgb.jpg"), file("turned6.jpg"));
    assert_eq!(decode(&turned, "turned6.jpg", &LYING).unwrap().pixels(), upright.pixels());
    let turned = open("turned6.jpg");
    assert_eq!((turned.height(), turned.width()), (upright.width(), upright.height()));
}

#[test]
fn what_is_no_picture_is_named() {
    let cases: [(&[u8], &str); 13] = [
        (b"", "cat.png: is empty; download or copy it again"),
        (
            b"<html><body>Not found",
            "is no picture: it begins with \"<html><body>\"; give a PNG, JPEG, GIF, BMP or WebP file",
        ),
        (b"\x00\x01\xfe", "begins with \"\\x00\\x01\\xfe\""),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer to a file in Git LFS"),
        (&file("other.tiff"), "is a TIFF picture, which is not read here; convert it to PNG or JPEG"),
        (&file("other.ico"), "is a Windows icon"),
        (&file("other.avif"), "is an AVIF picture"),
        (&file("other.jp2"), "is a JPEG 2000 picture"),
        (b"\x89PNG\r\n", "is a PNG file that ends after 6 bytes"),
        (b"GIF89a\x17\0\x11", "is a GIF file that ends after 9 bytes"),
        (&file("rgb.bmp")[..25], "is a BMP file that ends after 25 bytes"),
        (b"RIFF\x04\0\0\0WEBP", "is a damaged WebP file: its first chunk does not tell the picture's size"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "is no picture: it begins with \"RIFF"),
    ];
    for (bytes, says) in cases {
        let error = refused(bytes).to_string();
        assert!(error.starts_with("cat.png: ") && error.contains(says), "{error}");
    }
}

/// Overwrites bytes of a file at a place that is given by what stands before it.
fn patched(name: &str, behind: &[u8], skip: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = file(name);
    let at = bytes.windows(behind.len()).position(|window| window == behind).unwrap() + behind.len() + skip;
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

/// A PNG's width and height stand behind "IHDR"; a JPEG's height and width 3 bytes behind its frame's marker.
#[test]
fn sizes_are_seen_in_the_header() {
    let png =
        |width: u32, height: u32| patched("rgb.png", b"IHDR", 0, &[width.to_be_bytes(), height.to_be_bytes()].concat());
    let jpeg = |width: u16, height: u16| {
        patched("rgb.jpg", b"\xff\xc0", 3, &[height.to_be_bytes(), width.to_be_bytes()].concat())
    };
    let gif = |width: u16, height: u16| {
        patched("palette.gif", b"GIF87a", 0, &[width.to_le_bytes(), height.to_le_bytes()].concat())
    };
    // Behind the length of the picture's header, 40 and 12.
    let bmp = |width: i32, height: i32| {
        patched("rgb.bmp", b"\x28\0\0\0", 0, &[width.to_le_bytes(), height.to_le_bytes()].concat())
    };
    let core = |width: u16, height: u16| {
        patched("core.bmp", b"\x0c\0\0\0", 0, &[width.to_le_bytes(), height.to_le_bytes()].concat())
    };
    // A lossy one's behind its start code; one less behind a lossless one's signature, in 14 bits each, and behind the flags
    // of one with alpha, in 24.
    let webp = |width: u16, height: u16| {
        patched("lossy.webp", b"\x9d\x01\x2a", 0, &[width.to_le_bytes(), height.to_le_bytes()].concat())
    };
    let lossless = |width: u32, height: u32| {
        patched("lossless.webp", b"\x2f", 0, &((width - 1) | ((height - 1) << 14)).to_le_bytes())
    };
    let extended = |width: u32, height: u32| {
        let three = |number: u32| (number - 1).to_le_bytes()[..3].to_vec();
        patched("lossy_alpha.webp", b"VP8X", 8, &[three(width), three(height)].concat())
    };
    let none = |height, width| PictureProblem::NoPixels { height, width };
    let large = |height, width| PictureProblem::TooLarge {
        height,
        width,
        max_side: LYING.max_side,
        max_pixels: LYING.max_pixels,
    };
    let cases = [
        (png(0, 17), none(17, 0)),
        (png(23, 0), none(0, 23)),
        (png(60_000, 17), large(17, 60_000)),
        (png(23, u32::MAX), large(u32::MAX, 23)),
        (jpeg(0, 17), none(17, 0)),
        (jpeg(23, 0), none(0, 23)),
        (jpeg(60_000, 17), large(17, 60_000)),
        (jpeg(23, 16_385), large(16_385, 23)),
        (gif(0, 17), none(17, 0)),
        (gif(23, 0), none(0, 23)),
        (gif(60_000, 17), large(17, 60_000)),
        (bmp(0, 17), none(17, 0)),
        (bmp(23, 0), none(0, 23)),
        (bmp(23, -60_000), large(60_000, 23)),
        (bmp(i32::MAX, 17), large(17, i32::MAX as u32)),
        (core(0, 17), none(17, 0)),
        (core(23, 60_000), large(60_000, 23)),
        (webp(0, 17), none(17, 0)),
        (webp(23, 0), none(0, 23)),
        (extended(23, 1 << 24), large(1 << 24, 23)),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(refused(&bytes).problem, wanted);
    }
    let error = refused(&png(60_000, 17)).to_string();
    let says = "cat.png: has 17 rows and 60000 columns; at most 16384 on a side and 268435456 pixels in all are read; \
                scale it down, or raise the limits";
    assert_eq!(error, says);

    for (name, behind, skip) in [("lossy_alpha.webp", b"\x9d\x01\x2a".as_slice(), 0), ("animated.webp", b"VP8L", 5)] {
        let error = refused(&patched(name, behind, skip, &[0xff, 0x3f])).to_string();
        assert!(error.contains("is a damaged WebP file: a frame is larger than its canvas"), "{name}: {error}");
    }

    let few = DecodeOptions { max_pixels: 17 * 23 - 1, ..LYING };
    let just = DecodeOptions { max_pixels: 17 * 23, max_side: 23, ..LYING };
    let error = refused(&lossless(16_384, 17)).to_string();
    assert!(error.contains("a WebP file with 17 rows and 16384 columns, which is not read here"), "{error}");
    for name in ["rgb.png", "rgb.jpg", "palette.gif", "rgb.bmp", "lossy.webp", "lossless.webp", "lossy_alpha.webp"] {
        assert!(matches!(decode(&file(name), name, &few).unwrap_err().problem, PictureProblem::TooLarge { .. }));
        assert!(decode(&file(name), name, &just).is_ok());
    }
}

#[test]
fn rare_jpegs_are_named() {
    let twelve_bits = refused(&patched("rgb.jpg", b"\xff\xc0", 2, &[12])).to_string();
    assert!(twelve_bits.contains("a JPEG file with 12 bits a channel, which is not read here"), "{twelve_bits}");
    for (marker, says) in [(0xc3, "lossless compression"), (0xc9, "arithmetic coding"), (0xc5, "hierarchical frames")] {
        let mut bytes = file("rgb.jpg");
        let at = bytes.windows(2).position(|window| window == b"\xff\xc0").unwrap();
        bytes[at + 1] = marker;
        let error = refused(&bytes).to_string();
        assert!(error.contains(&format!("a JPEG file with {says}, which is not read here")), "{error}");
    }
}

#[test]
fn truncated() {
    // A small limit, so that no damaged header makes a decoder take much memory.
    let options = DecodeOptions { max_pixels: 1 << 14, ..LYING };
    for name in ["rgb.jpg", "progressive.jpg", "restarts.jpg", "grey.jpg", "cmyk.jpg", "turned6.jpg"] {
        let read = |bytes: &[u8]| decode(bytes, name, &options);
        let bytes = file(name);
        damage::truncated(&bytes, 1, name, read);
        let cut = read(&bytes[..bytes.len() - 1]).unwrap_err();
        assert_eq!(cut.problem, PictureProblem::Truncated { format: "JPEG", bytes: bytes.len() - 1 });
    }
    for name in
        ["lossless.webp", "lossless_alpha.webp", "lossy.webp", "lossy_alpha.webp", "animated.webp", "turned6.webp"]
    {
        let bytes = file(name);
        damage::truncated(&bytes, 1, name, |bytes| decode(bytes, name, &options));
    }
    for name in ["rgb.bmp", "palette.bmp", "bits1.bmp", "bits565.bmp", "core.bmp", "rgba.bmp"] {
        let bytes = file(name);
        damage::truncated(&bytes, 1, name, |bytes| decode(bytes, name, &options));
    }
    // What stands behind the pixels. PNG: two sums of 4 bytes each, and a last chunk, IEND, of 12. GIF: a code of up to 12
    // bits, an empty block, and the file's end, of a byte each.
    let ends = [("rgb.png", 20), ("grey16.png", 20), ("palette.png", 20), ("turned6.png", 20)];
    for (name, end) in ends.into_iter().chain([("palette.gif", 4), ("interlaced.gif", 4), ("margin.gif", 4)]) {
        let bytes = file(name);
        let whole = decode(&bytes, name, &options).unwrap();
        damage::truncated(&bytes[..bytes.len() - end], 1, name, |bytes| decode(bytes, name, &options));
        for length in bytes.len() - end..bytes.len() {
            if let Ok(picture) = decode(&bytes[..length], name, &options) {
                assert_eq!(picture, whole, "{name} cut at {length}");
            }
        }
        let cut = decode(&bytes[..bytes.len() / 2], name, &options).unwrap_err().to_string();
        let png = format!("is a PNG file that ends after {} bytes", bytes.len() / 2);
        let says = if name.ends_with("png") { &png } else { "is a damaged GIF file: Unexpected End of File" };
        assert!(cut.contains(says), "{cut}");
    }
}

#[test]
fn damaged() {
    let options = DecodeOptions { max_pixels: 1 << 14, ..LYING };
    let names = [
        "rgb.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "grey.jpg",
        "cmyk.jpg",
        "rgb.png",
        "palette.png",
        "grey16.png",
        "palette.gif",
        "interlaced.gif",
        "margin.gif",
        "animated.gif",
        "rgb.bmp",
        "bits565.bmp",
        "bits4.bmp",
        "runs.bmp",
        "core.bmp",
        "lossless.webp",
        "lossless_alpha.webp",
        "lossy.webp",
        "lossy_alpha.webp",
        "animated.webp",
        "turned6.webp",
    ];
    for name in names {
        let read = |bytes: &[u8]| decode(bytes, name, &options);
        let bytes = file(name);
        // Lossy WebP has parts whose lengths are told in 24 bits.
        let least = if name.starts_with("lossy") { 1 << 24 } else { 1 << 20 };
        let refused = damage::flipped_above(least, &bytes, 2000, name, read);
        // Only PNG has check sums: most bytes of the others are pixels, and other bytes are other pixels, in a BMP always.
        let least = match name.rsplit_once('.') {
            Some((_, "png")) => 1500,
            Some((_, "bmp")) => 100,
            _ => 200,
        };
        assert!(refused > least, "{name}: only {refused} of 2000 damaged files were refused");
        damage::followed_by_garbage(&bytes, name, read);
    }
}

#[test]
fn no_size_is_no_size() {
    let picture = open("rgb.png");
    for (height, width) in [(0, 5), (5, 0), (0, 0)] {
        let error = picture.resize(height, width, Interpolation::Bilinear).unwrap_err().to_string();
        let says =
            format!("rgb.png: cannot be resized to {height} rows and {width} columns: it needs at least one of each");
        assert_eq!(error, says);
    }
    for (_, interpolation) in Interpolation::ALL {
        assert!(picture.resize(usize::MAX, 2, interpolation).is_err());
        let pixel = picture.resize(1, 1, interpolation).unwrap();
        assert_eq!((pixel.height(), pixel.width(), pixel.pixels().len()), (1, 1, 3));
        assert_eq!(pixel.resize(2, 3, interpolation).unwrap().pixels(), pixel.pixels().repeat(6));
    }
}

/// The part that keeps the aspect ratio has a pixel, or Keras's own resizer refuses too.
#[test]
fn too_narrow_a_part() {
    let picture = open("rgb.png");
    for (height, width) in [(1, 24), (18, 1), (0, 5), (5, 0)] {
        let error = picture.resize_keeping_aspect_ratio(height, width, Interpolation::Nearest);
        let refused = error.map(|_| ()).map_err(|error| error.to_string());
        let says: String = match (height, width) {
            (1, 24) | (18, 1) => "no part of its 17 x 23 pixels has that aspect ratio".into(),
            _ => "it needs at least one of each".into(),
        };
        assert!(refused.as_ref().is_err_and(|text| text.ends_with(&says)), "{height} x {width}: {refused:?}");
    }
}

#[test]
fn batches() {
    let (rgb, grey) = (open("rgb.png"), open("grey.png"));
    for channels in [Channels::Grey, Channels::Rgb] {
        let together = batch(&[rgb.clone(), grey.clone()], channels).unwrap();
        assert_eq!(together.shape(), [2, 17, 23, channels.count()]);
        let one_by_one = [rgb.to_tensor(channels), grey.to_tensor(channels)].map(|tensor| tensor.into_data()).concat();
        assert_eq!(together.data(), one_by_one);
        // To convert first and to convert on the way are the same.
        assert_eq!(rgb.to_tensor(channels), rgb.clone().convert(channels).to_tensor(channels));
    }
    let small = grey.resize(5, 6, Interpolation::Hamming).unwrap();
    assert_eq!(
        batch(&[rgb, small], Channels::Rgb).unwrap_err().to_string(),
        "grey.png: has 5 rows and 6 columns, but the first picture of the batch, rgb.png, has 17 and 23; resize them to one size"
    );
    assert_eq!(batch(&[], Channels::Rgb).unwrap_err().to_string(), "batch: holds no picture; give at least one");
}

#[test]
fn pixels_of_a_host() {
    let picture = Picture::new("screen", 1, 2, Channels::Rgb, vec![255, 0, 0, 0, 0, 255]).unwrap();
    // 0.299 and 0.114 of 255, rounded.
    assert_eq!(picture.to_tensor(Channels::Grey).data(), [76.0, 29.0]);
    for (height, width, count) in [(1, 2, 5), (0, 2, 0), (usize::MAX, usize::MAX, 3)] {
        let error = Picture::new("screen", height, width, Channels::Rgb, vec![0; count]).unwrap_err();
        assert!(error.to_string().starts_with("screen: has "), "{error}");
    }
}
