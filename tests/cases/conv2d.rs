//! Cases of convolution: ordinary, pointwise, grouped and depthwise.

use cnn_core::Op;
use cnn_core::op::{Conv2D, Epilogue};
use cnn_core::shape::{Padding2D, dilated};
use proptest::prelude::*;

use super::{BIAS, CLAMP, Case, EPILOGUES, EVERYTHING, PLAIN, RELU, RELU6, RESIDUAL, epilogue_inputs, epilogue_label};

/// One case: x `[N, H, W, C]`, window `[KH, KW]`, filters, strides, padding `[top, bottom, left, right]`, dilation rate,
/// groups, epilogue.
type Row = ([usize; 4], [usize; 2], usize, [usize; 2], [usize; 4], [usize; 2], usize, Epilogue);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // The smallest there are.
    ([1, 1, 1, 1], [1, 1], 1, [1, 1], [0, 0, 0, 0], [1, 1], 1, PLAIN),
    ([1, 1, 1, 1], [3, 3], 1, [1, 1], [1, 1, 1, 1], [1, 1], 1, PLAIN),
    ([1, 1, 1, 3], [1, 1], 5, [1, 1], [0, 0, 0, 0], [1, 1], 1, BIAS),
    ([1, 1, 1, 64], [1, 1], 17, [1, 1], [0, 0, 0, 0], [1, 1], 1, RELU),
    ([2, 1, 1, 5], [3, 3], 4, [1, 1], [1, 1, 1, 1], [1, 1], 1, EVERYTHING),
    ([1, 1, 9, 2], [1, 3], 3, [1, 1], [0, 0, 1, 1], [1, 1], 1, PLAIN),
    ([1, 9, 1, 2], [3, 1], 3, [1, 1], [1, 1, 0, 0], [1, 1], 1, PLAIN),
    // No pictures at all.
    ([0, 4, 4, 3], [3, 3], 5, [1, 1], [1, 1, 1, 1], [1, 1], 1, BIAS),
    // Pointwise: a matrix product.
    ([1, 5, 7, 3], [1, 1], 5, [1, 1], [0, 0, 0, 0], [1, 1], 1, PLAIN),
    ([2, 7, 5, 17], [1, 1], 64, [1, 1], [0, 0, 0, 0], [1, 1], 1, RELU6),
    ([1, 9, 9, 64], [1, 1], 96, [1, 1], [0, 0, 0, 0], [1, 1], 1, EVERYTHING),
    ([1, 13, 11, 96], [1, 1], 24, [1, 1], [0, 0, 0, 0], [1, 1], 1, RESIDUAL),
    ([1, 4, 4, 256], [1, 1], 130, [1, 1], [0, 0, 0, 0], [1, 1], 1, BIAS),
    ([1, 7, 7, 512], [1, 1], 65, [1, 1], [0, 0, 0, 0], [1, 1], 1, CLAMP),
    ([1, 9, 8, 16], [1, 1], 32, [2, 2], [0, 0, 0, 0], [1, 1], 1, BIAS),
    ([2, 9, 8, 5], [1, 1], 3, [3, 2], [0, 0, 0, 0], [1, 1], 1, RELU),
    ([1, 3, 3, 4], [1, 1], 6, [1, 1], [1, 2, 0, 3], [1, 1], 1, BIAS),
    ([1, 3, 3, 4], [1, 1], 6, [2, 2], [2, 1, 1, 0], [1, 1], 1, EVERYTHING),
    // 3x3.
    ([1, 5, 5, 1], [3, 3], 1, [1, 1], [0, 0, 0, 0], [1, 1], 1, PLAIN),
    ([1, 7, 5, 3], [3, 3], 5, [1, 1], [1, 1, 1, 1], [1, 1], 1, PLAIN),
    ([2, 5, 9, 5], [3, 3], 17, [1, 1], [1, 1, 1, 1], [1, 1], 1, BIAS),
    ([3, 6, 6, 17], [3, 3], 3, [1, 1], [1, 1, 1, 1], [1, 1], 1, RELU),
    ([1, 14, 14, 64], [3, 3], 64, [1, 1], [1, 1, 1, 1], [1, 1], 1, RELU),
    ([1, 9, 11, 64], [3, 3], 65, [1, 1], [1, 1, 1, 1], [1, 1], 1, EVERYTHING),
    ([1, 7, 7, 512], [3, 3], 16, [1, 1], [1, 1, 1, 1], [1, 1], 1, BIAS),
    ([1, 17, 19, 8], [3, 3], 12, [1, 1], [1, 1, 1, 1], [1, 1], 1, RESIDUAL),
    ([1, 33, 31, 4], [3, 3], 8, [1, 1], [0, 0, 0, 0], [1, 1], 1, CLAMP),
    ([1, 28, 28, 3], [3, 3], 3, [3, 3], [1, 1, 1, 1], [1, 1], 1, BIAS),
    ([1, 28, 28, 3], [3, 3], 3, [1, 1], [1, 1, 1, 1], [1, 1], 1, BIAS),
    // Strides, and "same" with strides: more after than before.
    ([1, 15, 15, 3], [3, 3], 32, [2, 2], [0, 0, 0, 0], [1, 1], 1, RELU),
    ([1, 16, 16, 3], [3, 3], 32, [2, 2], [0, 1, 0, 1], [1, 1], 1, RELU6),
    ([2, 10, 13, 5], [3, 3], 7, [2, 2], [0, 1, 1, 1], [1, 1], 1, BIAS),
    ([1, 11, 9, 17], [3, 3], 4, [2, 1], [1, 1, 1, 1], [1, 1], 1, PLAIN),
    ([1, 11, 9, 17], [3, 3], 4, [1, 2], [1, 1, 1, 1], [1, 1], 1, PLAIN),
    ([1, 30, 30, 3], [7, 7], 16, [2, 2], [3, 3, 3, 3], [1, 1], 1, RELU),
    ([1, 35, 29, 3], [7, 7], 9, [2, 2], [2, 3, 2, 3], [1, 1], 1, BIAS),
    // Strides over the kernel's size.
    ([1, 11, 13, 3], [2, 2], 5, [3, 4], [0, 0, 0, 0], [1, 1], 1, BIAS),
    ([1, 17, 17, 2], [3, 3], 4, [5, 4], [1, 1, 1, 1], [1, 1], 1, PLAIN),
    ([2, 12, 12, 5], [1, 2], 3, [4, 3], [0, 0, 0, 1], [1, 1], 1, RELU),
    // A kernel larger than its input.
    ([1, 2, 2, 3], [5, 5], 4, [1, 1], [2, 2, 2, 2], [1, 1], 1, BIAS),
    ([1, 3, 2, 17], [7, 7], 5, [1, 1], [3, 3, 3, 3], [1, 1], 1, RELU),
    ([1, 1, 3, 5], [4, 6], 3, [2, 1], [2, 3, 3, 2], [1, 1], 1, PLAIN),
    ([1, 4, 4, 2], [9, 3], 3, [1, 2], [4, 4, 1, 1], [1, 1], 1, EVERYTHING),
    // Even, flat and tall windows.
    ([1, 8, 8, 5], [2, 2], 6, [1, 1], [0, 1, 0, 1], [1, 1], 1, BIAS),
    ([1, 9, 9, 3], [4, 4], 5, [1, 1], [1, 2, 1, 2], [1, 1], 1, PLAIN),
    ([1, 12, 12, 8], [1, 7], 8, [1, 1], [0, 0, 3, 3], [1, 1], 1, RELU),
    ([1, 12, 12, 8], [7, 1], 8, [1, 1], [3, 3, 0, 0], [1, 1], 1, RELU),
    ([1, 10, 10, 16], [5, 5], 20, [1, 1], [2, 2, 2, 2], [1, 1], 1, BIAS),
    ([1, 14, 9, 5], [2, 5], 3, [1, 3], [1, 0, 2, 1], [1, 1], 1, PLAIN),
    // Padding: asymmetric, and so wide that windows see nothing else.
    ([1, 6, 7, 3], [3, 3], 5, [1, 1], [2, 0, 0, 3], [1, 1], 1, BIAS),
    ([2, 5, 5, 4], [3, 3], 4, [2, 3], [0, 3, 4, 1], [1, 1], 1, EVERYTHING),
    ([1, 4, 4, 3], [2, 2], 3, [1, 1], [3, 3, 3, 3], [1, 1], 1, BIAS),
    // Dilation.
    ([1, 9, 9, 3], [3, 3], 5, [1, 1], [2, 2, 2, 2], [2, 2], 1, BIAS),
    ([1, 13, 11, 17], [3, 3], 8, [1, 1], [0, 0, 0, 0], [3, 2], 1, RELU),
    ([2, 10, 12, 4], [2, 3], 6, [1, 1], [1, 2, 3, 3], [4, 3], 1, PLAIN),
    ([1, 15, 15, 8], [3, 3], 8, [2, 2], [2, 2, 2, 2], [2, 2], 1, RESIDUAL),
    ([1, 5, 5, 5], [3, 3], 3, [1, 1], [6, 6, 6, 6], [6, 6], 1, BIAS),
    // Groups.
    ([1, 7, 7, 4], [3, 3], 6, [1, 1], [1, 1, 1, 1], [1, 1], 2, BIAS),
    ([1, 9, 8, 64], [3, 3], 64, [1, 1], [1, 1, 1, 1], [1, 1], 32, RELU),
    ([1, 6, 6, 15], [3, 3], 10, [2, 2], [0, 1, 0, 1], [1, 1], 5, EVERYTHING),
    ([2, 5, 5, 34], [1, 1], 17, [1, 1], [0, 0, 0, 0], [1, 1], 17, PLAIN),
    ([1, 8, 8, 64], [1, 1], 96, [1, 1], [0, 0, 0, 0], [1, 1], 2, RELU6),
    ([1, 9, 9, 12], [3, 2], 9, [1, 2], [2, 0, 1, 0], [2, 1], 3, CLAMP),
    // Depthwise, one filter for each channel.
    ([1, 1, 1, 64], [3, 3], 64, [1, 1], [1, 1, 1, 1], [1, 1], 64, RELU6),
    ([1, 7, 7, 3], [3, 3], 3, [1, 1], [1, 1, 1, 1], [1, 1], 3, BIAS),
    ([2, 9, 7, 5], [3, 3], 5, [1, 1], [0, 0, 0, 0], [1, 1], 5, PLAIN),
    ([1, 14, 14, 17], [3, 3], 17, [1, 1], [1, 1, 1, 1], [1, 1], 17, RELU6),
    ([1, 28, 28, 64], [3, 3], 64, [1, 1], [1, 1, 1, 1], [1, 1], 64, RELU6),
    ([1, 15, 15, 96], [3, 3], 96, [2, 2], [0, 0, 0, 0], [1, 1], 96, RELU6),
    ([1, 16, 14, 32], [3, 3], 32, [2, 2], [0, 1, 0, 1], [1, 1], 32, EVERYTHING),
    ([1, 9, 9, 8], [5, 5], 8, [1, 1], [2, 2, 2, 2], [1, 1], 8, RELU),
    ([1, 13, 12, 6], [3, 3], 6, [1, 1], [2, 2, 2, 2], [2, 2], 6, BIAS),
    ([1, 11, 11, 20], [7, 7], 20, [2, 2], [3, 2, 3, 2], [1, 1], 20, CLAMP),
    ([1, 2, 3, 4], [5, 5], 4, [1, 1], [2, 2, 2, 2], [1, 1], 4, RESIDUAL),
    ([1, 10, 11, 7], [2, 3], 7, [3, 4], [1, 0, 0, 1], [1, 1], 7, PLAIN),
    ([2, 7, 9, 12], [3, 3], 12, [1, 1], [3, 0, 2, 4], [1, 1], 12, EVERYTHING),
    ([2, 13, 11, 8], [5, 5], 8, [2, 2], [2, 2, 1, 3], [1, 1], 8, EVERYTHING),
    ([1, 3, 2, 4], [5, 5], 4, [2, 2], [4, 4, 4, 4], [1, 1], 4, PLAIN),
    // Depthwise with a multiplier.
    ([1, 7, 7, 3], [3, 3], 6, [1, 1], [1, 1, 1, 1], [1, 1], 3, BIAS),
    ([2, 8, 6, 5], [3, 3], 20, [2, 2], [0, 1, 0, 1], [1, 1], 5, RELU),
    ([1, 9, 9, 1], [3, 3], 64, [1, 1], [1, 1, 1, 1], [1, 1], 1, RELU),
    ([1, 6, 6, 17], [3, 3], 51, [1, 1], [2, 2, 2, 2], [2, 2], 17, EVERYTHING),
    // As large as a layer of a real network.
    ([1, 56, 56, 16], [3, 3], 32, [1, 1], [1, 1, 1, 1], [1, 1], 1, RELU),
    ([1, 64, 64, 3], [7, 7], 64, [2, 2], [3, 3, 3, 3], [1, 1], 1, RELU),
    ([4, 14, 14, 32], [3, 3], 48, [1, 1], [1, 1, 1, 1], [1, 1], 1, BIAS),
    ([1, 56, 56, 24], [1, 1], 144, [1, 1], [0, 0, 0, 0], [1, 1], 1, RELU6),
];

