//! One GPU program with everything a dispatch of it needs but the buffers.

use bytemuck::Pod;
use cnn_core::DType;
use cnn_shaders::Variant;

/// What a kernel may count on; see [`Capabilities::baseline`].
#[derive(Debug, Clone, PartialEq)]
pub struct Capabilities {
    /// Whether the device computes on the CPU (lavapipe, SwiftShader, WARP): wide register tiles win there.
    pub software: bool,
    /// Whether the driver compiles kernels with more than 64 numbers in named accumulators: SwiftShader takes tens of seconds
    /// for one, so it gets small tiles.
    pub wide_tiles: bool,
    /// Whether storage buffers may hold f16.
    pub f16: bool,
    /// The number of lanes of every subgroup, where shaders may use subgroups and all have one size.
    pub subgroup_size: Option<u32>,
    /// Whether passes can be timed.
    pub timestamps: bool,
    /// Largest part of a buffer that a shader may see, in bytes.
    pub max_binding: u64,
    /// Largest buffer, in bytes.
    pub max_buffer: u64,
    /// Most workgroups in one dimension of a dispatch.
    pub max_workgroups: u32,
    /// Most invocations of one workgroup.
    pub max_invocations: u32,
    /// Workgroup memory in bytes.
    pub workgroup_memory: u32,
    /// Turns of all its loops together that an invocation gets: Mesa's llvmpipe ends a kernel's loops after 65,535, and
    /// says nothing (`LP_MAX_TGSI_LOOP_ITERATIONS`).
    pub max_turns: u64,
}

impl Capabilities {
    /// What every WebGPU device has: the default limits.
    pub fn baseline() -> Self {
        Self {
            software: false,
            wide_tiles: true,
            f16: false,
            subgroup_size: None,
            timestamps: false,
            max_binding: 128 << 20,
            max_buffer: 256 << 20,
            max_workgroups: 65_535,
            max_invocations: 256,
            workgroup_memory: 16 << 10,
            max_turns: u64::MAX,
        }
    }
}

/// What a kernel is chosen for: the shapes and element types of one node.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Shapes of the op's inputs, the epilogue's behind them.
    pub inputs: &'a [&'a [usize]],
    /// Shape of the output.
    pub output: &'a [usize],
    /// Element type of the inputs.
    pub dtype: DType,
    /// What the device can do.
    pub capabilities: &'a Capabilities,
}

impl Problem<'_> {
    /// The import that gives a kernel its element type.
    pub fn scalar(&self) -> (&'static str, &'static str) {
        match self.dtype {
            DType::F32 => ("scalar", "scalar_f32"),
            DType::F16 => ("scalar", "scalar_f16"),
        }
    }

    /// Elements of the output.
    pub fn len(&self) -> usize {
        self.output.iter().product()
    }

    /// Whether the output has no elements, so that nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One dispatch: a shader, how it is expanded, its parameters and its size.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Name of the shader in `cnn-shaders`.
    pub shader: &'static str,
    /// How it is expanded; (shader, variant) is one pipeline.
    pub variant: Variant,
    /// The bytes of its `Params`, bound at 0 as uniform.
    pub params: Vec<u8>,
    /// For each binding from 1 on, which of the op's inputs lies there; the output is bound behind them.
    pub reads: Vec<usize>,
    /// How many of the last of `reads` are written to. Where there are any, no output is bound.
    pub in_place: usize,
    /// Workgroups in x, y and z.
    pub workgroups: [u32; 3],
    /// How often an invocation goes round its loops, all together and at most.
    pub turns: u64,
}

impl Kernel {
    /// A dispatch of `count` workgroups, folded into rows where one dimension cannot hold them; the kernel finds its
    /// place by `linear_index` (`shaders/shared/index.wgsl`).
    pub fn new(
        shader: &'static str,
        variant: Variant,
        params: &impl Pod,
        reads: Vec<usize>,
        count: usize,
        capabilities: &Capabilities,
    ) -> Self {
        let limit = capabilities.max_workgroups as usize;
        let rows = count.div_ceil(limit).max(1);
        let columns = count.div_ceil(rows);
        let workgroups = [columns as u32, rows as u32, 1];
        Self { shader, variant, params: bytemuck::bytes_of(params).to_vec(), reads, in_place: 0, workgroups, turns: 0 }
    }

    /// The kernel that writes to the last `inputs` of those that it reads, and to no output.
    pub fn in_place(mut self, inputs: usize) -> Self {
        self.in_place = inputs;
        self
    }

    /// The storage buffers that it is bound to, inputs before outputs: how many it only reads, and how many it writes to.
    pub(crate) fn bindings(&self) -> (usize, usize) {
        (self.reads.len() - self.in_place, self.in_place.max(1))
    }

    /// The kernel whose loops depend on shapes: an invocation goes round them `turns` times, all together and at most.
    pub fn looping(mut self, turns: u64) -> Self {
        self.turns = turns;
        self
    }
}

/// One way to compute an op: its dispatches, in order, all writing parts of the same output.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What profiles call it, such as `conv2d_implicit_gemm 16x32`.
    pub name: String,
    /// The dispatches.
    pub dispatches: Vec<Kernel>,
}

impl Candidate {
    /// A candidate of one dispatch.
    pub fn one(name: impl Into<String>, kernel: Kernel) -> Self {
        Self { name: name.into(), dispatches: vec![kernel] }
    }
}
