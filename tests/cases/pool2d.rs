//! Cases of pooling; global pooling is a window as large as the picture.

use cnn_core::Op;
use cnn_core::op::{Pool2D, Pool2DGradient, PoolKind};
use cnn_core::shape::Padding2D;
use proptest::prelude::*;

use super::Case;

/// One case, for the maximum and the average: x `[N, H, W, C]`, window, strides, padding `[top, bottom, left, right]`.
type Row = ([usize; 4], [usize; 2], [usize; 2], [usize; 4]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ([1, 1, 1, 1], [1, 1], [1, 1], [0, 0, 0, 0]),
    ([1, 1, 1, 17], [3, 3], [2, 2], [1, 1, 1, 1]),
    ([0, 4, 4, 3], [2, 2], [2, 2], [0, 0, 0, 0]),
    ([1, 8, 8, 3], [2, 2], [2, 2], [0, 0, 0, 0]),
    ([2, 7, 9, 5], [2, 2], [2, 2], [0, 0, 0, 0]),
    ([2, 7, 9, 5], [2, 2], [2, 2], [0, 1, 0, 1]),
    ([1, 15, 13, 64], [3, 3], [2, 2], [1, 1, 1, 1]),
    ([1, 16, 16, 17], [3, 3], [2, 2], [0, 1, 0, 1]),
    ([1, 9, 9, 8], [3, 3], [1, 1], [1, 1, 1, 1]),
    ([1, 6, 5, 3], [5, 5], [1, 1], [4, 4, 4, 4]),
    ([1, 3, 3, 5], [5, 4], [1, 2], [2, 2, 1, 2]),
    ([1, 11, 13, 4], [2, 2], [3, 5], [0, 0, 0, 0]),
    ([1, 12, 7, 1], [1, 3], [2, 1], [0, 0, 1, 1]),
    ([1, 7, 12, 65], [3, 1], [1, 3], [2, 0, 0, 0]),
    ([1, 7, 7, 64], [7, 7], [7, 7], [0, 0, 0, 0]),
    ([3, 5, 4, 130], [5, 4], [1, 1], [0, 0, 0, 0]),
    ([1, 56, 56, 16], [3, 3], [2, 2], [0, 0, 0, 0]),
    ([1, 35, 35, 24], [3, 3], [1, 1], [1, 1, 1, 1]),
    ([1, 28, 28, 6], [28, 28], [28, 28], [0, 0, 0, 0]),
    // Large windows, which invocations share.
    ([2, 20, 21, 20], [9, 8], [3, 2], [4, 4, 3, 3]),
    ([1, 70, 66, 5], [70, 66], [1, 1], [0, 0, 0, 0]),
    ([3, 13, 9, 68], [13, 9], [1, 1], [0, 0, 0, 0]),
    // Over 65,535 turns of a loop, where llvmpipe ends it.
    ([1, 264, 250, 4], [264, 250], [1, 1], [0, 0, 0, 0]),
    ([1, 260, 263, 3], [260, 263], [1, 1], [0, 0, 0, 0]),
];

/// More rows, for the gradients: long, flat windows, of which gradients as graph take two for a large one.
#[rustfmt::skip]
const FLAT: &[Row] = &[
    ([1, 3, 264, 4], [1, 264], [1, 264], [0, 0, 0, 0]),
    ([1, 250, 1, 3], [250, 1], [250, 1], [0, 0, 0, 0]),
];

/// The table.
pub fn cases() -> Vec<Case> {
    let kinds = [PoolKind::Max, PoolKind::Average];
    let pooling = ROWS.iter().flat_map(|&row| kinds.map(|kind| case(kind, row)));
    // A maximum looks through each window for each of its pixels, so large ones would take hours.
    let small = ROWS.iter().filter(|(_, [height, width], ..)| height * width < 100);
    let gradients = small.chain(FLAT).flat_map(|&row| kinds.map(|kind| gradient(kind, row)));
    pooling.chain(gradients).collect()
}

/// The gradient of a row's pooling.
fn gradient(kind: PoolKind, row: Row) -> Case {
    let forward = case(kind, row);
    let (x, dy) = (forward.inputs[0].clone(), forward.output_shape());
    let Op::Pool2D(pool) = forward.op else { unreachable!("a case of pooling") };
    let label = format!("{:?} {:?} strides {:?} padding {:?}", kind, row.1, row.2, row.3);
    let op = Op::Pool2DGradient(Pool2DGradient { pool, input_size: [x[1], x[2]] });
    let inputs = if kind == PoolKind::Max { vec![x, dy] } else { vec![dy] };
    Case::new(format!("{label} of {:?}", row.0), op, inputs)
}

fn case(kind: PoolKind, (x, pool_size, strides, [top, bottom, left, right]): Row) -> Case {
    let padding = Padding2D { top, bottom, left, right };
    let label = format!("{kind:?} {pool_size:?} strides {strides:?} padding [{top}, {bottom}, {left}, {right}]");
    Case::new(label, Op::Pool2D(Pool2D { kind, pool_size, strides, padding }), vec![x.to_vec()])
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let kind = prop_oneof![Just(PoolKind::Max), Just(PoolKind::Average)];
    (
        (kind, any::<bool>()),
        [1..=2usize, 1..=12, 1..=12, 1..=20],
        [1..=4usize, 1..=4usize],
        [1..=5usize, 1..=5usize],
        [0..=3usize, 0..=3, 0..=3, 0..=3],
    )
        .prop_map(|((kind, backwards), x, pool_size, strides, padding)| {
            // The window fits, and padding is smaller than it.
            let k = [pool_size[0].min(x[1]), pool_size[1].min(x[2])];
            let [top, bottom, left, right] = padding;
            let padding = [top.min(k[0] - 1), bottom.min(k[0] - 1), left.min(k[1] - 1), right.min(k[1] - 1)];
            let row = (x, k, strides, padding);
            if backwards { gradient(kind, row) } else { case(kind, row) }
        })
        .boxed()
}
