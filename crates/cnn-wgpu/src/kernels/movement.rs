//! Kernels of the ops that move elements: pad, slice, transpose, concat, reshape, cast.

use bytemuck::{Pod, Zeroable};
use cnn_core::DType;
use cnn_core::op::{Assign, Broadcast, Cast, Concat, Pad, Slice, Transpose};
use cnn_shaders::Variant;

use super::axes::{MAX_RANK, broadcast_steps, merged, steps};
use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/copy.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct CopyParams {
    /// Elements of the output, in lanes.
    pub count: u32,
    /// Axes in use.
    pub rank: u32,
    /// Where the box begins in the input, in lanes.
    pub first: u32,
    /// What lies around the box.
    pub border: f32,
    /// Size of the output, step in the input, border before and size of the box, of each axis, in lanes.
    pub axes: [[u32; 4]; MAX_RANK],
}

/// `Params` of `shaders/concat.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct ConcatParams {
    /// Elements of the part, in lanes.
    pub count: u32,
    /// Elements of the part that lie together, in lanes.
    pub width: u32,
    /// Elements of the output from one such run to the next, in lanes.
    pub stride: u32,
    /// Where the part's first run begins, in lanes.
    pub offset: u32,
}

/// `Params` of `shaders/cast.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct CastParams {
    /// Elements of the output.
    pub count: u32,
    /// Nothing.
    pub pad: [u32; 3],
}

/// An axis of a copy: `size` elements of the output, of which `inner` from `before` on are found in the input, `step`
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    size: usize,
    step: usize,
    before: usize,
    inner: usize,
}

impl Axis {
    /// An axis without a border.
    fn plain(size: usize, step: usize) -> Self {
        Self { size, step, before: 0, inner: size }
    }

    /// `self` and the axis within it as one, where they are.
    fn merge(self, within: Self) -> Option<Self> {
        let fits = within.size == within.inner && self.step == within.step * within.inner;
        fits.then(|| Self {
            size: self.size * within.size,
            step: within.step,
            before: self.before * within.size,
            inner: self.inner * within.size,
        })
    }
}

/// All ways to put a border around x.
pub fn pad(op: &Pad, problem: &Problem) -> Vec<Candidate> {
    let x = problem.inputs[0];
    let axis = |i: usize, step| Axis { size: problem.output[i], step, before: op.before[i], inner: x[i] };
    let axes: Vec<Axis> = steps(x).into_iter().enumerate().map(|(i, step)| axis(i, step)).collect();
    copy("pad", &axes, 0, op.value, problem)
}

/// All ways to cut out a box.
pub fn slice(op: &Slice, problem: &Problem) -> Vec<Candidate> {
    let steps = steps(problem.inputs[0]);
    let first = steps.iter().zip(&op.begin).map(|(step, begin)| step * begin).sum();
    let axes: Vec<Axis> = problem.output.iter().zip(steps).map(|(&size, step)| Axis::plain(size, step)).collect();
    copy("slice", &axes, first, 0.0, problem)
}

/// All ways to permute axes.
pub fn transpose(op: &Transpose, problem: &Problem) -> Vec<Candidate> {
    let steps = steps(problem.inputs[0]);
    let axis = |(&size, &from): (&usize, &usize)| Axis::plain(size, steps[from]);
    let axes: Vec<Axis> = problem.output.iter().zip(&op.permutation).map(axis).collect();
    copy("transpose", &axes, 0, 0.0, problem)
}

/// A plain copy. Plans alias a reshape's output with its input, so this is for whoever runs a node by itself.
pub fn reshape(problem: &Problem) -> Vec<Candidate> {
    copy("reshape", &[Axis::plain(problem.len(), 1)], 0, 0.0, problem)
}

/// All ways to repeat elements along axes.
pub fn broadcast(op: &Broadcast, problem: &Problem) -> Vec<Candidate> {
    let steps = broadcast_steps(problem.inputs[0], op.shape.len());
    let axes: Vec<Axis> = op.shape.iter().zip(steps).map(|(&size, step)| Axis::plain(size, step)).collect();
    copy("broadcast", &axes, 0, 0.0, problem)
}

/// All ways to copy a variable's new elements out of a value, which is the second input; the output is the variable.
pub fn assign(op: &Assign, problem: &Problem) -> Vec<Candidate> {
    let mut candidates = copy("assign", &[Axis::plain(problem.len(), 1)], op.first, 0.0, problem);
    candidates.iter_mut().flat_map(|candidate| &mut candidate.dispatches).for_each(|kernel| kernel.reads = vec![1]);
    candidates
}

