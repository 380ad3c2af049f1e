//! Matrix product.

use super::Shape;
use crate::op::Epilogue;

/// `y = a · b` for a `[.., K]` (its leading axes are rows) and b `[K, N]`, and an [`Epilogue`]; output `[.., N]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gemm {
    /// Bias, residual and activation.
    pub epilogue: Epilogue,
}

impl Gemm {
    /// Number of the op's own inputs, before the epilogue's.
    pub const OWN_INPUTS: usize = 2;

    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [a, b, ..] = inputs else { return Err("expects two matrices".into()) };
        let &[k, n] = *b else { return Err("expects a second input of rank 2 (inputs, units)".into()) };
        let Some((&last, rows)) = a.split_last() else { return Err("expects an input of rank 1 or more".into()) };
        if last != k {
            return Err(format!("expects a last axis of size {k}"));
        }
        let output = [rows, &[n]].concat();
        self.epilogue.check(Self::OWN_INPUTS, inputs, &output)?;
        Ok(output)
    }
}
