//! Kernels of [`cnn_core::op::Histogram`] and [`cnn_core::op::Lookup`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{Histogram, Lookup};
use cnn_shaders::Variant;

use super::INVOCATIONS;
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/histogram.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct HistogramParams {
    /// Pictures.
    pub batch: u32,
    /// Pixels of one.
    pub pixels: u32,
    /// Channels.
    pub channels: u32,
    /// Nothing.
    pub pad: u32,
}

/// `Params` of `shaders/lookup.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct LookupParams {
    /// Elements of the output.
    pub count: u32,
    /// Channels.
    pub channels: u32,
    /// Rows of the table.
    pub bins: u32,
    /// Nothing.
    pub pad: u32,
}

/// All ways to count: a workgroup for each channel of each picture.
pub fn histogram(op: &Histogram, problem: &Problem) -> Vec<Candidate> {
    let &[n, h, w, c] = problem.inputs[0] else { return Vec::new() };
    let params = HistogramParams { batch: n as u32, pixels: (h * w) as u32, channels: c as u32, pad: 0 };
    let variant = Variant { imports: vec![problem.scalar()], constants: vec![("BINS", op.bins as u32)] };
    let kernel = Kernel::new("histogram", variant, &params, vec![0], n * c, problem.capabilities);
    let turns = (h * w).div_ceil(INVOCATIONS) + 2 * op.bins.div_ceil(INVOCATIONS);
    vec![Candidate::one("histogram", kernel.looping(turns as u64))]
}

/// All ways to look up.
pub fn lookup(_: &Lookup, problem: &Problem) -> Vec<Candidate> {
    let (count, table) = (problem.len(), problem.inputs[1]);
    let params = LookupParams { count: count as u32, channels: table[1] as u32, bins: table[0] as u32, pad: 0 };
    let variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    let workgroups = count.div_ceil(INVOCATIONS);
    let kernel = Kernel::new("lookup", variant, &params, vec![0, 1], workgroups, problem.capabilities);
    vec![Candidate::one("lookup", kernel)]
}
