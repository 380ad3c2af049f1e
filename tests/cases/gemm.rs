//! Cases of the matrix product: Keras's Dense.

use cnn_core::Op;
use cnn_core::op::{Epilogue, Gemm};
use proptest::prelude::*;

use super::{BIAS, CLAMP, Case, EPILOGUES, EVERYTHING, PLAIN, RELU, RELU6, RESIDUAL, epilogue_inputs, epilogue_label};

/// One case: the shape of a, the columns of b, epilogue.
type Row = (&'static [usize], usize, Epilogue);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (&[1, 1], 1, PLAIN),
    (&[1], 3, BIAS),
    (&[5], 1, RELU),
    (&[0, 7], 5, BIAS),
    (&[3, 0], 4, BIAS),
    // One row: memory-bound.
    (&[1, 3], 17, BIAS),
    (&[1, 64], 10, BIAS),
    (&[1, 65], 63, RELU),
    (&[1, 1000], 1, PLAIN),
    (&[1, 257], 1000, BIAS),
    (&[1, 2048], 100, BIAS),
    (&[1, 25088], 33, RELU),
    (&[1, 128], 130, EVERYTHING),
    // Few rows.
    (&[2, 5], 3, PLAIN),
    (&[3, 17], 64, RELU6),
    (&[5, 130], 67, BIAS),
    (&[7, 1], 9, CLAMP),
    // Around the edges of tiles.
    (&[15, 16], 17, PLAIN),
    (&[16, 16], 16, BIAS),
    (&[17, 15], 16, RESIDUAL),
    (&[31, 33], 32, RELU),
    (&[33, 31], 33, EVERYTHING),
    (&[63, 65], 64, PLAIN),
    (&[64, 64], 64, BIAS),
    (&[65, 63], 65, RELU6),
    (&[127, 129], 128, PLAIN),
    (&[129, 127], 130, EVERYTHING),
    (&[100, 300], 5, BIAS),
    (&[5, 300], 100, CLAMP),
    (&[200, 3], 200, RESIDUAL),
    (&[30, 4608], 20, BIAS),
    // Over 65,535 turns of a loop, where llvmpipe ends it.
    (&[1, 70_001], 8, BIAS),
    (&[2, 70_000], 3, EVERYTHING),
    (&[6, 280_004], 4, RELU),
    (&[5, 280_004], 1, BIAS),
    // More axes.
    (&[2, 3, 5], 7, BIAS),
    (&[2, 3, 4, 17], 5, RELU),
    (&[1, 9, 9, 64], 32, EVERYTHING),
];

/// The table.
pub fn cases() -> Vec<Case> {
    ROWS.iter().map(|&(a, columns, epilogue)| case(a, columns, epilogue)).collect()
}

fn case(a: &[usize], columns: usize, epilogue: Epilogue) -> Case {
    let (rows, k) = (&a[..a.len() - 1], a[a.len() - 1]);
    let mut inputs = vec![a.to_vec(), vec![k, columns]];
    inputs.extend(epilogue_inputs(&epilogue, &[rows, &[columns]].concat()));
    Case::new(epilogue_label(&epilogue).trim_start(), Op::Gemm(Gemm { epilogue }), inputs)
}

/// Random shapes and attributes.
pub fn strategy() -> BoxedStrategy<Case> {
    let rows = prop_oneof![Just(1usize), 1..=40usize];
    (rows, 1..=70usize, 1..=70usize, prop::sample::select(EPILOGUES.to_vec()))
        .prop_map(|(rows, k, columns, epilogue)| case(&[rows, k], columns, epilogue))
        .boxed()
}
