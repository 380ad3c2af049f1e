//! Kernels of [`cnn_core::op::Conv2DFilterGradient`].

use bytemuck::{Pod, Zeroable};
use cnn_core::DType;
use cnn_core::op::Conv2DFilterGradient;
use cnn_shaders::Variant;

use super::INVOCATIONS;
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/shared/conv2d_filter_gradient_params.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// Height of the input.
    pub in_h: u32,
    /// Width of the input.
    pub in_w: u32,
    /// Channels of the input.
    pub in_c: u32,
    /// Height of the output, whose gradient is `dy`.
    pub out_h: u32,
    /// Width of the output.
    pub out_w: u32,
    /// Channels of the output.
    pub out_c: u32,
    /// Height of the window.
    pub kernel_h: u32,
    /// Width of the window.
    pub kernel_w: u32,
    /// Rows between windows.
    pub stride_h: u32,
    /// Columns between windows.
    pub stride_w: u32,
    /// Zero rows above.
    pub pad_top: u32,
    /// Zero columns to the left.
    pub pad_left: u32,
    /// Rows between taps.
    pub dilation_h: u32,
    /// Columns between taps.
    pub dilation_w: u32,
    /// Groups of channels.
    pub groups: u32,
    /// The first row of `dy`, counted over all pictures.
    pub first_row: u32,
    /// The row behind the last.
    pub end_row: u32,
}

/// Pixels from which invocations share a sum.
const LONG_SUM: u64 = 64;

/// All ways to compute it, the static choice first.
pub fn candidates(op: &Conv2DFilterGradient, problem: &Problem) -> Vec<Candidate> {
    let params = params(op, problem);
    let mut variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    let (name, count) = ("conv2d_filter_gradient", problem.len().div_ceil(INVOCATIONS));
    let (rows, width) = (u64::from(params.end_row), u64::from(params.out_w));
    let alone = over_rows(name, variant.clone(), &params, count, |rows| rows * (1 + width), problem);
    let mut candidates = vec![in_parts(name.into(), alone)];

    if rows * width >= LONG_SUM {
        // Invocations that share a sum, and sums side by side.
        let (parts, columns) = (32, 8);
        variant.constants.extend([("PARTS", parts), ("COLUMNS", columns)]);
        let (name, count) = ("conv2d_filter_gradient_shared", problem.len().div_ceil(columns as usize));
        let parts = u64::from(parts);
        let dispatches =
            over_rows(name, variant, &params, count, |rows| (rows * width).div_ceil(parts) + parts, problem);
        candidates.push(in_parts(name.into(), dispatches));
        if !problem.capabilities.software {
            // Filters are small beside pictures, and leave most of a GPU without work.
            candidates.reverse();
        }
    }
    candidates.splice(0..0, tiled(&params, problem));
    candidates
}

/// Input and `dy` are the op's inputs; `dw` is its output, of the filter's shape.
fn params(op: &Conv2DFilterGradient, problem: &Problem) -> Params {
    let (x, dy, dw) = (problem.inputs[0], problem.inputs[1], problem.output);
    Params {
        in_h: x[1] as u32,
        in_w: x[2] as u32,
        in_c: x[3] as u32,
        out_h: dy[1] as u32,
        out_w: dy[2] as u32,
        out_c: dy[3] as u32,
        kernel_h: dw[0] as u32,
        kernel_w: dw[1] as u32,
        stride_h: op.strides[0] as u32,
        stride_w: op.strides[1] as u32,
        pad_top: op.padding.top as u32,
        pad_left: op.padding.left as u32,
        dilation_h: op.dilation_rate[0] as u32,
        dilation_w: op.dilation_rate[1] as u32,
        groups: op.groups as u32,
        first_row: 0,
        end_row: (dy[0] * dy[1]) as u32,
    }
}

