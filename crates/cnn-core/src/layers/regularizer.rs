//! What training adds to the loss for a weight or an output.

/// Keras's regularizers (`keras.regularizers`). What one makes of the trainable weights is part of the loss, in training and
/// in evaluation.
///
/// ```
/// use cnn_core::layers::{Conv2D, Regularizer};
/// let conv = Conv2D::new(32, 3).kernel_regularizer(Regularizer::L2(1e-4));
/// assert_eq!(conv.kernel.regularizer, Some(Regularizer::L2(1e-4)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Regularizer {
    /// `l1 · Σ |w|`
    L1(f64),
    /// `l2 · Σ w²`
    L2(f64),
    /// `l1 · Σ |w| + l2 · Σ w²`
    L1L2 {
        /// Of the absolute values.
        l1: f64,
        /// Of the squares.
        l2: f64,
    },
    /// `factor` times the mean |cosine| of the angles between the rows, or the columns, of a matrix.
    Orthogonal {
        /// Of the mean.
        factor: f64,
        /// Rows or columns.
        mode: OrthogonalMode,
    },
    /// One that is not Keras's, by its class: it stands in a file, and training refuses it.
    Unknown(String),
}

/// What [`Regularizer::Orthogonal`] pushes to be orthogonal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrthogonalMode {
    /// The rows of a matrix.
    Rows,
    /// Its columns.
    Columns,
}

impl Regularizer {
    /// What is wrong with it for a weight of that shape, as a part of a sentence.
    pub(super) fn check(&self, shape: &[usize]) -> Result<(), String> {
        let valid = |factor: f64| factor.is_finite() && factor >= 0.0;
        match self {
            Self::L1(factor) | Self::L2(factor) | Self::Orthogonal { factor, .. } if !valid(*factor) => {
                Err(format!("needs a regularizer with a factor of at least 0, not {factor},"))
            }
            Self::L1L2 { l1, l2 } if !valid(*l1) || !valid(*l2) => {
                Err(format!("needs a regularizer with factors of at least 0, not {l1} and {l2},"))
            }
            Self::Orthogonal { .. } if shape.len() != 2 => Err(format!(
                "needs a regularizer other than OrthogonalRegularizer, which is for matrices, not {shape:?},"
            )),
            Self::L1(_) | Self::L2(_) | Self::L1L2 { .. } | Self::Orthogonal { .. } | Self::Unknown(_) => Ok(()),
        }
    }
}
