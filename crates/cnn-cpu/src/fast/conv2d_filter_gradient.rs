//! The gradient of a convolution by its filter, as [`Conv2DFilterGradient`] defines it.
//!
//! A product of matrices: what the windows see, transposed (im2col), by the gradient of the output `[N·OH·OW, F]`. Pixels are
//! taken a block at a time, whose products are added up in one order, so that a run is repeated to the bit; tasks take rows of
//! the filter. A depthwise convolution has too few products for that: there a task takes a tap and goes over channels.

use cnn_core::op::Conv2DFilterGradient;
use rayon::prelude::*;

use super::View;
use super::conv2d::Patches;
use super::linear::{Before, Matrix, multiply};
use super::scratch::scratch;
use super::vectors::vectorised;
use super::window::Window;

/// Pixels of a block.
const BLOCK: usize = 256;
/// Rows of the filter in one task come in multiples of this, which every width of vectors divides.
const ROWS: usize = 16;

/// The output, of shape `shape`.
pub(super) fn filter_gradient(op: &Conv2DFilterGradient, inputs: &[View], shape: &[usize], dw: &mut [f32]) {
    let (x, dy) = (inputs[0], inputs[1]);
    let ([_, h, w, c], [n, oh, ow, f]) = (x.dims4(), dy.dims4());
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
    let (pixels, k, width, threads) = (n * oh * ow, dw.len() / f, f / op.groups, rayon::current_num_threads());
    let rows = k.div_ceil(threads).next_multiple_of(ROWS);
    let gathers = !patches.is_pointwise();
    scratch(if gathers { BLOCK.min(pixels) * op.groups * k } else { 0 }, |gathered| {
        for first in (0..pixels).step_by(BLOCK) {
            let count = BLOCK.min(pixels - first);
            if gathers {
                gather(&patches, first, count, &mut gathered[..count * op.groups * k]);
            }
            let before = if first == 0 { Before::Replaced } else { Before::Kept };
            dw.par_chunks_mut(rows * f).enumerate().for_each(|(task, dw)| {
                for group in 0..op.groups {
                    let (data, column_step) = if gathers {
                        (&gathered[group * count * k + task * rows..], k)
                    } else {
                        (&x.data[first * c + group * filter_c + task * rows..], c)
                    };
                    let seen = Matrix { data, rows: dw.len() / f, columns: count, row_step: 1, column_step };
                    let dy = Matrix::new(&dy.data[first * f..][..count * f], count, f).columns(group * width, width);
                    multiply(seen, dy, &mut dw[group * width..], [f, 1], before);
                }
            });
        }
    });
}

/// Writes what the windows of `count` output pixels, from `first` on, see: `[groups, count, KH·KW·C]`.
fn gather(patches: &Patches, first: usize, count: usize, gathered: &mut [f32]) {
    let k = patches.rows.taps * patches.columns.taps * patches.filter_c;
    let pixels = count.div_ceil(rayon::current_num_threads());
    gathered.par_chunks_mut(count * k).enumerate().for_each(|(group, gathered)| {
        let tasks = gathered.par_chunks_mut(pixels * k).enumerate();
        tasks.for_each(|(task, gathered)| patches.gather(first + task * pixels, group, gathered));
    });
}

/// Groups of one channel, each with `f / c` filters.
fn depthwise(patches: &Patches, dy: View, dw: &mut [f32]) {
    let f = dy.shape[3];
    dw.par_chunks_mut(f).enumerate().for_each_init(Vec::new, |row, (tap, dw)| {
        vectorised(
            #[inline(always)]
            || depthwise_tap(patches, dy, tap, row, dw),
        );
    });
}

/// One tap of all channels. Rows of the output are added up each by itself, in `row`: shorter sums err less.
#[inline(always)]
fn depthwise_tap(patches: &Patches, dy: View, tap: usize, row: &mut Vec<f32>, dw: &mut [f32]) {
    let [n, oh, ow, f] = dy.dims4();
    let (c, (rows, columns)) = (patches.c, (patches.rows, patches.columns));
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
            if f == c {
                row.iter_mut().zip(dy).zip(x).for_each(|((sum, dy), x)| *sum += x * dy);
                continue;
            }
            for ((sums, dy), x) in row.chunks_exact_mut(f / c).zip(dy.chunks_exact(f / c)).zip(x) {
                sums.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += x * dy);
            }
        }
        dw.iter_mut().zip(&*row).for_each(|(sum, row)| *sum += row);
    }
}
