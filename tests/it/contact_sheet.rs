//! Contact sheets: where things are, what colours they have, what is refused.

use cnn_core::Tensor;
use cnn_plot::{ContactSheet, Mark, PlotError};
use image::{Rgb, RgbImage};

const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const FRAME: Rgb<u8> = Rgb([176, 176, 176]);
const WRONG: Rgb<u8> = Rgb([200, 30, 30]);

/// The margin around everything, the gap between neighbours, the frame's width, the gap above a caption.
const MARGIN: u32 = 16;
const GAP: u32 = 14;
const BORDER: u32 = 3;
const CAPTION_GAP: u32 = 3;
/// Width and height of a character of a caption and of the title.
const CAPTION: (u32, u32) = (7, 13);
const TITLE: (u32, u32) = (9, 15);

/// Where the picture at (column, row) has its top left corner, on a sheet with a title and cells of `cell` pixels that
/// hold a picture of `width`.
fn corner([column, row]: [u32; 2], cell: [u32; 2], width: u32) -> [u32; 2] {
    let x = MARGIN + column * (cell[0] + GAP) + (cell[0] - width) / 2;
    [x, MARGIN + TITLE.1 + GAP + row * (cell[1] + GAP) + BORDER]
}

fn count(sheet: &RgbImage, color: Rgb<u8>, [x, y]: [u32; 2], [width, height]: [u32; 2]) -> usize {
    let inside = |u: u32, v: u32| (x..x + width).contains(&u) && (y..y + height).contains(&v);
    sheet.enumerate_pixels().filter(|(u, v, pixel)| inside(*u, *v) && **pixel == color).count()
}

#[test]
fn sizes() {
    // Pictures, columns, scale, title, caption; the sheet's width and height by the layout's arithmetic.
    let cases = [
        (1, 10, 1, "", "", [2 * MARGIN + 14, 2 * MARGIN + 14 + 16]),
        (1, 10, 6, "", "", [2 * MARGIN + 54, 2 * MARGIN + 54 + 16]),
        (3, 2, 6, "", "", [2 * MARGIN + 2 * 54 + GAP, 2 * MARGIN + 2 * 70 + GAP]),
        (3, 0, 0, "", "", [2 * MARGIN + 14, 2 * MARGIN + 3 * 30 + 2 * GAP]),
        (3, 3, 6, "ab", "", [2 * MARGIN + 3 * 54 + 2 * GAP, 2 * MARGIN + 70 + TITLE.1 + GAP]),
        (1, 1, 1, "twenty characters...", "", [2 * MARGIN + 20 * TITLE.0, 2 * MARGIN + 30 + TITLE.1 + GAP]),
        (2, 2, 6, "", "7 (is 3)  61.2%", [2 * MARGIN + 2 * 15 * CAPTION.0 + GAP, 2 * MARGIN + 70]),
    ];
    for (pictures, columns, scale, title, caption, [width, height]) in cases {
        let mut sheet = ContactSheet::new(title).columns(columns).scale(scale);
        let batch = Tensor::full(vec![pictures, 8, 8, 1], 100.0);
        for index in 0..pictures {
            sheet.add(&batch, index, if index == 0 { caption } else { "" }, Mark::Plain).unwrap();
        }
        assert_eq!((sheet.len(), sheet.is_empty()), (pictures, false));
        let drawn = sheet.render().unwrap();
        assert_eq!(drawn.dimensions(), (width, height), "{pictures} pictures, title {title:?}, caption {caption:?}");
        let file = image::load_from_memory(&sheet.to_png().unwrap()).unwrap();
        assert_eq!(file.into_rgb8(), drawn);
    }
}

/// Every pixel of every picture is where it belongs, `scale` pixels high and wide.
#[test]
fn pixels_are_in_their_place() {
    let (height, width, scale) = (2, 3, 4);
    let batch = Tensor::from_fn(vec![5, height, width, 3], |i| (i * 7 % 256) as f32);
    let mut sheet = ContactSheet::new("Five").columns(2).scale(scale);
    for index in 0..5 {
        sheet.add(&batch, index, "abc", Mark::Plain).unwrap();
    }
    let drawn = sheet.render().unwrap();
    let cell = [3 * CAPTION.0, (height * scale) as u32 + 2 * BORDER + CAPTION_GAP + CAPTION.1];
    for index in 0..5 {
        let [left, top] = corner([index % 2, index / 2].map(|place| place as u32), cell, (width * scale) as u32);
        for (y, x) in (0..height * scale).flat_map(|y| (0..width * scale).map(move |x| (y, x))) {
            let at = ((index * height + y / scale) * width + x / scale) * 3;
            let wanted = [0, 1, 2].map(|channel| batch.data()[at + channel] as u8);
            assert_eq!(drawn.get_pixel(left + x as u32, top + y as u32).0, wanted, "picture {index}, ({x}, {y})");
        }
    }
}

