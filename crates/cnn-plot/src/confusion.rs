//! Which classes are taken for which.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use unicode_width::UnicodeWidthChar;

use crate::chart::{Area, FONT, INK, drawn};
use crate::error::PlotError;
use crate::model_plot::png;
use crate::text::one_line;

/// Pixels around everything.
const MARGIN: i32 = 16;
/// Names are cut behind so many columns of a terminal.
const NAME_COLUMNS: usize = 28;
/// From so many classes on the cells are too small for counts.
const COUNTED: usize = 60;
/// Most pixels of a picture's side.
const MAX_SIDE: i32 = 16_000;

/// A confusion matrix as a picture: a row for each true class, a column for each predicted one. A cell is the darker the
/// larger its share of its row, so that rare classes are as easy to read as frequent ones.
///
/// ```
/// use cnn_plot::ConfusionPlot;
/// let plot = ConfusionPlot::new("validation", ["cat", "dog"], [9.0, 1.0, 2.0, 8.0])?;
/// assert!(plot.to_svg()?.contains("dog"));
/// # Ok::<(), cnn_plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConfusionPlot {
    title: String,
    names: Vec<String>,
    counts: Vec<f64>,
}

/// Where things are, in pixels.
struct Layout {
    cell: i32,
    font: i32,
    /// The matrix's upper left corner.
    left: i32,
    top: i32,
    size: (u32, u32),
}

impl ConfusionPlot {
    /// The matrix row by row: how many samples of class `row` were taken for class `column`.
    ///
    /// # Errors
    /// If there is no class, or not one count for each pair of classes.
    pub fn new(
        title: impl AsRef<str>,
        names: impl IntoIterator<Item: AsRef<str>>,
        counts: impl Into<Vec<f64>>,
    ) -> Result<Self, PlotError> {
        let names: Vec<String> = names.into_iter().map(|name| shortened(&one_line(name.as_ref()))).collect();
        let counts = counts.into();
        if names.is_empty() {
            return Err(PlotError::NothingToDraw { what: "confusion matrix", remedy: "give the names of the classes" });
        }
        if counts.len() != names.len() * names.len() {
            return Err(PlotError::Counts { classes: names.len(), counts: counts.len() });
        }
        Ok(Self { title: one_line(title.as_ref()), names, counts })
    }

