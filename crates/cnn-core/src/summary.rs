//! `summary()`: a model as a table, in the words and widths of Keras 3 or Keras 2.

mod keras2;
mod keras3;

use crate::layers::{Layer, SymbolicShape};
use crate::model::{Model, ModelKind, ModelLayer};

/// Whose table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SummaryStyle {
    /// Keras 3's, with box-drawing characters.
    #[default]
    Keras3,
    /// Keras 2's.
    Keras2,
}

/// How a summary looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Whose table it is.
    pub style: SummaryStyle,
    /// Width in characters. By default Keras's: 88 for a chain of layers and 108 with connections in Keras 3 (12 more with
    /// `show_trainable`), where Keras itself takes at most the terminal's width less 4; 65 and 98 in Keras 2, which adds
    /// 11 with `show_trainable` to any width.
    pub line_length: Option<usize>,
    /// Whether nested models show their layers.
    pub expand_nested: bool,
    /// Whether a column says what is trainable.
    pub show_trainable: bool,
}

/// The width is too small for the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line length of {line_length} is too small for a summary; 65 and more is enough")]
pub struct SummaryError {
    /// The width.
    pub line_length: usize,
}

impl Model {
    /// The model as Keras prints it, each line ended by a newline.
    ///
    /// ```
    /// use cnn_core::layers::{Conv2D, Padding};
    /// use cnn_core::{Sequential, Summary};
    /// let conv = Conv2D::new(3, 3).strides(3).padding(Padding::Same);
    /// let model = Sequential::new("sequential").input([28, 28, 3])?.add(conv)?.model()?;
    /// let text = model.summary(&Summary { line_length: Some(65), ..Summary::default() })?;
    /// assert!(text.contains("│ conv2d (Conv2D)            │ (None, 10, 10, 3)   │         84 │\n"));
    /// assert!(text.ends_with(" Trainable params: 84 (336.00 B)\n Non-trainable params: 0 (0.00 B)\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the width is too small.
    pub fn summary(&self, options: &Summary) -> Result<String, SummaryError> {
        match options.style {
            SummaryStyle::Keras3 => keras3::table(self, options),
            SummaryStyle::Keras2 => keras2::table(self, options),
        }
    }

    /// The layers that Keras counts as the model's: a sequential model hides its input layer.
    pub fn shown_layers(&self) -> impl Iterator<Item = &ModelLayer> {
        let hide = self.kind() == ModelKind::Sequential;
        self.layers().iter().filter(move |layer| !(hide && matches!(layer.layer(), Layer::InputLayer(_))))
    }

    /// Whether each call takes what the one before makes, so that no column of connections is needed.
    fn is_chain(&self) -> bool {
        let shared = self.layers().iter().any(|layer| layer.calls().len() > 1);
        let mut calls =
            self.layers().iter().enumerate().flat_map(|(i, layer)| layer.calls().iter().map(move |c| (i, c)));
        let first_is_alone = calls.next().is_some_and(|(_, call)| call.inputs.is_empty());
        let linked = calls.all(|(i, call)| matches!(call.inputs.as_slice(), [x] if x.layer + 1 == i));
        self.kind() == ModelKind::Sequential || (first_is_alone && linked && !shared)
    }

    /// What a layer takes, call by call: `conv2d[0][0]`.
    fn connections(&self, layer: &ModelLayer) -> Vec<String> {
        let inputs = layer.calls().iter().flat_map(|call| &call.inputs);
        inputs.map(|x| format!("{}[{}][{}]", self.layers()[x.layer].name(), x.call, x.tensor)).collect()
    }
}

/// Number of parameters of a layer, those of a nested model's layers included.
fn count_params(layer: &ModelLayer) -> usize {
    match layer.nested() {
        Some(model) => model.count_params().total(),
        None => layer.weights().iter().map(|weight| weight.shape.iter().product::<usize>()).sum(),
    }
}

/// The sizes between parentheses, as Python writes them: `(None, 28, 28, 3)`.
pub fn show(shape: &SymbolicShape) -> String {
    let sizes: Vec<String> = shape.iter().map(|size| size.map_or("None".into(), |n| n.to_string())).collect();
    format!("({})", sizes.join(", "))
}

/// Bytes of so many float32 numbers, in the largest unit that leaves at least 1; `byte` is the smallest unit's name.
fn memory(count: usize, byte: &str) -> String {
    let mut size = count as f64 * 4.0;
    let mut unit = byte;
    for larger in ["KB", "MB", "GB", "TB", "PB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.2} {unit}")
}
