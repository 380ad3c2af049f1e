//! Convolution: by its input a transposed convolution with the same filter, by its filter an op of its own.

use cnn_core::ValueId;
use cnn_core::op::{Conv2D, Conv2DFilterGradient, Conv2DTranspose, Epilogue, Op};

use super::{Context, Gradients};

pub(super) fn gradients(cx: &mut Context, op: &Conv2D, dy: ValueId) -> Gradients {
    let dz = cx.behind_clamp(&op.epilogue, dy)?;
    let (x, filter) = (cx.input(0), cx.input(1));
    let dx = cx.for_input(0, |cx| {
        let shape = cx.shape(x);
        let transposed = Conv2DTranspose {
            strides: op.strides,
            dilation_rate: op.dilation_rate,
            before: [op.padding.top, op.padding.left],
            output_size: [shape[1], shape[2]],
            groups: op.groups,
            epilogue: Epilogue::default(),
        };
        cx.push(Op::Conv2DTranspose(transposed), &[dz, filter])
    })?;
    let dfilter = cx.for_input(1, |cx| {
        let shape = cx.shape(filter);
        let gradient = Conv2DFilterGradient {
            kernel_size: [shape[0], shape[1]],
            strides: op.strides,
            padding: op.padding,
            dilation_rate: op.dilation_rate,
            groups: op.groups,
        };
        cx.push(Op::Conv2DFilterGradient(gradient), &[x, dz])
    })?;
    let mut gradients = vec![dx, dfilter];
    gradients.extend(cx.epilogue(Conv2D::OWN_INPUTS, &op.epilogue, dz)?);
    Ok(gradients)
}
