//! Counting and looking up, as [`Histogram`] and [`Lookup`] define them. Both are exact: their inputs are.

use cnn_core::op::{Histogram, Lookup, bin};

use super::array::Array;

/// The counts.
pub(super) fn histogram(op: &Histogram, x: &Array) -> Vec<f64> {
    let [n, h, w, c] = x.dims4();
    let mut counts = vec![0.0; n * op.bins * c];
    for (i, &pixel) in x.data.iter().enumerate() {
        let (picture, channel) = (i / (h * w * c), i % c);
        counts[(picture * op.bins + bin(pixel, op.bins)) * c + channel] += 1.0;
    }
    counts
}

/// What the table holds.
pub(super) fn lookup(_: &Lookup, x: &Array, table: &Array) -> Vec<f64> {
    let (bins, c) = (table.shape[0], table.shape[1]);
    x.data.iter().enumerate().map(|(i, &pixel)| table.data[bin(pixel, bins) * c + i % c]).collect()
}
