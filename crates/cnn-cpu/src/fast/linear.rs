//! What convolutions and the matrix product share: products of matrices in blocks that stay in the cache, and what is
//! done to a block before it is left.

use cnn_core::op::{Clamp, Epilogue};
use rayon::prelude::*;

use super::View;
use super::scratch::{Scratch, scratch};
use super::vectors::vectorised;

/// Input and filter stand first, then the epilogue's inputs.
const OWN_INPUTS: usize = 2;
/// Bytes of the left factor in one block: it is read again for each panel of the right one.
const BLOCK_BYTES: usize = 1 << 19;
/// A block has at least so many rows, or copying panels of the right factor costs more than the products.
const MIN_ROWS: usize = 64;
/// And at most so many.
const MAX_ROWS: usize = 1024;
/// Columns of a strip come in multiples of this, which every width of vectors divides.
const STRIP: usize = 16;

/// A matrix in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    /// Its elements, from the first one on.
    pub(super) data: &'a [f32],
    /// Number of rows.
    pub(super) rows: usize,
    /// Number of columns.
    pub(super) columns: usize,
    /// Elements from one row to the next.
    pub(super) row_step: usize,
    /// Elements from one column to the next.
    pub(super) column_step: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix without gaps.
    pub(super) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { data, rows, columns, row_step: columns, column_step: 1 }
    }

    /// Some columns of it.
    pub(super) fn columns(self, first: usize, columns: usize) -> Self {
        Self { data: &self.data[first * self.column_step..], columns, ..self }
    }
}

/// Elements from the first to the last of a matrix, both counted.
fn extent(rows: usize, row_step: usize, columns: usize, column_step: usize) -> usize {
    if rows == 0 || columns == 0 { 0 } else { (rows - 1) * row_step + (columns - 1) * column_step + 1 }
}

/// What becomes of the elements that a product is written to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Before {
    /// They are written over.
    Replaced,
    /// The product is added to them.
    Kept,
}

/// `y = a · b` on one thread, or `y += a · b`. `y` holds rows that stand `steps[0]` elements apart and columns that stand
/// `steps[1]` apart.
pub(super) fn multiply(a: Matrix, b: Matrix, y: &mut [f32], steps: [usize; 2], before: Before) {
    let (m, n, k) = (a.rows, b.columns, a.columns.min(b.rows));
    // What is not inside the slices ends here.
    let y = &mut y[..extent(m, steps[0], n, steps[1])];
    let a_data = &a.data[..extent(m, a.row_step, k, a.column_step)];
    let b_data = &b.data[..extent(k, b.row_step, n, b.column_step)];
    let [y_row, y_column, a_row, a_column, b_row, b_column] =
        [steps[0], steps[1], a.row_step, a.column_step, b.row_step, b.column_step].map(|step| step as isize);
    // SAFETY: the slices above hold every element that the steps lead to, and `y`, borrowed mutably, overlaps neither
    // factor.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            y.as_mut_ptr(),
            y_column,
            y_row,
            before == Before::Kept,
            a_data.as_ptr(),
            a_column,
            a_row,
            b_data.as_ptr(),
            b_column,
            b_row,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// What is done to the sums before they are left: `clamp(y + bias + residual)`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Finish<'a> {
    bias: Option<&'a [f32]>,
    residual: Option<&'a [f32]>,
    clamp: Clamp,
}

