//! The same elements under another shape.

use super::common::one;
use super::{Kind, Lowering, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;

/// Keras's `Flatten`: all axes but the batch in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flatten;

impl Kind for Flatten {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let Some((&batch, rest)) = one(inputs)?.split_first() else {
            return Err("expects an input of rank 1 or more".into());
        };
        Ok(vec![batch, rest.iter().copied().try_fold(1usize, |product, size| product.checked_mul(size?))])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let shape = cx.shape(inputs[0]);
        cx.reshape(inputs[0], vec![shape[0], shape[1..].iter().product()])
    }
}
