//! Axes of a strided walk over a buffer, and which of them can be one.

/// Most axes that kernels take (`axes` of their `Params`).
pub const MAX_RANK: usize = 6;

/// Row-major steps of `shape`, in elements.
pub fn steps(shape: &[usize]) -> Vec<usize> {
    let mut steps = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        steps[axis - 1] = steps[axis] * shape[axis];
    }
    steps
}

/// Row-major steps of `shape` along `rank` axes; 0 where it stretches.
pub fn broadcast_steps(shape: &[usize], rank: usize) -> Vec<usize> {
    let mut out = vec![0; rank - shape.len()];
    out.extend(shape.iter().zip(steps(shape)).map(|(&size, step)| if size == 1 { 0 } else { step }));
    out
}

/// Merges each axis into the one before it where `merge(outer, inner)` gives what both are together; drops axes of which
/// `is_unit` says that they do nothing. The outermost axis comes first.
pub fn merged<A: Copy>(axes: &[A], is_unit: impl Fn(&A) -> bool, merge: impl Fn(A, A) -> Option<A>) -> Vec<A> {
    let mut out: Vec<A> = Vec::new();
    for &inner in axes.iter().filter(|axis| !is_unit(axis)) {
        match out.last().and_then(|&outer| merge(outer, inner)) {
            Some(both) => {
                out.pop();
                out.push(both);
            }
            None => out.push(inner),
        }
    }
    out
}
