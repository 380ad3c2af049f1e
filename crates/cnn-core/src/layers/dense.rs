//! The fully connected layer.

use super::common::{known, one, positive};
use super::weight::{activity_setter, weight_setters};
use super::{
    Activation, Constraint, Initializer, Kind, Lowering, Regularizer, SymbolicShape, WeightOptions, WeightSpec,
};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{Gemm, Op};

/// Keras's `Dense`: x `[.., inputs]` times a matrix, to `[.., units]`.
///
/// Weights: `kernel` `[inputs, units]`, and `bias` `[units]` where `use_bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Size of the output's last axis.
    pub units: usize,
    /// What is applied last.
    pub activation: Activation,
    /// Whether a bias is added.
    pub use_bias: bool,
    /// Of the weight `kernel`.
    pub kernel: WeightOptions,
    /// Of the weight `bias`.
    pub bias: WeightOptions,
    /// What the loss has for the output.
    pub activity_regularizer: Option<Regularizer>,
}

impl Dense {
    /// Linear, with bias.
    pub fn new(units: usize) -> Self {
        Self {
            units,
            activation: Activation::Linear,
            use_bias: true,
            kernel: Initializer::GLOROT_UNIFORM.into(),
            bias: Initializer::ZEROS.into(),
            activity_regularizer: None,
        }
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

weight_setters!(Dense {
    kernel: kernel_initializer kernel_regularizer kernel_constraint,
    bias: bias_initializer bias_regularizer bias_constraint,
});
activity_setter!(Dense);

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
        let mut weights = vec![WeightSpec::new("kernel", vec![inputs, self.units], &self.kernel)];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", vec![self.units], &self.bias));
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let kernel = cx.weight("kernel")?;
        let x = cx.push(Op::Gemm(Gemm::default()), &[inputs[0], kernel])?;
        cx.bias_and_activation(x, self.use_bias, self.activation)
    }
}
