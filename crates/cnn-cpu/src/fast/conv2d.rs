//! Convolution, as [`Conv2D`] defines it.
//!
//! A convolution is a product of matrices: a row for each output pixel holds what its window sees (im2col), and the filter
//! `[KH·KW·C, F]` stands as it is. Rows are gathered a block at a time; those of a 1x1 window lie in the input already.
//! A depthwise convolution has too few products for that: it goes over channels.

use std::ops::Range;

use cnn_core::op::Conv2D;
use rayon::prelude::*;

use super::View;
use super::linear::{Before, Finish, Matrix, Rows, block_rows, multiply, product};
use super::scratch::Scratch;
use super::vectors::vectorised;
use super::window::Window;

/// Channels whose sums stay in registers.
const LANES: usize = 32;

/// The output, of shape `shape`.
pub(super) fn conv2d(op: &Conv2D, inputs: &[View], shape: &[usize], y: &mut [f32]) {
    let (x, filter) = (inputs[0], inputs[1]);
    let ([_, h, w, c], [kh, kw, filter_c, f]) = (x.dims4(), filter.dims4());
    let window = |axis: usize, taps: usize, before: usize, size: usize| {
        let (stride, dilation_rate) = (op.strides[axis], op.dilation_rate[axis]);
        Window { taps, stride, dilation_rate, before, size }
    };
    let (rows, columns) = (window(0, kh, op.padding.top, h), window(1, kw, op.padding.left, w));
    let patches = Patches { x: x.data, rows, columns, c, filter_c, output: [shape[1], shape[2]] };
    let finish = Finish::new(&op.epilogue, inputs);
    let matrix = Matrix::new(filter.data, kh * kw * filter_c, f);
    match op.groups {
        1 if patches.is_pointwise() => product(Rows::InMemory(x.data), matrix, &finish, y),
        1 => product(Rows::Gathered(&|first, rows| patches.gather(first, 0, rows)), matrix, &finish, y),
        _ if filter_c == 1 => depthwise(&patches, filter.data, &finish, f, y),
        groups => grouped(&patches, matrix, groups, &finish, y),
    }
}

/// What the windows see.
pub(super) struct Patches<'a> {
    pub(super) x: &'a [f32],
    pub(super) rows: Window,
    pub(super) columns: Window,
    /// Channels of the input.
    pub(super) c: usize,
    /// Channels of a group.
    pub(super) filter_c: usize,
    /// Height and width of the output.
    pub(super) output: [usize; 2],
}

impl Patches<'_> {
    /// Whether each window sees the pixel in its place and nothing else.
    pub(super) fn is_pointwise(&self) -> bool {
        [&self.rows, &self.columns]
            .into_iter()
            .zip(self.output)
            .all(|(window, output)| (window.taps, window.stride, window.size) == (1, 1, output) && window.before == 0)
    }

    /// Writes what the windows of some output pixels, from `first` on, see of a group's channels: zeros for padding.
    pub(super) fn gather(&self, first: usize, group: usize, patches: &mut [f32]) {
        let ([oh, ow], (kh, kw)) = (self.output, (self.rows.taps, self.columns.taps));
        let (width, filter_c) = (kw * self.filter_c, self.filter_c);
        // Taps that are neighbours in memory are copied at once.
        let is_dense = self.columns.dilation_rate == 1 && filter_c == self.c;
        for (pixel, patch) in (first..).zip(patches.chunks_exact_mut((kh * width).max(1))) {
            let (n, i, j) = (pixel / (oh * ow), pixel / ow % oh, pixel % ow);
            let (rows, columns) = (self.rows.inside(i), self.columns.inside(j));
            for (a, patch) in patch.chunks_exact_mut(width).enumerate() {
                if !rows.contains(&a) || columns.is_empty() {
                    patch.fill(0.0);
                    continue;
                }
                patch[..columns.start * filter_c].fill(0.0);
                patch[columns.end * filter_c..].fill(0.0);
                let taps = &mut patch[columns.start * filter_c..columns.end * filter_c];
                let start = self.offset(n, self.rows.pixel(i, a), self.columns.pixel(j, columns.start));
                if is_dense {
                    taps.copy_from_slice(&self.x[start..][..taps.len()]);
                    continue;
                }
                let step = self.columns.dilation_rate * self.c;
                for (b, tap) in taps.chunks_exact_mut(filter_c).enumerate() {
                    tap.copy_from_slice(&self.x[start + b * step + group * filter_c..][..filter_c]);
                }
            }
        }
    }

    /// The taps of a window that lie on the picture, for weights in rows of `f`.
    fn taps(&self, rows: &Range<usize>, columns: &Range<usize>, f: usize, taps: &mut Vec<Tap>) {
        let step = self.columns.dilation_rate * self.c;
        let row_step = self.rows.dilation_rate * self.columns.size * self.c;
        taps.clear();
        for (row, a) in rows.clone().enumerate() {
            let tap = |(column, b): (usize, usize)| Tap {
                pixel: row * row_step + column * step,
                weights: (a * self.columns.taps + b) * f,
            };
            taps.extend(columns.clone().enumerate().map(tap));
        }
    }

    /// Where a pixel of the input begins.
    pub(super) fn offset(&self, n: usize, row: usize, column: usize) -> usize {
        ((n * self.rows.size + row) * self.columns.size + column) * self.c
    }
}

