//! What is done to pixels before a model sees them.

use cnn_core::{ShapeError, Tensor};

/// Keras's modes of `preprocess_input`, in float32 as NumPy computes them. Pixels are RGB, 0 to 255, channels last.
///
/// ```
/// use cnn_core::Tensor;
/// use cnn_zoo::Preprocess;
/// let white = Tensor::full(vec![1, 1, 1, 3], 255.0);
/// assert_eq!(Preprocess::Tf.apply(white)?.data(), [1.0, 1.0, 1.0]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preprocess {
    /// RGB to BGR, minus ImageNet's mean pixel.
    Caffe,
    /// `x / 127.5 - 1`
    Tf,
    /// `(x / 255 - mean) / std` with ImageNet's mean and standard deviation.
    Torch,
    /// Nothing: the model has layers for it.
    None,
}

impl Preprocess {
    /// The pixels as the model wants them.
    ///
    /// # Errors
    /// If the last axis does not have 3 channels where the mode needs them.
    pub fn apply(self, mut pixels: Tensor) -> Result<Tensor, ShapeError> {
        let three = pixels.shape().last() == Some(&3);
        match self {
            Preprocess::Caffe | Preprocess::Torch if !three => {
                return Err(ShapeError::new(
                    "preprocess_input",
                    "expects 3 channels on the last axis",
                    &[pixels.shape()],
                ));
            }
            Preprocess::Caffe => {
                for pixel in pixels.data_mut().chunks_exact_mut(3) {
                    pixel.swap(0, 2);
                    for (x, mean) in pixel.iter_mut().zip([103.939, 116.779, 123.68]) {
                        *x -= mean;
                    }
                }
            }
            Preprocess::Torch => {
                for pixel in pixels.data_mut().chunks_exact_mut(3) {
                    for (x, (mean, std)) in pixel.iter_mut().zip([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]) {
                        *x = (*x / 255.0 - mean) / std;
                    }
                }
            }
            Preprocess::Tf => pixels.data_mut().iter_mut().for_each(|x| *x = *x / 127.5 - 1.0),
            Preprocess::None => {}
        }
        Ok(pixels)
    }
}