/// The table.
pub fn cases() -> Vec<Case> {
    ROWS.iter().map(|&row| case(row)).collect()
}

fn case((x, window, filters, strides, [top, bottom, left, right], dilation_rate, groups, epilogue): Row) -> Case {
    let padding = Padding2D { top, bottom, left, right };
    let op = Op::Conv2D(Conv2D { strides, padding, dilation_rate, groups, epilogue });
    let mut inputs = vec![x.to_vec(), vec![window[0], window[1], x[3] / groups, filters]];
    let output = [&output_size(x, window, strides, &padding, dilation_rate)[..], &[filters]].concat();
    inputs.extend(epilogue_inputs(&epilogue, &output));
    let label = format!(
        "strides {strides:?} padding [{top}, {bottom}, {left}, {right}] dilation {dilation_rate:?} groups {groups}{}",
        epilogue_label(&epilogue)
    );
    Case::new(label, op, inputs)
}

/// Batch, height and width of the output.
fn output_size(x: [usize; 4], k: [usize; 2], s: [usize; 2], p: &Padding2D, d: [usize; 2]) -> [usize; 3] {
    let size = |n: usize, axis: usize, padding: usize| (n + padding - dilated(k[axis], d[axis])) / s[axis] + 1;
    [x[0], size(x[1], 0, p.top + p.bottom), size(x[2], 1, p.left + p.right)]
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let sizes = (1..=2usize, 1..=12usize, 1..=12usize, [1..=4usize, 1..=4usize]);
    let channels = (1..=6usize, 1..=9usize, prop_oneof![Just(1usize), 1..=5usize]);
    let window = ([1..=3usize, 1..=3usize], [1..=3usize, 1..=3usize], [0..=3usize, 0..=3, 0..=3, 0..=3]);
    (sizes, channels, window, prop::sample::select(EPILOGUES.to_vec()))
        .prop_map(|((n, h, w, k), (c, f, groups), (strides, dilation_rate, mut p), epilogue)| {
            let x = [n, h, w, c * groups];
            // Where no window fits, padding makes room.
            p[1] += dilated(k[0], dilation_rate[0]).saturating_sub(h + p[0] + p[1]);
            p[3] += dilated(k[1], dilation_rate[1]).saturating_sub(w + p[2] + p[3]);
            case((x, k, f * groups, strides, p, dilation_rate, groups, epilogue))
        })
        .boxed()
}
