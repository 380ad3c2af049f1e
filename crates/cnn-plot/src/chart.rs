//! What the charts share: the drawing area and its text.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::PlotError;

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub const FONT: &str = "sans-serif";
pub const INK: RGBColor = RGBColor(40, 40, 40);

/// The SVG text of what `draw` draws on white.
pub fn drawn(size: (u32, u32), draw: impl FnOnce(&Area) -> Result<(), PlotError>) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(PlotError::chart)?;
        draw(&area)?;
        area.present().map_err(PlotError::chart)?;
    }
    Ok(svg)
}

impl PlotError {
    pub(crate) fn chart(error: impl std::fmt::Display) -> Self {
        PlotError::Chart { reason: error.to_string() }
    }
}
