//! What convolutions and the matrix product share: the inner loop, the epilogue, the bound.
//!
//! A linear op computes `z = Σ x·w + bias + residual` and stores `clamp(z)`. In float32, in any order of summation
//! and with or without fused multiply-add, the computed z lies within `γ(k + 2) · (Σ |x·w| + |bias| + |residual|)` of the
//! exact one, k being the number of terms (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1; the 2
//! is room for a partial sum's extra additions). The sum of magnitudes is the same op over absolute values.

use cnn_core::op::Epilogue;

use super::accuracy::{MAX_F32, Real, TINY, gamma};
use super::array::Array;

/// Input and filter stand first, then the epilogue's inputs.
const OWN_INPUTS: usize = 2;

/// `y[i] += x · w[i]`; the output channels are contiguous in both.
pub(super) fn axpy(y: &mut [f64], x: f64, w: &[f64]) {
    for (y, w) in y.iter_mut().zip(w) {
        *y += x * w;
    }
}

/// [`axpy`] for four rows of outputs, so that `w` is read once for them.
pub(super) fn axpy4(y: [&mut [f64]; 4], x: [f64; 4], w: &[f64]) {
    let [y0, y1, y2, y3] = y;
    let n = w.len();
    let (y0, y1, y2, y3) = (&mut y0[..n], &mut y1[..n], &mut y2[..n], &mut y3[..n]);
    for i in 0..n {
        y0[i] += x[0] * w[i];
        y1[i] += x[1] * w[i];
        y2[i] += x[2] * w[i];
        y3[i] += x[3] * w[i];
    }
}

/// The op's output, for sums of `products` products.
///
/// `sums` takes the op's input and filter and returns their sums of products.
pub(super) fn linear<R: Real>(
    sums: impl Fn(&Array, &Array) -> Array,
    products: usize,
    epilogue: &Epilogue,
    inputs: &[&Array],
) -> Vec<R> {
    let mut exact = sums(inputs[0], inputs[1]);
    add_terms(&mut exact, epilogue, inputs);
    let errors = || {
        let magnitudes: Vec<Array> = inputs.iter().map(|input| input.abs()).collect();
        let mut magnitude = sums(&magnitudes[0], &magnitudes[1]);
        add_terms(&mut magnitude, epilogue, &magnitudes.iter().collect::<Vec<_>>());
        let terms = products + epilogue.input_count();
        // Each product, and either of its factors, may be flushed to zero if it is denormal.
        let flushed = TINY * (terms + 2) as f64 * (1.0 + inputs[0].max_abs() + inputs[1].max_abs());
        let bound = |m: &f64| if *m <= MAX_F32 { gamma(terms + 2) * m + flushed } else { f64::INFINITY };
        magnitude.data.iter().map(bound).collect()
    };
    let (low, high) = (R::exact(epilogue.clamp.low.into()), R::exact(epilogue.clamp.high.into()));
    R::with_errors(exact.data, errors).into_iter().map(|z| z.max(low).min(high)).collect()
}

/// Adds bias and residual.
fn add_terms(sums: &mut Array, epilogue: &Epilogue, inputs: &[&Array]) {
    let (bias, residual) = epilogue.split(OWN_INPUTS, inputs);
    if let Some(bias) = bias.filter(|bias| !bias.data.is_empty()) {
        for row in sums.data.chunks_mut(bias.data.len()) {
            axpy(row, 1.0, &bias.data);
        }
    }
    if let Some(residual) = residual {
        axpy(&mut sums.data, 1.0, &residual.data);
    }
}
