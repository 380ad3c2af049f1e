//! The fully connected layer.

use super::common::{known, one, positive};
use super::{Activation, Initializer, Kind, Lowering, SymbolicShape, WeightSpec};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{Gemm, Op};

/// Keras's `Dense`: x `[.., inputs]` times a matrix, to `[.., units]`.
///
/// Weights: `kernel` `[inputs, units]`, and `bias` `[units]` where `use_bias`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dense {
    /// Size of the output's last axis.
    pub units: usize,
    /// What is applied last.
    pub activation: Activation,
    /// Whether a bias is added.
    pub use_bias: bool,
}

impl Dense {
    /// Linear, with bias.
    pub fn new(units: usize) -> Self {
        Self { units, activation: Activation::Linear, use_bias: true }
    }

    /// Sets what is applied last.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Sets whether a bias is added.
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.use_bias = use_bias;
        self
    }
}

impl Kind for Dense {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        positive("units", &[self.units])?;
        let x = one(inputs)?;
        if x.len() < 2 {
            return Err("expects an input of rank 2 or more".into());
        }
        known(x, x.len() - 1)?;
        let mut shape = x.clone();
        shape[x.len() - 1] = Some(self.units);
        Ok(shape)
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let x = one(inputs)?;
        let inputs = known(x, x.len() - 1)?;
        let mut weights = vec![WeightSpec::new("kernel", vec![inputs, self.units], Initializer::GlorotUniform)];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", vec![self.units], Initializer::Zeros));
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let kernel = cx.weight("kernel")?;
        let x = cx.push(Op::Gemm(Gemm::default()), &[inputs[0], kernel])?;
        cx.bias_and_activation(x, self.use_bias, self.activation)
    }
}
