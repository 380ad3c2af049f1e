//! Keras 2's table: fixed columns, cut at their width rather than between words.

use super::{Summary, SummaryError, count_params, memory};
use crate::layers::{Layer, SymbolicShape};
use crate::model::{Model, ModelLayer};

/// The table while it is written.
struct Table<'a> {
    text: String,
    line_length: usize,
    /// Where each column ends.
    ends: Vec<usize>,
    connected: bool,
    options: &'a Summary,
}

pub(super) fn table(model: &Model, options: &Summary) -> Result<String, SummaryError> {
    let connected = !model.is_chain();
    let (shares, default): (&[f64], usize) =
        if connected { (&[0.3, 0.6, 0.70, 1.0], 98) } else { (&[0.45, 0.85, 1.0], 65) };
    let mut line_length = options.line_length.unwrap_or(default);
    let mut ends: Vec<usize> = shares.iter().map(|share| (share * line_length as f64) as usize).collect();
    // Two spaces and one more between columns, and the bars of nested models, must leave room for text.
    let mut begin = 0;
    for &end in &ends {
        if end < begin + 4 + depth(model, options) {
            return Err(SummaryError { line_length });
        }
        begin = end;
    }
    let mut header = vec!["Layer (type)", "Output Shape", "Param #"];
    if connected {
        header.push("Connected to");
    }
    if options.show_trainable {
        line_length += 11;
        ends.push(line_length);
        header.push("Trainable");
    }
    let mut table = Table { text: String::new(), line_length, ends, connected, options };
    table.line(&format!("Model: \"{}\"", model.name()));
    table.line(&"_".repeat(line_length));
    table.row(header.into_iter().map(String::from).collect(), 0);
    table.line(&"=".repeat(line_length));
    for layer in model.shown_layers() {
        table.layer(model, layer, 0, false);
    }
    table.line(&"=".repeat(line_length));
    let count = model.count_params();
    let counts = [("Total", count.total()), ("Trainable", count.trainable), ("Non-trainable", count.non_trainable)];
    for (what, count) in counts {
        table.line(&format!("{what} params: {count} ({})", memory(count, "Byte")));
    }
    table.line(&"_".repeat(line_length));
    Ok(table.text)
}

/// How deep the layers shown are nested.
fn depth(model: &Model, options: &Summary) -> usize {
    if !options.expand_nested {
        return 0;
    }
    model.layers().iter().filter_map(ModelLayer::nested).map(|nested| 1 + depth(nested, options)).max().unwrap_or(0)
}

impl Table<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line of one character between the bars of `level` nested models.
    fn filled(&mut self, fill: &str, level: usize) {
        let bars = "|".repeat(level);
        let inner = fill.repeat(self.line_length.saturating_sub(2 * level));
        self.line(&format!("{bars}{inner}{bars}"));
    }

    /// A layer, and below it those inside it; `last` if it is the last one inside another.
    fn layer(&mut self, model: &Model, layer: &ModelLayer, level: usize, last: bool) {
        let class = layer.layer().class_name();
        let mut fields =
            vec![format!("{} ({class})", layer.name()), output_shape(layer), count_params(layer).to_string()];
        if self.connected {
            // Keras knows the connections of the outermost model alone.
            let connections = if level == 0 { model.connections(layer) } else { Vec::new() };
            let connections: Vec<String> = connections.iter().map(|name| format!("'{name}'")).collect();
            fields.push(format!("[{}]", connections.join(", ")));
        }
        if self.options.show_trainable {
            fields.push(if layer.trainable() { "Y" } else { "N" }.into());
        }
        self.row(fields, level);
        let mut closed = last;
        if let Some(nested) = layer.nested().filter(|_| self.options.expand_nested) {
            self.filled("¯", level + 1);
            let count = nested.shown_layers().count();
            for (i, layer) in nested.shown_layers().enumerate() {
                self.layer(nested, layer, level + 1, i + 1 == count);
            }
            self.filled("¯", level);
            closed = true;
        }
        if !closed {
            self.filled(" ", level);
        }
    }

    /// A row, on as many lines as its longest field needs.
    fn row(&mut self, fields: Vec<String>, level: usize) {
        let mut left: Vec<Vec<char>> = fields.iter().map(|field| field.chars().collect()).collect();
        let bars = "|".repeat(level);
        while left.iter().any(|field| !field.is_empty()) {
            let mut line: Vec<char> = Vec::new();
            let mut begin = 0;
            for (column, field) in left.iter_mut().enumerate() {
                let end = self.ends[column];
                let last = column + 1 == self.ends.len();
                let gap = if last { 0 } else { 3 } + if column == 0 { level } else { 0 };
                if column == 0 {
                    line.extend(bars.chars());
                    line.push(' ');
                }
                line.extend(take(field, (end - begin).saturating_sub(gap).max(1)));
                if !last {
                    line.extend([' ', ' ']);
                }
                let target = if last { end - level } else { end };
                line.resize(line.len().max(target), ' ');
                begin = end;
            }
            line.extend(bars.chars());
            self.line(&line.into_iter().collect::<String>());
        }
    }
}

/// Cuts off the front of `field`: `width` characters, or less where a shape or a name in a list ends.
fn take(field: &mut Vec<char>, width: usize) -> Vec<char> {
    let width = width.min(field.len());
    let ends = |pair: &[char]| pair[1] == ',' && matches!(pair[0], ')' | '}' | ']' | '\'');
    let cut = field[..width].windows(2).position(ends).map_or(width, |i| i + 2);
    field.drain(..cut).collect()
}

/// The shape as Keras 2 has it: of a nested model its own, not that of its use here; of an input layer in a list.
fn output_shape(layer: &ModelLayer) -> String {
    let shapes: Vec<Vec<SymbolicShape>> = match layer.nested() {
        Some(model) => vec![model.output_shapes()],
        None => layer.calls().iter().map(|call| call.output_shapes.clone()).collect(),
    };
    let Some(first) = shapes.first() else { return "?".into() };
    if shapes.iter().any(|other| other != first) {
        return "multiple".into();
    }
    let text: Vec<String> = first.iter().map(tuple).collect();
    match (layer.layer(), text.as_slice()) {
        (Layer::InputLayer(_), _) | (_, [] | [_, _, ..]) => format!("[{}]", text.join(", ")),
        (_, [only]) => only.clone(),
    }
}

/// A Python tuple: one of a single element has a comma.
fn tuple(shape: &SymbolicShape) -> String {
    match shape.as_slice() {
        [_] => super::show(shape).replace(')', ",)"),
        _ => super::show(shape),
    }
}
