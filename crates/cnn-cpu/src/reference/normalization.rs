//! Batch and layer normalisation, as [`BatchNorm`] and [`LayerNorm`] define them, in the steps of
//! [`accuracy`](super::accuracy).

use cnn_core::op::{BatchNorm, LayerNorm};

use super::accuracy::Real;
use super::array::Array;

/// `activation((x - mean) · (gamma · inverseSqrt(variance + epsilon)) + beta)`, in these steps.
pub(super) fn batch_norm<R: Real>(op: &BatchNorm, inputs: &[&Array]) -> Vec<R> {
    let [x, gamma, beta, mean, variance] = inputs else { return Vec::new() };
    let epsilon = R::exact(f64::from(op.epsilon));
    let scale = |c: usize| R::exact(gamma.data[c]) * (R::exact(variance.data[c]) + epsilon).inverse_sqrt();
    let scales: Vec<R> = (0..gamma.data.len()).map(scale).collect();
    // Elements of one channel are neighbours along the axes behind it.
    let inner: usize = x.shape[op.axis + 1..].iter().product();
    let normalise = |(i, &x): (usize, &f64)| {
        let c = i / inner % scales.len();
        ((R::exact(x) - R::exact(mean.data[c])) * scales[c] + R::exact(beta.data[c])).activate(&op.activation)
    };
    x.data.iter().enumerate().map(normalise).collect()
}

/// Two passes: the mean, then the mean of the squared deviations from it.
pub(super) fn layer_norm<R: Real>(op: &LayerNorm, inputs: &[&Array]) -> Vec<R> {
    let x = inputs[0];
    let size: usize = x.shape[x.shape.len() - op.axes..].iter().product();
    let gamma = if op.scale { inputs.get(1) } else { None };
    let beta = if op.center { inputs.get(1 + usize::from(op.scale)) } else { None };
    let (count, epsilon) = (R::exact(size as f64), R::exact(f64::from(op.epsilon)));
    let mut y = Vec::with_capacity(x.data.len());
    for row in x.data.chunks(size.max(1)) {
        let row: Vec<R> = row.iter().map(|&x| R::exact(x)).collect();
        let mean = R::sum(&row) / count;
        let deviations: Vec<R> = row.iter().map(|&x| x - mean).collect();
        let squares: Vec<R> = deviations.iter().map(|&d| d * d).collect();
        let scale = (R::sum(&squares) / count + epsilon).inverse_sqrt();
        y.extend(deviations.iter().enumerate().map(|(i, &d)| {
            let normal = d * scale;
            let scaled = gamma.map_or(normal, |gamma| normal * R::exact(gamma.data[i]));
            beta.map_or(scaled, |beta| scaled + R::exact(beta.data[i]))
        }));
    }
    y
}
