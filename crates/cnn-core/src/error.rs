//! The error of shape inference.

/// A layer or op was given shapes it cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {wanted}, got {}", list(got))]
pub struct ShapeError {
    /// The layer or node that refused, and its class, such as `conv2d (Conv2D)`.
    pub name: String,
    /// The shapes it was given, in order of its inputs.
    pub got: Vec<Vec<usize>>,
    /// What it wanted, as a sentence part: `expects an input of rank 4 (NHWC)`.
    pub wanted: String,
}

impl ShapeError {
    /// An error of `name`, which wanted `wanted` but got the shapes `got`.
    pub fn new(name: impl Into<String>, wanted: impl Into<String>, got: &[&[usize]]) -> Self {
        Self { name: name.into(), wanted: wanted.into(), got: got.iter().map(|shape| shape.to_vec()).collect() }
    }

    /// The same error under the name of the layer that owns the op.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

fn list(shapes: &[Vec<usize>]) -> String {
    if shapes.is_empty() {
        return "no input".into();
    }
    shapes.iter().map(|shape| format!("{shape:?}")).collect::<Vec<_>>().join(" and ")
}
