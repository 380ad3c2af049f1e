//! Resampling.

use cnn_core::ValueId;
use cnn_core::op::{Op, Resize, ResizeGradient};

use super::{Context, Gradients};

pub(super) fn gradients(cx: &mut Context, op: &Resize, dy: ValueId) -> Gradients {
    let shape = cx.shape(cx.input(0));
    let gradient = ResizeGradient { interpolation: op.interpolation, input_size: [shape[1], shape[2]] };
    Ok(vec![Some(cx.push(Op::ResizeGradient(gradient), &[dy])?)])
}
