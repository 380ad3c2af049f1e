//! Softmax y: `dx = y · (dy - Σ dy·y)`; its logarithm: `dx = dy - exp(y) · Σ dy`.

use cnn_core::ValueId;
use cnn_core::op::{BinaryOp, Function, ReduceKind, Softmax};

use super::{Context, Gradients};

pub(super) fn gradients(cx: &mut Context, op: &Softmax, dy: ValueId) -> Gradients {
    let (y, along) = (cx.node.output, op.axis..op.axis + 1);
    let dx = if op.log {
        let sum = cx.reduced(ReduceKind::Sum, dy, along)?;
        let softmax = cx.unary(Function::Exponential, y)?;
        let part = cx.binary(BinaryOp::Multiply, softmax, sum)?;
        cx.binary(BinaryOp::Subtract, dy, part)?
    } else {
        let product = cx.binary(BinaryOp::Multiply, dy, y)?;
        let sum = cx.reduced(ReduceKind::Sum, product, along)?;
        let difference = cx.binary(BinaryOp::Subtract, dy, sum)?;
        cx.binary(BinaryOp::Multiply, difference, y)?
    };
    Ok(vec![Some(dx)])
}
