//! Attributes and shape rules, one file for each family of ops.

pub mod conv2d;
pub mod conv2d_filter_gradient;
pub mod conv2d_transpose;
pub mod elementwise;
pub mod gemm;
pub mod histogram;
pub mod movement;
pub mod normalization;
pub mod optimizer_step;
pub mod pool2d;
pub mod random;
pub mod reduce;
pub mod resize;
pub mod softmax;
pub mod warp;

/// The result of a shape rule: the output's shape, or what the op wanted instead.
pub(crate) type Shape = Result<Vec<usize>, String>;

/// `inputs` as exactly `N` shapes.
pub(crate) fn exactly<'a, const N: usize>(inputs: &[&'a [usize]]) -> Result<[&'a [usize]; N], String> {
    inputs.try_into().map_err(|_| format!("expects {N} input{}", if N == 1 { "" } else { "s" }))
}

/// `shape` as batch, height, width, channels.
pub(crate) fn nhwc(shape: &[usize]) -> Result<[usize; 4], String> {
    shape.try_into().map_err(|_| "expects an input of rank 4 (batch, height, width, channels)".to_string())
}
