//! Feature maps, filters and heat maps: every value in its place, in the colour that the sheet's note says.

use cnn_core::Tensor;
use cnn_plot::{Colors, ContactSheet, Maps, PlotError, Scale, heat_maps};
use image::{Rgb, RgbImage};

/// Where the first tile of a sheet with a title and a note begins: margin, title, its gap, note, its gap, border.
const TOP: u32 = 16 + 15 + 5 + 13 + 14 + 3;

fn maps(scale: Scale, colors: Colors) -> Maps {
    Maps { scale, colors, ..Maps::default() }
}

fn level(value: f32, least: f32, largest: f32) -> u8 {
    ((value - least) / (largest - least) * 255.0).round() as u8
}

/// The tile at a place of the sheet's grid: the pixel in the middle of each of its enlarged pixels.
fn tile(sheet: &ContactSheet, [column, row]: [u32; 2], [height, width]: [u32; 2], factor: u32) -> Vec<Rgb<u8>> {
    let picture: RgbImage = sheet.render().unwrap();
    let (cell_width, cell_height) = ((width * factor).max(7) + 6, height * factor + 6 + 3 + 13);
    let left = 16 + column * (cell_width + 14) + 3;
    let top = TOP + row * (cell_height + 14);
    let at = |x, y| *picture.get_pixel(left + x * factor + factor / 2, top + y * factor + factor / 2);
    (0..height).flat_map(|y| (0..width).map(move |x| at(x, y))).collect()
}

/// Four maps of 2 rows and 3 columns: map c holds `c * 100 + pixel`, the last one is flat.
fn output() -> Tensor {
    Tensor::from_fn(vec![1, 2, 3, 4], |i| {
        let (pixel, channel) = (i / 4, i % 4);
        if channel == 3 { 7.0 } else { (channel * 100 + pixel) as f32 }
    })
}

#[test]
fn features_are_in_their_place() {
    let grey = |value: u8| Rgb([value; 3]);
    for (scale, note) in [
        (Scale::Each, "each map from its own least value (darkest) to its own largest (lightest)"),
        (Scale::Shared, "all maps from 0.0000 (darkest) to 205.0000 (lightest)"),
    ] {
        let sheet = maps(scale, Colors::Grey).features("conv of m", &output()).unwrap();
        assert_eq!((sheet.title_text(), sheet.note_text()), ("conv of m: 4 maps of 2 x 3", note));
        for channel in 0..4 {
            let got = tile(&sheet, [channel, 0], [2, 3], 64 / 3);
            let value = |pixel: u32| if channel == 3 { 7.0 } else { (channel * 100 + pixel) as f32 };
            let wanted = (0..6).map(|pixel| match (scale, channel) {
                // What has one value alone is dark all over.
                (Scale::Each, 3) => grey(0),
                (Scale::Each, _) => grey(level(value(pixel), value(0), value(5))),
                (Scale::Shared, _) => grey(level(value(pixel), 0.0, 205.0)),
            });
            assert_eq!(got, wanted.collect::<Vec<_>>(), "{scale:?} {channel}");
        }
    }
    let sheet = Maps { most: 2, ..Maps::default() }.features("conv of m", &output()).unwrap();
    assert_eq!((sheet.len(), sheet.title_text()), (2, "conv of m: 2 of 4 maps of 2 x 3"));
}

/// The ends and the middle of Matplotlib's viridis, as its table has them; the crate interpolates, so within 2 levels.
#[test]
fn viridis() {
    let output = Tensor::new(vec![1, 1, 3, 1], vec![0.0, 0.5, 1.0]).unwrap();
    let sheet = maps(Scale::Each, Colors::Viridis).features("m", &output).unwrap();
    let wanted = [[68, 1, 84], [33, 145, 140], [253, 231, 37]];
    for (got, wanted) in tile(&sheet, [0, 0], [1, 3], 64 / 3).into_iter().zip(wanted) {
        assert!(got.0.iter().zip(wanted).all(|(&got, wanted)| got.abs_diff(wanted) <= 2), "{got:?} {wanted:?}");
    }
}