/// A tap of a depthwise window.
struct Tap {
    /// Where its pixel begins, from the window's first one inside the picture on.
    pixel: usize,
    /// Where its weights begin in the filter.
    weights: usize,
}

/// Groups of several channels: a product for each, over the same block of the output.
fn grouped(patches: &Patches, filter: Matrix, groups: usize, finish: &Finish, y: &mut [f32]) {
    let (k, f, width) = (filter.rows, filter.columns, filter.columns / groups);
    let block = block_rows(y.len() / f, k, rayon::current_num_threads());
    Scratch::for_tasks((y.len() / f).div_ceil(block), block * k, |scratch| {
        y.par_chunks_mut(block * f).enumerate().for_each(|(index, y)| {
            let (first, count) = (index * block, y.len() / f);
            scratch.with(|buffer| {
                let rows = &mut buffer[..count * k];
                for group in 0..groups {
                    patches.gather(first, group, rows);
                    let outputs = filter.columns(group * width, width);
                    multiply(Matrix::new(rows, count, k), outputs, &mut y[group * width..], [f, 1], Before::Replaced);
                }
            });
            finish.apply(y, first * f, f);
        });
    });
}

/// Groups of one channel, each with `f / c` filters. A task takes a row of the output.
fn depthwise(patches: &Patches, filter: &[f32], finish: &Finish, f: usize, y: &mut [f32]) {
    let [oh, ow] = patches.output;
    y.par_chunks_mut(ow * f).enumerate().for_each_init(Vec::new, |taps, (row, y)| {
        vectorised(
            #[inline(always)]
            || depthwise_row(patches, filter, [row / oh, row % oh], f, taps, y),
        );
        finish.apply(y, row * ow * f, f);
    });
}

/// Row `i` of output `n`.
#[inline(always)]
fn depthwise_row(patches: &Patches, filter: &[f32], [n, i]: [usize; 2], f: usize, taps: &mut Vec<Tap>, y: &mut [f32]) {
    let rows = patches.rows.inside(i);
    let mut known = 0..0;
    for (j, y) in y.chunks_exact_mut(f).enumerate() {
        let columns = patches.columns.inside(j);
        if rows.is_empty() || columns.is_empty() {
            y.fill(0.0);
            continue;
        }
        // All windows but those at the border have the same taps.
        if columns != known {
            patches.taps(&rows, &columns, f, taps);
            known = columns.clone();
        }
        let first = patches.offset(n, patches.rows.pixel(i, rows.start), patches.columns.pixel(j, columns.start));
        if f == patches.c {
            sum_taps(&patches.x[first..], filter, taps, y);
        } else {
            sum_taps_of_several(&patches.x[first..], filter, taps, f / patches.c, y);
        }
    }
}

/// `y[c] = Σ x[c] · w[c]` over taps.
#[inline(always)]
fn sum_taps(x: &[f32], w: &[f32], taps: &[Tap], y: &mut [f32]) {
    let (blocks, rest) = y.as_chunks_mut::<LANES>();
    let done = blocks.len() * LANES;
    for (block, y) in blocks.iter_mut().enumerate() {
        let mut sums = [0.0; LANES];
        for tap in taps {
            let x = &x[tap.pixel + block * LANES..][..LANES];
            let w = &w[tap.weights + block * LANES..][..LANES];
            (0..LANES).for_each(|c| sums[c] += x[c] * w[c]);
        }
        *y = sums;
    }
    rest.fill(0.0);
    for tap in taps {
        let (x, w) = (&x[tap.pixel + done..], &w[tap.weights + done..]);
        rest.iter_mut().zip(x).zip(w).for_each(|((y, x), w)| *y += x * w);
    }
}

/// `y[c·m + k] = Σ x[c] · w[c·m + k]` over taps, for m filters of each channel.
#[inline(always)]
fn sum_taps_of_several(x: &[f32], w: &[f32], taps: &[Tap], filters: usize, y: &mut [f32]) {
    y.fill(0.0);
    for tap in taps {
        let weights = w[tap.weights..].chunks_exact(filters);
        for ((y, x), w) in y.chunks_exact_mut(filters).zip(&x[tap.pixel..]).zip(weights) {
            y.iter_mut().zip(w).for_each(|(y, w)| *y += x * w);
        }
    }
}
