//! Kernels of [`cnn_core::op::Conv2DFilterGradient`].

use cnn_core::op::{Conv2D, Conv2DFilterGradient, Epilogue};
use cnn_shaders::Variant;

use super::{INVOCATIONS, conv2d};
use crate::kernel::{Candidate, Kernel, Problem};

/// Pixels from which invocations share a sum.
const LONG_SUM: u64 = 64;

/// All ways to compute it, the static choice first.
pub fn candidates(op: &Conv2DFilterGradient, problem: &Problem) -> Vec<Candidate> {
    // The convolution's own: its filter has the shape of what is made here, and dy that of its output.
    let convolution = Conv2D {
        strides: op.strides,
        padding: op.padding,
        dilation_rate: op.dilation_rate,
        groups: op.groups,
        epilogue: Epilogue::default(),
    };
    let params = conv2d::params(&convolution, problem.inputs[0], problem.output, problem.inputs[1]);
    let mut variant = Variant { imports: vec![problem.scalar()], constants: vec![] };
    let (name, reads) = ("conv2d_filter_gradient", vec![0, 1]);
    let rows = u64::from(params.batch) * u64::from(params.out_h);
    let pixels = rows * u64::from(params.out_w);
    let count = problem.len().div_ceil(INVOCATIONS);
    let alone = Kernel::new(name, variant.clone(), &params, reads.clone(), count, problem.capabilities);
    let mut candidates = vec![Candidate::one(name, alone.looping(rows + pixels))];

    if pixels >= LONG_SUM {
        // Invocations that share a sum, and sums side by side.
        let (parts, columns) = (32, 8);
        variant.constants.extend([("PARTS", parts), ("COLUMNS", columns)]);
        let (name, count) = ("conv2d_filter_gradient_shared", problem.len().div_ceil(columns as usize));
        let shared = Kernel::new(name, variant, &params, reads, count, problem.capabilities);
        let turns = pixels.div_ceil(parts.into()) + u64::from(parts);
        candidates.push(Candidate::one(name, shared.looping(turns)));
        if !problem.capabilities.software {
            // Filters are small beside pictures, and leave most of a GPU without work.
            candidates.reverse();
        }
    }
    candidates.splice(0..0, tiled(&params, rows + pixels, problem));
    candidates
}

/// The kernel with named accumulators, where the driver takes it, and its tiles are many enough to fill the device.
fn tiled(params: &conv2d::Params, turns: u64, problem: &Problem) -> Vec<Candidate> {
    /// Invocations that fill a large GPU.
    const PLENTY: usize = 1 << 14;
    let (capabilities, name) = (problem.capabilities, "conv2d_filter_gradient_tiled");
    if params.groups != 1 || !params.out_c.is_multiple_of(4) || !capabilities.wide_tiles {
        return vec![];
    }
    let lanes = if capabilities.software { 8 } else { 64 };
    // Vectors of four channels, and of four filters.
    let (c4, f4) = (params.in_c.div_ceil(4), params.out_c / 4);
    let tiles: &[(u32, u32)] = match c4 {
        1 => &[(1, 4)],
        _ if c4 >= 4 && f4 >= 4 => &[(4, 4), (2, 2)],
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
        let kernel = Kernel::new(name, variant, params, vec![0, 1], count, capabilities).looping(turns);
        let candidate = Candidate::one(format!("{name} {}x{}", 4 * rows, 4 * columns), kernel);
        (capabilities.software || invocations >= PLENTY, candidate)
    });
    made.filter(|(fills, _)| *fills).map(|(_, candidate)| candidate).collect()
}
