//! Batch and layer normalisation.

use super::{Shape, exactly};
use crate::op::Function;

/// `y = activation((x - mean) · gamma / √(variance + epsilon) + beta)` along one axis.
///
/// Inputs: x, gamma `[C]`, beta `[C]`, mean `[C]`, variance `[C]`, where C is the size of `axis`. Ioffe and Szegedy,
/// arXiv 1502.03167, with the statistics given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    /// The axis of the channels.
    pub axis: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// What is applied to the result.
    pub activation: Function,
}

impl BatchNorm {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x, parameters @ ..] = exactly::<5>(inputs)?;
        let Some(&channels) = x.get(self.axis) else {
            return Err(format!("expects an input of rank over {}", self.axis));
        };
        if parameters.iter().any(|shape| **shape != [channels]) {
            return Err(format!("expects gamma, beta, mean and variance of shape [{channels}]"));
        }
        Ok(x.to_vec())
    }
}

/// `y = (x - mean(x)) / √(var(x) + epsilon) · gamma + beta` over the last `axes` axes (arXiv 1607.06450).
///
/// Inputs: x, then gamma where `scale`, then beta where `center`; both have the shape of the normalised axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNorm {
    /// How many trailing axes are normalised together, at least 1.
    pub axes: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether gamma is an input.
    pub scale: bool,
    /// Whether beta is an input.
    pub center: bool,
}

impl LayerNorm {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let count = 1 + usize::from(self.scale) + usize::from(self.center);
        if inputs.len() != count {
            return Err(format!("expects {count} inputs"));
        }
        let x = inputs[0];
        let Some(outer) = x.len().checked_sub(self.axes).filter(|_| self.axes > 0) else {
            return Err(format!("expects an input of rank {} or more", self.axes.max(1)));
        };
        if inputs[1..].iter().any(|shape| **shape != x[outer..]) {
            return Err(format!("expects gamma and beta of shape {:?}", &x[outer..]));
        }
        Ok(x.to_vec())
    }
}