#[test]
fn units_are_tiles_with_their_value() {
    let output = Tensor::new(vec![1, 3], vec![-1.0, 0.0, 1.0]).unwrap();
    let sheet = maps(Scale::Each, Colors::Grey).features("dense", &output).unwrap();
    assert_eq!(sheet.title_text(), "dense: 3 values");
    assert_eq!(sheet.note_text(), "all values from -1.0000 (darkest) to 1.0000 (lightest)");
    let picture = sheet.render().unwrap();
    // Captions such as "0: -1.000", of 9 letters of 7 pixels, are wider than tiles of 48.
    let at = |unit: u32| picture.get_pixel(16 + unit * (63 + 14) + 31, TOP + 24).0[0];
    assert_eq!([at(0), at(1), at(2)], [0, 128, 255]);
}

/// A kernel whose value says where it is: filter, channel, row, column.
fn kernel(channels: usize, filters: usize) -> Tensor {
    Tensor::from_fn(vec![2, 2, channels, filters], |i| {
        let (filter, channel, pixel) = (i % filters, i / filters % channels, i / filters / channels);
        (filter * 100 + channel * 10 + pixel) as f32
    })
}

#[test]
fn filters_are_in_their_place() {
    let one = maps(Scale::Each, Colors::Grey).filters("conv", &kernel(1, 2), false).unwrap();
    assert_eq!((one.len(), one.title_text()), (2, "conv: 2 filters of 2 x 2, 1 channel"));
    assert_eq!(tile(&one, [1, 0], [2, 2], 32), [0, 85, 170, 255].map(|value| Rgb([value; 3])));

    // In colours, all channels of a filter in one range: 0 to 23 above its own number.
    for (blue_first, order) in [(false, [0, 1, 2]), (true, [2, 1, 0])] {
        let colours = maps(Scale::Each, Colors::Grey).filters("conv", &kernel(3, 2), blue_first).unwrap();
        assert_eq!((colours.len(), colours.title_text()), (2, "conv: 2 filters of 2 x 2, 3 channels"));
        let wanted = |pixel: usize| Rgb(order.map(|channel| level((channel * 10 + pixel) as f32, 0.0, 23.0)));
        assert_eq!(tile(&colours, [1, 0], [2, 2], 32), (0..4).map(wanted).collect::<Vec<_>>());
    }

    // A row for each filter, a column for each of its channels.
    let many = maps(Scale::Shared, Colors::Grey).filters("conv", &kernel(2, 3), false).unwrap();
    assert_eq!(many.len(), 6);
    assert_eq!(many.note_text(), "all filters from 0.0000 (darkest) to 213.0000 (lightest)");
    let wanted = |pixel: usize| Rgb([level((210 + pixel) as f32, 0.0, 213.0); 3]);
    let captions = 3 * 7 - 2 * 32;
    assert!(captions < 0, "tiles are wider than captions");
    assert_eq!(tile(&many, [1, 2], [2, 2], 32), (0..4).map(wanted).collect::<Vec<_>>());

    let few = Maps { most: 3, ..Maps::default() }.filters("conv", &kernel(2, 3), false).unwrap();
    assert_eq!((few.len(), few.title_text()), (4, "conv: 2 of 3 filters of 2 x 2, 2 channels"));
}

#[test]
fn numbers_that_are_none_are_dark() {
    let output = Tensor::new(vec![1, 1, 3, 1], vec![f32::NAN, 1.0, 2.0]).unwrap();
    let sheet = maps(Scale::Shared, Colors::Grey).features("m", &output).unwrap();
    assert_eq!(sheet.note_text(), "all maps from 1.0000 (darkest) to 2.0000 (lightest)");
    assert_eq!(tile(&sheet, [0, 0], [1, 3], 64 / 3), [0, 0, 255].map(|value| Rgb([value; 3])));
    let none = Tensor::full(vec![1, 2, 2, 1], f32::NAN);
    assert!(Maps::default().features("m", &none).unwrap().to_png().is_ok());
}