fn copy(name: &'static str, axes: &[Axis], first: usize, border: f32, problem: &Problem) -> Vec<Candidate> {
    let is_unit = |axis: &Axis| axis.size == 1 && axis.inner == 1;
    let mut axes = merged(axes, is_unit, Axis::merge);
    let mut by = 1;
    if let Some((last, outer)) = axes.split_last_mut().filter(|(last, _)| last.step == 1) {
        let mut sizes = vec![first, last.size, last.before, last.inner];
        sizes.extend(outer.iter().map(|axis| axis.step));
        by = lanes(&sizes);
        *last = Axis { size: last.size / by, step: 1, before: last.before / by, inner: last.inner / by };
        for axis in outer {
            axis.step /= by;
        }
    }
    let mut table = [[0; 4]; MAX_RANK];
    for (row, axis) in table.iter_mut().zip(&axes) {
        *row = [axis.size, axis.step, axis.before, axis.inner].map(|n| n as u32);
    }
    let count = problem.len() / by;
    let params =
        CopyParams { count: count as u32, rank: axes.len() as u32, first: (first / by) as u32, border, axes: table };
    let workgroups = count.div_ceil(INVOCATIONS);
    let kernel = Kernel::new("copy", variant(problem, by), &params, vec![0], workgroups, problem.capabilities);
    vec![Candidate::one(format!("copy ({name})"), kernel)]
}

/// All ways to lay values side by side: one dispatch for each.
pub fn concat(op: &Concat, problem: &Problem) -> Vec<Candidate> {
    let run = |shape: &[usize]| shape[op.axis..].iter().product::<usize>();
    let stride = run(problem.output);
    let mut offset = 0;
    let mut dispatches = Vec::new();
    for (index, shape) in problem.inputs.iter().enumerate() {
        let width = run(shape);
        if width > 0 {
            let lanes = lanes(&[width, stride, offset]);
            let count = shape.iter().product::<usize>() / lanes;
            let [width, stride, offset] = [width, stride, offset].map(|n| (n / lanes) as u32);
            let params = ConcatParams { count: count as u32, width, stride, offset };
            let (variant, workgroups) = (variant(problem, lanes), count.div_ceil(INVOCATIONS));
            dispatches.push(Kernel::new("concat", variant, &params, vec![index], workgroups, problem.capabilities));
        }
        offset += width;
    }
    vec![Candidate { name: "concat".into(), dispatches }]
}

/// All ways to change the element type.
pub fn cast(op: &Cast, problem: &Problem) -> Vec<Candidate> {
    let count = problem.len();
    let params = CastParams { count: count as u32, pad: [0; 3] };
    let scalar = |dtype| match dtype {
        DType::F32 => ("scalar", "scalar_f32"),
        DType::F16 => ("scalar", "scalar_f16"),
    };
    let input = match problem.dtype {
        DType::F32 => ("input", "input_f32"),
        DType::F16 => ("input", "input_f16"),
    };
    let variant = Variant { imports: vec![scalar(op.to), input], constants: vec![] };
    let workgroups = count.div_ceil(INVOCATIONS);
    let kernel = Kernel::new("cast", variant, &params, vec![0], workgroups, problem.capabilities);
    vec![Candidate::one("cast", kernel)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_copies_are_merged() {
        let axes = |list: &[[usize; 4]]| -> Vec<Axis> {
            list.iter().map(|&[size, step, before, inner]| Axis { size, step, before, inner }).collect()
        };
        let merge = |list: &[[usize; 4]]| merged(&axes(list), |axis| axis.size == 1 && axis.inner == 1, Axis::merge);
        // ZeroPadding2D: the channels go with the columns.
        let padded = [[2, 80, 0, 2], [7, 20, 1, 4], [8, 4, 2, 5], [4, 1, 0, 4]];
        assert_eq!(merge(&padded), axes(&[[2, 80, 0, 2], [7, 20, 1, 4], [32, 1, 8, 20]]));
        // A plain copy is one axis; a slice of the last axis is two.
        assert_eq!(merge(&[[2, 12, 0, 2], [3, 4, 0, 3], [4, 1, 0, 4]]), axes(&[[24, 1, 0, 24]]));
        assert_eq!(merge(&[[2, 12, 0, 2], [3, 4, 0, 3], [2, 1, 0, 2]]), axes(&[[6, 4, 0, 6], [2, 1, 0, 2]]));
        // A border around an axis of one element stays.
        assert_eq!(merge(&[[3, 1, 1, 1]]), axes(&[[3, 1, 1, 1]]));
    }
}
