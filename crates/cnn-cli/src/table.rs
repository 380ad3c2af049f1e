//! Columns of text that line up, and numbers for people.

use std::io::{self, Write};
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

/// A table; columns whose heading opens with `>` are set to the right.
#[derive(Debug)]
pub struct Table {
    indent: &'static str,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: impl Into<Vec<&'static str>>) -> Self {
        Self { indent: "", headings: headings.into(), rows: Vec::new() }
    }

    /// The same table with `indent` before each line.
    pub fn indent(self, indent: &'static str) -> Self {
        Self { indent, ..self }
    }

    /// Adds a row, a cell for each heading.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }

    /// Prints it.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let headings: Vec<String> = self.headings.iter().map(|h| h.trim_start_matches('>').to_string()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&headings).chain(&self.rows).collect();
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        for line in lines {
            let cells = line.iter().zip(&widths).zip(&self.headings).map(|((cell, &width), heading)| {
                // Not by `format!`, which takes a Hangul syllable for one column.
                let blanks = " ".repeat(width - cell.width());
                if heading.starts_with('>') { blanks + cell } else { format!("{cell}{blanks}") }
            });
            writeln!(out, "{}{}", self.indent, cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// `1024` as `1.0 KiB`.
pub fn bytes(count: u64) -> String {
    let mut size = count as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "B" { format!("{count} B") } else { format!("{size:.1} {unit}") }
}

/// A time in milliseconds, without the unit.
pub fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    let digits = if ms < 10.0 { 3 } else { 1 };
    format!("{ms:.digits$}")
}

/// `1x224x224x3`
pub fn shape(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// `[1, 224, 224, 3]` with sizes left open: `[None, 224, 224, 3]`.
pub fn symbolic_shape(sizes: &[Option<usize>]) -> String {
    let sizes: Vec<String> = sizes.iter().map(|size| size.map_or("None".into(), |n| n.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}
