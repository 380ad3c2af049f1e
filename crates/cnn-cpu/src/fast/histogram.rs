//! Counting and looking up, as [`Histogram`] and [`Lookup`] define them.

use cnn_core::op::{Histogram, Lookup, bin};
use rayon::prelude::*;

use super::{CHUNK, View};

/// The counts; a task takes a picture.
pub(super) fn histogram(op: &Histogram, x: View, y: &mut [f32]) {
    let [_, h, w, c] = x.dims4();
    y.par_chunks_mut(op.bins * c).enumerate().for_each(|(n, y)| {
        y.fill(0.0);
        for (i, &pixel) in x.data[n * h * w * c..][..h * w * c].iter().enumerate() {
            y[bin(pixel.into(), op.bins) * c + i % c] += 1.0;
        }
    });
}

/// What the table holds.
pub(super) fn lookup(_: &Lookup, x: View, table: View, y: &mut [f32]) {
    let (bins, c) = (table.shape[0], table.shape[1]);
    y.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, y)| {
        let first = chunk * CHUNK;
        for (i, y) in (first..).zip(y) {
            *y = table.data[bin(x.data[i].into(), bins) * c + i % c];
        }
    });
}