    /// The drawing as SVG text.
    ///
    /// # Errors
    /// If there are too many classes for a picture.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        let layout = self.layout()?;
        drawn(layout.size, |area| {
            self.draw_cells(area, &layout)?;
            self.draw_names(area, &layout)
        })
    }

    /// The drawing as a PNG file's bytes, at 192 dots per inch.
    ///
    /// # Errors
    /// As [`ConfusionPlot::to_svg`], or if this machine has no font.
    pub fn to_png(&self) -> Result<Vec<u8>, PlotError> {
        png::render(&self.to_svg()?, 192)
    }

    fn layout(&self) -> Result<Layout, PlotError> {
        let classes = i32::try_from(self.names.len()).unwrap_or(i32::MAX);
        let largest = self.counts.iter().fold(0.0f64, |largest, &count| largest.max(count));
        let digits = number(largest).len() as i32;
        let (cell, font) = match classes {
            ..=12 => ((digits * 9 + 10).max(44), 14),
            13..=25 => ((digits * 7 + 8).max(30), 12),
            26..COUNTED_I32 => ((digits * 6 + 6).max(24), 10),
            _ => (11, 9),
        };
        let names = self.names.iter().map(|name| pixels(name, font)).max().unwrap_or(0) + 12;
        let (left, top) = (MARGIN + 24 + names, MARGIN + 58);
        let side = classes.saturating_mul(cell);
        let heading = pixels(&self.title, 18).max(pixels(NOTE, 12));
        let width = (left.saturating_add(side) + MARGIN).max(heading + 2 * MARGIN);
        let height = top.saturating_add(side) + names + 30 + MARGIN;
        if width.max(height) > MAX_SIDE {
            return Err(PlotError::TooLarge { width: width as usize, height: height as usize });
        }
        Ok(Layout { cell, font, left, top, size: (width as u32, height as u32) })
    }

    fn draw_cells(&self, area: &Area, at: &Layout) -> Result<(), PlotError> {
        let classes = self.names.len();
        for (row, counts) in self.counts.chunks(classes).enumerate() {
            let total: f64 = counts.iter().sum();
            for (column, &count) in counts.iter().enumerate() {
                let share = if total > 0.0 { count / total } else { 0.0 };
                let (x, y) = (at.left + column as i32 * at.cell, at.top + row as i32 * at.cell);
                let corners = [(x, y), (x + at.cell, y + at.cell)];
                let color = shade(share);
                area.draw(&Rectangle::new(corners, color.filled())).map_err(PlotError::chart)?;
                let frame = RGBColor(214, 214, 214).stroke_width(1);
                area.draw(&Rectangle::new(corners, frame)).map_err(PlotError::chart)?;
                if count > 0.0 && classes < COUNTED {
                    let ink = if share > 0.5 { WHITE } else { INK };
                    let style = (FONT, at.font).into_font().color(&ink).pos(Pos::new(HPos::Center, VPos::Center));
                    let middle = (x + at.cell / 2, y + at.cell / 2);
                    area.draw_text(&number(count), &style, middle).map_err(PlotError::chart)?;
                }
            }
        }
        Ok(())
    }

    fn draw_names(&self, area: &Area, at: &Layout) -> Result<(), PlotError> {
        let write = |text: &str, size: i32, rotated: bool, place: (i32, i32), (h, v): (HPos, VPos)| {
            let font = (FONT, size).into_font();
            let font = if rotated { font.transform(FontTransform::Rotate270) } else { font };
            area.draw_text(text, &font.color(&INK).pos(Pos::new(h, v)), place).map_err(PlotError::chart)
        };
        let side = self.names.len() as i32 * at.cell;
        write(&self.title, 18, false, (MARGIN, MARGIN), (HPos::Left, VPos::Top))?;
        write(NOTE, 12, false, (MARGIN, MARGIN + 28), (HPos::Left, VPos::Top))?;
        for (index, name) in self.names.iter().enumerate() {
            let middle = index as i32 * at.cell + at.cell / 2;
            write(name, at.font, false, (at.left - 6, at.top + middle), (HPos::Right, VPos::Center))?;
            write(name, at.font, true, (at.left + middle, at.top + side + 6), (HPos::Right, VPos::Center))?;
        }
        let bottom = at.size.1 as i32 - MARGIN;
        write("predicted class", 14, false, (at.left + side / 2, bottom), (HPos::Center, VPos::Bottom))?;
        write("true class", 14, true, (MARGIN + 8, at.top + side / 2), (HPos::Center, VPos::Center))
    }
}

const COUNTED_I32: i32 = COUNTED as i32;
const NOTE: &str = "rows: true classes, columns: predictions; the darker, the larger the share of the row";

/// White for none, dark blue for all.
fn shade(share: f64) -> RGBColor {
    let color = colorous::BLUES.eval_continuous(share.clamp(0.0, 1.0));
    if share == 0.0 { WHITE } else { RGBColor(color.r, color.g, color.b) }
}

/// A count, which weights may have made a fraction.
fn number(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { format!("{count:.1}") }
}

/// Columns of a terminal.
fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// How wide a text is at most, in most fonts: a wide letter such as a Hangul syllable is as wide as high.
fn pixels(text: &str, font: i32) -> i32 {
    let hundredths = |c: char| match c.width().unwrap_or(0) {
        0 => 0,
        1 if c.is_uppercase() => 72,
        1 => 62,
        _ => 100,
    };
    text.chars().map(hundredths).fold(0i32, i32::saturating_add).saturating_mul(font) / 100
}

/// A name in at most [`NAME_COLUMNS`] columns.
fn shortened(name: &str) -> String {
    if columns(name) <= NAME_COLUMNS {
        return name.into();
    }
    let mut taken = 0;
    let kept = name.chars().take_while(|c| {
        taken += c.width().unwrap_or(0);
        taken < NAME_COLUMNS
    });
    kept.collect::<String>() + "…"
}
