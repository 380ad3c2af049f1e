//! The layers that `keras.applications` defines for its own models.

use super::common::{known, one};
use super::dropout::dropped;
use super::merge::Add;
use super::{Initializer, Kind, Lowering, Mode, SymbolicShape, WeightOptions, WeightSpec};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{BinaryOp, Function};

/// ConvNeXt's `LayerScale` (Touvron et al., arXiv 2103.17239): a learned factor for each channel.
///
/// Weight: `gamma`, as long as the last axis; Keras itself gives it no name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerScale {
    /// What each factor begins with.
    pub init_values: f64,
    /// Number of channels.
    pub projection_dim: usize,
}

impl LayerScale {
    /// For so many channels.
    pub fn new(init_values: f64, projection_dim: usize) -> Self {
        Self { init_values, projection_dim }
    }
}

impl Kind for LayerScale {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        if x.is_empty() || known(x, x.len() - 1)? != self.projection_dim {
            return Err(format!("expects an input of {} channels", self.projection_dim));
        }
        Ok(x.clone())
    }

    fn weights(&self, _inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let initializer = WeightOptions::from(Initializer::Constant(self.init_values));
        Ok(vec![WeightSpec::new("gamma", vec![self.projection_dim], &initializer)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let gamma = cx.weight("gamma")?;
        cx.binary(BinaryOp::Multiply, inputs[0], gamma)
    }
}

/// ConvNeXt's `StochasticDepth` (Huang et al., arXiv 1603.09382): drops a branch at random in training; in inference,
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StochasticDepth {
    /// How often the branch is dropped, in `[0, 1]`.
    pub drop_path_rate: f64,
}

impl StochasticDepth {
    /// Drops the branch for a share of `drop_path_rate` of the examples.
    pub fn new(drop_path_rate: f64) -> Self {
        Self { drop_path_rate }
    }
}

impl Kind for StochasticDepth {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        if !(0.0..=1.0).contains(&self.drop_path_rate) {
            return Err(format!("needs a drop_path_rate between 0 and 1, not {},", self.drop_path_rate));
        }
        one(inputs).cloned()
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        match cx.mode {
            Mode::Training if self.drop_path_rate > 0.0 => {
                let shape = cx.shape(inputs[0]);
                let examples = (0..shape.len()).map(|axis| if axis == 0 { shape[0] } else { 1 }).collect();
                dropped(cx, inputs[0], self.drop_path_rate, examples)
            }
            Mode::Training | Mode::Inference => Ok(inputs[0]),
        }
    }
}

/// Inception-ResNet's `CustomScaleLayer`: the first input plus `scale` times the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CustomScaleLayer {
    /// The factor of the second input.
    pub scale: f64,
}

impl CustomScaleLayer {
    /// With that factor.
    pub fn new(scale: f64) -> Self {
        Self { scale }
    }
}

impl Kind for CustomScaleLayer {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        match inputs {
            [a, b] if a.len() == b.len() => Add.output_shape(inputs),
            _ => Err("expects two inputs of one rank".into()),
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let &[x, branch] = inputs else { return Err(cx.refuse("expects two inputs", inputs)) };
        let scaled = cx.unary(Function::Affine { scale: self.scale as f32, offset: 0.0 }, branch)?;
        cx.binary(BinaryOp::Add, x, scaled)
    }
}
