//! Borders added and cut off.

use super::common::{IntoPair, picture};
use super::{Kind, Lowering, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{Op, Pad};
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
        Ok(vec![n, h.map(|h| h + p.top + p.bottom), w.map(|w| w + p.left + p.right), c])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let p = &self.padding;
        let pad = Pad { before: vec![0, p.top, p.left, 0], after: vec![0, p.bottom, p.right, 0], value: 0.0 };
        cx.push(Op::Pad(pad), inputs)
    }
}