impl<'a> Finish<'a> {
    /// The op's epilogue with its inputs.
    pub(super) fn new(epilogue: &Epilogue, inputs: &[View<'a>]) -> Self {
        let (bias, residual) = epilogue.split(OWN_INPUTS, inputs);
        Self { bias: bias.map(|view| view.data), residual: residual.map(|view| view.data), clamp: epilogue.clamp }
    }

    /// Finishes whole rows of the output, the first of which begins at element `start`; `n` is their length.
    pub(super) fn apply(&self, y: &mut [f32], start: usize, n: usize) {
        vectorised(
            #[inline(always)]
            || self.apply_inlined(y, start, n),
        );
    }

    #[inline(always)]
    fn apply_inlined(&self, y: &mut [f32], start: usize, n: usize) {
        let residual = self.residual.map(|residual| &residual[start..][..y.len()]);
        match (self.bias, residual) {
            (None, None) if self.clamp == Clamp::default() => {}
            (None, None) => y.iter_mut().for_each(|y| *y = self.clamp(*y)),
            (None, Some(residual)) => y.iter_mut().zip(residual).for_each(|(y, r)| *y = self.clamp(*y + r)),
            (Some(bias), None) => {
                for y in y.chunks_exact_mut(n) {
                    y.iter_mut().zip(bias).for_each(|(y, b)| *y = self.clamp(*y + b));
                }
            }
            (Some(bias), Some(residual)) => {
                for (y, residual) in y.chunks_exact_mut(n).zip(residual.chunks_exact(n)) {
                    y.iter_mut().zip(bias).zip(residual).for_each(|((y, b), r)| *y = self.clamp(*y + b + r));
                }
            }
        }
    }

    /// Not a number stays.
    #[inline(always)]
    fn clamp(&self, y: f32) -> f32 {
        let y = if y < self.clamp.low { self.clamp.low } else { y };
        if y > self.clamp.high { self.clamp.high } else { y }
    }
}

/// The rows of a product's left factor, one for each row of the output.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// As they lie in memory.
    InMemory(&'a [f32]),
    /// Written for some rows, from a first one on, when these are needed.
    Gathered(&'a (dyn Fn(usize, &mut [f32]) + Sync)),
}

impl Rows<'_> {
    /// Elements of scratch memory for `count` rows of `k` elements.
    fn scratch(&self, count: usize, k: usize) -> usize {
        match self {
            Rows::InMemory(_) => 0,
            Rows::Gathered(_) => count * k,
        }
    }

    /// Calls `work` with `count` rows of `k` elements from row `first` on.
    fn with(&self, scratch: &Scratch, first: usize, count: usize, k: usize, work: impl FnOnce(Matrix)) {
        match self {
            Rows::InMemory(rows) => work(Matrix::new(&rows[first * k..][..count * k], count, k)),
            Rows::Gathered(gather) => scratch.with(|buffer| {
                let rows = &mut buffer[..count * k];
                gather(first, rows);
                work(Matrix::new(rows, count, k));
            }),
        }
    }
}

/// `y = finish(rows · filter)` for a filter `[k, n]`, on all threads.
pub(super) fn product(rows: Rows, filter: Matrix, finish: &Finish, y: &mut [f32]) {
    let (k, n) = (filter.rows, filter.columns);
    let (count, threads) = (y.len() / n, rayon::current_num_threads());
    if count >= MIN_ROWS * threads || count >= n {
        let block = block_rows(count, k, threads);
        Scratch::for_tasks(count.div_ceil(block), rows.scratch(block, k), |scratch| {
            y.par_chunks_mut(block * n).enumerate().for_each(|(index, y)| {
                let (first, count) = (index * block, y.len() / n);
                rows.with(scratch, first, count, k, |rows| multiply(rows, filter, y, [n, 1], Before::Replaced));
                finish.apply(y, first * n, n);
            });
        });
    } else {
        Scratch::for_tasks(1, rows.scratch(count, k), |scratch| {
            rows.with(scratch, 0, count, k, |rows| by_columns(rows, filter, threads, y));
        });
        finish.apply(y, 0, n);
    }
}

/// The product of few rows: each task takes a strip of the filter's columns, so that the filter is read once.
fn by_columns(rows: Matrix, filter: Matrix, threads: usize, y: &mut [f32]) {
    let (m, n) = (rows.rows, filter.columns);
    let width = n.div_ceil(threads).next_multiple_of(STRIP);
    // Vectors go along the rows of a filter that lies as its transpose does: it would be turned for them otherwise.
    let steps = if filter.column_step > filter.row_step { [1, m] } else { [width, 1] };
    let size = (m * width).max(1);
    scratch(n.div_ceil(width) * size, |strips| {
        strips.par_chunks_mut(size).enumerate().for_each(|(strip, y)| {
            let filter = filter.columns(strip * width, width.min(n - strip * width));
            multiply(rows, filter, y, steps, Before::Replaced);
        });
        for (row, y) in y.chunks_exact_mut(n).enumerate() {
            for (y, strip) in y.chunks_mut(width).zip(strips.chunks_exact(size)) {
                y.iter_mut().zip(strip[row * steps[0]..].iter().step_by(steps[1])).for_each(|(y, x)| *y = *x);
            }
        }
    });
}

/// Rows of a block: as many as fit into the cache, few enough that every thread has some.
pub(super) fn block_rows(count: usize, k: usize, threads: usize) -> usize {
    let cached = (BLOCK_BYTES / size_of::<f32>() / k.max(1)).clamp(MIN_ROWS, MAX_ROWS);
    let blocks = count.div_ceil(cached).next_multiple_of(threads);
    count.div_ceil(blocks).max(1)
}
