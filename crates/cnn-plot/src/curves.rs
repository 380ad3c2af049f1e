//! Numbers over the epochs of a training.

use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

use crate::chart::{Area, FONT, INK, drawn};
use crate::error::PlotError;
use crate::model_plot::png;
use crate::text::one_line;

/// Pixels of one panel.
const PANEL: (u32, u32) = (520, 360);
/// Pixels of the title's line.
const TITLE: u32 = 40;
/// Up to so many epochs each has a dot, so that a single one is seen too.
const DOTS: usize = 40;
/// Lines on white, told apart by people who see few colours as well (Okabe and Ito).
pub(crate) const COLORS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// How a training went: a panel for each kind of number, such as the loss, with a line for each part of the data.
///
/// ```
/// use cnn_plot::Curves;
/// let svg = Curves::new("digits")
///     .panel("loss", [("training", &[0.9, 0.5, 0.3][..]), ("validation", &[1.0, 0.6, 0.5][..])])
///     .to_svg()?;
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), cnn_plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    title: String,
    panels: Vec<Panel>,
}

#[derive(Debug, Clone, PartialEq)]
struct Panel {
    quantity: String,
    lines: Vec<(String, Vec<f64>)>,
}

impl Curves {
    /// Without a panel yet.
    pub fn new(title: impl AsRef<str>) -> Self {
        Self { title: one_line(title.as_ref()), panels: Vec::new() }
    }

    /// Adds a panel of what is measured, with the numbers of epoch 1, 2, and so on. Those that are NaN or infinite leave
    /// a gap.
    pub fn panel<'a>(
        mut self,
        quantity: impl AsRef<str>,
        lines: impl IntoIterator<Item = (&'a str, &'a [f64])>,
    ) -> Self {
        let lines = lines.into_iter().map(|(name, values)| (one_line(name), values.to_vec())).collect();
        self.panels.push(Panel { quantity: one_line(quantity.as_ref()), lines });
        self
    }

    /// The drawing as SVG text.
    ///
    /// # Errors
    /// If there is no panel.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        if self.panels.is_empty() {
            return Err(PlotError::NothingToDraw { what: "curves", remedy: "add a panel" });
        }
        let size = (PANEL.0 * self.panels.len() as u32, PANEL.1 + TITLE);
        drawn(size, |area| {
            let style = (FONT, 18).into_font().color(&INK);
            let rest = area.titled(&self.title, style).map_err(PlotError::chart)?;
            for (panel, part) in self.panels.iter().zip(rest.split_evenly((1, self.panels.len()))) {
                panel.draw(&part)?;
            }
            Ok(())
        })
    }

    /// The drawing as a PNG file's bytes, at 192 dots per inch.
    ///
    /// # Errors
    /// As [`Curves::to_svg`], or if this machine has no font.
    pub fn to_png(&self) -> Result<Vec<u8>, PlotError> {
        png::render(&self.to_svg()?, 192)
    }
}

impl Panel {
    fn draw(&self, area: &Area) -> Result<(), PlotError> {
        let epochs = self.lines.iter().map(|(_, values)| values.len()).max().unwrap_or(0).max(1);
        let (low, high) = range(self.lines.iter().flat_map(|(_, values)| values));
        // Half an epoch of room on both sides of one epoch; none is needed where there are many.
        let room = if epochs == 1 { 0.5 } else { 0.02 * (epochs - 1) as f64 };
        let (left, right) = (1.0 - room, epochs as f64 + room);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(66)
            .build_cartesian_2d(Epochs { left, right }, low..high)
            .map_err(PlotError::chart)?;
        let labels = (FONT, 13).into_font().color(&INK);
        chart
            .configure_mesh()
            .x_desc("epoch")
            .y_desc(&self.quantity)
            .axis_desc_style((FONT, 14).into_font().color(&INK))
            .label_style(labels.clone())
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .y_label_formatter(&|value| tick(*value, high - low))
            .draw()
            .map_err(PlotError::chart)?;
        for ((name, values), color) in self.lines.iter().zip(COLORS.iter().cycle()) {
            let stroke = color.stroke_width(2);
            for run in runs(values) {
                chart.draw_series(LineSeries::new(run.iter().copied(), stroke)).map_err(PlotError::chart)?;
            }
            let dots = runs(values).into_iter().flatten().filter(|_| epochs <= DOTS);
            let dots = chart.draw_series(dots.map(|point| Circle::new(point, 3, color.filled())));
            dots.map_err(PlotError::chart)?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], stroke));
        }
        let mut legend = chart.configure_series_labels();
        let share = |(from, to): (f64, f64), x: f64| (x - from) / (to - from);
        let places = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
            points.into_iter().map(|(x, y)| (share((left, right), x), share((low, high), y))).collect()
        };
        let lines: Vec<_> = self.lines.iter().flat_map(|(_, values)| runs(values)).map(places).collect();
        legend
            .position(free_corner(&lines, self.lines.len()))
            .label_font(labels)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3));
        legend.draw().map_err(PlotError::chart)
    }
}

