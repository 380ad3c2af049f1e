//! Layers of several inputs.
//!
//! The elementwise ones broadcast as Keras does: the batch axes stand on each other, the others are aligned at the last
//! axis, and an axis of size 1 stretches. An input of lower rank gets axes of size 1 after its batch axis.

use super::common::axis_index;
use super::{Kind, Lowering, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{BinaryOp, Concat, Function, Op};

/// Sum of two or more inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Add;

/// The first input minus the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subtract;

/// Product of two or more inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Multiply;

/// Mean of two or more inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Average;

/// The largest of two or more inputs, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maximum;

/// The smallest of two or more inputs, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Minimum;

/// One or more inputs side by side along `axis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concatenate {
    /// The axis that grows; counts from the end where negative.
    pub axis: isize,
}

impl Default for Concatenate {
    fn default() -> Self {
        Self { axis: -1 }
    }
}

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the axis that grows.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }
}

macro_rules! elementwise {
    ($($layer:ident: $op:expr,)*) => {
        $(
            impl Kind for $layer {
                fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
                    merged_shape(inputs)
                }

                fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
                    merge(cx, $op, inputs)
                }
            }
        )*
    };
}

elementwise! {
    Add: BinaryOp::Add,
    Multiply: BinaryOp::Multiply,
    Maximum: BinaryOp::Maximum,
    Minimum: BinaryOp::Minimum,
}

impl Kind for Subtract {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        if inputs.len() != 2 {
            return Err("expects two inputs".into());
        }
        merged_shape(inputs)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        merge(cx, BinaryOp::Subtract, inputs)
    }
}

impl Kind for Average {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        merged_shape(inputs)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let sum = merge(cx, BinaryOp::Add, inputs)?;
        cx.unary(Function::Affine { scale: 1.0 / inputs.len() as f32, offset: 0.0 }, sum)
    }
}

impl Kind for Concatenate {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let Some((first, rest)) = inputs.split_first() else { return Err("expects one input or more".into()) };
        let axis = axis_index(self.axis, first.len())?;
        let mut output = first.clone();
        for shape in rest {
            let fits = shape.len() == output.len()
                && (0..output.len()).all(|i| i == axis || same_or_unknown(shape[i], output[i]));
            if !fits {
                return Err(format!("expects shapes that differ along axis {axis} alone"));
            }
            output[axis] = output[axis].zip(shape[axis]).map(|(a, b)| a + b);
        }
        Ok(output)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let rank = inputs.first().map_or(0, |&x| cx.shape(x).len());
        let axis = axis_index(self.axis, rank).map_err(|wanted| cx.refuse(wanted, inputs))?;
        if let &[only] = inputs {
            return Ok(only);
        }
        cx.push(Op::Concat(Concat { axis }), inputs)
    }
}

fn same_or_unknown(a: Option<usize>, b: Option<usize>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// The shape that all inputs broadcast to.
fn merged_shape(inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
    let Some((first, rest)) = inputs.split_first() else { return Err("expects one input or more".into()) };
    if inputs.iter().any(Vec::is_empty) {
        return Err("expects inputs with a batch axis".into());
    }
    rest.iter().try_fold(first.clone(), |output, shape| {
        if !same_or_unknown(output[0], shape[0]) {
            return Err("expects inputs of one batch size".into());
        }
        let (long, short) = if output.len() < shape.len() { (shape, &output) } else { (&output, shape) };
        let mut merged = long.clone();
        merged[0] = output[0].or(shape[0]);
        let offset = long.len() - short.len();
        for i in 1..short.len() {
            merged[offset + i] = match (long[offset + i], short[i]) {
                (None, _) | (_, None) => None,
                (Some(1), size) | (size, Some(1)) => size,
                (a, b) if a == b => a,
                _ => return Err("expects shapes that broadcast".into()),
            };
        }
        Ok(merged)
    })
}

/// Adds `op` between all inputs, from the first on.
fn merge(cx: &mut Lowering<'_>, op: BinaryOp, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
    let rank = inputs.iter().map(|&x| cx.shape(x).len()).max().unwrap_or(0);
    let mut merged: Option<ValueId> = None;
    for &input in inputs {
        let mut shape = cx.shape(input);
        let missing = rank - shape.len();
        shape.splice(1..1, std::iter::repeat_n(1, missing));
        let input = cx.reshape(input, shape)?;
        merged = Some(match merged {
            None => input,
            Some(sum) => cx.binary(op, sum, input)?,
        });
    }
    merged.ok_or_else(|| cx.refuse("expects one input or more", inputs))
}