/// One dispatch over all rows of `dy`, or several in turn over some of them, each of which adds to what those before it have
/// made: of `turns` for so many rows a driver may give less than all take. A sum in float16 would be rounded in between, so
/// there all rows are taken at once.
fn over_rows(
    name: &'static str,
    variant: Variant,
    params: &Params,
    count: usize,
    turns: impl Fn(u64) -> u64,
    problem: &Problem,
) -> Vec<Kernel> {
    let rows = params.end_row;
    let mut at_once = rows.max(1);
    while problem.dtype == DType::F32 && at_once > 1 && turns(at_once.into()) > problem.capabilities.max_turns {
        at_once = at_once.div_ceil(2);
    }
    // Without pictures there is one dispatch too, which makes zeros.
    let dispatch = |first_row: u32| {
        let part = Params { first_row, end_row: rows.min(first_row + at_once), ..*params };
        let kernel = Kernel::new(name, variant.clone(), &part, vec![0, 1], count, problem.capabilities);
        kernel.looping(turns(at_once.into()))
    };
    (0..rows.max(1)).step_by(at_once as usize).map(dispatch).collect()
}

/// A candidate whose name tells of its parts, where it has any.
fn in_parts(name: String, dispatches: Vec<Kernel>) -> Candidate {
    let name = if dispatches.len() > 1 { format!("{name} in {} parts", dispatches.len()) } else { name };
    Candidate { name, dispatches }
}

/// The kernel with named accumulators, as many as the driver takes, where its tiles are many enough to fill the device.
fn tiled(params: &Params, problem: &Problem) -> Vec<Candidate> {
    /// Invocations that fill a large GPU.
    const PLENTY: usize = 1 << 14;
    let (capabilities, name) = (problem.capabilities, "conv2d_filter_gradient_tiled");
    if params.groups != 1 || !params.out_c.is_multiple_of(4) {
        return vec![];
    }
    let lanes = if capabilities.software { 8 } else { 64 };
    // Vectors of four channels, and of four filters.
    let (c4, f4) = (params.in_c.div_ceil(4), params.out_c / 4);
    let tiles: &[(u32, u32)] = match c4 {
        1 => &[(1, 4)],
        _ if capabilities.wide_tiles && c4 >= 4 && f4 >= 4 => &[(4, 4), (2, 2)],
        _ => &[(2, 2)],
    };
    let x = match params.in_c {
        3 => "x_rgb",
        c if c.is_multiple_of(4) => "x_vec4",
        _ => "x_scalar",
    };
    let taps = (params.kernel_h * params.kernel_w) as usize;
    let made = tiles.iter().map(|&(rows, columns)| {
        let invocations = taps * c4.div_ceil(rows) as usize * f4.div_ceil(columns) as usize;
        let constants = vec![("ROWS", rows), ("COLUMNS", columns), ("LANES", lanes)];
        let variant = Variant { imports: vec![problem.scalar(), ("x", x)], constants };
        let count = invocations.div_ceil(lanes as usize);
        let width = u64::from(params.out_w);
        let dispatches = over_rows(name, variant, params, count, |rows| rows * (1 + width), problem);
        let candidate = in_parts(format!("{name} {}x{}", 4 * rows, 4 * columns), dispatches);
        (capabilities.software || invocations >= PLENTY, candidate)
    });
    made.filter(|(fills, _)| *fills).map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use cnn_core::shape::Padding2D;

    use super::*;
    use crate::kernel::Capabilities;

    /// Every row in one part, each part within the turns that the driver gives, and float16 in one.
    #[test]
    fn long_sums_are_taken_in_parts() {
        let capabilities = Capabilities { software: true, max_turns: 65_535, ..Capabilities::baseline() };
        let op = Conv2DFilterGradient {
            kernel_size: [1, 1],
            strides: [1, 1],
            padding: Padding2D::default(),
            dilation_rate: [1, 1],
            groups: 1,
        };
        for (batch, dtype, parts) in [(1, DType::F32, 1), (3, DType::F32, 4), (3, DType::F16, 1), (0, DType::F32, 1)] {
            let x = [batch, 200, 300, 4];
            let problem = Problem { inputs: &[&x, &x], output: &[1, 1, 4, 4], dtype, capabilities: &capabilities };
            let found = &candidates(&op, &problem)[0];
            let told = found.name.ends_with(&format!(" in {parts} parts"));
            assert_eq!((found.dispatches.len(), told), (parts, parts > 1), "{}", found.name);
            let mut next = 0;
            for kernel in &found.dispatches {
                let Params { first_row, end_row, .. } = bytemuck::pod_read_unaligned(&kernel.params);
                assert_eq!(first_row, next);
                assert!(dtype == DType::F16 || kernel.turns <= capabilities.max_turns);
                next = end_row;
            }
            assert_eq!(next as usize, batch * 200);
        }
    }
}
