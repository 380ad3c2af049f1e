//! Ops that move elements: the gradient moves them back, and adds up those that were repeated.

use cnn_core::ValueId;
use cnn_core::op::{Cast, Concat, Op, Pad, Slice, Transpose};

use super::{Context, Gradients};

pub(super) fn pad(cx: &mut Context, op: &Pad, dy: ValueId) -> Gradients {
    let size = cx.shape(cx.input(0));
    Ok(vec![Some(cx.push(Op::Slice(Slice { begin: op.before.clone(), size }), &[dy])?)])
}

pub(super) fn slice(cx: &mut Context, op: &Slice, dy: ValueId) -> Gradients {
    let shape = cx.shape(cx.input(0));
    let after = (0..shape.len()).map(|axis| shape[axis] - op.begin[axis] - op.size[axis]).collect();
    Ok(vec![Some(cx.push(Op::Pad(Pad { before: op.begin.clone(), after, value: 0.0 }), &[dy])?)])
}

pub(super) fn transpose(cx: &mut Context, op: &Transpose, dy: ValueId) -> Gradients {
    let mut permutation = vec![0; op.permutation.len()];
    op.permutation.iter().enumerate().for_each(|(to, &from)| permutation[from] = to);
    Ok(vec![Some(cx.push(Op::Transpose(Transpose { permutation }), &[dy])?)])
}

pub(super) fn concat(cx: &mut Context, op: &Concat, dy: ValueId) -> Gradients {
    let mut begin = vec![0; cx.shape(dy).len()];
    let mut gradients = Vec::new();
    for index in 0..cx.node.inputs.len() {
        let size = cx.shape(cx.input(index));
        let (from, width) = (begin.clone(), size[op.axis]);
        gradients.push(cx.for_input(index, |cx| cx.push(Op::Slice(Slice { begin: from, size }), &[dy]))?);
        begin[op.axis] += width;
    }
    Ok(gradients)
}

pub(super) fn broadcast(cx: &mut Context, dy: ValueId) -> Gradients {
    let shape = cx.shape(cx.input(0));
    Ok(vec![Some(cx.summed_to(dy, &shape)?)])
}

pub(super) fn reshape(cx: &mut Context, dy: ValueId) -> Gradients {
    let shape = cx.shape(cx.input(0));
    Ok(vec![Some(cx.reshaped(dy, shape)?)])
}

pub(super) fn cast(cx: &mut Context, dy: ValueId) -> Gradients {
    let to = cx.graph.value(cx.input(0)).dtype;
    Ok(vec![Some(cx.push(Op::Cast(Cast { to }), &[dy])?)])
}
