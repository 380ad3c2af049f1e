//! Sums and means: every element gets what its sum got.

use cnn_core::ValueId;
use cnn_core::op::{Broadcast, Op, Reduce, ReduceKind};

use super::{Context, Gradients};

pub(super) fn gradients(cx: &mut Context, op: &Reduce, dy: ValueId) -> Gradients {
    let shape = cx.shape(cx.input(0));
    let [_, n, _] = op.dims3(&shape);
    // Scaled before it is repeated: there are fewer of them.
    let dy = if op.kind == ReduceKind::Mean { cx.scaled(1.0 / n as f32, dy)? } else { dy };
    Ok(vec![Some(cx.push(Op::Broadcast(Broadcast { shape }), &[dy])?)])
}
