//! Softmax along one axis.

use super::{Shape, exactly};

/// `exp(x - max x) / Σ exp(x - max x)` along `axis`, or its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax {
    /// The axis whose elements sum to 1.
    pub axis: usize,
    /// Whether the logarithm is taken.
    pub log: bool,
}

impl Softmax {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        if self.axis >= x.len() {
            return Err(format!("expects an input of rank over {}", self.axis));
        }
        Ok(x.to_vec())
    }
}
