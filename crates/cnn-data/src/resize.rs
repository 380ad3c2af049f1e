//! Pictures to another size, as PIL does it.
//!
//! Source: Pillow's documentation ("Concepts: Filters"), and its resampling's arithmetic in versions 3.3 to 12: first along
//! the rows, then along the columns, each with weights of 22 fractional bits and a result rounded and clamped to 8 bits.
//! Pillow 13, and the crates that resize pictures, begin with the columns in some or all cases; where a filter overshoots,
//! that gives other numbers (by up to 12 grey levels in the pictures of `tests/vectors/pictures`).

use std::collections::TryReserveError;
use std::f64::consts::PI;

use cnn_core::tensor::element_count;

use crate::error::{PictureError, PictureProblem};
use crate::picture::Picture;

/// How a picture is brought to another size: Keras's `interpolation`, which are PIL's filters. But for nearest, a filter is
/// widened by the factor of a reduction, so that every pixel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interpolation {
    /// The pixel under the middle of the new one: Keras's default.
    #[default]
    Nearest,
    /// A triangle over 2 pixels.
    Bilinear,
    /// Keys's cubic with a = -1/2, over 4 pixels.
    Bicubic,
    /// Lanczos's windowed sinc over 6 pixels.
    Lanczos,
    /// A sinc in a Hamming window over 2 pixels.
    Hamming,
    /// The mean of the pixels whose middle is covered.
    Box,
}

impl Interpolation {
    /// All of them, under Keras's names.
    pub const ALL: [(&'static str, Self); 6] = [
        ("nearest", Self::Nearest),
        ("bilinear", Self::Bilinear),
        ("bicubic", Self::Bicubic),
        ("lanczos", Self::Lanczos),
        ("hamming", Self::Hamming),
        ("box", Self::Box),
    ];

    /// `None` for nearest, which is no filter.
    fn filter(self) -> Option<Filter> {
        let (weight, support): (fn(f64) -> f64, f64) = match self {
            Self::Nearest => return None,
            Self::Bilinear => (|x| (1.0 - x.abs()).max(0.0), 1.0),
            Self::Bicubic => (cubic, 2.0),
            Self::Lanczos => (|x| if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }, 3.0),
            Self::Hamming => (|x| if x.abs() < 1.0 { sinc(x) * (0.54 + 0.46 * (PI * x).cos()) } else { 0.0 }, 1.0),
            Self::Box => (|x| if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }, 0.5),
        };
        Some(Filter { weight, support })
    }
}

struct Filter {
    /// The weight at a distance in pixels.
    weight: fn(f64) -> f64,
    /// The distance from which on the weight is 0.
    support: f64,
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Keys, "Cubic convolution interpolation for digital image processing" (1981), equation 4 with a = -1/2.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => A * (((x - 5.0) * x + 8.0) * x - 4.0),
        _ => 0.0,
    }
}

impl Picture {
    /// The whole picture at another size, stretched where the aspect ratio differs: the numbers of Keras's
    /// `load_img(target_size=(height, width), interpolation=...)`.
    ///
    /// # Errors
    /// If a side is 0, or the picture too large for memory.
    pub fn resize(&self, height: usize, width: usize, interpolation: Interpolation) -> Result<Picture, PictureError> {
        let refused =
            |reason: &str| PictureProblem::Target { height, width, reason: reason.into() }.in_file(&self.name);
        if height == 0 || width == 0 {
            return Err(refused("it needs at least one of each"));
        }
        if (height, width) == (self.height, self.width) {
            return Ok(self.clone());
        }
        let no_memory = || refused("there is not that much memory");
        let count = self.channels.count();
        let size = element_count(&[height, width, count]).ok_or_else(no_memory)?;
        let between = element_count(&[self.height, width, count]).ok_or_else(no_memory)?;
        let resize = || -> Result<Vec<u8>, TryReserveError> {
            let mut pixels = zeros(size)?;
            let Some(filter) = interpolation.filter() else {
                self.nearest(height, width, &mut pixels);
                return Ok(pixels);
            };
            let mut rows = zeros(between)?;
            along_rows(&self.pixels, self.width, &mut rows, &windows(self.width, width, &filter), count);
            along_columns(&rows, &mut pixels, &windows(self.height, height, &filter), width * count);
            Ok(pixels)
        };
        let pixels = resize().map_err(|_| no_memory())?;
        Ok(Picture { name: self.name.clone(), height, width, channels: self.channels, pixels })
    }

