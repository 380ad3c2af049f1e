//! Cases of the gradient of a convolution by its filter.

use cnn_core::Op;
use cnn_core::op::Conv2DFilterGradient;
use cnn_core::shape::{Padding2D, dilated, output_size};
use proptest::prelude::*;

use super::Case;

/// One case: x `[N, H, W, C]`, window `[KH, KW]`, filters, strides, padding `[top, bottom, left, right]`, dilation rate,
/// groups.
type Row = ([usize; 4], [usize; 2], usize, [usize; 2], [usize; 4], [usize; 2], usize);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ([1, 1, 1, 1], [1, 1], 1, [1, 1], [0, 0, 0, 0], [1, 1], 1),
    ([1, 1, 1, 1], [3, 3], 1, [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ([0, 4, 4, 3], [3, 3], 5, [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ([1, 5, 7, 3], [1, 1], 5, [1, 1], [0, 0, 0, 0], [1, 1], 1),
    ([2, 7, 5, 17], [1, 1], 64, [1, 1], [0, 0, 0, 0], [1, 1], 1),
    ([1, 7, 5, 3], [3, 3], 5, [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ([2, 5, 9, 5], [3, 3], 17, [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ([4, 14, 14, 16], [3, 3], 24, [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ([1, 9, 11, 8], [3, 3], 65, [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ([2, 28, 28, 1], [3, 3], 32, [1, 1], [0, 0, 0, 0], [1, 1], 1),
    // Strides, "same" with strides, windows of unlike sides, strides over the window's size.
    ([1, 16, 16, 3], [3, 3], 32, [2, 2], [0, 1, 0, 1], [1, 1], 1),
    ([2, 10, 13, 5], [3, 3], 7, [2, 2], [0, 1, 1, 1], [1, 1], 1),
    ([1, 30, 30, 3], [7, 7], 16, [2, 2], [3, 3, 3, 3], [1, 1], 1),
    ([1, 11, 9, 4], [3, 2], 4, [2, 1], [1, 1, 0, 1], [1, 1], 1),
    ([1, 17, 17, 2], [3, 3], 4, [5, 4], [1, 1, 1, 1], [1, 1], 1),
    ([2, 12, 12, 5], [1, 2], 3, [4, 3], [0, 0, 0, 1], [1, 1], 1),
    // Dilation, padding over the window's size.
    ([1, 15, 13, 3], [3, 3], 8, [1, 1], [2, 2, 2, 2], [2, 2], 1),
    ([1, 9, 12, 4], [3, 2], 5, [2, 1], [3, 0, 1, 4], [1, 3], 1),
    ([1, 3, 3, 4], [1, 1], 6, [1, 1], [1, 2, 0, 3], [1, 1], 1),
    // Groups, depthwise, depthwise with several filters a channel.
    ([1, 9, 9, 8], [3, 3], 12, [1, 1], [1, 1, 1, 1], [1, 1], 2),
    ([2, 6, 7, 15], [3, 3], 10, [2, 1], [1, 1, 1, 1], [1, 1], 5),
    ([2, 14, 14, 32], [3, 3], 32, [1, 1], [1, 1, 1, 1], [1, 1], 32),
    ([1, 15, 15, 7], [5, 5], 7, [2, 2], [2, 2, 2, 2], [1, 1], 7),
    ([1, 8, 9, 5], [3, 3], 10, [1, 1], [1, 1, 1, 1], [2, 1], 5),
    // Over 65,535 pixels: llvmpipe ends a kernel's loops at so many turns. One picture, several, in groups, and over twice that.
    ([1, 264, 260, 2], [1, 2], 3, [1, 1], [0, 0, 0, 1], [1, 1], 1),
    ([3, 149, 151, 4], [2, 1], 8, [1, 1], [0, 1, 0, 0], [1, 1], 1),
    ([2, 190, 180, 4], [1, 1], 4, [1, 1], [0, 0, 0, 0], [1, 1], 4),
    ([1, 401, 367, 16], [1, 1], 16, [1, 1], [0, 0, 0, 0], [1, 1], 1),
];

/// The table.
pub fn cases() -> Vec<Case> {
    ROWS.iter().map(|&row| case(row)).collect()
}

fn case((x, kernel_size, filters, strides, p, dilation_rate, groups): Row) -> Case {
    let [top, bottom, left, right] = p;
    let op = Conv2DFilterGradient {
        kernel_size,
        strides,
        padding: Padding2D { top, bottom, left, right },
        dilation_rate,
        groups,
    };
    let size = |axis: usize, pad: usize| {
        output_size(x[1 + axis], kernel_size[axis], strides[axis], dilation_rate[axis], pad)
            .unwrap_or_else(|| panic!("no window fits into {x:?}"))
    };
    let dy = vec![x[0], size(0, top + bottom), size(1, left + right), filters];
    let label = format!("{kernel_size:?} strides {strides:?} padding {p:?} dilation {dilation_rate:?} groups {groups}");
    Case::new(label, Op::Conv2DFilterGradient(op), vec![x.to_vec(), dy])
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let sizes = (1..=3usize, 1..=12usize, 1..=12usize, [1..=4usize, 1..=4usize]);
    let channels = (1..=6usize, 1..=9usize, prop_oneof![Just(1usize), 1..=5usize]);
    let window = ([1..=3usize, 1..=3usize], [1..=3usize, 1..=3usize], [0..=3usize, 0..=3, 0..=3, 0..=3]);
    (sizes, channels, window)
        .prop_map(|((n, h, w, k), (c, f, groups), (strides, dilation_rate, mut p))| {
            // Where no window fits, padding makes room.
            p[1] += dilated(k[0], dilation_rate[0]).saturating_sub(h + p[0] + p[1]);
            p[3] += dilated(k[1], dilation_rate[1]).saturating_sub(w + p[2] + p[3]);
            case(([n, h, w, c * groups], k, f * groups, strides, p, dilation_rate, groups))
        })
        .boxed()
}
