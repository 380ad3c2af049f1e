//! Borders added and cut off.

use super::common::{IntoPair, at_most_largest, picture};
use super::{Kind, Lowering, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{Op, Pad, Slice};
use crate::shape::Padding2D;

/// Keras's `ZeroPadding2D`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroPadding2D {
    /// Rows and columns of zeros.
    pub padding: Padding2D,
}

impl Default for ZeroPadding2D {
    fn default() -> Self {
        Self::new(1)
    }
}

impl ZeroPadding2D {
    /// As many rows above as below, as many columns to the left as to the right.
    pub fn new(padding: impl IntoPair) -> Self {
        let [rows, columns] = padding.into_pair();
        Self::sides((rows, rows), (columns, columns))
    }

    /// Rows (above, below) and columns (left, right).
    pub fn sides((top, bottom): (usize, usize), (left, right): (usize, usize)) -> Self {
        Self { padding: Padding2D { top, bottom, left, right } }
    }
}

impl Kind for ZeroPadding2D {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let [n, h, w, c] = picture(inputs)?;
        let p = &self.padding;
        at_most_largest("padding", &[p.top, p.bottom, p.left, p.right])?;
        Ok(vec![n, h.map(|h| h + p.top + p.bottom), w.map(|w| w + p.left + p.right), c])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let p = &self.padding;
        let pad = Pad { before: vec![0, p.top, p.left, 0], after: vec![0, p.bottom, p.right, 0], value: 0.0 };
        cx.push(Op::Pad(pad), inputs)
    }
}

/// Keras's `Cropping2D`: rows and columns cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cropping2D {
    /// Rows and columns cut off at each side.
    pub cropping: Padding2D,
}

impl Default for Cropping2D {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Cropping2D {
    /// As many rows at the top as at the bottom, as many columns at the left as at the right.
    pub fn new(cropping: impl IntoPair) -> Self {
        let [rows, columns] = cropping.into_pair();
        Self::sides((rows, rows), (columns, columns))
    }

    /// Rows (top, bottom) and columns (left, right).
    pub fn sides((top, bottom): (usize, usize), (left, right): (usize, usize)) -> Self {
        Self { cropping: Padding2D { top, bottom, left, right } }
    }
}

impl Kind for Cropping2D {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let [n, h, w, c] = picture(inputs)?;
        let p = &self.cropping;
        at_most_largest("cropping", &[p.top, p.bottom, p.left, p.right])?;
        let rest = |size: Option<usize>, cut: usize| match size {
            None => Ok(None),
            Some(size) if size > cut => Ok(Some(size - cut)),
            Some(_) => Err(format!("expects a picture larger than what it cuts off ({p:?})")),
        };
        Ok(vec![n, rest(h, p.top + p.bottom)?, rest(w, p.left + p.right)?, c])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let p = &self.cropping;
        let size = match cx.graph.value(inputs[0]).shape.as_slice() {
            &[n, h, w, c] if h > p.top + p.bottom && w > p.left + p.right => {
                vec![n, h - p.top - p.bottom, w - p.left - p.right, c]
            }
            _ => return Err(cx.refuse("expects a picture larger than what it cuts off", inputs)),
        };
        cx.push(Op::Slice(Slice { begin: vec![0, p.top, p.left, 0], size }), inputs)
    }
}
