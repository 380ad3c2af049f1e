//! Activation functions: a layer of its own, and the last thing that Conv2D, Dense and others do.

use super::common::{SymbolicShape, one};
use super::{Kind, Lowering};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{Function, Op, Softmax};

/// A function of `keras.activations`. As a layer it is Keras's `Activation`.
///
/// ```
/// use cnn_core::layers::Activation;
/// assert_eq!(Activation::from_name("swish"), Some(Activation::Silu));
/// assert_eq!(Activation::Silu.keras_name(), "silu");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// x
    #[default]
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// x for x > 0, else `0.2 · x`
    LeakyRelu,
    /// x for x > 0, else `exp(x) - 1`
    Elu,
    /// Scaled elu with a fixed point at mean 0 and variance 1 (Klambauer et al., arXiv 1706.02515).
    Selu,
    /// `x · Φ(x)`, exact
    Gelu,
    /// gelu by tanh, Keras's `gelu(approximate=True)`
    GeluTanh,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `clamp(x / 6 + 1/2, 0, 1)`
    HardSigmoid,
    /// tanh
    Tanh,
    /// Softmax along the last axis.
    Softmax,
    /// The logarithm of softmax along the last axis.
    LogSoftmax,
    /// `x · sigmoid(x)`, also called swish
    Silu,
    /// `x · hard_sigmoid(x)`, also called hard_swish
    HardSilu,
    /// `log(1 + exp(x))`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// exp
    Exponential,
    /// `x · tanh(softplus(x))`
    Mish,
}

impl Activation {
    const NAMES: [(&'static str, Activation); 21] = [
        ("linear", Activation::Linear),
        ("relu", Activation::Relu),
        ("relu6", Activation::Relu6),
        ("leaky_relu", Activation::LeakyRelu),
        ("elu", Activation::Elu),
        ("selu", Activation::Selu),
        ("gelu", Activation::Gelu),
        ("gelu_tanh", Activation::GeluTanh),
        ("sigmoid", Activation::Sigmoid),
        ("hard_sigmoid", Activation::HardSigmoid),
        ("tanh", Activation::Tanh),
        ("softmax", Activation::Softmax),
        ("log_softmax", Activation::LogSoftmax),
        ("silu", Activation::Silu),
        ("swish", Activation::Silu),
        ("hard_silu", Activation::HardSilu),
        ("hard_swish", Activation::HardSilu),
        ("softplus", Activation::Softplus),
        ("softsign", Activation::Softsign),
        ("exponential", Activation::Exponential),
        ("mish", Activation::Mish),
    ];

    /// The activation that Keras calls so, by either of its names; `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, activation)| activation)
    }

    /// The name Keras saves. `gelu_tanh` is ours: Keras has no name for it.
    pub fn keras_name(self) -> &'static str {
        Self::NAMES.iter().find(|&&(_, activation)| activation == self).map_or("linear", |&(name, _)| name)
    }

    /// The function of each element, or `None` for the softmaxes, which see a whole axis.
    fn function(self) -> Option<Function> {
        Some(match self {
            Activation::Linear => Function::Linear,
            Activation::Relu => Function::RELU,
            Activation::Relu6 => Function::RELU6,
            Activation::LeakyRelu => Function::Relu { max_value: f32::INFINITY, negative_slope: 0.2, threshold: 0.0 },
            Activation::Elu => Function::Elu { alpha: 1.0 },
            Activation::Selu => Function::Selu,
            Activation::Gelu => Function::Gelu,
            Activation::GeluTanh => Function::GeluTanh,
            Activation::Sigmoid => Function::Sigmoid,
            Activation::HardSigmoid => Function::HardSigmoid,
            Activation::Tanh => Function::Tanh,
            Activation::Silu => Function::Silu,
            Activation::HardSilu => Function::HardSilu,
            Activation::Softplus => Function::Softplus,
            Activation::Softsign => Function::Softsign,
            Activation::Exponential => Function::Exponential,
            Activation::Mish => Function::Mish,
            Activation::Softmax | Activation::LogSoftmax => return None,
        })
    }

    /// Adds the op; nothing for linear.
    pub(super) fn apply(self, cx: &mut Lowering<'_>, x: ValueId) -> Result<ValueId, ShapeError> {
        match self.function() {
            Some(function) => cx.unary(function, x),
            None => {
                let axis = cx.shape(x).len().saturating_sub(1);
                cx.push(Op::Softmax(Softmax { axis, log: self == Activation::LogSoftmax }), &[x])
            }
        }
    }
}

impl Kind for Activation {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        one(inputs).cloned()
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        self.apply(cx, inputs[0])
    }
}
