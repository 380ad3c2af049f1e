//! The errors of building: shapes that do not fit, and models that do not hold together.

/// A layer or op was given shapes it cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {wanted}, got {}", list(got))]
pub struct ShapeError {
    /// The layer or node that refused, and its class, such as `conv2d (Conv2D)`.
    pub name: String,
    /// The shapes it was given, in order of its inputs; `None` is a size not known yet.
    pub got: Vec<Vec<Option<usize>>>,
    /// What it wanted, as a sentence part: `expects an input of rank 4 (NHWC)`.
    pub wanted: String,
}

impl ShapeError {
    /// An error of `name`, which wanted `wanted` but got the shapes `got`.
    pub fn new(name: impl Into<String>, wanted: impl Into<String>, got: &[&[usize]]) -> Self {
        let got = got.iter().map(|shape| shape.iter().copied().map(Some).collect()).collect();
        Self { name: name.into(), wanted: wanted.into(), got }
    }

    /// The same for shapes with sizes not known yet.
    pub fn symbolic(name: impl Into<String>, wanted: impl Into<String>, got: Vec<Vec<Option<usize>>>) -> Self {
        Self { name: name.into(), wanted: wanted.into(), got }
    }

    /// The same error under the name of the layer that owns the op.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// A model cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// A layer refused a shape or has arguments that fit no shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Two layers of one model have the same name, or a name has a `/`.
    #[error("model '{model}': layer name '{name}' {reason}")]
    LayerName {
        /// The model.
        model: String,
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no layer of that name.
    #[error("model '{model}' has no layer '{name}'{}; `cnn summary` lists its layers", near_names(.near))]
    UnknownLayer {
        /// The model.
        model: String,
        /// The name asked for.
        name: String,
        /// Names of layers that are much like it, the likest first.
        near: Vec<String>,
    },
    /// There are not so many layers.
    #[error(
        "model '{model}' has {layers} layers, and {first}..{end} is no range of their places; the last one is at {}",
        .layers.saturating_sub(1)
    )]
    LayerRange {
        /// The model.
        model: String,
        /// The first place asked for.
        first: usize,
        /// The place behind the last one.
        end: usize,
        /// How many layers there are.
        layers: usize,
    },
    /// No layer has a path that begins so.
    #[error(
        "model '{model}': none of its {layers} layers has a path that begins with '{prefix}'{}; `cnn summary` lists them",
        near_names(.near)
    )]
    UnknownPrefix {
        /// The model.
        model: String,
        /// What was asked for.
        prefix: String,
        /// How many layers there are, those of nested models among them.
        layers: usize,
        /// Paths that are much like it, the likest first.
        near: Vec<String>,
    },
    /// The layers do not form a graph from the inputs to the outputs.
    #[error("model '{model}': {reason}")]
    Graph {
        /// The model.
        model: String,
        /// What is wrong.
        reason: String,
    },
}

fn list(shapes: &[Vec<Option<usize>>]) -> String {
    if shapes.is_empty() {
        return "no input".into();
    }
    shapes.iter().map(|shape| show(shape)).collect::<Vec<_>>().join(" and ")
}

fn show(shape: &[Option<usize>]) -> String {
    let sizes: Vec<String> = shape.iter().map(|size| size.map_or("None".into(), |n| n.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}

fn near_names(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(", but '{}'", names.join("', '")),
    }
}
