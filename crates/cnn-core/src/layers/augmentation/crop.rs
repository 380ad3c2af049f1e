//! Parts of pictures.

use super::tools::{IDENTITY, Made, dims, uniform, warp};
use super::{Factor, batched, setters, sizes};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::layers::common::{one, positive};
use crate::layers::{Kind, Lowering, Mode, Resizing, SymbolicShape};
use crate::op::{FillMode, Function, Interpolation, Op, Resize, Slice, Warp};

/// The shape of the crops; an error if the input is no picture.
fn cropped(inputs: &[SymbolicShape], height: usize, width: usize) -> Result<SymbolicShape, String> {
    positive("a height and a width", &[height, width])?;
    let [_, _, c] = sizes(inputs)?;
    let mut shape = one(inputs)?.clone();
    shape.truncate(shape.len() - 3);
    shape.extend([Some(height), Some(width), c]);
    Ok(shape)
}

/// The box of that size from `begin` on, of x with a batch.
fn slice(cx: &mut Lowering<'_>, x: ValueId, begin: [usize; 2], size: [usize; 2]) -> Made {
    let [n, _, _, c] = dims(cx, x);
    let (begin, size) = (vec![0, begin[0], begin[1], 0], vec![n, size[0], size[1], c]);
    cx.push(Op::Slice(Slice { begin, size }), &[x])
}

/// Keras's `CenterCrop`: the middle of each picture, in training and in inference. A picture that is smaller gives the largest
/// part of its middle in that aspect ratio, resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CenterCrop {
    /// Height of the output.
    pub height: usize,
    /// Width of the output.
    pub width: usize,
}

impl CenterCrop {
    /// Of that size.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }
}

impl Kind for CenterCrop {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        cropped(inputs, self.height, self.width)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let Self { height, width } = *self;
        batched(cx, inputs[0], |cx, x| {
            let [_, h, w, _] = dims(cx, x);
            if h >= height && w >= width {
                return slice(cx, x, [(h - height) / 2, (w - width) / 2], [height, width]);
            }
            Resizing::new(height, width).crop_to_aspect_ratio(true).lower(cx, &[x])
        })
    }
}

/// Keras's `RandomCrop`: a part of all pictures, at a place drawn for the whole batch, in training.
///
/// In inference the largest part of the middle in that aspect ratio, resized, as Keras documents it. In training pictures that
/// are not larger in both height and width give what lies there from that part's corner on, resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomCrop {
    /// Height of the output.
    pub height: usize,
    /// Width of the output.
    pub width: usize,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(RandomCrop: seed);

impl RandomCrop {
    /// Of that size.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, seed: None }
    }

    /// Where pictures are large enough: a box at random.
    fn at_random(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let [_, h, w, _] = dims(cx, x);
        let mut begin = |size: usize, part: usize| {
            let drawn = uniform(cx, vec![1, 1], Factor { low: 0.0, high: (size - part + 1) as f64 })?;
            cx.unary(Function::Floor, drawn)
        };
        let (top, left) = (begin(h, self.height)?, begin(w, self.width)?);
        let op = Warp {
            size: [self.height, self.width],
            interpolation: Interpolation::Nearest,
            fill_mode: FillMode::Nearest,
            fill_value: 0.0,
        };
        let of_left = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let of_top = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        warp(cx, x, IDENTITY, &[(left, of_left), (top, of_top)], op)
    }

    /// Where they are not: a box from the corner of the largest part in the output's aspect ratio on, resized.
    fn resized(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let [_, h, w, _] = dims(cx, x);
        let part = |own: usize, other: usize, target: usize, across: usize| {
            ((other as f64 * target as f64 / across as f64) as usize).min(own).max(1)
        };
        let top = h.saturating_sub(part(h, w, self.height, self.width)) / 2;
        let left = w.saturating_sub(part(w, h, self.width, self.height)) / 2;
        let size = [self.height, self.width];
        let x = slice(cx, x, [top, left], [size[0].min(h - top), size[1].min(w - left)])?;
        cx.push(Op::Resize(Resize { interpolation: Interpolation::Bilinear, size }), &[x])
    }
}

impl Kind for RandomCrop {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        cropped(inputs, self.height, self.width)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        batched(cx, inputs[0], |cx, x| {
            let [_, h, w, _] = dims(cx, x);
            match cx.mode {
                Mode::Inference => Resizing::new(self.height, self.width).crop_to_aspect_ratio(true).lower(cx, &[x]),
                Mode::Training if h > self.height && w > self.width => self.at_random(cx, x),
                Mode::Training => self.resized(cx, x),
            }
        })
    }
}