#[test]
fn marks_at_the_border() {
    let batch = Tensor::full(vec![1, 8, 8, 1], 0.0);
    let mut sheet = ContactSheet::new("Two").columns(2).scale(8);
    sheet.add(&batch, 0, "7", Mark::Plain).unwrap();
    sheet.add(&batch, 0, "7 (is 3)", Mark::Wrong).unwrap();
    let drawn = sheet.render().unwrap();
    let cell = [70, 70 + CAPTION_GAP + CAPTION.1];
    for (column, thick, color) in [(0, 1, FRAME), (1, 3, WRONG)] {
        let [left, top] = corner([column, 0], cell, 64);
        for distance in 1..=BORDER {
            let wanted = if distance <= thick { color } else { PAPER };
            for along in 0..64 {
                let around = [
                    [left + along, top - distance],
                    [left + along, top + 63 + distance],
                    [left - distance, top + along],
                    [left + 63 + distance, top + along],
                ];
                for [x, y] in around {
                    assert_eq!(*drawn.get_pixel(x, y), wanted, "column {column}, {distance} outside");
                }
            }
        }
        // The caption is below, in the frame's colour where something is wrong, and leaves the neighbours alone.
        let line = [MARGIN + column * (cell[0] + GAP), top + 64 + BORDER + CAPTION_GAP];
        let red = count(&drawn, WRONG, line, [cell[0], CAPTION.1]);
        assert_eq!(red > 20, color == WRONG, "{red} red pixels in the caption");
        assert!(count(&drawn, PAPER, line, [cell[0], CAPTION.1]) < (cell[0] * CAPTION.1) as usize);
    }
    let between = [MARGIN + cell[0], 0];
    assert_eq!(count(&drawn, PAPER, between, [GAP, drawn.height()]), (GAP * drawn.height()) as usize);
}

#[test]
fn values_beyond_the_range_are_clamped() {
    let values = vec![-1e9, -0.1, 0.0, 8.0, 16.0, 16.1, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let batch = Tensor::new(vec![1, 1, 9, 1], values).unwrap();
    for (black, white, wanted) in
        [(0.0, 16.0, [0, 0, 0, 128, 255, 255, 255, 0, 0]), (16.0, 0.0, [255, 255, 255, 128, 0, 0, 0, 255, 0])]
    {
        let mut sheet = ContactSheet::new("").range(black, white);
        sheet.add(&batch, 0, "", Mark::Plain).unwrap();
        let drawn = sheet.render().unwrap();
        for (i, level) in wanted.into_iter().enumerate() {
            let pixel = drawn.get_pixel(MARGIN + BORDER + i as u32, MARGIN + BORDER);
            assert_eq!(pixel.0, [level; 3], "{}", batch.data()[i]);
        }
    }
}

/// The smaller stand in the middle of cells that hold the largest; grey beside colour.
#[test]
fn unequal_pictures() {
    let mut sheet = ContactSheet::new("Three").columns(3);
    for shape in [vec![1, 20, 10, 1], vec![1, 10, 20, 3], vec![1, 1, 1, 1]] {
        sheet.add(&Tensor::full(shape, 0.0), 0, "", Mark::Plain).unwrap();
    }
    let drawn = sheet.render().unwrap();
    let cell = [20 + 2 * BORDER, 20 + 2 * BORDER + CAPTION_GAP + CAPTION.1];
    assert_eq!(drawn.dimensions(), (2 * MARGIN + 3 * cell[0] + 2 * GAP, 2 * MARGIN + TITLE.1 + GAP + cell[1]));
    for (column, width, height) in [(0, 10, 20), (1, 20, 10), (2, 1, 1)] {
        let at = corner([column, 0], cell, width);
        assert_eq!(count(&drawn, Rgb([0; 3]), at, [width, height]), (width * height) as usize, "column {column}");
    }
}

#[test]
fn text_of_any_kind() {
    let batch = Tensor::full(vec![1, 8, 8, 1], 0.0);
    for text in ["", "line\nbreak\ttab\0", "größer ±", &"long ".repeat(200), "数字 🙂"] {
        let mut sheet = ContactSheet::new("").title(text);
        sheet.add(&batch, 0, text, Mark::Wrong).unwrap();
        let width = (text.chars().count() as u32 * TITLE.0).max(14) + 2 * MARGIN;
        let drawn = sheet.render().unwrap().width();
        // A script beyond Latin is as wide as the machine's fonts make it.
        let latin = text.chars().all(|c| c < '\u{250}');
        assert!(if latin { drawn == width } else { drawn >= width }, "{text:?}: {drawn}, {width}");
    }
}

#[test]
fn refused() {
    assert_eq!(
        ContactSheet::new("Nothing").render().unwrap_err().to_string(),
        "contact sheet: there is no picture on it; add at least one"
    );
    for shape in [vec![8, 8], vec![8, 8, 1], vec![1, 8, 8, 2], vec![1, 8, 8, 4], vec![1, 0, 8, 1], vec![1, 8, 0, 3]] {
        let error = ContactSheet::new("").add(&Tensor::full(shape.clone(), 0.0), 0, "", Mark::Plain).unwrap_err();
        assert!(matches!(error, PlotError::Shape(_)), "{error}");
        assert!(error.to_string().contains("[N, height, width, 1 or 3]"), "{error}");
    }
    let batch = Tensor::full(vec![2, 8, 8, 1], 0.0);
    let error = ContactSheet::new("").add(&batch, 2, "", Mark::Plain).unwrap_err();
    assert_eq!(error.to_string(), "contact sheet: picture 2 of a batch of 2; pictures are counted from 0");
    for scale in [1 << 20, usize::MAX] {
        let error = ContactSheet::new("").scale(scale).add(&batch, 0, "", Mark::Plain).unwrap_err();
        assert!(matches!(error, PlotError::TooLarge { .. }), "{error}");
    }
    let mut sheet = ContactSheet::new("x".repeat(1 << 25));
    sheet.add(&batch, 0, "", Mark::Plain).unwrap();
    assert!(matches!(sheet.render().unwrap_err(), PlotError::TooLarge { .. }));
}
