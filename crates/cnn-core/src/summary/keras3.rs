//! Keras 3's table, which the Python library `rich` lays out.

use super::{Summary, SummaryError, count_params, memory, show};
use crate::model::{Model, ModelLayer};

/// How a column's text stands.
#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
    Center,
}

/// The table's columns: header, alignment, width of the text.
type Columns = Vec<(&'static str, Align, usize)>;

pub(super) fn table(model: &Model, options: &Summary) -> Result<String, SummaryError> {
    let connected = !model.is_chain();
    let columns = columns(connected, options)?;
    let mut rows = Vec::new();
    for layer in model.shown_layers() {
        add_rows(connected.then_some(model), layer, 0, options, &mut rows);
    }
    let header: Vec<String> = columns.iter().map(|(name, ..)| name.to_string()).collect();
    let mut text = format!("Model: \"{}\"\n", model.name());
    rule(&mut text, &columns, ["┏", "━", "┳", "┓"]);
    row(&mut text, &columns, &header, "┃");
    for (i, fields) in rows.iter().enumerate() {
        rule(&mut text, &columns, if i == 0 { ["┡", "━", "╇", "┩"] } else { ["├", "─", "┼", "┤"] });
        row(&mut text, &columns, fields, "│");
    }
    rule(&mut text, &columns, ["└", "─", "┴", "┘"]);
    let count = model.count_params();
    let counts = [("Total", count.total()), ("Trainable", count.trainable), ("Non-trainable", count.non_trainable)];
    for (what, count) in counts {
        text += &format!(" {what} params: {} ({})\n", thousands(count), memory(count, "B"));
    }
    Ok(text)
}

/// Keras gives each column a share of the line for its text; rich adds a space at both sides and takes what is then too
/// much from all columns alike.
fn columns(connected: bool, options: &Summary) -> Result<Columns, SummaryError> {
    let mut columns =
        vec![("Layer (type)", Align::Left, 0), ("Output Shape", Align::Left, 0), ("Param #", Align::Right, 0)];
    let (mut ends, mut line_length) = (vec![0.45, 0.80, 1.0], 88);
    if connected {
        columns.push(("Connected to", Align::Left, 0));
        (ends, line_length) = (vec![0.3, 0.56, 0.74, 1.0], 108);
    }
    if options.show_trainable {
        columns.push(("Trainable", Align::Center, 0));
        ends = ends.into_iter().map(|end: f64| end * 0.90).chain([1.0]).collect();
        line_length += 12;
    }
    let line_length = options.line_length.unwrap_or(line_length);
    let too_small = SummaryError { line_length };
    let mut begin = 0;
    for (column, end) in columns.iter_mut().zip(ends) {
        let end = (end * line_length as f64) as usize;
        column.2 = end - begin;
        if column.2 < 4 {
            return Err(too_small);
        }
        begin = end;
    }
    let borders = columns.len() + 1;
    let wanted: usize = columns.iter().map(|column| column.2 + 2).sum();
    let mut excess = wanted.saturating_sub(line_length.saturating_sub(borders));
    let count = columns.len();
    for (i, column) in columns.iter_mut().enumerate() {
        let share = round_half_even(excess, count - i);
        column.2 = column.2.checked_sub(share).filter(|&width| width > 0).ok_or(too_small)?;
        excess -= share;
    }
    Ok(columns)
}

/// `a / b` to the nearest integer, a half to the even one, as Python's `round`.
fn round_half_even(a: usize, b: usize) -> usize {
    let (whole, rest) = (a / b, a % b);
    whole + usize::from(rest * 2 > b || (rest * 2 == b && whole % 2 == 1))
}

/// The fields of a layer, and below it those of the layers inside it. `connected` is the outermost model, if
/// a column shows connections.
fn add_rows(
    connected: Option<&Model>,
    layer: &ModelLayer,
    level: usize,
    options: &Summary,
    rows: &mut Vec<Vec<String>>,
) {
    let prefix = if level > 0 { format!("{}└ ", "   ".repeat(level)) } else { String::new() };
    let shapes: Vec<String> =
        layer.calls().last().map_or(Vec::new(), |call| call.output_shapes.iter().map(show).collect());
    let shape = match shapes.as_slice() {
        [shape] => shape.clone(),
        _ => format!("[{}]", shapes.join(", ")),
    };
    let params = count_params(layer);
    let mut fields =
        vec![format!("{prefix}{} ({})", layer.name(), layer.layer().class_name()), shape, thousands(params)];
    if let Some(outermost) = connected {
        // Keras knows the connections of the outermost model alone.
        let connections = if level == 0 { outermost.connections(layer) } else { Vec::new() };
        fields.push(if connections.is_empty() { "-".into() } else { connections.join(", ") });
    }
    if options.show_trainable {
        let weightless = layer.weights().is_empty() && layer.nested().is_none_or(|model| model.weights().is_empty());
        let mark = if weightless {
            "-"
        } else if layer.trainable() {
            "Y"
        } else {
            "N"
        };
        fields.push(mark.into());
    }
    rows.push(fields);
    if let Some(nested) = layer.nested().filter(|_| options.expand_nested) {
        for layer in nested.shown_layers() {
            add_rows(connected, layer, level + 1, options, rows);
        }
    }
}

fn rule(text: &mut String, columns: &Columns, [left, line, between, right]: [&str; 4]) {
    let lines: Vec<String> = columns.iter().map(|&(_, _, width)| line.repeat(width + 2)).collect();
    *text += &format!("{left}{}{right}\n", lines.join(between));
}

/// A row of cells, as high as the highest.
fn row(text: &mut String, columns: &Columns, fields: &[String], border: &str) {
    let cells: Vec<Vec<String>> = columns.iter().zip(fields).map(|(column, field)| wrap(field, column.2)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for i in 0..height {
        *text += border;
        for (&(_, align, width), lines) in columns.iter().zip(&cells) {
            let line = lines.get(i).map_or("", String::as_str);
            let cell = match align {
                Align::Left => format!("{line:<width$}"),
                Align::Right => format!("{line:>width$}"),
                Align::Center => format!("{line:^width$}"),
            };
            *text += &format!(" {cell} {border}");
        }
        text.push('\n');
    }
}

/// The lines of a cell: broken between words, a word that is longer than the cell cut off with an ellipsis.
fn wrap(field: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words(field) {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if used + word.trim_end().chars().count() > width && used > 0 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
        if line.chars().count() > width {
            *line = line.chars().take(width - 1).chain(['…']).collect();
        }
    }
    lines
}

/// Words with the spaces behind them; spaces in front belong to the first.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut begin = 0;
    let (mut in_word, mut behind) = (false, false);
    for (i, letter) in text.char_indices() {
        if letter == ' ' {
            behind = in_word;
        } else {
            if behind {
                words.push(&text[begin..i]);
                begin = i;
            }
            (in_word, behind) = (true, false);
        }
    }
    words.push(&text[begin..]);
    words
}

/// `21,802,784`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
