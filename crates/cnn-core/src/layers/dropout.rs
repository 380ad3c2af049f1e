//! Dropout (Srivastava et al., JMLR 15, 2014).

use super::common::{IntoShape, SymbolicShape, one};
use super::{Kind, Lowering, Mode};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{BinaryOp, Function};
use crate::tensor::Tensor;

/// Keras's `Dropout`: random zeros in training; in inference, nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropout {
    /// The share of elements that become 0, in `[0, 1]`.
    pub rate: f64,
    /// Keras's `noise_shape`: axes of size 1 share their zeros.
    pub noise_shape: Option<SymbolicShape>,
    /// Keras's seed, kept in files. Here the training's seed, its step and the layer's path say what becomes 0.
    pub seed: Option<u64>,
}

impl Dropout {
    /// Zeros for a share of `rate` of the elements.
    pub fn new(rate: f64) -> Self {
        Self { rate, noise_shape: None, seed: None }
    }

    /// Sets which axes, those of size 1, share their zeros; the batch comes first.
    pub fn noise_shape(mut self, noise_shape: impl IntoShape) -> Self {
        self.noise_shape = Some(noise_shape.into_shape());
        self
    }
}

impl Kind for Dropout {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(format!("needs a rate between 0 and 1, not {},", self.rate));
        }
        one(inputs).cloned()
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        match cx.mode {
            Mode::Training if self.rate > 0.0 => {
                let mut shape = cx.shape(inputs[0]);
                if let Some(noise) = &self.noise_shape {
                    if noise.len() != shape.len() {
                        return Err(cx.refuse(format!("expects an input of rank {}", noise.len()), inputs));
                    }
                    shape.iter_mut().zip(noise).for_each(|(size, noise)| *size = noise.unwrap_or(*size));
                }
                dropped(cx, inputs[0], self.rate, shape)
            }
            Mode::Training | Mode::Inference => Ok(inputs[0]),
        }
    }
}

/// x with a share of `rate` of zeros, one drawn for each element of `noise_shape`; the rest is scaled so that the mean stays.
pub(super) fn dropped(
    cx: &mut Lowering<'_>,
    x: ValueId,
    rate: f64,
    noise_shape: Vec<usize>,
) -> Result<ValueId, ShapeError> {
    let drawn = cx.random(noise_shape)?;
    let at = cx.constant(Tensor::scalar(rate as f32));
    let kept = cx.binary(BinaryOp::GreaterEqual, drawn, at)?;
    // Where all is dropped nothing is left to scale.
    let scale = if rate < 1.0 { (1.0 / (1.0 - rate)) as f32 } else { 0.0 };
    let kept = cx.unary(Function::Affine { scale, offset: 0.0 }, kept)?;
    cx.binary(BinaryOp::Multiply, x, kept)
}
