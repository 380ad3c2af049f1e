//! The loss over the learning rate, as a search for one has measured it.

use plotters::prelude::*;

use crate::chart::{Area, FONT, INK, drawn};
use crate::curves::{COLORS, range, tick};
use crate::error::PlotError;
use crate::model_plot::png;
use crate::text::one_line;

/// Pixels of the drawing.
const SIZE: (u32, u32) = (640, 420);

/// The loss at each learning rate of a search, over a logarithmic axis, with marks at rates that are suggested.
///
/// ```
/// use cnn_plot::LearningRatePlot;
/// let svg = LearningRatePlot::new("digits", &[1e-4, 1e-3, 1e-2, 1e-1], &[2.3, 2.1, 1.2, 3.0])
///     .mark("steepest", 1e-3)
///     .to_svg()?;
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), cnn_plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRatePlot {
    title: String,
    points: Vec<(f64, f64)>,
    marks: Vec<(String, f64)>,
}

impl LearningRatePlot {
    /// Of the loss at each rate; what is not finite, and rates that are not above 0, are left out.
    pub fn new(title: impl AsRef<str>, rates: &[f64], losses: &[f64]) -> Self {
        let points = rates.iter().copied().zip(losses.iter().copied());
        let points = points.filter(|&(rate, loss)| is_rate(rate) && loss.is_finite()).collect();
        Self { title: one_line(title.as_ref()), points, marks: Vec::new() }
    }

    /// Adds a mark at a rate.
    pub fn mark(mut self, name: impl AsRef<str>, rate: f64) -> Self {
        if is_rate(rate) {
            self.marks.push((one_line(name.as_ref()), rate));
        }
        self
    }

    /// The drawing as SVG text.
    ///
    /// # Errors
    /// If there is no point.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        if self.points.is_empty() {
            return Err(PlotError::NothingToDraw {
                what: "learning rates",
                remedy: "give a loss at one rate at least",
            });
        }
        drawn(SIZE, |area| {
            let style = (FONT, 18).into_font().color(&INK);
            self.draw(&area.titled(&self.title, style).map_err(PlotError::chart)?)
        })
    }

    /// The drawing as a PNG file's bytes, at 192 dots per inch.
    ///
    /// # Errors
    /// As [`LearningRatePlot::to_svg`], or if this machine has no font.
    pub fn to_png(&self) -> Result<Vec<u8>, PlotError> {
        png::render(&self.to_svg()?, 192)
    }

    fn draw(&self, area: &Area) -> Result<(), PlotError> {
        let rates = || self.points.iter().map(|point| point.0).chain(self.marks.iter().map(|mark| mark.1));
        let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
        let (low, high) = range(self.points.iter().map(|point| &point.1));
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(66)
            .build_cartesian_2d((least / 1.5..most * 1.5).log_scale(), low..high)
            .map_err(PlotError::chart)?;
        let labels = (FONT, 13).into_font().color(&INK);
        chart
            .configure_mesh()
            .x_desc("learning rate")
            .y_desc("loss, smoothed")
            .axis_desc_style((FONT, 14).into_font().color(&INK))
            .label_style(labels.clone())
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_label_formatter(&|rate| format!("{rate:.0e}"))
            .y_label_formatter(&|loss| tick(*loss, high - low))
            .draw()
            .map_err(PlotError::chart)?;
        let [curve, marks @ ..] = COLORS;
        chart.draw_series(LineSeries::new(self.points.clone(), curve.stroke_width(2))).map_err(PlotError::chart)?;
        for ((name, rate), color) in self.marks.iter().zip(marks.iter().cycle()) {
            let stroke = color.stroke_width(2);
            let line = PathElement::new([(*rate, low), (*rate, high)], stroke);
            chart
                .draw_series([line])
                .map_err(PlotError::chart)?
                .label(format!("{name}: {rate:.2e}"))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], stroke));
        }
        if self.marks.is_empty() {
            return Ok(());
        }
        // The curve begins as a flat line at the left, and the corner there that is farther from it is free.
        let flat = self.points.first().map_or(low, |point| point.1);
        let is_high = flat > (low + high) / 2.0;
        let position = if is_high { SeriesLabelPosition::LowerLeft } else { SeriesLabelPosition::UpperLeft };
        let mut legend = chart.configure_series_labels();
        legend.position(position).label_font(labels);
        legend.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3));
        legend.draw().map_err(PlotError::chart)
    }
}

fn is_rate(rate: f64) -> bool {
    rate.is_finite() && rate > 0.0
}
