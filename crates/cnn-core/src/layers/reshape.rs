//! The same elements under another shape.

use super::common::{one, positive};
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

/// Keras's `Reshape`: the axes behind the batch under another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    /// The shape behind the batch; one size may be -1, whatever is left.
    pub target_shape: Vec<isize>,
}

impl Reshape {
    /// To that shape behind the batch.
    pub fn new(target_shape: impl Into<Vec<isize>>) -> Self {
        Self { target_shape: target_shape.into() }
    }
}

impl Kind for Reshape {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let Some((&batch, rest)) = one(inputs)?.split_first() else {
            return Err("expects an input of rank 1 or more".into());
        };
        let open = self.target_shape.iter().filter(|&&size| size == -1).count();
        if open > 1 || self.target_shape.iter().any(|&size| size < -1) {
            return Err(format!("needs a target_shape with at most one -1, not {:?},", self.target_shape));
        }
        let sizes: Vec<usize> = self.target_shape.iter().filter_map(|&size| usize::try_from(size).ok()).collect();
        positive("sizes", &sizes)?;
        let total = rest.iter().copied().try_fold(1usize, |product, size| product.checked_mul(size?));
        let product = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let left = match (total, product) {
            (None, _) => None,
            (Some(total), Some(product)) if open == 0 && total == product => Some(1),
            (Some(total), Some(product)) if open == 1 && total.is_multiple_of(product) => Some(total / product),
            _ => return Err(format!("expects as many elements behind the batch as {:?} holds", self.target_shape)),
        };
        let size = |&size: &isize| usize::try_from(size).ok().or(left);
        Ok(std::iter::once(batch).chain(self.target_shape.iter().map(size)).collect())
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let shape = cx.shape(inputs[0]).into_iter().map(Some).collect();
        let output = self.output_shape(&[shape]).map_err(|wanted| cx.refuse(wanted, inputs))?;
        cx.reshape(inputs[0], output.into_iter().flatten().collect())
    }
}

/// Keras's `Permute`: the axes behind the batch in another order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permute {
    /// For each axis of the output the input's; 1 is the first behind the batch.
    pub dims: Vec<usize>,
}

impl Permute {
    /// In that order; 1 is the first axis behind the batch.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self { dims: dims.into() }
    }
}

impl Kind for Permute {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..=self.dims.len()) {
            return Err(format!("needs dims with each number from 1 on once, not {:?},", self.dims));
        }
        if x.len() != self.dims.len() + 1 {
            return Err(format!("expects an input of rank {}", self.dims.len() + 1));
        }
        Ok(std::iter::once(x[0]).chain(self.dims.iter().map(|&axis| x[axis])).collect())
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let permutation = std::iter::once(0).chain(self.dims.iter().copied()).collect();
        cx.transpose(inputs[0], permutation)
    }
}
