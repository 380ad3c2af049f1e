//! Pictures to another size in float32, as TensorFlow's `tf.image.resize` has it.
//!
//! `image_dataset_from_directory` resizes by these and not by PIL's filters ([`crate::Interpolation`]): values are not
//! rounded, and a filter is not widened for a reduction unless that is asked for.
//!
//! Sources: the documentation of `tf.image.resize`; Keys, "Cubic convolution interpolation" (1981), a = -1/2; Mitchell
//! and Netravali, "Reconstruction filters in computer graphics" (1988), B = C = 1/3.

use std::f64::consts::PI;

use cnn_core::Tensor;
use cnn_core::tensor::element_count;

use crate::data_error::DataError;
use crate::error::{PictureError, PictureProblem};
use crate::functions::dimensions;
use crate::picture::Picture;

/// How values between pixels are made up: the `method` of TensorFlow, the `interpolation` of Keras's
/// `image_dataset_from_directory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResizeMethod {
    /// The pixel under the middle of the new one.
    Nearest,
    /// A triangle over 2 pixels: Keras's default.
    #[default]
    Bilinear,
    /// Keys's cubic over 4 pixels.
    Bicubic,
    /// The mean of what the new pixel covers.
    Area,
    /// Lanczos's windowed sinc over 6 pixels.
    Lanczos3,
    /// The same over 10 pixels.
    Lanczos5,
    /// A Gaussian of standard deviation 1/2 over 3 pixels.
    Gaussian,
    /// Mitchell and Netravali's cubic over 4 pixels.
    MitchellCubic,
}

impl ResizeMethod {
    /// All of them, under TensorFlow's names.
    pub const ALL: [(&'static str, Self); 8] = [
        ("nearest", Self::Nearest),
        ("bilinear", Self::Bilinear),
        ("bicubic", Self::Bicubic),
        ("area", Self::Area),
        ("lanczos3", Self::Lanczos3),
        ("lanczos5", Self::Lanczos5),
        ("gaussian", Self::Gaussian),
        ("mitchellcubic", Self::MitchellCubic),
    ];

    /// How far a filter reaches, in pixels.
    fn radius(self) -> f64 {
        match self {
            Self::Nearest | Self::Area => 0.5,
            Self::Bilinear => 1.0,
            Self::Gaussian => 1.5,
            Self::Bicubic | Self::MitchellCubic => 2.0,
            Self::Lanczos3 => 3.0,
            Self::Lanczos5 => 5.0,
        }
    }

    /// The filter `x` pixels from its middle.
    fn value(self, x: f64) -> f64 {
        let x = x.abs();
        let lanczos = |radius: f64| match x {
            _ if x > radius => 0.0,
            _ if x <= 1e-3 => 1.0,
            _ => radius * (PI * x).sin() * (PI * x / radius).sin() / (PI * PI * x * x),
        };
        match self {
            Self::Nearest | Self::Area => f64::from(x <= 0.5),
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x >= 2.0 => 0.0,
            Self::Bicubic if x >= 1.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Bicubic => (1.5 * x - 2.5) * x * x + 1.0,
            Self::MitchellCubic if x >= 2.0 => 0.0,
            Self::MitchellCubic if x >= 1.0 => (((-7.0 * x + 36.0) * x - 60.0) * x + 32.0) / 18.0,
            Self::MitchellCubic => ((21.0 * x - 36.0) * x * x + 16.0) / 18.0,
            Self::Gaussian if x >= 1.5 => 0.0,
            Self::Gaussian => (-2.0 * x * x).exp(),
            Self::Lanczos3 => lanczos(3.0),
            Self::Lanczos5 => lanczos(5.0),
        }
    }
}

/// What becomes of a picture whose aspect ratio is not the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fit {
    /// It is stretched: Keras's default.
    #[default]
    Stretch,
    /// The largest part in its middle that has the ratio is taken: Keras's `crop_to_aspect_ratio`.
    Crop,
    /// It is resized as a whole and black put around it: Keras's `pad_to_aspect_ratio`.
    Pad,
}

