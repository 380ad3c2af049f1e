//! Augmentations ahead of a model, or on pictures alone.

use super::mix::{Mixed, Mixing, product};
use super::{batched, sizes};
use crate::error::ShapeError;
use crate::graph::{Graph, ValueId};
use crate::layers::{Layer, Lowering, Mode, Named, SymbolicShape};
use crate::model::to_snake_case;

/// Keras's `Pipeline`: layers without weights, one after the other, on the pictures of a batch as in training.
///
/// It stands ahead of a model in a step of training, or is run on pictures alone; a model is saved without it. Layers that mix
/// pictures ([`MixUp`](super::MixUp), [`CutMix`](super::CutMix)) mix what is said of them alike.
///
/// ```
/// use cnn_core::layers::{MixUp, Pipeline, RandomRotation};
/// use cnn_core::Graph;
/// let pipeline = Pipeline::new().layer(RandomRotation::new(0.1)).layer(MixUp::new(0.2));
/// let mut graph = Graph::new();
/// let pictures = graph.input("pictures", vec![8, 32, 32, 3]);
/// let labels = graph.input("labels", vec![8, 10]);
/// let augmented = pipeline.lower(&mut graph, pictures)?;
/// let labels = augmented.targets(&mut graph, labels)?;
/// assert_eq!(graph.value(augmented.pictures).shape, [8, 32, 32, 3]);
/// assert_eq!(graph.value(labels).shape, [8, 10]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pipeline {
    layers: Vec<Named>,
}

impl Pipeline {
    /// Of no layer: pictures stay as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end.
    pub fn layer(mut self, layer: impl Into<Named>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Whether it has no layer.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether a layer mixes the pictures of a batch, and what is said of them.
    pub fn mixes(&self) -> bool {
        self.layers.iter().any(|named| matches!(named.layer, Layer::MixUp(_) | Layer::CutMix(_)))
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[Named] {
        &self.layers
    }

    /// The shape that it makes of pictures `[N, H, W, C]`.
    ///
    /// # Errors
    /// As [`Pipeline::lower`].
    pub fn output_shape(&self, pictures: &[usize]) -> Result<Vec<usize>, ShapeError> {
        let mut graph = Graph::new();
        let pictures = graph.input("pictures", pictures.to_vec());
        let made = self.lower(&mut graph, pictures)?.pictures;
        Ok(graph.value(made).shape.clone())
    }

    /// Appends the ops that change pictures `[N, H, W, C]`. What is random is drawn from the graph's input
    /// [`SEED`](crate::SEED), which it then has.
    ///
    /// # Errors
    /// If a layer does not take what it gets, has weights, or is a model.
    pub fn lower(&self, graph: &mut Graph, pictures: ValueId) -> Result<Augmented, ShapeError> {
        let mut augmented = Augmented { pictures, shares: Vec::new() };
        for (index, Named { name, layer, .. }) in self.layers.iter().enumerate() {
            let name = name.clone().unwrap_or_else(|| to_snake_case(layer.class_name()));
            // The place, too: two layers of one name draw different numbers.
            let path = format!("{PIPELINE}/{index}/{name}");
            let shape: SymbolicShape = graph.value(augmented.pictures).shape.iter().copied().map(Some).collect();
            check(layer, &path, &shape)?;
            let mut taps = Vec::new();
            let mut cx = Lowering::new(graph, Mode::Training, path, &mut taps);
            let mixing: &dyn Mixing = match layer {
                Layer::MixUp(layer) => layer,
                Layer::CutMix(layer) => layer,
                other => {
                    augmented.pictures = other.lower(&mut cx, &[augmented.pictures])?[0];
                    continue;
                }
            };
            augmented.pictures = batched(&mut cx, augmented.pictures, |cx, x| {
                let Mixed { pictures, shares } = mixing.mix(cx, x)?;
                augmented.shares.push(shares);
                Ok(pictures)
            })?;
        }
        Ok(augmented)
    }
}

/// What the nodes' names begin with.
const PIPELINE: &str = "pipeline";

/// An error, under the layer's path, unless it takes one picture and has no weights.
fn check(layer: &Layer, path: &str, shape: &SymbolicShape) -> Result<(), ShapeError> {
    let inputs = std::slice::from_ref(shape);
    let refuse = |wanted: String| Err(ShapeError::symbolic(path, wanted, inputs.to_vec()));
    if let Layer::Model(_) = layer {
        return refuse("is a model, but expects a single layer: add the model's own".into());
    }
    if let Err(reason) = sizes(inputs) {
        return refuse(reason);
    }
    layer.output_shapes(inputs).map_err(|error| error.named(format!("{path} ({})", layer.class_name())))?;
    match layer.weights(inputs)?.as_slice() {
        [] => Ok(()),
        _ => refuse("has weights, but expects none: put the layer into the model,".into()),
    }
}

/// What a [`Pipeline`] makes of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmented {
    /// The pictures.
    pub pictures: ValueId,
    /// How much of each example is in each new one, `[N, N]`, for each layer that has mixed them.
    shares: Vec<ValueId>,
}

impl Augmented {
    /// Appends the ops that mix what is said of the pictures, `[N, ..]`, as they have been mixed.
    ///
    /// # Errors
    /// If there are more or fewer than pictures.
    pub fn targets(&self, graph: &mut Graph, targets: ValueId) -> Result<ValueId, ShapeError> {
        let mut taps = Vec::new();
        let mut cx = Lowering::new(graph, Mode::Training, format!("{PIPELINE}/targets"), &mut taps);
        self.shares.iter().try_fold(targets, |targets, &shares| product(&mut cx, shares, targets))
    }
}
