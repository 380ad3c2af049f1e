//! Pictures seen through a projective map.

use super::resize::Interpolation;
use super::{Shape, nhwc};

/// What a picture holds outside itself, along one axis: for `abcd` and what lies to its left and right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FillMode {
    /// `kkkk|abcd|kkkk`, k being a given number.
    Constant,
    /// `aaaa|abcd|dddd`
    Nearest,
    /// `dcba|abcd|dcba`
    #[default]
    Reflect,
    /// `abcd|abcd|abcd`, as TensorFlow has it: the period of `size` begins anew behind each `size - 1`, so that the last pixel
    /// but for its own place is skipped.
    Wrap,
}

impl FillMode {
    /// Where a `position` along an axis of `size` pixels, 0 being the middle of the first, is read: in `[0, size - 1]`, but for
    /// [`FillMode::Constant`] where it is as it was.
    ///
    /// The steps are those of TensorFlow's ImageProjectiveTransformV3.
    ///
    /// ```
    /// use cnn_core::op::FillMode;
    /// assert_eq!(FillMode::Reflect.source(-1.25, 4), 0.25);
    /// assert_eq!(FillMode::Nearest.source(-1.25, 4), 0.0);
    /// assert_eq!(FillMode::Wrap.source(-1.25, 4), 2.75);
    /// ```
    pub fn source(self, position: f64, size: usize) -> f64 {
        let n = size as f64;
        let inside = match self {
            FillMode::Constant => return position,
            FillMode::Nearest => position,
            FillMode::Reflect if position < 0.0 => {
                let p = position + 2.0 * n * (-position / (2.0 * n)).trunc();
                if p < -n { p + 2.0 * n } else { -p - 1.0 }
            }
            FillMode::Reflect if position > n - 1.0 => {
                let p = position - 2.0 * n * (position / (2.0 * n)).trunc();
                if p >= n { 2.0 * n - p - 1.0 } else { p }
            }
            // With one pixel all is clamped to it below.
            FillMode::Wrap if position < 0.0 => position + n * ((-position / (n - 1.0).max(1.0)).trunc() + 1.0),
            FillMode::Wrap if position > n - 1.0 => position - n * (position / (n - 1.0).max(1.0)).trunc(),
            FillMode::Reflect | FillMode::Wrap => position,
        };
        inside.max(0.0).min(n - 1.0)
    }
}

/// Pictures x `[N, H, W, C]`, each seen through its own projective map of `[N, 8]` numbers, `[N, size[0], size[1], C]`; and,
/// where there is a third input, with moves `[N, size[0], size[1], 2]` of each pixel.
///
/// With `a0 a1 a2 b0 b1 b2 c0 c1` of a picture, pixel (column x, row y) of the output reads the input at column
/// `(a0·x + a1·y + a2) / k` and row `(b0·x + b1·y + b2) / k`, `k = c0·x + c1·y + 1`, to which the pixel's moves, of column and
/// row, are added; where k is 0 it is `fill_value`. The maps are those of Keras's `ops.image.affine_transform`, and the rules
/// TensorFlow's (ImageProjectiveTransformV3): the position is brought inside by [`FillMode::source`]; the nearest pixel is that
/// of the position rounded, halves away from 0; bilinear takes the four around it, those that still lie outside being
/// `fill_value`.
///
/// ```
/// use cnn_core::op::{FillMode, Interpolation, Op, Warp};
/// let (interpolation, fill_mode) = (Interpolation::Bilinear, FillMode::Reflect);
/// let op = Op::Warp(Warp { size: [28, 28], interpolation, fill_mode, fill_value: 0.0 });
/// assert_eq!(op.output_shape(&[&[8, 32, 32, 3], &[8, 8]])?, [8, 28, 28, 3]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// Height and width of the output.
    pub size: [usize; 2],
    /// Nearest or bilinear.
    pub interpolation: Interpolation,
    /// What lies outside of the picture.
    pub fill_mode: FillMode,
    /// What is read outside where the mode is [`FillMode::Constant`], and where k is 0.
    pub fill_value: f32,
}

impl Warp {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let (&[x, transforms] | &[x, transforms, _]) = inputs else {
            return Err("expects pictures, maps and, where pixels move, their moves".into());
        };
        let [n, h, w, c] = nhwc(x)?;
        if h == 0 || w == 0 || self.size.contains(&0) {
            return Err("expects pictures of at least one pixel".into());
        }
        if transforms != [n, 8] {
            return Err(format!("expects 8 numbers for each picture, a shape of {:?}", [n, 8]));
        }
        let [out_h, out_w] = self.size;
        if inputs.get(2).is_some_and(|moves| *moves != [n, out_h, out_w, 2]) {
            return Err(format!("expects 2 moves for each pixel, a shape of {:?}", [n, out_h, out_w, 2]));
        }
        Ok(vec![n, out_h, out_w, c])
    }
}
