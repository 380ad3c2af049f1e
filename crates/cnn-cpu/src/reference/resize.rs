//! Resampling, as [`Resize`] defines it, in the steps of [`accuracy`](super::accuracy).

use cnn_core::op::{Interpolation, Resize, ResizeGradient};

use super::accuracy::Real;
use super::array::Array;

/// The picture at another size.
pub(super) fn resize<R: Real>(op: &Resize, x: &Array) -> Vec<R> {
    let [n, h, w, c] = x.dims4();
    let [oh, ow] = op.size;
    let at = |n: usize, iy: usize, ix: usize, channel: usize| R::exact(x.data[((n * h + iy) * w + ix) * c + channel]);
    let mut y = Vec::with_capacity(n * oh * ow * c);
    for (n, i, j) in (0..n).flat_map(|n| (0..oh).flat_map(move |i| (0..ow).map(move |j| (n, i, j)))) {
        match op.interpolation {
            Interpolation::Nearest => {
                let (iy, ix) = (nearest(i, h, oh), nearest(j, w, ow));
                y.extend((0..c).map(|channel| at(n, iy, ix, channel)));
            }
            Interpolation::Bilinear => {
                let (top, bottom, row) = bilinear::<R>(i, h, oh);
                let (left, right, column) = bilinear::<R>(j, w, ow);
                y.extend((0..c).map(|channel| {
                    let upper = mix(at(n, top, left, channel), at(n, top, right, channel), column);
                    let lower = mix(at(n, bottom, left, channel), at(n, bottom, right, channel), column);
                    mix(upper, lower, row)
                }));
            }
        }
    }
    y
}

/// `floor((i + 1/2) · input / output)`
fn nearest(i: usize, input: usize, output: usize) -> usize {
    ((2 * i + 1) * input / (2 * output)).min(input - 1)
}

/// The two pixels around `(i + 1/2) · input / output - 1/2`, and how far it is from the first to the second.
///
/// Pixels and remainder are exact integers; only the last division rounds.
fn bilinear<R: Real>(i: usize, input: usize, output: usize) -> (usize, usize, R) {
    let position = ((2 * i + 1) * input).saturating_sub(output);
    let (first, rest) = (position / (2 * output), position % (2 * output));
    let second = (first + 1).min(input - 1);
    (first.min(input - 1), second, R::exact(rest as f64) / R::exact((2 * output) as f64))
}

/// `a · (1 - t) + b · t`
fn mix<R: Real>(a: R, b: R, t: R) -> R {
    a * (R::exact(1.0) - t) + b * t
}

/// The gradient of the input, of shape `shape`.
pub(super) fn gradient<R: Real>(op: &ResizeGradient, dy: &Array, shape: &[usize]) -> Vec<R> {
    let ([n, oh, ow, c], [h, w]) = (dy.dims4(), op.input_size);
    let mut terms: Vec<Vec<R>> = vec![Vec::new(); shape.iter().product()];
    let (rows, columns) = (weights::<R>(op.interpolation, h, oh), weights::<R>(op.interpolation, w, ow));
    for (n, i, j) in (0..n).flat_map(|n| (0..oh).flat_map(move |i| (0..ow).map(move |j| (n, i, j)))) {
        for (&(iy, row), &(ix, column)) in rows[i].iter().flat_map(|a| columns[j].iter().map(move |b| (a, b))) {
            for channel in 0..c {
                let dy = R::exact(dy.data[((n * oh + i) * ow + j) * c + channel]);
                let weighted = match op.interpolation {
                    Interpolation::Nearest => dy,
                    Interpolation::Bilinear => dy * (row * column),
                };
                terms[((n * h + iy) * w + ix) * c + channel].push(weighted);
            }
        }
    }
    terms.iter().map(|terms| R::sum(terms)).collect()
}

/// For each output along one axis the inputs that it is made of, with their weights.
fn weights<R: Real>(interpolation: Interpolation, input: usize, output: usize) -> Vec<Vec<(usize, R)>> {
    let one = |i: usize| match interpolation {
        Interpolation::Nearest => vec![(nearest(i, input, output), R::exact(1.0))],
        Interpolation::Bilinear => {
            let (first, second, t) = bilinear::<R>(i, input, output);
            vec![(first, R::exact(1.0) - t), (second, t)]
        }
    };
    (0..output).map(one).collect()
}
