//! Resampling of pictures.

use super::{Shape, exactly, nhwc};

/// How a pixel between pixels is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// Row `floor((i + 1/2) · in / out)`, in exact integers; columns alike.
    Nearest,
    /// The four pixels around `(i + 1/2) · in / out - 1/2`, clamped to the picture, no antialiasing.
    Bilinear,
}

/// Resampling of x `[N, H, W, C]` to `[N, size[0], size[1], C]`, with half-pixel centres as TensorFlow 2 has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resize {
    /// Nearest or bilinear.
    pub interpolation: Interpolation,
    /// Height and width of the output.
    pub size: [usize; 2],
}

impl Resize {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        let [n, h, w, c] = nhwc(x)?;
        if h == 0 || w == 0 || self.size.contains(&0) {
            return Err("expects pictures of at least one pixel".into());
        }
        Ok(vec![n, self.size[0], self.size[1], c])
    }
}

/// From the gradient dy `[N, OH, OW, C]` of a [`Resize`]'s output the gradient of its input, `[N, H, W, C]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResizeGradient {
    /// Nearest or bilinear.
    pub interpolation: Interpolation,
    /// Height and width of the input.
    pub input_size: [usize; 2],
}

impl ResizeGradient {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [dy] = exactly(inputs)?;
        let [n, h, w, c] = nhwc(dy)?;
        if h == 0 || w == 0 || self.input_size.contains(&0) {
            return Err("expects pictures of at least one pixel".into());
        }
        Ok(vec![n, self.input_size[0], self.input_size[1], c])
    }
}
