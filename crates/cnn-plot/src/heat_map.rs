//! Heat maps laid over a picture.

use cnn_core::{ShapeError, Tensor};
use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};

use crate::MAX_PIXELS;
use crate::contact_sheet::{Colors, ContactSheet, Mark};
use crate::error::PlotError;

/// Pixels that the longer side of a picture is enlarged to, as far as whole factors go.
const SIDE: usize = 256;
/// How much of the colour covers the picture where it is hottest.
const COVER: f32 = 0.6;

/// A row for each of `maps`, `[N, rows, columns, 1]`: the picture, `[1, height, width, 1 or 3]`, the map stretched over the
/// picture's size (bilinear), and the picture with the map over it, with the map's caption.
///
/// The picture is drawn from its least value to its largest, a map from 0, and what is below, darkest, to its own largest value,
/// red.
///
/// ```
/// use cnn_core::Tensor;
/// let picture = Tensor::from_fn(vec![1, 8, 8, 1], |i| i as f32);
/// let map = Tensor::new(vec![1, 2, 2, 1], vec![0.0, 0.1, 0.2, 0.4])?;
/// let sheet = cnn_plot::heat_maps("grad-cam", &picture, &map, &["7  99.8%"])?;
/// assert_eq!(sheet.len(), 3);
/// # Ok::<(), cnn_plot::PlotError>(())
/// ```
///
/// # Errors
/// If the shapes are others, there is not one caption for each map, or the picture is too large.
pub fn heat_maps(
    title: &str,
    picture: &Tensor,
    maps: &Tensor,
    captions: &[impl AsRef<str>],
) -> Result<ContactSheet, PlotError> {
    let &[1, height, width, 1 | 3] = picture.shape() else {
        return Err(unfit("a picture [1, height, width, 1 or 3]".into(), picture));
    };
    if !matches!(*maps.shape(), [count, rows, columns, 1] if count == captions.len() && rows * columns > 0) {
        return Err(unfit(format!("{} maps [N, rows, columns, 1], one for each caption", captions.len()), maps));
    }
    let factor = (SIDE / height.max(width).max(1)).max(1);
    let size = [height * factor, width * factor];
    if size[0].saturating_mul(size[1]) > MAX_PIXELS {
        return Err(PlotError::TooLarge { width: size[1], height: size[0] });
    }
    let (least, largest) = crate::maps::range(picture.data());
    let note = "a map from 0 (darkest) to its own largest value (red)";
    let mut sheet = ContactSheet::new(title).note(note).columns(3);
    for (map, caption) in maps.data().chunks(maps.len() / captions.len().max(1)).zip(captions) {
        // 0 has no sign here.
        let hottest = crate::maps::range(map).1 + 0.0;
        let heat = stretched(map, [maps.shape()[1], maps.shape()[2]], size, hottest);
        sheet = sheet.scale(factor).range(least, largest).colors(Colors::Grey);
        sheet.add(picture, 0, "the picture", Mark::Plain)?;
        sheet = sheet.scale(1).range(0.0, 1.0).colors(Colors::Turbo);
        let map = Tensor::new(vec![1, size[0], size[1], 1], heat)?;
        sheet.add(&map, 0, format!("largest value {hottest:.3e}"), Mark::Plain)?;
        sheet.add(&overlay(picture, map.data(), factor, (least, largest))?, 0, caption, Mark::Plain)?;
    }
    Ok(sheet)
}

/// A map as parts of its hottest value, from 0 to 1, in another size.
fn stretched(map: &[f32], [rows, columns]: [usize; 2], [height, width]: [usize; 2], hottest: f32) -> Vec<f32> {
    let is_hot = |value: f32| hottest > 0.0 && !value.is_nan();
    let part = |&value: &f32| if is_hot(value) { (value / hottest).clamp(0.0, 1.0) } else { 0.0 };
    let parts: Vec<f32> = map.iter().map(part).collect();
    match ImageBuffer::<Luma<f32>, _>::from_raw(columns as u32, rows as u32, parts) {
        Some(parts) => resize(&parts, width as u32, height as u32, FilterType::Triangle).into_raw(),
        None => unreachable!("a map has as many values as places"),
    }
}

/// The picture, `factor` times as large, with the colours of the heat over it, as values from 0 to 1.
fn overlay(picture: &Tensor, heat: &[f32], factor: usize, (least, largest): (f32, f32)) -> Result<Tensor, PlotError> {
    let &[_, height, width, channels] = picture.shape() else {
        return Err(unfit("a picture [1, height, width, 1 or 3]".into(), picture));
    };
    let mut mixed = Vec::with_capacity(heat.len() * 3);
    for (index, &heat) in heat.iter().enumerate() {
        let (row, column) = (index / (width * factor) / factor, index % (width * factor) / factor);
        let pixel = &picture.data()[(row * width + column) * channels..][..channels];
        let color = Colors::Turbo.of((heat * 255.0).round() as u8);
        for channel in 0..3 {
            let grey = (pixel[channel % channels] - least) / (largest - least).max(f32::MIN_POSITIVE);
            let hot = f32::from(color.0[channel]) / 255.0;
            mixed.push(grey + (hot - grey) * COVER * heat);
        }
    }
    Ok(Tensor::new(vec![1, height * factor, width * factor, 3], mixed)?)
}

fn unfit(expected: String, tensor: &Tensor) -> PlotError {
    ShapeError::new("heat maps", format!("expects {expected}"), &[tensor.shape()]).into()
}
