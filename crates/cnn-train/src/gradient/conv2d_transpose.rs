//! Transposed convolution: the gradient of a convolution by its input, so its own gradients are that convolution and its
//! filter's gradient with input and output changed over.

use cnn_core::ValueId;
use cnn_core::op::{Conv2D, Conv2DFilterGradient, Conv2DTranspose, Epilogue, Op, Slice};
use cnn_core::shape::{Padding2D, dilated};

use super::{Context, GradientError, Gradients};

pub(super) fn gradients(cx: &mut Context, op: &Conv2DTranspose, dy: ValueId) -> Gradients {
    let dz = cx.behind_clamp(&op.epilogue, dy)?;
    let (x, filter) = (cx.input(0), cx.input(1));
    let (x_shape, filter_shape) = (cx.shape(x), cx.shape(filter));
    // Rows (and columns) that the last tap of the last pixel reaches, counted from the first row of the output.
    let reach = |axis: usize| {
        let window = dilated(filter_shape[axis], op.dilation_rate[axis]);
        (x_shape[1 + axis].saturating_sub(1) * op.strides[axis] + window).saturating_sub(op.before[axis])
    };
    if reach(0) == 0 || reach(1) == 0 {
        // All of the product is cut off: the output is what the epilogue makes of zeros.
        return Ok([vec![None, None], cx.epilogue(Conv2DTranspose::OWN_INPUTS, &op.epilogue, dz)?].concat());
    }
    let [bottom, right] = [0, 1].map(|axis| reach(axis).saturating_sub(op.output_size[axis]));
    let padding = Padding2D { top: op.before[0], bottom, left: op.before[1], right };
    let seen = reached(cx, [reach(0), reach(1)], dz)?;
    let dx = cx.for_input(0, |cx| {
        let convolution = Conv2D {
            strides: op.strides,
            padding,
            dilation_rate: op.dilation_rate,
            groups: op.groups,
            epilogue: Epilogue::default(),
        };
        cx.push(Op::Conv2D(convolution), &[seen, filter])
    })?;
    let dfilter = cx.for_input(1, |cx| {
        let gradient = Conv2DFilterGradient {
            kernel_size: [filter_shape[0], filter_shape[1]],
            strides: op.strides,
            padding,
            dilation_rate: op.dilation_rate,
            groups: op.groups,
        };
        cx.push(Op::Conv2DFilterGradient(gradient), &[seen, x])
    })?;
    let mut gradients = vec![dx, dfilter];
    gradients.extend(cx.epilogue(Conv2DTranspose::OWN_INPUTS, &op.epilogue, dz)?);
    Ok(gradients)
}

/// The part of the output's gradient that some tap reaches: a convolution over more rows would make pixels that there are not.
fn reached(cx: &mut Context, reach: [usize; 2], dz: ValueId) -> Result<ValueId, GradientError> {
    let shape = cx.shape(dz);
    let size = vec![shape[0], shape[1].min(reach[0]), shape[2].min(reach[1]), shape[3]];
    if size == shape {
        return Ok(dz);
    }
    cx.push(Op::Slice(Slice { begin: vec![0; 4], size }), &[dz])
}
