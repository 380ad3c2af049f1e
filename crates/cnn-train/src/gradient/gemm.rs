//! Matrix product: `da = dy · bᵀ`, `db = aᵀ · dy`.

use cnn_core::ValueId;
use cnn_core::op::{Gemm, Op, Transpose};

use super::{Context, GradientError, Gradients};

pub(super) fn gradients(cx: &mut Context, op: &Gemm, dy: ValueId) -> Gradients {
    let dz = cx.behind_clamp(&op.epilogue, dy)?;
    let (a, b) = (cx.input(0), cx.input(1));
    let da = cx.for_input(0, |cx| {
        let transposed = transposed(cx, b)?;
        cx.push(Op::Gemm(Gemm::default()), &[dz, transposed])
    })?;
    let db = cx.for_input(1, |cx| {
        let (a, dz) = (rows(cx, a)?, rows(cx, dz)?);
        let transposed = transposed(cx, a)?;
        cx.push(Op::Gemm(Gemm::default()), &[transposed, dz])
    })?;
    let mut gradients = vec![da, db];
    gradients.extend(cx.epilogue(Gemm::OWN_INPUTS, &op.epilogue, dz)?);
    Ok(gradients)
}

/// `[.., K]` as a matrix.
fn rows(cx: &mut Context, x: ValueId) -> Result<ValueId, GradientError> {
    let shape = cx.shape(x);
    let (last, leading) = shape.split_last().map_or((1, &[][..]), |(&last, leading)| (last, leading));
    cx.reshaped(x, vec![leading.iter().product(), last])
}

fn transposed(cx: &mut Context, x: ValueId) -> Result<ValueId, GradientError> {
    cx.push(Op::Transpose(Transpose { permutation: vec![1, 0] }), &[x])
}
