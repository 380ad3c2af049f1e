//! Colours: the functions of `tf.image` that change the values of pixels.
//!
//! Each takes one picture `[H, W, C]` or a batch `[N, H, W, C]` in float32 and, as TensorFlow does with floats, cuts
//! nothing off: what leaves 0 to 255 (or 0 to 1) stays so. Those of hue and saturation give the same for pictures from
//! 0 to 1 and from 0 to 255.
//!
//! Source: the documentation of `tf.image`; hue and saturation as in Smith, "Color gamut transform pairs" (1978).

use cnn_core::{ShapeError, Tensor};

use crate::data_error::DataError;
use crate::functions::dimensions;

fn finite(name: &'static str, value: f32) -> Result<f32, DataError> {
    if value.is_finite() { Ok(value) } else { Err(DataError::argument(name, format!("{value} is no finite number"))) }
}

/// Adds `delta` to every value: `tf.image.adjust_brightness`. Its unit is the picture's: 25.5 for a tenth of 0 to 255.
///
/// # Errors
/// If `images` are no pictures by their rank, or `delta` is not finite.
pub fn adjust_brightness(images: &Tensor, delta: f32) -> Result<Tensor, DataError> {
    dimensions("adjust_brightness", images)?;
    let delta = finite("adjust_brightness", delta)?;
    Ok(each(images, |value| value + delta))
}

/// `(x - mean) * factor + mean`, with the mean of each channel of each picture: `tf.image.adjust_contrast`.
///
/// # Errors
/// If `images` are no pictures by their rank, or `factor` is not finite.
pub fn adjust_contrast(images: &Tensor, factor: f32) -> Result<Tensor, DataError> {
    let [_, height, width, channels] = dimensions("adjust_contrast", images)?;
    let factor = finite("adjust_contrast", factor)?;
    let mut out = images.clone();
    for picture in out.data_mut().chunks_exact_mut((height * width * channels).max(1)) {
        for channel in 0..channels {
            let values = picture.iter().skip(channel).step_by(channels);
            let mean = (values.map(|value| f64::from(*value)).sum::<f64>() / (height * width) as f64) as f32;
            let values = picture.iter_mut().skip(channel).step_by(channels);
            values.for_each(|value| *value = (*value - mean) * factor + mean);
        }
    }
    Ok(out)
}

/// `gain * x ^ gamma`: `tf.image.adjust_gamma`. For pictures from 0 to 1; one from 0 to 255 would leave its range.
///
/// # Errors
/// If `images` are no pictures by their rank, `gamma` is negative, or a number is not finite.
pub fn adjust_gamma(images: &Tensor, gamma: f32, gain: f32) -> Result<Tensor, DataError> {
    dimensions("adjust_gamma", images)?;
    let (gamma, gain) = (finite("adjust_gamma", gamma)?, finite("adjust_gamma", gain)?);
    if gamma < 0.0 {
        return Err(DataError::argument("adjust_gamma", format!("gamma {gamma} is negative; give 0 or more")));
    }
    Ok(each(images, |value| gain * value.powf(gamma)))
}

/// Saturation times `factor`, at most 1, of red, green and blue: `tf.image.adjust_saturation`.
///
/// # Errors
/// If `images` are no pictures of 3 channels, or `factor` is not finite.
pub fn adjust_saturation(images: &Tensor, factor: f32) -> Result<Tensor, DataError> {
    let factor = finite("adjust_saturation", factor)?;
    colours("adjust_saturation", images, |pixel| {
        let Hue { hue, least, most } = Hue::of(pixel);
        let saturation = if most > 0.0 { (most - least) / most } else { 0.0 };
        let saturation = (saturation * factor).clamp(0.0, 1.0);
        Hue { hue, least: most - saturation * most, most }.pixel()
    })
}

/// Hue turned by `delta` turns of the colour circle, -1 to 1: `tf.image.adjust_hue`.
///
/// # Errors
/// If `images` are no pictures of 3 channels, or `delta` is out of range.
pub fn adjust_hue(images: &Tensor, delta: f32) -> Result<Tensor, DataError> {
    if !(-1.0..=1.0).contains(&delta) {
        return Err(DataError::argument("adjust_hue", format!("delta {delta} is not between -1 and 1")));
    }
    colours("adjust_hue", images, |pixel| {
        let colour = Hue::of(pixel);
        Hue { hue: (colour.hue + 6.0 * delta).rem_euclid(6.0), ..colour }.pixel()
    })
}

/// `0.2989 R + 0.5870 G + 0.1140 B`, one channel: `tf.image.rgb_to_grayscale`. (A picture's own conversion, by
/// [`Picture::convert`](crate::Picture::convert), has 0.299, as PIL.)
///
/// # Errors
/// If `images` are no pictures of 3 channels.
pub fn rgb_to_grayscale(images: &Tensor) -> Result<Tensor, DataError> {
    three_channels("rgb_to_grayscale", images)?;
    let pixels = images.data().as_chunks::<3>().0.iter();
    let data = pixels.map(|[red, green, blue]| 0.2989 * red + 0.5870 * green + 0.1140 * blue).collect();
    let mut shape = images.shape().to_vec();
    shape.pop();
    shape.push(1);
    Ok(Tensor::new(shape, data)?)
}

fn each(images: &Tensor, f: impl Fn(f32) -> f32) -> Tensor {
    let mut out = images.clone();
    out.data_mut().iter_mut().for_each(|value| *value = f(*value));
    out
}

fn colours(name: &str, images: &Tensor, f: impl Fn([f32; 3]) -> [f32; 3]) -> Result<Tensor, DataError> {
    three_channels(name, images)?;
    let mut out = images.clone();
    out.data_mut().as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = f(*pixel));
    Ok(out)
}

fn three_channels(name: &str, images: &Tensor) -> Result<(), DataError> {
    match dimensions(name, images)? {
        [_, _, _, 3] => Ok(()),
        _ => Err(ShapeError::new(name, "expects 3 channels: red, green and blue", &[images.shape()]).into()),
    }
}

/// A colour by its place on the circle, 0 to 6 (red, yellow, green, cyan, blue, magenta), and its least and largest
/// value.
struct Hue {
    hue: f32,
    least: f32,
    most: f32,
}

impl Hue {
    fn of([red, green, blue]: [f32; 3]) -> Self {
        let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
        let range = most - least;
        let hue = match most {
            _ if range <= 0.0 => 0.0,
            _ if most == red => ((green - blue) / range).rem_euclid(6.0),
            _ if most == green => (blue - red) / range + 2.0,
            _ => (red - green) / range + 4.0,
        };
        Self { hue, least, most }
    }

    fn pixel(self) -> [f32; 3] {
        let Self { hue, least, most } = self;
        let middle = least + (most - least) * (1.0 - (hue.rem_euclid(2.0) - 1.0).abs());
        match hue as u32 {
            0 => [most, middle, least],
            1 => [middle, most, least],
            2 => [least, most, middle],
            3 => [least, middle, most],
            4 => [middle, least, most],
            _ => [most, least, middle],
        }
    }
}
