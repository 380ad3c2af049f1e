//! Functions of one element and of two.

use super::{Shape, exactly};
use crate::op::Clamp;
use crate::shape::broadcast;

/// A function of one number. Formulas are Keras's (`keras.activations`).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Function {
    /// x
    #[default]
    Linear,
    /// `min(x, max_value)` for x > threshold, else `negative_slope · (x - threshold)`. Also relu6 and leaky_relu.
    Relu {
        /// Where it saturates; infinity if it does not.
        max_value: f32,
        /// Slope below the threshold.
        negative_slope: f32,
        /// Where it begins.
        threshold: f32,
    },
    /// x for x > 0, else `alpha · (exp(x) - 1)`
    Elu {
        /// The limit at -infinity, negated.
        alpha: f32,
    },
    /// `1.0507009873554805 · elu(x, 1.6732632423543772)`
    Selu,
    /// `x · Φ(x)` by the error function
    Gelu,
    /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`
    GeluTanh,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `clamp(x / 6 + 1/2, 0, 1)`
    HardSigmoid,
    /// tanh
    Tanh,
    /// `x · sigmoid(x)`, also called swish
    Silu,
    /// `x · hard_sigmoid(x)`, also called hard swish
    HardSilu,
    /// `log(1 + exp(x))`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// exp
    Exponential,
    /// The natural logarithm.
    Log,
    /// `x · tanh(softplus(x))`
    Mish,
    /// The sine of radians.
    Sin,
    /// The cosine of radians.
    Cos,
    /// The largest whole number that is not above x.
    Floor,
    /// √x
    Sqrt,
    /// 1 / √x
    InverseSqrt,
    /// `scale · x + offset`
    Affine {
        /// Factor.
        scale: f32,
        /// Summand.
        offset: f32,
    },
}

impl Function {
    /// `max(x, 0)`
    pub const RELU: Self = Self::Relu { max_value: f32::INFINITY, negative_slope: 0.0, threshold: 0.0 };
    /// `min(max(x, 0), 6)`
    pub const RELU6: Self = Self::Relu { max_value: 6.0, negative_slope: 0.0, threshold: 0.0 };

    /// The same function as a clamp, where it is one.
    ///
    /// ```
    /// use cnn_core::op::{Clamp, Function};
    /// assert_eq!(Function::RELU6.as_clamp(), Some(Clamp { low: 0.0, high: 6.0 }));
    /// assert_eq!(Function::Tanh.as_clamp(), None);
    /// ```
    pub fn as_clamp(self) -> Option<Clamp> {
        match self {
            Self::Linear => Some(Clamp::default()),
            Self::Relu { max_value, negative_slope: 0.0, threshold: 0.0 } => Some(Clamp { low: 0.0, high: max_value }),
            _ => None,
        }
    }
}

/// `y = function(x)`, element by element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unary {
    /// What is applied.
    pub function: Function,
}

impl Unary {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x] = exactly(inputs)?;
        Ok(x.to_vec())
    }
}

/// `dx = dy · function'(x)`, element by element. Inputs: x and dy.
///
/// At a kink the slope is the one that TensorFlow takes: that of [`Function::Relu`] at its threshold is the lower one.
///
/// ```
/// use cnn_core::op::{Function, Op, UnaryGradient};
/// let op = Op::UnaryGradient(UnaryGradient { function: Function::Silu });
/// assert_eq!(op.output_shape(&[&[8, 14, 14, 32], &[8, 14, 14, 32]])?, [8, 14, 14, 32]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnaryGradient {
    /// What was applied.
    pub function: Function,
}

impl UnaryGradient {
    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [x, dy] = exactly(inputs)?;
        if x == dy { Ok(x.to_vec()) } else { Err("expects a gradient of its input's shape".into()) }
    }
}

/// A function of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// a + b
    Add,
    /// a - b
    Subtract,
    /// a · b
    Multiply,
    /// a / b
    Divide,
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
    /// a for a > 0, else a · b (b is PReLU's alpha)
    Prelu,
    /// 1 for a ≥ b, else 0
    GreaterEqual,
}

/// `y = activation(op(a, b))` with NumPy's broadcasting; ranks up to 6.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Binary {
    /// What is computed.
    pub op: BinaryOp,
    /// What is applied to the result.
    pub activation: Function,
}

impl Binary {
    /// `op` without an activation.
    pub fn new(op: BinaryOp) -> Self {
        Self { op, activation: Function::Linear }
    }

    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let [a, b] = exactly(inputs)?;
        broadcast(a, b).ok_or_else(|| "expects shapes that broadcast".into())
    }
}