/// Pictures `[H, W, C]` or `[N, H, W, C]` at another size: `tf.image.resize`. `antialias` widens the filter by the
/// factor of a reduction, so that every pixel counts; Keras's data sets do without, and `Nearest` and `Area` have no
/// use for it.
///
/// # Errors
/// If `images` are of another rank or hold no pixel, or a side is 0.
///
/// ```
/// use cnn_data::{ResizeMethod, resize};
/// let x = cnn_core::Tensor::new(vec![1, 2, 1], vec![0.0, 100.0])?;
/// assert_eq!(resize(&x, 1, 4, ResizeMethod::Bilinear, false)?.data(), [0.0, 25.0, 75.0, 100.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resize(
    images: &Tensor,
    height: usize,
    width: usize,
    method: ResizeMethod,
    antialias: bool,
) -> Result<Tensor, DataError> {
    let [count, rows, columns, channels] = dimensions("resize", images)?;
    let refused = |reason: &str| DataError::argument("resize", format!("to {height} x {width} pixels: {reason}"));
    let size =
        element_count(&[count, height, width, channels]).ok_or_else(|| refused("there is not that much memory"))?;
    if rows == 0 || columns == 0 || channels == 0 || height == 0 || width == 0 {
        return Err(refused("it needs at least one pixel, before and after"));
    }
    let mut data = Vec::new();
    data.try_reserve_exact(size).map_err(|_| refused("there is not that much memory"))?;
    data.resize(size, 0.0);
    let (across, down) = (taps(method, antialias, columns, width), taps(method, antialias, rows, height));
    let pictures = images.data().chunks_exact(rows * columns * channels);
    for (from, to) in pictures.zip(data.chunks_exact_mut(height * width * channels)) {
        let view = View { data: from, stride: columns * channels, top: 0, left: 0, channels };
        view.resample(&down, &across, to, width * channels, 0);
    }
    let mut shape = images.shape().to_vec();
    let rank = shape.len();
    (shape[rank - 3], shape[rank - 2]) = (height, width);
    Ok(Tensor::new(shape, data)?)
}

impl Picture {
    /// The picture at another size, `[height, width, channels]` in float32 from 0 to 255, not rounded: what Keras's
    /// `image_dataset_from_directory` makes of it. Lanczos and the cubics overshoot that range, as there.
    ///
    /// # Errors
    /// If a side is 0, or there is not enough memory.
    pub fn resize_to_tensor(
        &self,
        height: usize,
        width: usize,
        method: ResizeMethod,
        fit: Fit,
    ) -> Result<Tensor, PictureError> {
        let refused =
            |reason: &str| PictureProblem::Target { height, width, reason: reason.into() }.in_file(&self.name);
        if height == 0 || width == 0 {
            return Err(refused("it needs at least one of each"));
        }
        let (part, inner) = match fit {
            Fit::Stretch => ([self.height, self.width], [height, width]),
            Fit::Crop => (largest_part([self.height, self.width], [height, width]), [height, width]),
            Fit::Pad => ([self.height, self.width], largest_inside([self.height, self.width], [height, width])),
        };
        let channels = self.channels.count();
        let size = element_count(&[height, width, channels]).ok_or_else(|| refused("there is not that much memory"))?;
        let mut data = Vec::new();
        data.try_reserve_exact(size).map_err(|_| refused("there is not that much memory"))?;
        data.resize(size, 0.0);
        let (down, across) = (taps(method, false, part[0], inner[0]), taps(method, false, part[1], inner[1]));
        let (top, left) = ((self.height - part[0]) / 2, (self.width - part[1]) / 2);
        let view = View { data: &self.pixels, stride: self.width * channels, top, left, channels };
        let [above, before] = match fit {
            Fit::Pad => margins([self.height, self.width], [height, width]),
            Fit::Stretch | Fit::Crop => [0, 0],
        };
        view.resample(&down, &across, &mut data, width * channels, (above * width + before) * channels);
        Tensor::new(vec![height, width, channels], data).map_err(|error| refused(&error.to_string()))
    }
}

/// Rows and columns of the largest part of `from` with the aspect ratio of `to`, at least one of each.
fn largest_part([rows, columns]: [usize; 2], [height, width]: [usize; 2]) -> [usize; 2] {
    let part = |side: usize, wanted: usize, other: usize, all: usize| {
        (side as u128 * wanted as u128 / other as u128).clamp(1, all as u128) as usize
    };
    [part(columns, height, width, rows), part(rows, width, height, columns)]
}

