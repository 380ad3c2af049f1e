//! Pictures through projective maps, as [`Warp`] defines them; positions in float64. A task takes a row of the output.

use cnn_core::op::{Interpolation, Warp};
use rayon::prelude::*;

use super::View;

/// The pictures seen through the maps, pixels moved.
pub(super) fn warp(op: &Warp, x: View, transforms: View, moves: Option<View>, y: &mut [f32]) {
    let [_, h, w, c] = x.dims4();
    let [oh, ow] = op.size;
    let read = |n: usize, row: f64, column: f64| {
        let inside = row >= 0.0 && column >= 0.0 && row < h as f64 && column < w as f64;
        inside.then(|| &x.data[((n * h + row as usize) * w + column as usize) * c..][..c])
    };
    y.par_chunks_mut(ow * c).enumerate().for_each(|(line, y)| {
        let (n, i) = (line / oh, line % oh);
        let map: [f64; 8] = std::array::from_fn(|at| transforms.data[8 * n + at].into());
        for (j, y) in y.chunks_exact_mut(c).enumerate() {
            let moved = moves.map_or([0.0; 2], |moves| [0, 1].map(|axis| moves.data[2 * (line * ow + j) + axis]));
            let (i, j) = (i as f64, j as f64);
            let k = map[6] * j + map[7] * i + 1.0;
            if k == 0.0 {
                y.fill(op.fill_value);
                continue;
            }
            let column = op.fill_mode.source((map[0] * j + map[1] * i + map[2]) / k + f64::from(moved[0]), w);
            let row = op.fill_mode.source((map[3] * j + map[4] * i + map[5]) / k + f64::from(moved[1]), h);
            match op.interpolation {
                Interpolation::Nearest => match read(n, row.round(), column.round()) {
                    Some(pixel) => y.copy_from_slice(pixel),
                    None => y.fill(op.fill_value),
                },
                Interpolation::Bilinear => {
                    let (top, left) = (row.floor(), column.floor());
                    let (down, across) = ((row - top) as f32, (column - left) as f32);
                    let corners = [(top, left), (top, left + 1.0), (top + 1.0, left), (top + 1.0, left + 1.0)];
                    let corners = corners.map(|(row, column)| read(n, row, column));
                    for (channel, y) in y.iter_mut().enumerate() {
                        let [a, b, c, d] = corners.map(|pixel| pixel.map_or(op.fill_value, |pixel| pixel[channel]));
                        *y = mix(mix(a, b, across), mix(c, d, across), down);
                    }
                }
            }
        }
    });
}

/// `a · (1 - t) + b · t`
fn mix(a: f32, b: f32, t: f32) -> f32 {
    a * (1.0 - t) + b * t
}
