//! Pictures turned, mirrored, cut and padded: the functions of `tf.image` that move pixels and leave their values.
//!
//! Each takes one picture `[H, W, C]` or a batch `[N, H, W, C]`, of any values, and gives a tensor of the same rank.

use cnn_core::tensor::element_count;
use cnn_core::{ShapeError, Tensor};

use crate::data_error::DataError;

/// `[N, H, W, C]` of one picture or a batch.
pub(crate) fn dimensions(name: &str, images: &Tensor) -> Result<[usize; 4], DataError> {
    match *images.shape() {
        [height, width, channels] => Ok([1, height, width, channels]),
        [count, height, width, channels] => Ok([count, height, width, channels]),
        _ => Err(ShapeError::new(name, "expects [H, W, C] or [N, H, W, C]", &[images.shape()]).into()),
    }
}

/// Pictures of `height` x `width` whose pixel (row, column) is the one that `from` tells, or 0.
fn moved(
    name: &'static str,
    images: &Tensor,
    [height, width]: [usize; 2],
    from: impl Fn(usize, usize) -> Option<(usize, usize)>,
) -> Result<Tensor, DataError> {
    let [_, rows, columns, channels] = dimensions(name, images)?;
    let shape = [&images.shape()[..images.shape().len() - 3], &[height, width, channels]].concat();
    let too_large = || DataError::argument(name, format!("there is not that much memory for pictures {shape:?}"));
    let size = element_count(&shape).ok_or_else(too_large)?;
    let mut data = Vec::new();
    data.try_reserve_exact(size).map_err(|_| too_large())?;
    data.resize(size, 0.0);
    let mut out = Tensor::new(shape, data)?;
    let source = images.data();
    // No chunks of nothing: a batch may be empty.
    for (i, to) in out.data_mut().chunks_exact_mut(channels.max(1)).enumerate() {
        let (picture, row, column) = (i / (height * width), i / width % height, i % width);
        if let Some((row, column)) = from(row, column) {
            to.copy_from_slice(&source[((picture * rows + row) * columns + column) * channels..][..channels]);
        }
    }
    Ok(out)
}

/// Left and right changed: `tf.image.flip_left_right`.
///
/// # Errors
/// If `images` are no pictures by their rank.
pub fn flip_left_right(images: &Tensor) -> Result<Tensor, DataError> {
    let [_, height, width, _] = dimensions("flip_left_right", images)?;
    moved("flip_left_right", images, [height, width], |row, column| Some((row, width - 1 - column)))
}

/// Top and bottom changed: `tf.image.flip_up_down`.
///
/// # Errors
/// If `images` are no pictures by their rank.
pub fn flip_up_down(images: &Tensor) -> Result<Tensor, DataError> {
    let [_, height, width, _] = dimensions("flip_up_down", images)?;
    moved("flip_up_down", images, [height, width], |row, column| Some((height - 1 - row, column)))
}

/// Turned by `times` quarters against the clock, a negative number with it: `tf.image.rot90`.
///
/// # Errors
/// If `images` are no pictures by their rank.
///
/// ```
/// let x = cnn_core::Tensor::new(vec![1, 2, 1], vec![1.0, 2.0])?;
/// assert_eq!(cnn_data::rot90(&x, 1)?.data(), [2.0, 1.0]); // [2, 1, 1]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rot90(images: &Tensor, times: i32) -> Result<Tensor, DataError> {
    let [_, height, width, _] = dimensions("rot90", images)?;
    match times.rem_euclid(4) {
        0 => Ok(images.clone()),
        1 => moved("rot90", images, [width, height], |row, column| Some((column, width - 1 - row))),
        2 => moved("rot90", images, [height, width], |row, column| Some((height - 1 - row, width - 1 - column))),
        _ => moved("rot90", images, [width, height], |row, column| Some((height - 1 - column, row))),
    }
}

/// The part of `height` x `width` pixels that begins at row `top` and column `left`: `tf.image.crop_to_bounding_box`.
///
/// # Errors
/// If `images` are no pictures by their rank, or the part is empty or reaches beyond them.
pub fn crop(images: &Tensor, top: usize, left: usize, height: usize, width: usize) -> Result<Tensor, DataError> {
    let [_, rows, columns, _] = dimensions("crop", images)?;
    let inside =
        |begin: usize, size: usize, all: usize| size > 0 && begin.checked_add(size).is_some_and(|end| end <= all);
    if !inside(top, height, rows) || !inside(left, width, columns) {
        let part = format!("{height} x {width} pixels from row {top} and column {left}");
        return Err(DataError::argument("crop", format!("{part} are no part of {rows} x {columns}; take less")));
    }
    moved("crop", images, [height, width], |row, column| Some((top + row, left + column)))
}

/// The middle: of each side the share `fraction`, above 0 and at most 1: `tf.image.central_crop`. Margins are rounded
/// down, so a part of an odd rest stays.
///
/// # Errors
/// If `images` are no pictures by their rank, or `fraction` is out of range.
pub fn central_crop(images: &Tensor, fraction: f64) -> Result<Tensor, DataError> {
    let [_, rows, columns, _] = dimensions("central_crop", images)?;
    if !(fraction > 0.0 && fraction <= 1.0) {
        return Err(DataError::argument("central_crop", format!("fraction {fraction} is not above 0 and at most 1")));
    }
    if fraction == 1.0 {
        return Ok(images.clone());
    }
    let margin = |side: usize| ((side as f64 - side as f64 * fraction) / 2.0) as usize;
    let (top, left) = (margin(rows), margin(columns));
    crop(images, top, left, rows - 2 * top, columns - 2 * left)
}

/// Zeros around pictures, so that they begin at row `top` and column `left` of `height` x `width` pixels:
/// `tf.image.pad_to_bounding_box`.
///
/// # Errors
/// If `images` are no pictures by their rank, or do not fit in there.
pub fn pad_to_bounding_box(
    images: &Tensor,
    top: usize,
    left: usize,
    height: usize,
    width: usize,
) -> Result<Tensor, DataError> {
    let [_, rows, columns, _] = dimensions("pad_to_bounding_box", images)?;
    let fits = |begin: usize, size: usize, all: usize| begin.checked_add(size).is_some_and(|end| end <= all);
    if !fits(top, rows, height) || !fits(left, columns, width) {
        let reason = format!(
            "{rows} x {columns} pixels from row {top} and column {left} do not fit into {height} x {width}; give more room"
        );
        return Err(DataError::argument("pad_to_bounding_box", reason));
    }
    moved("pad_to_bounding_box", images, [height, width], |row, column| {
        let (row, column) = (row.checked_sub(top)?, column.checked_sub(left)?);
        (row < rows && column < columns).then_some((row, column))
    })
}
