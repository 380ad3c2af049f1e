//! Cases of transposed convolution.

use cnn_core::Op;
use cnn_core::op::{Conv2DTranspose, Epilogue};
use proptest::prelude::*;

use super::{BIAS, CLAMP, Case, EPILOGUES, EVERYTHING, PLAIN, RELU, RELU6, RESIDUAL, epilogue_inputs, epilogue_label};

/// One case: x `[N, H, W, C]`, window `[KH, KW]`, filters, strides, dilation rate, cut off before, output size, epilogue.
type Row = ([usize; 4], [usize; 2], usize, [usize; 2], [usize; 2], [usize; 2], [usize; 2], Epilogue);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ([1, 1, 1, 1], [1, 1], 1, [1, 1], [1, 1], [0, 0], [1, 1], PLAIN),
    ([1, 1, 1, 3], [3, 3], 5, [1, 1], [1, 1], [1, 1], [1, 1], BIAS),
    ([1, 1, 1, 5], [2, 2], 3, [2, 2], [1, 1], [0, 0], [2, 2], RELU),
    ([0, 3, 3, 2], [3, 3], 4, [2, 2], [1, 1], [0, 0], [6, 6], BIAS),
    ([1, 4, 5, 3], [3, 3], 5, [1, 1], [1, 1], [0, 0], [6, 7], PLAIN),
    ([1, 4, 5, 3], [3, 3], 5, [1, 1], [1, 1], [1, 1], [4, 5], BIAS),
    ([2, 5, 3, 17], [3, 3], 4, [2, 2], [1, 1], [0, 0], [10, 6], RELU),
    ([1, 7, 7, 64], [2, 2], 32, [2, 2], [1, 1], [0, 0], [14, 14], BIAS),
    ([1, 7, 6, 5], [4, 4], 17, [2, 2], [1, 1], [1, 1], [14, 12], EVERYTHING),
    ([1, 9, 9, 8], [3, 3], 8, [1, 1], [1, 1], [1, 1], [9, 9], RESIDUAL),
    // Strides over the kernel: some outputs are reached by no tap.
    ([1, 3, 4, 3], [1, 1], 2, [2, 3], [1, 1], [0, 0], [5, 10], BIAS),
    ([1, 4, 3, 5], [2, 2], 3, [4, 3], [1, 1], [0, 0], [16, 9], RELU6),
    ([2, 3, 3, 1], [1, 2], 64, [3, 3], [1, 1], [0, 0], [9, 9], PLAIN),
    // An output that goes on behind the last tap, as output_padding makes it.
    ([1, 4, 4, 3], [3, 3], 4, [2, 2], [1, 1], [1, 1], [8, 8], BIAS),
    ([1, 3, 5, 4], [3, 3], 2, [3, 2], [1, 1], [0, 1], [12, 11], CLAMP),
    ([1, 2, 2, 3], [2, 2], 3, [2, 2], [1, 1], [0, 0], [7, 6], BIAS),
    // Kernels larger than the input, even, flat, tall.
    ([1, 2, 3, 5], [5, 5], 4, [1, 1], [1, 1], [2, 2], [2, 3], RELU),
    ([1, 2, 2, 3], [7, 4], 3, [2, 1], [1, 1], [2, 1], [4, 2], PLAIN),
    ([1, 6, 5, 4], [1, 5], 6, [1, 2], [1, 1], [0, 1], [6, 11], BIAS),
    ([1, 5, 6, 4], [5, 1], 6, [2, 1], [1, 1], [2, 0], [10, 6], EVERYTHING),
    // Dilation.
    ([1, 5, 5, 3], [3, 3], 4, [1, 1], [2, 2], [2, 2], [5, 5], BIAS),
    ([1, 4, 6, 5], [2, 3], 3, [1, 1], [3, 2], [0, 0], [7, 10], PLAIN),
    ([2, 3, 4, 2], [3, 2], 5, [2, 3], [2, 3], [1, 0], [7, 12], RELU),
    // Cuts at one side alone, deeper than the kernel.
    ([1, 6, 6, 3], [3, 3], 4, [2, 2], [1, 1], [4, 0], [8, 5], BIAS),
    ([1, 28, 28, 16], [3, 3], 24, [2, 2], [1, 1], [0, 0], [56, 56], RELU),
    ([1, 8, 8, 128], [4, 4], 65, [2, 2], [1, 1], [1, 1], [16, 16], RELU),
];

/// Cases of several groups; filters count those of all groups.
#[rustfmt::skip]
const GROUPED: &[(usize, Row)] = &[
    (2, ([1, 4, 5, 6], [3, 3], 4, [1, 1], [1, 1], [1, 1], [4, 5], BIAS)),
    (3, ([2, 5, 3, 6], [3, 2], 15, [2, 1], [1, 1], [0, 1], [10, 3], RELU)),
    (5, ([1, 6, 6, 5], [3, 3], 5, [1, 1], [1, 1], [1, 1], [6, 6], PLAIN)),
    (32, ([2, 7, 7, 32], [3, 3], 32, [2, 2], [1, 1], [1, 1], [14, 14], PLAIN)),
    (7, ([1, 4, 5, 14], [5, 5], 7, [2, 2], [1, 1], [2, 2], [8, 10], EVERYTHING)),
    (2, ([1, 5, 5, 16], [3, 3], 24, [1, 1], [2, 2], [2, 2], [5, 5], RESIDUAL)),
];

/// The table.
pub fn cases() -> Vec<Case> {
    let plain = ROWS.iter().map(|&row| case(1, row));
    plain.chain(GROUPED.iter().map(|&(groups, row)| case(groups, row))).collect()
}

fn case(groups: usize, (x, window, filters, strides, dilation_rate, before, output_size, epilogue): Row) -> Case {
    let op = Op::Conv2DTranspose(Conv2DTranspose { strides, dilation_rate, before, output_size, groups, epilogue });
    let mut inputs = vec![x.to_vec(), vec![window[0], window[1], filters / groups, x[3]]];
    inputs.extend(epilogue_inputs(&epilogue, &[x[0], output_size[0], output_size[1], filters]));
    let label = format!(
        "strides {strides:?} dilation {dilation_rate:?} before {before:?} output {output_size:?} groups {groups}{}",
        epilogue_label(&epilogue)
    );
    Case::new(label, op, inputs)
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let x = [1..=2usize, 1..=6, 1..=6, 1..=9];
    let window = ([1..=4usize, 1..=4usize], 1..=9usize, [1..=3usize, 1..=3usize], [1..=3usize, 1..=3usize]);
    let output = ([0..=2usize, 0..=2usize], [1..=16usize, 1..=16usize]);
    let groups = prop_oneof![Just(1usize), 1..=4usize];
    (x, window, output, prop::sample::select(EPILOGUES.to_vec()), groups)
        .prop_map(|([n, h, w, c], (k, f, strides, dilation_rate), (before, output_size), epilogue, groups)| {
            let x = [n, h, w, c * groups];
            case(groups, (x, k, f * groups, strides, dilation_rate, before, output_size, epilogue))
        })
        .boxed()
}