/// The corner where a legend of so many lines covers the least of the lines, whose points lie between 0 and 1. Losses fall, so the
/// upper right is free most often.
fn free_corner(lines: &[Vec<(f64, f64)>], names: usize) -> SeriesLabelPosition {
    // Of the panel without its margins and axes.
    let (wide, high) = (130.0 / f64::from(PANEL.0 - 90), (20.0 + 20.0 * names as f64) / f64::from(PANEL.1 - 66));
    let corners = [
        (SeriesLabelPosition::UpperRight, true, true),
        (SeriesLabelPosition::LowerRight, true, false),
        (SeriesLabelPosition::UpperLeft, false, true),
        (SeriesLabelPosition::LowerLeft, false, false),
    ];
    let covered = |right: bool, upper: bool| {
        let inside = |(x, y): (f64, f64)| {
            (if right { x > 1.0 - wide } else { x < wide }) && (if upper { y > 1.0 - high } else { y < high })
        };
        let between = |((ax, ay), (bx, by)): ((f64, f64), (f64, f64))| {
            (0..=16).map(move |i| f64::from(i) / 16.0).map(move |part| (ax + part * (bx - ax), ay + part * (by - ay)))
        };
        // One point alone is seen too.
        let points = lines.iter().filter_map(|line| line.first()).map(|&point| (point, point));
        let stretches = lines.iter().flat_map(|line| line.windows(2)).map(|ends| (ends[0], ends[1])).chain(points);
        stretches.flat_map(between).filter(|&point| inside(point)).count()
    };
    let least = corners.into_iter().min_by_key(|&(_, right, upper)| covered(right, upper));
    least.map_or(SeriesLabelPosition::UpperRight, |(corner, ..)| corner)
}

/// The points (epoch, number) of each stretch without a gap.
fn runs(values: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, &value)| ((i + 1) as f64, value)).collect();
    points.split(|point| !point.1.is_finite()).filter(|run| !run.is_empty()).map(<[_]>::to_vec).collect()
}

/// From below the least to above the largest number.
pub(crate) fn range<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    let finite = values.copied().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return (0.0, 1.0);
    }
    let room = match high - low {
        // One number alone, or the same again and again.
        0.0 => (0.1 * high.abs()).max(1e-3),
        width => 0.06 * width,
    };
    (low - room, high + room)
}

/// A number at the axis: as many digits as tell neighbours apart.
pub(crate) fn tick(value: f64, width: f64) -> String {
    let digits = (1.0 - width.log10().floor()).clamp(0.0, 9.0) as usize;
    let text = if value.abs() >= 1e6 || (width < 1e-6) { format!("{value:.2e}") } else { format!("{value:.digits$}") };
    // Rounding can leave a minus before nothing.
    if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) { "0".into() } else { text }
}

/// The axis of epochs: marks stand at whole numbers alone.
struct Epochs {
    left: f64,
    right: f64,
}

impl Ranged for Epochs {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.left) / (self.right - self.left);
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: plotters::coord::ranged1d::KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        let last = self.right.floor();
        // Steps of 1, 2, 5, 10, 20, ... with at most ten marks.
        let steps = (0..9).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)));
        let step = steps.into_iter().find(|step| last / step <= 10.0).unwrap_or(last);
        let marks = (1..).map(|mark| f64::from(mark) * step).take_while(|&mark| mark <= last);
        if step > 1.0 { std::iter::once(1.0).chain(marks).collect() } else { marks.collect() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.left..self.right
    }
}

impl ValueFormatter<f64> for Epochs {
    fn format(value: &f64) -> String {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_stands_where_no_line_is() {
        let line = |points: &[f64]| -> Vec<(f64, f64)> {
            points.iter().enumerate().map(|(i, &y)| (i as f64 / (points.len() - 1) as f64, y)).collect()
        };
        let corner = |lines: &[&[f64]]| {
            let lines: Vec<_> = lines.iter().map(|points| line(points)).collect();
            free_corner(&lines, lines.len())
        };
        let falls = [1.0, 0.5, 0.2, 0.1, 0.0];
        assert!(matches!(corner(&[&falls]), SeriesLabelPosition::UpperRight));
        assert!(matches!(corner(&[&falls.map(|y| 1.0 - y)]), SeriesLabelPosition::LowerRight));
        // A validation that rises again, in the corner where losses leave room.
        let overfits = [0.8, 0.6, 0.5, 0.7, 1.0];
        assert!(matches!(corner(&[&[0.4, 0.2, 0.1, 0.0, 0.0], &overfits]), SeriesLabelPosition::LowerLeft));
        assert!(matches!(corner(&[&falls, &overfits]), SeriesLabelPosition::LowerLeft));
    }
}
