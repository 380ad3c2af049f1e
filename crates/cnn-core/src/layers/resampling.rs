//! Pictures in another size.

use super::common::{IntoPair, one, picture, positive};
use super::{Kind, Lowering, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{Interpolation, Op, Pad, Resize, Slice};

/// Keras's `UpSampling2D`: `size` times as many rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpSampling2D {
    /// Factors for rows and columns.
    pub size: [usize; 2],
    /// Nearest (each pixel repeated) or bilinear.
    pub interpolation: Interpolation,
}

impl Default for UpSampling2D {
    fn default() -> Self {
        Self::new(2)
    }
}

impl UpSampling2D {
    /// Nearest.
    pub fn new(size: impl IntoPair) -> Self {
        Self { size: size.into_pair(), interpolation: Interpolation::Nearest }
    }

    /// Sets how pixels between pixels are found.
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
}

impl Kind for UpSampling2D {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        positive("a size", &self.size)?;
        let [n, h, w, c] = picture(inputs)?;
        Ok(vec![n, h.map(|h| h * self.size[0]), w.map(|w| w * self.size[1]), c])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let &[_, h, w, _] = cx.graph.value(inputs[0]).shape.as_slice() else {
            return Err(cx.refuse("expects an input of rank 4", inputs));
        };
        let size = [h * self.size[0], w * self.size[1]];
        cx.push(Op::Resize(Resize { interpolation: self.interpolation, size }), inputs)
    }
}

/// Keras's `Resizing`: to a given height and width, no antialiasing; x of rank 4, or 3 without a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resizing {
    /// Height of the output.
    pub height: usize,
    /// Width of the output.
    pub width: usize,
    /// Nearest or bilinear.
    pub interpolation: Interpolation,
    /// Whether the middle is cut out in the output's aspect ratio first.
    pub crop_to_aspect_ratio: bool,
    /// Whether a border is added to the output's aspect ratio first.
    pub pad_to_aspect_ratio: bool,
    /// What that border holds.
    pub fill_value: f64,
}

impl Resizing {
    /// Bilinear, the aspect ratio not kept.
    pub fn new(height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            interpolation: Interpolation::Bilinear,
            crop_to_aspect_ratio: false,
            pad_to_aspect_ratio: false,
            fill_value: 0.0,
        }
    }

    /// Sets how pixels between pixels are found.
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }

    /// Sets whether the middle is cut out in the output's aspect ratio first.
    pub fn crop_to_aspect_ratio(mut self, crop: bool) -> Self {
        self.crop_to_aspect_ratio = crop;
        self
    }

    /// Sets whether a border of `fill_value` is added to the output's aspect ratio first.
    pub fn pad_to_aspect_ratio(mut self, pad: bool, fill_value: f64) -> Self {
        self.pad_to_aspect_ratio = pad;
        self.fill_value = fill_value;
        self
    }

    /// Height and width in the output's aspect ratio: one of them the picture's, the other computed as Keras does, in
    /// float32 and rounded down.
    fn in_aspect_ratio(&self, h: usize, w: usize) -> [usize; 2] {
        let height = (w.saturating_mul(self.height) as f32 / self.width as f32) as usize;
        let width = (h.saturating_mul(self.width) as f32 / self.height as f32) as usize;
        [height, width]
    }

    fn crop(&self, cx: &mut Lowering<'_>, x: ValueId, [n, h, w, c]: [usize; 4]) -> Result<ValueId, ShapeError> {
        let [crop_h, crop_w] = self.in_aspect_ratio(h, w);
        let (crop_h, crop_w) = (crop_h.min(h).max(1), crop_w.min(w).max(1));
        if (crop_h, crop_w) == (h, w) {
            return Ok(x);
        }
        let begin = vec![0, (h - crop_h) / 2, (w - crop_w) / 2, 0];
        cx.push(Op::Slice(Slice { begin, size: vec![n, crop_h, crop_w, c] }), &[x])
    }

    fn pad(&self, cx: &mut Lowering<'_>, x: ValueId, [_, h, w, _]: [usize; 4]) -> Result<ValueId, ShapeError> {
        let [pad_h, pad_w] = self.in_aspect_ratio(h, w);
        // As in Keras both borders are as wide as the first one: an odd pixel is left out.
        let border = vec![0, pad_h.saturating_sub(h) / 2, pad_w.saturating_sub(w) / 2, 0];
        if border.iter().all(|&size| size == 0) {
            return Ok(x);
        }
        cx.push(Op::Pad(Pad { before: border.clone(), after: border, value: self.fill_value as f32 }), &[x])
    }
}

impl Kind for Resizing {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        positive("a height and a width", &[self.height, self.width])?;
        if self.crop_to_aspect_ratio && self.pad_to_aspect_ratio {
            return Err("needs to crop or to pad, not both".into());
        }
        let (height, width) = (Some(self.height), Some(self.width));
        match *one(inputs)?.as_slice() {
            [_, _, c] => Ok(vec![height, width, c]),
            [n, _, _, c] => Ok(vec![n, height, width, c]),
            _ => Err("expects an input of rank 4 (batch, height, width, channels) or 3".into()),
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let shape = cx.shape(inputs[0]);
        let sizes = match *shape.as_slice() {
            [h, w, c] => [1, h, w, c],
            [n, h, w, c] => [n, h, w, c],
            _ => return Err(cx.refuse("expects an input of rank 4 or 3", inputs)),
        };
        let mut x = cx.reshape(inputs[0], sizes.to_vec())?;
        if self.crop_to_aspect_ratio {
            x = self.crop(cx, x, sizes)?;
        } else if self.pad_to_aspect_ratio {
            x = self.pad(cx, x, sizes)?;
        }
        let size = [self.height, self.width];
        x = cx.push(Op::Resize(Resize { interpolation: self.interpolation, size }), &[x])?;
        let [n, _, _, c] = sizes;
        if shape.len() == 3 {
            cx.reshape(x, vec![self.height, self.width, c])
        } else {
            cx.reshape(x, vec![n, self.height, self.width, c])
        }
    }
}
