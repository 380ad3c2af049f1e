//! Float64 arrays and the ways to walk over them.

use cnn_core::Tensor;

/// A float64 array, row-major; activations are NHWC, filters HWIO.
///
/// ```
/// use cnn_core::Tensor;
/// use cnn_cpu::reference::Array;
/// let x = Array::from(&Tensor::full(vec![2, 3], 0.5));
/// assert_eq!(x.data, [0.5; 6]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Array {
    /// The shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements, as many as the shape holds.
    pub data: Vec<f64>,
}

impl Array {
    /// An array of `shape` filled with zeros.
    pub fn zeros(shape: Vec<usize>) -> Self {
        let data = vec![0.0; shape.iter().product()];
        Self { shape, data }
    }

    /// The elements rounded to float32.
    pub fn to_tensor(&self) -> Tensor {
        Tensor::from_fn(self.shape.clone(), |i| self.data[i] as f32)
    }

    /// The absolute value of each element.
    pub(super) fn abs(&self) -> Self {
        Self { shape: self.shape.clone(), data: self.data.iter().map(|v| v.abs()).collect() }
    }

    /// The largest absolute value, 0 if there is no element.
    pub(super) fn max_abs(&self) -> f64 {
        self.data.iter().fold(0.0, |max, v| v.abs().max(max))
    }

    /// The shape's four axes: of NHWC, or of a filter.
    pub(super) fn dims4(&self) -> [usize; 4] {
        [self.shape[0], self.shape[1], self.shape[2], self.shape[3]]
    }
}

impl From<&Tensor> for Array {
    fn from(tensor: &Tensor) -> Self {
        Self { shape: tensor.shape().to_vec(), data: tensor.data().iter().map(|&v| f64::from(v)).collect() }
    }
}

/// The distance in memory of neighbours along each axis of a row-major array.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The strides of a row-major array of shape `from` seen with `rank` axes: one of size 1 stretches.
pub(super) fn broadcast_strides(from: &[usize], rank: usize) -> Vec<usize> {
    let mut out = vec![0; rank - from.len()];
    out.extend(strides(from).iter().zip(from).map(|(&stride, &size)| if size == 1 { 0 } else { stride }));
    out
}

/// The offsets `start + Σ index · strides` for every index of `shape`, the last axis fastest.
pub(super) fn offsets(shape: &[usize], strides: &[usize], start: usize) -> Vec<usize> {
    let mut offsets = vec![start];
    for (&size, &stride) in shape.iter().zip(strides) {
        offsets = offsets.iter().flat_map(|&offset| (0..size).map(move |i| offset + i * stride)).collect();
    }
    offsets
}
