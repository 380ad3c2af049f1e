//! Transposed convolution, as [`Conv2DTranspose`] defines it.
//!
//! Outputs that stand alike to the input's pixels, a stride apart, form a phase: the same taps of the filter reach all of
//! them, so a phase is a product of matrices, `[outputs, taps·C] · [taps·C, F]`, whose rows are gathered a block at a time.
//! That filter has to be turned first. Where pixels are fewer than channels, the input by the filter as it lies, of which the
//! outputs then take their parts (col2im), is less work: `[N·H·W, C] · [C, KH·KW·F]`.

use cnn_core::op::Conv2DTranspose;
use rayon::prelude::*;

use super::View;
use super::linear::{Finish, Matrix, Rows, product};
use super::scratch::scratch;
use super::vectors::vectorised;

/// The output, of shape `shape`.
pub(super) fn conv2d_transpose(op: &Conv2DTranspose, inputs: &[View], shape: &[usize], y: &mut [f32]) {
    let (x, filter) = (inputs[0], inputs[1]);
    let ([n, h, w, c], [kh, kw, f, _]) = (x.dims4(), filter.dims4());
    let axis = |axis: usize, taps: usize, size: usize| Axis {
        taps,
        stride: op.strides[axis],
        dilation_rate: op.dilation_rate[axis],
        before: op.before[axis],
        size,
    };
    let axes = [axis(0, kh, h), axis(1, kw, w)];
    if op.groups > 1 {
        return grouped(op, inputs, axes, shape, y);
    }
    let finish = Finish::new(&op.epilogue, inputs);
    if n * h * w < c && [kh, kw] != [1, 1] {
        return by_filter(x, filter, axes, &finish, shape, y);
    }
    let [rows, columns] = [0, 1].map(|i| axes[i].phases(shape[1 + i]));
    let phases = rows.iter().flat_map(|rows| columns.iter().map(move |columns| [rows, columns]));
    if op.strides == [1, 1] {
        phases.for_each(|phase| multiply_phase(phase, x, filter, &finish, y));
        return;
    }
    y.fill(0.0);
    for phase in phases.filter(|[rows, columns]| !rows.taps.is_empty() && !columns.taps.is_empty()) {
        let [rows, columns] = phase;
        scratch(shape[0] * rows.count * columns.count * f, |part| {
            multiply_phase(phase, x, filter, &Finish::default(), part);
            // Rows of outputs of the whole, some of which belong to this phase.
            y.par_chunks_mut(shape[2] * f).enumerate().for_each(|(row, y)| {
                let (n, oy) = (row / shape[1], row % shape[1]);
                let Some(i) = rows.index(oy) else { return };
                let part = part[(n * rows.count + i) * columns.count * f..].chunks_exact(f);
                let outputs = y.chunks_exact_mut(f).skip(columns.first).step_by(axes[1].stride);
                outputs.zip(part).for_each(|(y, part)| y.copy_from_slice(part));
            });
        });
    }
    y.par_chunks_mut(shape[2] * f).enumerate().for_each(|(row, y)| finish.apply(y, row * shape[2] * f, f));
}

/// All products of few pixels, and what each output takes of them.
fn by_filter(x: View, filter: View, [rows, columns]: [Axis; 2], finish: &Finish, shape: &[usize], y: &mut [f32]) {
    let ([n, h, w, c], [kh, kw, f, _]) = (x.dims4(), filter.dims4());
    let (oh, ow, pixel) = (shape[1], shape[2], kh * kw * f);
    let matrix = Matrix { data: filter.data, rows: c, columns: pixel, row_step: 1, column_step: c };
    scratch(n * h * w * pixel, |products| {
        product(Rows::InMemory(x.data), matrix, &Finish::default(), products);
        y.par_chunks_mut(ow * f).enumerate().for_each(|(row, y)| {
            let (n, oy) = (row / oh, row % oh);
            y.fill(0.0);
            for (a, iy) in rows.taps(oy) {
                for (ox, y) in y.chunks_exact_mut(f).enumerate() {
                    for (b, ix) in columns.taps(ox) {
                        let products = &products[((n * h + iy) * w + ix) * pixel + (a * kw + b) * f..][..f];
                        y.iter_mut().zip(products).for_each(|(y, product)| *y += product);
                    }
                }
            }
            finish.apply(y, row * ow * f, f);
        });
    });
}

