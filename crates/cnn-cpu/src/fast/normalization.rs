//! Batch and layer normalisation, as [`BatchNorm`] and [`LayerNorm`] define them.

use cnn_core::op::{BatchNorm, LayerNorm};
use rayon::prelude::*;

use super::elementwise::activate;
use super::real::sum;
use super::vectors::vectorised;
use super::{CHUNK, View};

/// `activation((x - mean) · (gamma / √(variance + epsilon)) + beta)`
pub(super) fn batch_norm(op: &BatchNorm, inputs: &[View], y: &mut [f32]) {
    let [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map(|index| inputs[index]);
    let scales: Vec<f32> =
        gamma.data.iter().zip(variance.data).map(|(gamma, variance)| gamma / (variance + op.epsilon).sqrt()).collect();
    // Elements of one channel are neighbours along the axes behind it.
    let inner: usize = x.shape[op.axis + 1..].iter().product();
    let normalise = |y: &mut f32, x: f32, c: usize| *y = (x - mean.data[c]) * scales[c] + beta.data[c];
    if inner > 1 {
        y.par_chunks_mut(inner).zip(x.data.par_chunks(inner)).enumerate().for_each(|(channel, (y, x))| {
            y.iter_mut().zip(x).for_each(|(y, &x)| normalise(y, x, channel % scales.len()));
            activate(&op.activation, y);
        });
        return;
    }
    let c = scales.len();
    let block = c * (CHUNK / c).max(1);
    y.par_chunks_mut(block).zip(x.data.par_chunks(block)).for_each(|(y, x)| {
        vectorised(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                    let channels = mean.data.iter().zip(&scales).zip(beta.data);
                    let pairs = y.iter_mut().zip(x).zip(channels);
                    pairs.for_each(|((y, x), ((mean, scale), beta))| *y = (x - mean) * scale + beta);
                }
            },
        );
        activate(&op.activation, y);
    });
}

/// Two passes: the mean, then the mean of the squared deviations from it.
pub(super) fn layer_norm(op: &LayerNorm, inputs: &[View], y: &mut [f32]) {
    let x = inputs[0];
    let size: usize = x.shape[x.shape.len() - op.axes..].iter().product();
    let gamma = if op.scale { inputs.get(1) } else { None };
    let beta = if op.center { inputs.get(1 + usize::from(op.scale)) } else { None };
    y.par_chunks_mut(size).zip(x.data.par_chunks(size)).for_each_init(Vec::new, |squares, (y, x)| {
        let mean = sum(x) / size as f32;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = x - mean);
        squares.clear();
        squares.extend(y.iter().map(|d| d * d));
        let scale = 1.0 / (sum(squares) / size as f32 + op.epsilon).sqrt();
        y.iter_mut().for_each(|y| *y *= scale);
        if let Some(gamma) = gamma {
            y.iter_mut().zip(gamma.data).for_each(|(y, gamma)| *y *= gamma);
        }
        if let Some(beta) = beta {
            y.iter_mut().zip(beta.data).for_each(|(y, beta)| *y += beta);
        }
    });
}
