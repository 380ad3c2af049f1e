//! What a weight is made to keep to after each step of training.

use super::common::axis_indices;

/// Keras's constraints (`keras.constraints`). Norms are Euclidean, over the elements along `axis` (several axes together;
/// negative ones count from the end): of a Dense kernel `[0]` for each unit, of a convolution's `[0, 1, 2]` for each filter.
///
/// ```
/// use cnn_core::layers::{Constraint, Dense};
/// let dense = Dense::new(10).kernel_constraint(Constraint::MaxNorm { max_value: 3.0, axis: vec![0] });
/// assert!(dense.kernel.constraint.is_some());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// Vectors that are longer are shortened to this.
    MaxNorm {
        /// The largest norm.
        max_value: f64,
        /// The axes of a vector.
        axis: Vec<isize>,
    },
    /// What is below 0 becomes 0.
    NonNeg,
    /// Vectors of length 1.
    UnitNorm {
        /// The axes of a vector.
        axis: Vec<isize>,
    },
    /// Vectors whose length n becomes `rate · clamp(n, min_value, max_value) + (1 - rate) · n`.
    MinMaxNorm {
        /// The least norm.
        min_value: f64,
        /// The largest norm.
        max_value: f64,
        /// How much of the way is gone in one step.
        rate: f64,
        /// The axes of a vector.
        axis: Vec<isize>,
    },
    /// One that is not Keras's, by its class: it stands in a file, and training refuses it.
    Unknown(String),
}

impl Constraint {
    /// What is wrong with it for a weight of that shape, as a part of a sentence.
    pub(super) fn check(&self, shape: &[usize]) -> Result<(), String> {
        match self {
            Self::MaxNorm { axis, .. } | Self::UnitNorm { axis } | Self::MinMaxNorm { axis, .. } => {
                let axes = axis_indices(axis, shape.len());
                let wanted = |_| format!("needs a constraint along axes of its weight {shape:?}, not {axis:?},");
                axes.map(drop).map_err(wanted)
            }
            Self::NonNeg | Self::Unknown(_) => Ok(()),
        }
    }
}