/// Rows and columns, not rounded, of `from` shrunk or grown until it just fits into `to`. In float32, as TensorFlow
/// does it: where the ratio is not exact, the number of rows depends on it.
fn fitted([rows, columns]: [usize; 2], [height, width]: [usize; 2]) -> [f32; 2] {
    let [rows, columns, height, width] = [rows, columns, height, width].map(|side| side as f32);
    let ratio = (columns / width).max(rows / height);
    [rows / ratio, columns / ratio]
}

/// [`fitted`], rounded down. TensorFlow refuses a picture so narrow that nothing would be left; here a row stays.
fn largest_inside(from: [usize; 2], to: [usize; 2]) -> [usize; 2] {
    let fitted = fitted(from, to);
    [0, 1].map(|axis| (fitted[axis] as usize).clamp(1, to[axis]))
}

/// Rows above and columns before a padded picture.
fn margins(from: [usize; 2], to: [usize; 2]) -> [usize; 2] {
    let (fitted, inside) = (fitted(from, to), largest_inside(from, to));
    [0, 1].map(|axis| (((to[axis] as f32 - fitted[axis]) / 2.0) as usize).min(to[axis] - inside[axis]))
}

/// The pixels that one new pixel is made of.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// For each of `to` new pixels, what of the `from` old ones makes it up.
fn taps(method: ResizeMethod, antialias: bool, from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let wide = if antialias { scale.max(1.0) } else { 1.0 };
    let last = from - 1;
    let one = |i: usize| match method {
        // In float32, as TensorFlow rounds where a middle lies between two pixels.
        ResizeMethod::Nearest => {
            let first = ((i as f32 + 0.5) * (from as f32 / to as f32)) as usize;
            Taps { first: first.min(last), weights: vec![1.0] }
        }
        ResizeMethod::Area => {
            let (begin, end) = (i as f64 * scale, (i + 1) as f64 * scale);
            let first = (begin as usize).min(last);
            let covered = |j: usize| ((j + 1) as f64).min(end) - (j as f64).max(begin);
            weighted(first, (end.ceil() as usize).clamp(first + 1, from), covered)
        }
        _ => {
            let middle = (i as f64 + 0.5) * scale;
            let reach = method.radius() * wide;
            let first = (middle - reach - 0.5).ceil().max(0.0) as usize;
            let end = ((middle + reach - 0.5).floor() as usize).min(last) + 1;
            weighted(first, end, |j| method.value((j as f64 + 0.5 - middle) / wide))
        }
    };
    (0..to).map(one).collect()
}

/// Weights of the pixels `first..end`, which add up to 1.
fn weighted(first: usize, end: usize, weight: impl Fn(usize) -> f64) -> Taps {
    let weights: Vec<f64> = (first..end).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    Taps { first, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
}

/// A part of a picture as it lies in memory, rows of `stride` elements.
struct View<'a, T> {
    data: &'a [T],
    stride: usize,
    top: usize,
    left: usize,
    channels: usize,
}

impl<T: Copy + Into<f32>> View<'_, T> {
    /// Adds the resampled part to `to`, which is zero; its rows of `stride` elements begin at `offset`. Only rows that
    /// have a weight are read, so a large photo costs no more than what is made of it.
    fn resample(&self, down: &[Taps], across: &[Taps], to: &mut [f32], stride: usize, offset: usize) {
        let channels = self.channels;
        for (row, taps) in down.iter().enumerate() {
            let out = &mut to[offset + row * stride..][..across.len() * channels];
            for (i, weight) in taps.weights.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
                let from = &self.data[(self.top + taps.first + i) * self.stride + self.left * channels..];
                for (out, taps) in out.chunks_exact_mut(channels).zip(across) {
                    for (channel, out) in out.iter_mut().enumerate() {
                        let pixels = from[taps.first * channels + channel..].iter().step_by(channels);
                        let sum: f32 =
                            taps.weights.iter().zip(pixels).map(|(weight, pixel)| weight * (*pixel).into()).sum();
                        *out += weight * sum;
                    }
                }
            }
        }
    }
}
