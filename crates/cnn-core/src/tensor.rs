//! Host tensors and element types.

use crate::error::ShapeError;

/// The type of a value's elements as they lie in memory. Arithmetic is float32 (accumulation too) for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DType {
    /// IEEE binary32.
    #[default]
    F32,
    /// IEEE binary16: storage alone.
    F16,
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::F32 => 4,
            DType::F16 => 2,
        }
    }
}

/// A float32 array on the host, row-major; activations are NHWC, filters HWIO.
///
/// ```
/// let x = cnn_core::Tensor::new(vec![1, 2, 2, 1], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
/// assert_eq!(x.len(), 4);
/// assert!(cnn_core::Tensor::new(vec![3], vec![0.0]).is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor of `shape` with `data` in row-major order.
    ///
    /// # Errors
    /// If `data` does not hold exactly the product of `shape`'s elements.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, ShapeError> {
        if element_count(&shape) != Some(data.len()) {
            let wanted = format!("expects as many elements as its shape {shape:?} holds");
            return Err(ShapeError::new("tensor", wanted, &[&[data.len()]]));
        }
        Ok(Self { shape, data })
    }

    /// A tensor of `shape` whose element at row-major index `i` is `f(i)`.
    pub fn from_fn(shape: Vec<usize>, f: impl FnMut(usize) -> f32) -> Self {
        let data = (0..shape.iter().product()).map(f).collect();
        Self { shape, data }
    }

    /// A tensor of `shape` filled with `value`.
    pub fn full(shape: Vec<usize>, value: f32) -> Self {
        let data = vec![value; shape.iter().product()];
        Self { shape, data }
    }

    /// A rank-0 tensor.
    pub fn scalar(value: f32) -> Self {
        Self { shape: Vec::new(), data: vec![value] }
    }

    /// The shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The number of elements that are NaN or infinite.
    pub fn not_finite(&self) -> usize {
        self.data.iter().filter(|x| !x.is_finite()).count()
    }

    /// The elements, row-major, to write to.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The elements, without the shape.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// If the number of elements differs.
    pub fn reshape(self, shape: Vec<usize>) -> Result<Self, ShapeError> {
        Self::new(shape, self.data)
    }
}

/// The number of elements of `shape`, or `None` where it does not fit a `usize`.
pub fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}
