//! Sums and means: every element gets what its sum got. Variances: `2 / n · (x - mean) · dy`.

use cnn_core::ValueId;
use cnn_core::op::{BinaryOp, Broadcast, Op, Reduce, ReduceKind};

use super::{Context, Gradients};

pub(super) fn gradients(cx: &mut Context, op: &Reduce, dy: ValueId) -> Gradients {
    let shape = cx.shape(cx.input(0));
    let [_, n, _] = op.dims3(&shape);
    // Scaled before they are repeated: there are fewer of them.
    let dy = match op.kind {
        ReduceKind::Sum => dy,
        ReduceKind::Mean => cx.scaled(1.0 / n as f32, dy)?,
        ReduceKind::Variance => {
            let x = cx.input(0);
            let mean = cx.reduced(ReduceKind::Mean, x, op.axes.clone())?;
            let deviation = cx.binary(BinaryOp::Subtract, x, mean)?;
            let factor = cx.scaled(2.0 / n as f32, dy)?;
            return Ok(vec![Some(cx.binary(BinaryOp::Multiply, deviation, factor)?)]);
        }
    };
    Ok(vec![Some(cx.push(Op::Broadcast(Broadcast { shape }), &[dy])?)])
}
