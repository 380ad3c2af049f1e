//! The gradient of a convolution by its filter, as [`Conv2DFilterGradient`] defines it.
//!
//! A product of matrices: what the windows see, transposed (im2col), by the gradient of the output `[N·OH·OW, F]`. Pixels are
//! taken a block at a time, whose products are added up in one order, so that a run is repeated to the bit; tasks take strips
//! of filters. A depthwise convolution has too few products for that: there a task takes a tap and goes over channels.

use cnn_core::op::Conv2DFilterGradient;
use rayon::prelude::*;

use super::View;
use super::conv2d::Patches;
use super::linear::{Matrix, multiply};
use super::scratch::{Scratch, scratch};
use super::window::Window;

/// Pixels of a block.
const BLOCK: usize = 256;
/// Filters of a strip: as many as make it worth to gather the block again for each.
const STRIP: usize = 32;

/// The output, of shape `shape`.
pub(super) fn filter_gradient(op: &Conv2DFilterGradient, inputs: &[View], shape: &[usize], dw: &mut [f32]) {
    let (x, dy) = (inputs[0], inputs[1]);
    let ([_, h, w, c], [_, oh, ow, f]) = (x.dims4(), dy.dims4());
    let window = |axis: usize, before: usize, size: usize| {
        let (stride, dilation_rate) = (op.strides[axis], op.dilation_rate[axis]);
        Window { taps: op.kernel_size[axis], stride, dilation_rate, before, size }
    };
    let (rows, columns) = (window(0, op.padding.top, h), window(1, op.padding.left, w));
    let filter_c = shape[2];
    let patches = Patches { x: x.data, rows, columns, c, filter_c, output: [oh, ow] };
    if op.groups > 1 && filter_c == 1 {
        return depthwise(&patches, dy, dw);
    }
    let width = f / op.groups;
    let strips: Vec<(usize, usize)> = (0..op.groups)
        .flat_map(|group| (0..width).step_by(STRIP).map(move |first| (group, group * width + first)))
        .collect();
    let k = dw.len() / f;
    scratch(strips.len() * k * STRIP, |sums| {
        let columns = |&(group, first): &(usize, usize)| STRIP.min((group + 1) * width - first);
        let dy = Matrix::new(dy.data, dy.data.len() / f, f);
        Scratch::for_tasks(strips.len(), (STRIP + BLOCK) * k, |scratch| {
            sums.par_chunks_mut(k * STRIP).zip(&strips).for_each(|(sums, at)| {
                let dy = dy.columns(at.1, columns(at));
                let sums = &mut sums[..k * dy.columns];
                scratch.with(|buffer| strip(&patches, at.0, dy, buffer, sums));
            });
        });
        for (sums, at) in sums.chunks_exact(k * STRIP).zip(&strips) {
            let columns = columns(at);
            for (dw, sums) in dw.chunks_exact_mut(f).zip(sums.chunks_exact(columns)) {
                dw[at.1..][..columns].copy_from_slice(sums);
            }
        }
    });
}

/// Some columns of the gradient.
fn strip(patches: &Patches, group: usize, dy: Matrix, buffer: &mut [f32], sums: &mut [f32]) {
    let k = sums.len() / dy.columns;
    sums.fill(0.0);
    let (products, gathered) = buffer.split_at_mut(sums.len());
    for first in (0..dy.rows).step_by(BLOCK) {
        let pixels = BLOCK.min(dy.rows - first);
        let gathered = &mut gathered[..pixels * k];
        patches.gather(first, group, gathered);
        let transposed = Matrix { data: gathered, rows: k, columns: pixels, row_step: 1, column_step: k };
        let dy = Matrix { data: &dy.data[first * dy.row_step..], rows: pixels, ..dy };
        multiply(transposed, dy, products, dy.columns);
        sums.iter_mut().zip(&*products).for_each(|(sum, product)| *sum += product);
    }
}

/// Groups of one channel, each with `f / c` filters. Rows of the output are added up each by itself: shorter sums err less.
fn depthwise(patches: &Patches, dy: View, dw: &mut [f32]) {
    let [n, oh, ow, f] = dy.dims4();
    let (c, (rows, columns)) = (patches.c, (patches.rows, patches.columns));
    dw.par_chunks_mut(f).enumerate().for_each_init(Vec::new, |row: &mut Vec<f32>, (tap, dw)| {
        let (a, b) = (tap / columns.taps, tap % columns.taps);
        dw.fill(0.0);
        for (n, i) in (0..n).flat_map(|n| (0..oh).map(move |i| (n, i))) {
            if !rows.inside(i).contains(&a) {
                continue;
            }
            row.clear();
            row.resize(f, 0.0);
            for j in (0..ow).filter(|&j| columns.inside(j).contains(&b)) {
                let x = &patches.x[patches.offset(n, rows.pixel(i, a), columns.pixel(j, b))..][..c];
                let dy = &dy.data[((n * oh + i) * ow + j) * f..][..f];
                for ((sums, dy), x) in row.chunks_exact_mut(f / c).zip(dy.chunks_exact(f / c)).zip(x) {
                    sums.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += x * dy);
                }
            }
            dw.iter_mut().zip(&*row).for_each(|(sum, row)| *sum += row);
        }
    });
}
