//! Sizes of convolution and pooling outputs.
//!
//! Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285), relationships 6,
//! 14 and 15, with TensorFlow's asymmetric "same".

/// Zeros around the two spatial axes, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Padding2D {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding2D {
    /// TensorFlow's "same" on both axes: see [`same_padding`].
    pub fn same(size: [usize; 2], window: [usize; 2], strides: [usize; 2], dilation_rate: [usize; 2]) -> Self {
        let (top, bottom) = same_padding(size[0], window[0], strides[0], dilation_rate[0]);
        let (left, right) = same_padding(size[1], window[1], strides[1], dilation_rate[1]);
        Self { top, bottom, left, right }
    }
}

/// The extent of a window of `k` taps that stand `dilation_rate` pixels apart.
///
/// ```
/// assert_eq!(cnn_core::shape::dilated(3, 2), 5);
/// ```
pub fn dilated(k: usize, dilation_rate: usize) -> usize {
    (k.saturating_sub(1)) * dilation_rate + usize::from(k > 0)
}

/// `floor((N + p - k) / s) + 1`, where p is the padding of both sides and k the dilated window; `None` where no window
/// fits or an argument is 0.
///
/// ```
/// use cnn_core::shape::output_size;
/// assert_eq!(output_size(28, 3, 3, 1, 2), Some(10));
/// assert_eq!(output_size(2, 3, 1, 1, 0), None);
/// ```
pub fn output_size(n: usize, k: usize, stride: usize, dilation_rate: usize, padding: usize) -> Option<usize> {
    if k == 0 || stride == 0 || dilation_rate == 0 {
        return None;
    }
    Some((n + padding).checked_sub(dilated(k, dilation_rate))? / stride + 1)
}

/// TensorFlow's "same": the output has `ceil(n / stride)` pixels; what is odd goes after. Returns (before, after).
///
/// ```
/// use cnn_core::shape::same_padding;
/// assert_eq!(same_padding(28, 3, 3, 1), (1, 1));
/// assert_eq!(same_padding(224, 3, 2, 1), (0, 1));
/// ```
pub fn same_padding(n: usize, k: usize, stride: usize, dilation_rate: usize) -> (usize, usize) {
    if n == 0 || stride == 0 {
        return (0, 0);
    }
    let last_start = (n.div_ceil(stride) - 1) * stride;
    let total = (last_start + dilated(k, dilation_rate)).saturating_sub(n);
    (total / 2, total - total / 2)
}

/// NumPy's broadcasting: shapes are aligned at their last axis, and an axis of size 1 stretches.
///
/// ```
/// use cnn_core::shape::broadcast;
/// assert_eq!(broadcast(&[2, 1, 3], &[4, 1]), Some(vec![2, 4, 3]));
/// assert_eq!(broadcast(&[2], &[3]), None);
/// ```
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}
