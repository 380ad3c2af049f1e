//! Plain functions: what is refused, and what holds for any picture.

use cnn_core::Tensor;
use cnn_data::{
    DataError, ResizeMethod, adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation,
    central_crop, crop, flip_left_right, flip_up_down, pad_to_bounding_box, resize, rgb_to_grayscale, rot90,
};
use proptest::prelude::*;

#[test]
fn refused() {
    let (picture, vector) = (Tensor::full(vec![4, 5, 3], 0.5), Tensor::full(vec![4, 5], 0.5));
    let grey = Tensor::full(vec![4, 5, 1], 0.5);
    type Call<'a> = Box<dyn Fn() -> Result<Tensor, DataError> + 'a>;
    let cases: [(Call, &str); 21] = [
        (Box::new(|| flip_left_right(&vector)), "flip_left_right: expects [H, W, C] or [N, H, W, C], got [4, 5]"),
        (Box::new(|| rot90(&vector, 1)), "rot90: expects"),
        (Box::new(|| adjust_brightness(&vector, 1.0)), "adjust_brightness: expects"),
        (Box::new(|| adjust_hue(&grey, 0.1)), "adjust_hue: expects 3 channels: red, green and blue, got [4, 5, 1]"),
        (Box::new(|| adjust_saturation(&grey, 0.1)), "adjust_saturation: expects 3 channels"),
        (Box::new(|| rgb_to_grayscale(&grey)), "rgb_to_grayscale: expects 3 channels"),
        (Box::new(|| adjust_hue(&picture, 1.5)), "adjust_hue: delta 1.5 is not between -1 and 1"),
        (Box::new(|| adjust_hue(&picture, f32::NAN)), "adjust_hue: delta NaN"),
        (Box::new(|| adjust_gamma(&picture, -1.0, 1.0)), "adjust_gamma: gamma -1 is negative; give 0 or more"),
        (Box::new(|| adjust_contrast(&picture, f32::INFINITY)), "adjust_contrast: inf is no finite number"),
        (Box::new(|| adjust_saturation(&picture, f32::NAN)), "adjust_saturation: NaN"),
        (Box::new(|| central_crop(&picture, 0.0)), "central_crop: fraction 0 is not above 0 and at most 1"),
        (Box::new(|| central_crop(&picture, f64::NAN)), "central_crop: fraction NaN"),
        (Box::new(|| crop(&picture, 2, 0, 3, 5)), "crop: 3 x 5 pixels from row 2 and column 0 are no part of 4 x 5"),
        (Box::new(|| crop(&picture, 0, 0, 0, 5)), "crop: 0 x 5 pixels"),
        (Box::new(|| crop(&picture, usize::MAX, 0, 2, 5)), "crop: 2 x 5 pixels"),
        (Box::new(|| pad_to_bounding_box(&picture, 1, 0, 4, 5)), "pad_to_bounding_box: 4 x 5 pixels from row 1"),
        (Box::new(|| pad_to_bounding_box(&picture, usize::MAX, 0, 4, 5)), "pad_to_bounding_box: 4 x 5 pixels"),
        (Box::new(|| pad_to_bounding_box(&picture, 0, 0, 1 << 63, 6)), "pad_to_bounding_box: there is not that much"),
        (
            Box::new(|| resize(&picture, 0, 5, ResizeMethod::Area, false)),
            "resize: to 0 x 5 pixels: it needs at least one",
        ),
        (Box::new(|| resize(&picture, usize::MAX, 5, ResizeMethod::Area, false)), "there is not that much memory"),
    ];
    for (call, says) in cases {
        let error = call().unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }
}

#[test]
fn no_pictures_at_all() {
    let none = Tensor::new(vec![0, 4, 5, 3], Vec::new()).unwrap();
    assert_eq!(flip_up_down(&none).unwrap(), none);
    assert_eq!(adjust_contrast(&none, 2.0).unwrap(), none);
    assert_eq!(rot90(&none, 1).unwrap().shape(), [0, 5, 4, 3]);
    let flat = Tensor::new(vec![2, 0, 5, 3], Vec::new()).unwrap();
    assert_eq!(flip_left_right(&flat).unwrap(), flat);
    assert_eq!(adjust_contrast(&flat, 2.0).unwrap(), flat);
    assert!(resize(&flat, 2, 2, ResizeMethod::Bilinear, false).is_err());
}

fn pictures() -> impl Strategy<Value = Tensor> {
    (1..3usize, 1..6usize, 1..6usize, 1..5usize).prop_map(|(count, height, width, channels)| {
        Tensor::from_fn(vec![count, height, width, channels], |i| (i * 37 % 256) as f32)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn turned_and_mirrored(x in pictures(), times in -9..9i32) {
        let twice = |f: fn(&Tensor) -> Result<Tensor, DataError>| f(&f(&x).unwrap()).unwrap();
        prop_assert_eq!(&twice(flip_left_right), &x);
        prop_assert_eq!(&twice(flip_up_down), &x);
        prop_assert_eq!(&rot90(&rot90(&x, times).unwrap(), -times).unwrap(), &x);
        prop_assert_eq!(rot90(&x, 2).unwrap(), flip_up_down(&flip_left_right(&x).unwrap()).unwrap());
    }

    #[test]
    fn padded_and_cut(x in pictures(), top in 0..3usize, left in 0..3usize) {
        let (height, width) = (x.shape()[1], x.shape()[2]);
        let padded = pad_to_bounding_box(&x, top, left, height + top + 1, width + left + 2).unwrap();
        prop_assert_eq!(padded.data().iter().sum::<f32>(), x.data().iter().sum::<f32>());
        prop_assert_eq!(crop(&padded, top, left, height, width).unwrap(), x);
    }

    /// Weights add up to 1, and a picture of its own size stays as it is but for the two filters that blur.
    #[test]
    fn resized(x in pictures(), height in 1..9usize, width in 1..9usize, antialias: bool) {
        let (rows, columns) = (x.shape()[1], x.shape()[2]);
        for (name, method) in ResizeMethod::ALL {
            let flat = Tensor::full(x.shape().to_vec(), 100.0);
            let out = resize(&flat, height, width, method, antialias).unwrap();
            prop_assert!(out.data().iter().all(|value| (value - 100.0).abs() < 1e-3), "{}", name);
            if !matches!(method, ResizeMethod::Gaussian | ResizeMethod::MitchellCubic) {
                let same = resize(&x, rows, columns, method, antialias).unwrap();
                prop_assert!(super::difference(same.data(), x.data()) < 1e-3, "{}", name);
            }
        }
    }
}
