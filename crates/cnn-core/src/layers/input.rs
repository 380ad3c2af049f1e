//! Where a model begins.

use super::common::{SymbolicShape, positive};
use super::{IntoShape, Kind, Lowering};
use crate::error::ShapeError;
use crate::graph::ValueId;

/// Keras's `InputLayer`: the shape of what a model takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLayer {
    /// The shape, batch first; `None` where any size will do.
    pub batch_shape: SymbolicShape,
}

impl InputLayer {
    /// An input of any batch size; `shape` is what follows the batch.
    pub fn new(shape: impl IntoShape) -> Self {
        let mut batch_shape = vec![None];
        batch_shape.extend(shape.into_shape());
        Self { batch_shape }
    }
}

impl Kind for InputLayer {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        if !inputs.is_empty() {
            return Err("expects no input".into());
        }
        let sizes: Vec<usize> = self.batch_shape.iter().copied().flatten().collect();
        positive("sizes", &sizes)?;
        Ok(self.batch_shape.clone())
    }

    fn lower(&self, _: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        Ok(inputs[0])
    }
}
