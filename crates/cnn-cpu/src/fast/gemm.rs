//! Matrix product, as [`Gemm`] defines it.

use cnn_core::op::Gemm;

use super::View;
use super::linear::{Finish, Matrix, Rows, product};

/// The product of two matrices.
pub(super) fn gemm(op: &Gemm, inputs: &[View], y: &mut [f32]) {
    let (a, b) = (inputs[0], inputs[1]);
    let filter = Matrix::new(b.data, b.shape[0], b.shape[1]);
    product(Rows::InMemory(a.data), filter, &Finish::new(&op.epilogue, inputs), y);
}
