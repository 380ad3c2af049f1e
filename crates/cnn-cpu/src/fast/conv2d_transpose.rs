//! Transposed convolution, as [`Conv2DTranspose`] defines it.
//!
//! The product of the input's pixels with the filter, `[pixels, C] · [C, KH·KW·F]`, holds every term of the output; each
//! output gathers its own. This goes by blocks of output rows; a row of the input that two blocks need is computed twice.

use cnn_core::op::Conv2DTranspose;
use rayon::prelude::*;

use super::View;
use super::linear::{Finish, Matrix, multiply};

/// Bytes of the product that a block should not exceed.
const BLOCK_BYTES: usize = 1 << 20;

/// The output, of shape `shape`.
pub(super) fn conv2d_transpose(op: &Conv2DTranspose, inputs: &[View], shape: &[usize], y: &mut [f32]) {
    let (x, filter) = (inputs[0], inputs[1]);
    let ([_, h, w, c], [kh, kw, f, _]) = (x.dims4(), filter.dims4());
    let axis = |axis: usize, taps: usize, size: usize| Axis {
        taps,
        stride: op.strides[axis],
        dilation_rate: op.dilation_rate[axis],
        before: op.before[axis],
        size,
    };
    let (rows, columns) = (axis(0, kh, h), axis(1, kw, w));
    if op.groups > 1 {
        return grouped(op, inputs, [rows, columns], shape, y);
    }
    let (oh, ow) = (shape[1], shape[2]);
    let matrix = Matrix { data: filter.data, rows: c, columns: kh * kw * f, row_step: 1, column_step: c };
    let finish = Finish::new(&op.epilogue, inputs);
    let block = (BLOCK_BYTES / size_of::<f32>() / (w * kh * kw * f).max(1)).max(1) * op.strides[0];
    y.par_chunks_mut(oh * ow * f).enumerate().for_each(|(n, y)| {
        y.par_chunks_mut(block * ow * f).enumerate().for_each_init(Vec::new, |terms, (index, y)| {
            let outputs = index * block..index * block + y.len() / (ow * f);
            let sources = rows.sources(outputs.clone());
            let pixels = sources.len() * w;
            terms.resize(pixels * kh * kw * f, 0.0);
            let pixels = Matrix::new(&x.data[(n * h + sources.start) * w * c..][..pixels * c], pixels, c);
            multiply(pixels, matrix, terms, matrix.columns);
            for (oy, y) in outputs.clone().zip(y.chunks_exact_mut(ow * f)) {
                y.fill(0.0);
                for (a, iy) in rows.taps(oy) {
                    for (ox, y) in y.chunks_exact_mut(f).enumerate() {
                        for (b, ix) in columns.taps(ox) {
                            let at = ((iy - sources.start) * w + ix) * kh * kw + a * kw + b;
                            y.iter_mut().zip(&terms[at * f..][..f]).for_each(|(y, term)| *y += term);
                        }
                    }
                }
            }
            finish.apply(y, (n * oh + outputs.start) * ow * f, f);
        });
    });
}

/// Several groups of channels, depthwise among them: each output sums up its own products.
fn grouped(op: &Conv2DTranspose, inputs: &[View], [rows, columns]: [Axis; 2], shape: &[usize], y: &mut [f32]) {
    let (x, filter) = (inputs[0], inputs[1]);
    let ([_, h, w, c], [_, kw, group_f, _]) = (x.dims4(), filter.dims4());
    let (oh, ow, f, group_c) = (shape[1], shape[2], shape[3], c / op.groups);
    let finish = Finish::new(&op.epilogue, inputs);
    y.par_chunks_mut(ow * f).enumerate().for_each(|(row, y)| {
        let (n, oy) = (row / oh, row % oh);
        y.fill(0.0);
        for (a, iy) in rows.taps(oy) {
            for (ox, y) in y.chunks_exact_mut(f).enumerate() {
                for (b, ix) in columns.taps(ox) {
                    let x = &x.data[((n * h + iy) * w + ix) * c..][..c];
                    let tap = &filter.data[(a * kw + b) * group_f * c..][..group_f * c];
                    if group_f == 1 && group_c == 1 {
                        y.iter_mut().zip(x).zip(tap).for_each(|((y, x), w)| *y += x * w);
                        continue;
                    }
                    for (f, y) in y.iter_mut().enumerate() {
                        let group = f / group_f * group_c..(f / group_f + 1) * group_c;
                        let w = &tap[f % group_f * c..][group.clone()];
                        *y += x[group].iter().zip(w).map(|(x, w)| x * w).sum::<f32>();
                    }
                }
            }
        }
        finish.apply(y, row * ow * f, f);
    });
}

/// How outputs stand to inputs along one axis.
#[derive(Debug, Clone, Copy)]
struct Axis {
    taps: usize,
    stride: usize,
    dilation_rate: usize,
    before: usize,
    size: usize,
}

impl Axis {
    /// The taps that reach output `o`, and the inputs they come from: `input · stride + tap · dilation_rate - before = o`.
    fn taps(self, o: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..self.taps).filter_map(move |tap| {
            let position = (o + self.before).checked_sub(tap * self.dilation_rate)?;
            let input = position / self.stride;
            (position % self.stride == 0 && input < self.size).then_some((tap, input))
        })
    }

    /// The inputs that `outputs` come from, and those between them.
    fn sources(self, outputs: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let inputs = || outputs.clone().flat_map(|o| self.taps(o).map(|(_, input)| input));
        match (inputs().min(), inputs().max()) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        }
    }
}
