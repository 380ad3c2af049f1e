//! Walking over strided inputs in the order of a row-major output.

use rayon::prelude::*;

use super::CHUNK;

/// How an output's elements find theirs in `N` inputs: sizes of the output's axes, and each input's step along them.
///
/// Neighbouring axes are merged where every input allows it, so that runs along the last one are long.
#[derive(Debug)]
pub(super) struct Walk<const N: usize> {
    axes: Vec<(usize, [usize; N])>,
}

impl<const N: usize> Walk<N> {
    /// For an output of `shape`; input `i` steps by `steps[i][axis]` elements.
    pub(super) fn new(shape: &[usize], steps: [&[usize]; N]) -> Self {
        let mut axes: Vec<(usize, [usize; N])> = Vec::new();
        for (axis, &size) in shape.iter().enumerate().filter(|&(_, &size)| size != 1) {
            let steps = steps.map(|steps| steps[axis]);
            match axes.last_mut() {
                Some((outer, outer_steps)) if (0..N).all(|i| outer_steps[i] == steps[i] * size) => {
                    (*outer, *outer_steps) = (*outer * size, steps);
                }
                _ => axes.push((size, steps)),
            }
        }
        if axes.is_empty() {
            axes.push((1, [0; N]));
        }
        Self { axes }
    }

    /// Calls `run` for pieces of `y`, in parallel, with the offsets of the piece's first element in the inputs and their
    /// steps from one element to the next.
    pub(super) fn for_each_run(&self, y: &mut [f32], run: impl Fn(&mut [f32], [usize; N], [usize; N]) + Sync) {
        let Some((&(inner, steps), outer)) = self.axes.split_last() else { return };
        y.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, mut y)| {
            let mut index = chunk * CHUNK;
            while !y.is_empty() {
                let (mut row, within) = (index / inner, index % inner);
                let mut offsets = steps.map(|step| within * step);
                for (size, steps) in outer.iter().rev() {
                    (0..N).for_each(|i| offsets[i] += row % size * steps[i]);
                    row /= size;
                }
                let (piece, rest) = y.split_at_mut(y.len().min(inner - within));
                index += piece.len();
                run(piece, offsets, steps);
                y = rest;
            }
        });
    }
}

/// The distance in memory of neighbours along each axis of a row-major array.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The strides of a row-major array of shape `from` seen with `rank` axes: one of size 1 stretches.
pub(super) fn broadcast_strides(from: &[usize], rank: usize) -> Vec<usize> {
    let mut out = vec![0; rank - from.len()];
    out.extend(strides(from).iter().zip(from).map(|(&stride, &size)| if size == 1 { 0 } else { stride }));
    out
}