/// The outputs of one phase, `[N, rows, columns, F]`.
fn multiply_phase([rows, columns]: [&Phase; 2], x: View, filter: View, finish: &Finish, y: &mut [f32]) {
    let [_, kw, f, c] = filter.dims4();
    let taps: Vec<usize> = rows.taps.iter().flat_map(|a| columns.taps.iter().map(move |b| a * kw + b)).collect();
    // One matrix of the filter, `[F, C]`, is read as it lies; several are turned to stand below each other.
    if let [tap] = taps[..] {
        let data = &filter.data[tap * f * c..][..f * c];
        let matrix = Matrix { data, rows: c, columns: f, row_step: 1, column_step: c };
        if rows.is_identity() && columns.is_identity() {
            return product(Rows::InMemory(x.data), matrix, finish, y);
        }
        return product(Rows::Gathered(&|first, pixels| gather([rows, columns], x, first, pixels)), matrix, finish, y);
    }
    scratch(taps.len() * c * f, |turned| {
        turn(filter.data, &taps, c, turned, f);
        let matrix = Matrix::new(turned, taps.len() * c, f);
        product(Rows::Gathered(&|first, pixels| gather([rows, columns], x, first, pixels)), matrix, finish, y);
    });
}

/// Writes what reaches some outputs of a phase, from `first` on, by each of its taps: zeros from outside the picture.
fn gather([rows, columns]: [&Phase; 2], x: View, first: usize, pixels: &mut [f32]) {
    let [_, h, w, c] = x.dims4();
    let (width, taps) = (columns.count, rows.taps.len() * columns.taps.len());
    for (index, pixel) in (first..).zip(pixels.chunks_exact_mut(taps * c)) {
        let (n, i, j) = (index / (rows.count * width), index / width % rows.count, index % width);
        let positions = rows.inputs(i).flat_map(|iy| columns.inputs(j).map(move |ix| iy.zip(ix)));
        for (part, position) in pixel.chunks_exact_mut(c).zip(positions) {
            match position {
                Some((iy, ix)) => part.copy_from_slice(&x.data[((n * h + iy) * w + ix) * c..][..c]),
                None => part.fill(0.0),
            }
        }
    }
}

/// Writes the matrices `[F, C]` of some taps as `[taps, C, F]`.
fn turn(filter: &[f32], taps: &[usize], c: usize, turned: &mut [f32], f: usize) {
    turned.par_chunks_mut(f).enumerate().for_each(|(row, turned)| {
        let column = &filter[taps[row / c] * f * c + row % c..];
        turned.iter_mut().zip(column.iter().step_by(c)).for_each(|(y, x)| *y = *x);
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
        vectorised(
            #[inline(always)]
            || {
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
            },
        );
        finish.apply(y, row * ow * f, f);
    });
}

/// How outputs stand to inputs along one axis: `input · stride + tap · dilation_rate - before = output`.
#[derive(Debug, Clone, Copy)]
struct Axis {
    taps: usize,
    stride: usize,
    dilation_rate: usize,
    before: usize,
    size: usize,
}

impl Axis {
    /// The input that reaches output `o` by a tap.
    fn input(self, o: usize, tap: usize) -> Option<usize> {
        let position = (o + self.before).checked_sub(tap * self.dilation_rate)?;
        let input = position / self.stride;
        (position % self.stride == 0 && input < self.size).then_some(input)
    }

    /// The taps that reach output `o`, and the inputs they come from.
    fn taps(self, o: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..self.taps).filter_map(move |tap| Some((tap, self.input(o, tap)?)))
    }

    /// The phases of `outputs` outputs.
    fn phases(self, outputs: usize) -> Vec<Phase> {
        let phase = |first: usize| Phase {
            axis: self,
            first,
            count: (outputs - first).div_ceil(self.stride),
            taps: (0..self.taps)
                .filter(|tap| (tap * self.dilation_rate) % self.stride == (first + self.before) % self.stride)
                .collect(),
        };
        (0..self.stride.min(outputs)).map(phase).collect()
    }
}

/// Outputs along one axis that stand a stride apart, and the taps that can reach them.
#[derive(Debug)]
struct Phase {
    axis: Axis,
    first: usize,
    count: usize,
    taps: Vec<usize>,
}

impl Phase {
    /// For each of its taps the input that reaches output number `i` of the phase.
    fn inputs(&self, i: usize) -> impl Iterator<Item = Option<usize>> {
        let output = self.first + i * self.axis.stride;
        self.taps.iter().map(move |&tap| self.axis.input(output, tap))
    }

    /// Whether there is one tap, by which each input reaches the output of its own number.
    fn is_identity(&self) -> bool {
        let Axis { stride, before, size, .. } = self.axis;
        self.taps == [0] && (stride, before) == (1, 0) && self.count == size
    }

    /// Which one of the phase an output is, if it is.
    fn index(&self, output: usize) -> Option<usize> {
        let distance = output.checked_sub(self.first)?;
        (distance % self.axis.stride == 0).then_some(distance / self.axis.stride)
    }
}
