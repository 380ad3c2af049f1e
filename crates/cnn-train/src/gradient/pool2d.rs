//! Pooling.

use cnn_core::ValueId;
use cnn_core::op::{Op, Pool2D, Pool2DGradient, PoolKind};
use cnn_core::shape::Padding2D;

use super::{Context, Gradients};

/// Elements of a window from which the gradient of a maximum goes by rows and columns apart: to find the maximum of a window
/// for each of its pixels costs the square of its area.
const LARGE_WINDOW: usize = 64;

pub(super) fn gradients(cx: &mut Context, op: &Pool2D, dy: ValueId) -> Gradients {
    let x = cx.input(0);
    let [_, h, w, _] = <[usize; 4]>::try_from(cx.shape(x)).unwrap_or_default();
    let [kh, kw] = op.pool_size;
    let gradient = |pool: Pool2D, input_size| Op::Pool2DGradient(Pool2DGradient { pool, input_size });
    let dx = match op.kind {
        PoolKind::Average => cx.push(gradient(op.clone(), [h, w]), &[dy])?,
        PoolKind::Max if kh == 1 || kw == 1 || kh * kw < LARGE_WINDOW => {
            cx.push(gradient(op.clone(), [h, w]), &[x, dy])?
        }
        PoolKind::Max => {
            // The first of the maximal rows, and in it the first maximal pixel, is the first pixel row by row.
            let Padding2D { top, bottom, left, right } = op.padding;
            let along = Pool2D {
                pool_size: [1, kw],
                strides: [1, op.strides[1]],
                padding: Padding2D { left, right, ..Padding2D::default() },
                kind: op.kind,
            };
            let across = Pool2D {
                pool_size: [kh, 1],
                strides: [op.strides[0], 1],
                padding: Padding2D { top, bottom, ..Padding2D::default() },
                kind: op.kind,
            };
            let rows = cx.push(Op::Pool2D(along.clone()), &[x])?;
            let width = cx.shape(rows)[2];
            let dy = cx.push(gradient(across, [h, width]), &[rows, dy])?;
            cx.push(gradient(along, [h, w]), &[x, dy])?
        }
    };
    Ok(vec![Some(dx)])
}
