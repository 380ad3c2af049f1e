//! Functions of one element and of two.

use cnn_core::op::{Binary, BinaryOp, Op, Unary, UnaryGradient};
use cnn_core::{Tensor, ValueId};

use super::{Context, GradientError, Gradients};

pub(super) fn unary(cx: &mut Context, op: &Unary, dy: ValueId) -> Gradients {
    let x = cx.input(0);
    Ok(vec![Some(cx.push(Op::UnaryGradient(UnaryGradient { function: op.function }), &[x, dy])?)])
}

pub(super) fn binary(cx: &mut Context, op: &Binary, dy: ValueId) -> Gradients {
    let (a, b) = (cx.input(0), cx.input(1));
    let dz = cx.behind_activation(op.activation, dy, |cx| cx.binary(op.op, a, b))?;
    let [da, db] = match op.op {
        BinaryOp::Add => [Some(dz), Some(dz)],
        BinaryOp::Subtract => [Some(dz), cx.for_input(1, |cx| cx.scaled(-1.0, dz))?],
        BinaryOp::Multiply => [
            cx.for_input(0, |cx| cx.binary(BinaryOp::Multiply, dz, b))?,
            cx.for_input(1, |cx| cx.binary(BinaryOp::Multiply, dz, a))?,
        ],
        BinaryOp::Divide => quotient(cx, dz)?,
        // A tie belongs to the first operand.
        BinaryOp::Maximum => chosen(cx, a, b, dz)?,
        BinaryOp::Minimum => chosen(cx, b, a, dz)?,
        BinaryOp::Prelu => prelu(cx, dz)?,
        // It is flat.
        BinaryOp::GreaterEqual => [None, None],
    };
    let mut gradients = Vec::new();
    for (input, gradient) in [(0, da), (1, db)] {
        let shape = cx.shape(cx.input(input));
        let gradient = match gradient {
            Some(gradient) => cx.for_input(input, |cx| cx.summed_to(gradient, &shape))?,
            None => None,
        };
        gradients.push(gradient);
    }
    Ok(gradients)
}

/// `a / b`: `dy / b` and `-(dy / b) · (a / b)`.
fn quotient(cx: &mut Context, dz: ValueId) -> Result<[Option<ValueId>; 2], GradientError> {
    let (a, b) = (cx.input(0), cx.input(1));
    let da = cx.binary(BinaryOp::Divide, dz, b)?;
    let db = cx.for_input(1, |cx| {
        let quotient = cx.binary(BinaryOp::Divide, a, b)?;
        let product = cx.binary(BinaryOp::Multiply, da, quotient)?;
        cx.scaled(-1.0, product)
    })?;
    Ok([Some(da), db])
}

/// The first operand takes what it has where `larger` is at least `smaller`, the second the rest.
fn chosen(
    cx: &mut Context,
    larger: ValueId,
    smaller: ValueId,
    dz: ValueId,
) -> Result<[Option<ValueId>; 2], GradientError> {
    let first = cx.binary(BinaryOp::GreaterEqual, larger, smaller)?;
    let da = cx.binary(BinaryOp::Multiply, dz, first)?;
    let db = cx.for_input(1, |cx| cx.binary(BinaryOp::Subtract, dz, da))?;
    Ok([Some(da), db])
}

/// `a` above 0, else `a · b`.
fn prelu(cx: &mut Context, dz: ValueId) -> Result<[Option<ValueId>; 2], GradientError> {
    let (a, b) = (cx.input(0), cx.input(1));
    let zero = cx.constant(Tensor::scalar(0.0));
    let below = cx.binary(BinaryOp::GreaterEqual, zero, a)?;
    let below = cx.binary(BinaryOp::Multiply, dz, below)?;
    let da = cx.for_input(0, |cx| {
        let above = cx.binary(BinaryOp::Subtract, dz, below)?;
        let sloped = cx.binary(BinaryOp::Multiply, below, b)?;
        cx.binary(BinaryOp::Add, above, sloped)
    })?;
    let db = cx.for_input(1, |cx| cx.binary(BinaryOp::Multiply, below, a))?;
    Ok([da, db])
}
