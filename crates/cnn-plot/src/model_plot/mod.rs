//! A model as a drawing: layers as boxes, what they hand on as arrows.

mod diagram;
mod layout;
pub(crate) mod png;
mod svg;

use cnn_core::Model;

use crate::error::PlotError;
use diagram::Diagram;

/// The direction in which a model is drawn: Keras's `rankdir`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RankDir {
    /// From top to bottom: "TB".
    #[default]
    TopToBottom,
    /// From left to right: "LR".
    LeftToRight,
}

/// How a model is drawn; the arguments of Keras's `plot_model`.
///
/// Each layer is one box, also one that is called more than once, and of arrows between two boxes there is one. A
/// sequential model hides its input layer, as in Keras. What a layer of several calls takes and makes is listed for each.
///
/// ```
/// use cnn_core::Sequential;
/// use cnn_core::layers::{Conv2D, Flatten};
/// use cnn_plot::ModelPlot;
/// let model = Sequential::new("small").input([8, 8, 1])?.add(Conv2D::new(4, 3).name("conv"))?.add(Flatten)?.model()?;
/// let svg: String = ModelPlot::default().to_svg(&model)?;
/// assert!(svg.contains("conv") && svg.contains("(None, 6, 6, 4)"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelPlot {
    /// Whether boxes tell the shapes of what goes in and out.
    pub show_shapes: bool,
    /// Whether boxes have the layers' names, besides their classes.
    pub show_layer_names: bool,
    /// Whether boxes tell the activation of layers that have one.
    pub show_layer_activations: bool,
    /// Whether boxes tell if training changes the layer, for those that have weights.
    pub show_trainable: bool,
    /// Whether nested models show their layers, in a frame.
    pub expand_nested: bool,
    /// The direction.
    pub rankdir: RankDir,
}

impl Default for ModelPlot {
    /// Names and shapes, from top to bottom, nested models as one box.
    fn default() -> Self {
        Self {
            show_shapes: true,
            show_layer_names: true,
            show_layer_activations: false,
            show_trainable: false,
            expand_nested: false,
            rankdir: RankDir::TopToBottom,
        }
    }
}

impl ModelPlot {
    /// The model as an SVG file's text, 96 dots per inch.
    ///
    /// Every box is a `g` of class `layer` whose `title` is the layer's path, every frame around a nested model one of class
    /// `model`, every arrow a `path` of class `edge`.
    ///
    /// # Errors
    /// If the model has more than 4,096 boxes to draw.
    pub fn to_svg(&self, model: &Model) -> Result<String, PlotError> {
        let diagram = Diagram::new(model, self)?;
        let layout = layout::arrange(&diagram, self.rankdir);
        Ok(svg::write(model.name(), &diagram, &layout))
    }

    /// The model as a PNG file's bytes, with `dpi` dots per inch: 96 for a dot of the SVG file, 200 in Keras. Text takes a
    /// font of this machine, one of equal widths where there is one.
    ///
    /// # Errors
    /// As [`to_svg`](Self::to_svg); if the picture has over 268 million dots, or none; if there is no font here.
    pub fn to_png(&self, model: &Model, dpi: u32) -> Result<Vec<u8>, PlotError> {
        png::render(&self.to_svg(model)?, dpi)
    }
}
