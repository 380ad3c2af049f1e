//! Several layers frozen, or made trainable, at once.

use std::ops::{Bound, RangeBounds};

use super::{Model, ModelKind, ModelLayer, names};
use crate::error::ModelError;
use crate::layers::Layer;

impl Model {
    /// The layers that Keras lists in `model.layers`: those of [`Model::layers`] without bare operations, and without the
    /// input of a sequential model.
    pub fn listed_layers(&self) -> impl Iterator<Item = &ModelLayer> {
        self.layers.iter().filter(|layer| is_listed(self.kind, layer))
    }

    /// Freezes layers, or makes them trainable, by their places in [`Model::listed_layers`], a nested model with all its
    /// layers: Keras's `for layer in model.layers[:249]: layer.trainable = False` is `set_trainable_range(..249, false)`.
    ///
    /// ```
    /// use cnn_core::Sequential;
    /// use cnn_core::layers::Dense;
    /// let mut model = Sequential::new("m").input([4])?.add(Dense::new(3))?.add(Dense::new(2))?.model()?;
    /// model.set_trainable_range(..1, false)?;
    /// assert_eq!(model.count_params().trainable, 3 * 2 + 2);
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If there are not so many layers, or the range ends before it begins; nothing is changed then.
    pub fn set_trainable_range(&mut self, range: impl RangeBounds<usize>, trainable: bool) -> Result<(), ModelError> {
        let layers = self.listed_layers().count();
        let first = match range.start_bound() {
            Bound::Included(&first) => first,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => layers,
        };
        if first > end || end > layers {
            return Err(ModelError::LayerRange { model: self.name.clone(), first, end, layers });
        }
        let kind = self.kind;
        let listed = self.layers.iter_mut().filter(|layer| is_listed(kind, layer));
        listed.skip(first).take(end - first).for_each(|layer| layer.set_trainable(trainable));
        Ok(())
    }

    /// Freezes every layer whose path begins with `prefix`, or makes it trainable: `block5_`, or `vgg16/block5_` for layers of a
    /// nested model. A nested model whose own path begins so is set with all its layers. As in Keras a layer that is made
    /// trainable inside of a frozen model stays frozen with it.
    ///
    /// ```
    /// use cnn_core::Sequential;
    /// use cnn_core::layers::Dense;
    /// let base = Sequential::new("base").input([4])?.add(Dense::new(3).name("a1"))?.add(Dense::new(3).name("b1"))?.model()?;
    /// let mut model = Sequential::new("m").add(base)?.add(Dense::new(2))?.model()?;
    /// model.set_trainable_prefix("base/a", false)?;
    /// assert!(!model.layer("base/a1").unwrap().trainable() && model.layer("base/b1").unwrap().trainable());
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If no path begins so.
    pub fn set_trainable_prefix(&mut self, prefix: &str, trainable: bool) -> Result<(), ModelError> {
        if self.set_at("", prefix, trainable) {
            return Ok(());
        }
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        let (model, layers) = (self.name.clone(), paths.len());
        Err(ModelError::UnknownPrefix { model, prefix: prefix.into(), layers, near: names::near(prefix, paths) })
    }

    /// Whether a path at or in `place` begins with the prefix.
    fn set_at(&mut self, place: &str, prefix: &str, trainable: bool) -> bool {
        let mut found = false;
        for layer in &mut self.layers {
            let path = format!("{place}{}", layer.name);
            if path.starts_with(prefix) {
                layer.set_trainable(trainable);
                found = true;
            } else if prefix.starts_with(&path)
                && let Some(nested) = layer.nested_mut()
            {
                found |= nested.set_at(&format!("{path}/"), prefix, trainable);
            }
        }
        found
    }
}

fn is_listed(kind: ModelKind, layer: &ModelLayer) -> bool {
    let is_own_input = kind == ModelKind::Sequential && matches!(layer.layer, Layer::InputLayer(_));
    !layer.layer.is_operation() && !is_own_input
}