#[test]
fn other_shapes_are_refused() {
    let refused = |result: Result<ContactSheet, PlotError>| result.unwrap_err().to_string();
    for shape in [vec![2, 4, 4, 3], vec![1, 4, 3], vec![4], vec![1, 0, 4, 2], vec![1, 0]] {
        let text = refused(Maps::default().features("m", &Tensor::full(shape.clone(), 0.0)));
        assert!(text.starts_with("feature maps: expects "), "{shape:?}: {text}");
    }
    for shape in [vec![3, 3, 4], vec![3, 3, 0, 4]] {
        let text = refused(Maps::default().filters("m", &Tensor::full(shape.clone(), 0.0), false));
        assert!(text.starts_with("filters: expects "), "{shape:?}: {text}");
    }
}

/// The turbo of D3, whose polynomials the crate has, at 0, 1/2 and 1.
const TURBO: [[f64; 3]; 3] = [[34.61, 23.31, 27.2], [148.5, 250.7, 80.6], [144.06, 12.34, 0.0]];

/// A picture of 2 x 2 pixels from 10 to 40, enlarged to 256 x 256, under maps of which each shows one thing.
#[test]
fn heat_lies_over_the_picture() {
    let picture = Tensor::new(vec![1, 2, 2, 1], vec![10.0, 20.0, 30.0, 40.0]).unwrap();
    let cold = |map: [f32; 2]| (map, [0.0, 0.0]);
    let cases = [
        ([5.0, 5.0], [1.0, 1.0]),
        ([-1.0, 2.0], [0.0, 1.0]),
        ([0.5, 1.0], [0.5, 1.0]),
        cold([-2.0, -1.0]),
        cold([0.0, f32::NAN]),
    ];
    for (map, heat) in cases {
        let map = Tensor::new(vec![1, 1, 2, 1], map.to_vec()).unwrap();
        let sheet = heat_maps("", &picture, &map, &["caption"]).unwrap().note("").render().unwrap();
        let caption = "largest value 0.000e0".len() as u32 * 7;
        assert!(caption < 256);
        for column in [0, 20, 64, 100, 127, 128, 200, 255] {
            let at = |tile: u32| f64_of(sheet.get_pixel(16 + tile * (262 + 14) + 3 + column, 16 + 3 + 10));
            // The middles of the map's two values are a quarter and three quarters of the way.
            let part = ((f64::from(column) + 0.5) / 128.0 - 0.5).clamp(0.0, 1.0);
            let heat = heat[0] + (heat[1] - heat[0]) * part;
            let grey = if column < 128 { 0.0 } else { 255.0 / 3.0 };
            for channel in [0, 1, 2] {
                let (drawn, color, mixed) = (at(0)[channel], at(1)[channel], at(2)[channel]);
                assert!((drawn - grey).abs() <= 0.5, "{drawn} {grey}");
                if let Some(turbo) = [0.0, 0.5, 1.0].iter().position(|x| *x == heat) {
                    assert!((color - TURBO[turbo][channel]).abs() <= 2.0, "{color} at {heat}");
                }
                // What is rounded are both colours and the result.
                let wanted = grey + (color - grey) * 0.6 * heat;
                assert!((mixed - wanted).abs() <= 1.0, "column {column}: {mixed} and not {wanted}");
            }
        }
    }
    let map = |shape: [usize; 4]| Tensor::full(shape.to_vec(), 1.0);
    for (picture, maps) in [
        (map([2, 2, 2, 1]), map([1, 2, 2, 1])),
        (map([1, 2, 2, 2]), map([1, 2, 2, 1])),
        (map([1, 2, 2, 1]), map([2, 2, 2, 1])),
        (map([1, 2, 2, 1]), map([1, 2, 2, 3])),
        (map([1, 2, 2, 1]), map([1, 0, 2, 1])),
        (map([1, 0, 2, 1]), map([1, 2, 2, 1])),
    ] {
        let error = heat_maps("", &picture, &maps, &["one"]);
        assert!(matches!(error, Err(PlotError::Shape(_))), "{:?} {:?}", picture.shape(), maps.shape());
    }
}

fn f64_of(pixel: &Rgb<u8>) -> [f64; 3] {
    pixel.0.map(f64::from)
}
