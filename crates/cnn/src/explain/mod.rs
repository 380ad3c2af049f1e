//! Which part of a picture a classifier's answer comes from: [`GradCam`] asks its gradients, [`Occlusion`] covers the
//! picture piece by piece. Both run on the [`Runner`](crate::Runner)'s device, over its weights, in inference. A classifier
//! with one output tells two classes apart, and the output speaks for class 1.
//!
//! ```
//! use cnn::explain::{GradCam, Occlusion};
//! use cnn::layers::{Activation, Conv2D, Dense, GlobalAveragePooling2D};
//! use cnn::{Device, Network, Options, Runner, Sequential, Tensor, Weights};
//!
//! let model = Sequential::new("tiny")
//!     .input([8, 8, 1])?
//!     .add(Conv2D::new(4, 3).activation(Activation::Relu))?
//!     .add(GlobalAveragePooling2D::new())?
//!     .add(Dense::new(3).activation(Activation::Softmax))?
//!     .model()?;
//! let network = Network::new(model.clone(), Weights::initialize(&model, 1))?;
//! let runner = Runner::new(&Device::cpu(), network, Options::default())?;
//!
//! let picture = Tensor::from_fn(vec![1, 8, 8, 1], |i| (i % 5) as f32);
//! let grad_cam = GradCam::new_blocking(&runner, None, picture.shape())?;
//! assert_eq!(grad_cam.layer(), "conv2d");
//! assert_eq!(grad_cam.maps_blocking(&picture, &[2])?.shape(), [1, 6, 6, 1]);
//!
//! let occlusion = Occlusion::new(2, 2).fill([2.5]);
//! assert_eq!(occlusion.maps_blocking(&runner, &picture, &[2, 0])?.shape(), [2, 8, 8, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod grad_cam;
mod occlusion;

pub use error::ExplainError;
pub use grad_cam::GradCam;
pub use occlusion::Occlusion;

/// Of classes one of which a classifier of so many outputs does not have.
fn no_such_class(chosen: &[usize], outputs: usize) -> ExplainError {
    ExplainError::NoSuchClass { class: chosen.iter().copied().max().unwrap_or(0), classes: outputs.max(2) }
}

/// The score of a class, if there is one: one output alone is that of class 1 of two, and what speaks against it speaks for
/// class 0.
fn score(outputs: &[f32], class: usize) -> Option<f32> {
    match outputs {
        [one] => [-one, *one].get(class).copied(),
        outputs => outputs.get(class).copied(),
    }
}
