//! Bare operations between layers: `x + y`, `x * 0.5`.

use super::{Kind, Lowering, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{BinaryOp, Function};
use crate::tensor::Tensor;

/// A function of two tensors, or of a tensor and a number, with NumPy's broadcasting.
///
/// Keras makes one where a program calculates with layers' outputs (`inputs + layer(x)`). It has a name and a place in the
/// wiring like a layer, but is not one of `model.layers`.
///
/// ```
/// use cnn_core::Functional;
/// use cnn_core::layers::Operation;
/// use cnn_core::op::BinaryOp;
///
/// let mut f = Functional::new();
/// let x = f.input([8])?;
/// let y = f.call(Operation::new(BinaryOp::Add).right(3.0), &[x])?;
/// let z = f.call(Operation::new(BinaryOp::Divide), &[x, y])?;
/// assert_eq!([f.layer_name(y), f.layer_name(z)], ["add", "true_divide"]);
/// # Ok::<(), cnn_core::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation {
    /// What is computed; all but `Prelu`, which is a layer.
    pub function: BinaryOp,
    /// A number in place of the first tensor.
    pub left: Option<f64>,
    /// A number in place of the second tensor.
    pub right: Option<f64>,
}

impl Operation {
    /// Of two tensors.
    pub fn new(function: BinaryOp) -> Self {
        Self { function, left: None, right: None }
    }

    /// Puts a number in place of the first tensor.
    pub fn left(mut self, number: f64) -> Self {
        self.left = Some(number);
        self
    }

    /// Puts a number in place of the second tensor.
    pub fn right(mut self, number: f64) -> Self {
        self.right = Some(number);
        self
    }

    /// The function of one tensor that it is, where a number adds or multiplies.
    fn affine(&self) -> Option<Function> {
        let (scale, offset) = match (self.function, self.left, self.right) {
            (BinaryOp::Add, Some(number), None) | (BinaryOp::Add, None, Some(number)) => (1.0, number),
            (BinaryOp::Subtract, Some(number), None) => (-1.0, number),
            (BinaryOp::Subtract, None, Some(number)) => (1.0, -number),
            (BinaryOp::Multiply, Some(number), None) | (BinaryOp::Multiply, None, Some(number)) => (number, 0.0),
            _ => return None,
        };
        Some(Function::Affine { scale: scale as f32, offset: offset as f32 })
    }
}

impl Kind for Operation {
    fn keras_class(&self) -> Option<&'static str> {
        Some(match self.function {
            BinaryOp::Add => "Add",
            BinaryOp::Subtract => "Subtract",
            BinaryOp::Multiply => "Multiply",
            BinaryOp::Divide => "TrueDivide",
            BinaryOp::Maximum => "Maximum",
            BinaryOp::Minimum => "Minimum",
            BinaryOp::Prelu => "PReLU",
            BinaryOp::GreaterEqual => "GreaterEqual",
        })
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        match self.function {
            BinaryOp::Prelu => return Err("is no operation; PReLU is a layer".into()),
            BinaryOp::GreaterEqual => {
                return Err("is no operation between numbers, since its result is true or false".into());
            }
            _ => {}
        }
        match (inputs, self.left, self.right) {
            ([x], Some(_), None) | ([x], None, Some(_)) => Ok(x.clone()),
            ([a, b], None, None) if a.len() == b.len() => {
                let sizes: Option<SymbolicShape> = a.iter().zip(b).map(|(&a, &b)| broadcast_size(a, b)).collect();
                sizes.ok_or_else(|| "expects shapes that broadcast".into())
            }
            ([_, _], None, None) => Err("expects two inputs of one rank".into()),
            _ => Err("expects two inputs, or one input and a number".into()),
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        if let (&[x], Some(function)) = (inputs, self.affine()) {
            return cx.unary(function, x);
        }
        match (inputs, self.left, self.right) {
            (&[x], Some(number), None) => {
                let number = cx.constant(Tensor::scalar(number as f32));
                cx.binary(self.function, number, x)
            }
            (&[x], None, Some(number)) => {
                let number = cx.constant(Tensor::scalar(number as f32));
                cx.binary(self.function, x, number)
            }
            (&[a, b], None, None) => cx.binary(self.function, a, b),
            _ => Err(cx.refuse("expects two inputs, or one input and a number", inputs)),
        }
    }
}

/// The size that two broadcast to, `None` for one that is not known; nothing if they do not broadcast.
fn broadcast_size(a: Option<usize>, b: Option<usize>) -> Option<Option<usize>> {
    match (a, b) {
        (Some(1), size) | (size, Some(1)) => Some(size),
        (None, size) | (size, None) => Some(size),
        (a, b) => (a == b).then_some(a),
    }
}