    fn nearest(&self, height: usize, width: usize, pixels: &mut [u8]) {
        let count = self.channels.count();
        let columns = nearest_positions(self.width, width);
        let rows = nearest_positions(self.height, height);
        for (row, out) in rows.iter().zip(pixels.chunks_exact_mut(width * count)) {
            let from = &self.pixels[row * self.width * count..][..self.width * count];
            for (column, out) in columns.iter().zip(out.chunks_exact_mut(count)) {
                out.copy_from_slice(&from[column * count..][..count]);
            }
        }
    }
}

fn zeros(size: usize) -> Result<Vec<u8>, TryReserveError> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size)?;
    bytes.resize(size, 0);
    Ok(bytes)
}

/// The pixel of `from` under the middle of each pixel of `to`. The middles are summed up one by one, as PIL does: where
/// one falls on a border between two pixels, rounding decides.
fn nearest_positions(from: usize, to: usize) -> Vec<usize> {
    let scale = from as f64 / to as f64;
    let middles = std::iter::successors(Some(scale * 0.5), |middle| Some(middle + scale));
    middles.take(to).map(|middle| (middle as usize).min(from - 1)).collect()
}

/// Fractional bits of a weight: a sum of products with 8 bits, and as much again for what overshoots, fits 32 bits.
const FRACTION: u32 = 22;

/// What a pixel is made of: pixels from `first` on, with weights that add up to one.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

/// The window of each pixel of `to`.
fn windows(from: usize, to: usize, filter: &Filter) -> Vec<Window> {
    if from == to {
        return (0..to).map(|first| Window { first, weights: vec![1 << FRACTION] }).collect();
    }
    let scale = from as f64 / to as f64;
    let wider = scale.max(1.0);
    let reach = filter.support * wider;
    let window = |i: usize| {
        let middle = (i as f64 + 0.5) * scale;
        // A cast takes what is negative for 0.
        let first = (middle - reach + 0.5) as usize;
        let end = ((middle + reach + 0.5) as usize).min(from);
        let raw: Vec<f64> = (first..end).map(|x| (filter.weight)((x as f64 - middle + 0.5) * (1.0 / wider))).collect();
        let sum: f64 = raw.iter().sum();
        let one = f64::from(1 << FRACTION);
        Window { first, weights: raw.iter().map(|weight| (weight / sum * one).round() as i32).collect() }
    };
    (0..to).map(window).collect()
}

/// A sum of weighted pixels, which began with a half, in 8 bits.
fn clamped(sum: i32) -> u8 {
    (sum >> FRACTION).clamp(0, 255) as u8
}

fn along_rows(from: &[u8], width: usize, to: &mut [u8], windows: &[Window], count: usize) {
    for (row, out) in from.chunks_exact(width * count).zip(to.chunks_exact_mut(windows.len() * count)) {
        for (window, out) in windows.iter().zip(out.chunks_exact_mut(count)) {
            let pixels = row[window.first * count..].chunks_exact(count);
            let mut sums = [1 << (FRACTION - 1); 3];
            for (weight, pixel) in window.weights.iter().zip(pixels) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += weight * i32::from(*value);
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = clamped(sum);
            }
        }
    }
}

fn along_columns(from: &[u8], to: &mut [u8], windows: &[Window], row: usize) {
    let mut sums = vec![0; row];
    for (window, out) in windows.iter().zip(to.chunks_exact_mut(row)) {
        sums.fill(1 << (FRACTION - 1));
        for (weight, pixels) in window.weights.iter().zip(from[window.first * row..].chunks_exact(row)) {
            for (sum, value) in sums.iter_mut().zip(pixels) {
                *sum += weight * i32::from(*value);
            }
        }
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = clamped(*sum);
        }
    }
}
