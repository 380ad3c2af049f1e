//! A drawing as SVG text.

use std::fmt::Write;

use super::diagram::{Diagram, Node};
use super::layout::{LINE, Layout, PADDING, ROWS_PADDING, Rectangle, TITLE, column, fit};

const STYLE: &str = "\
text { font: 13px 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace; white-space: pre }
.layer rect { fill: #fff; stroke: #222 } .layer rect.head { fill: #222 } .layer text.head { fill: #fff; font-weight: bold }
.model rect { fill: #6b7fa3; fill-opacity: 0.08; stroke: #6b7fa3; stroke-dasharray: 6 4 } .model text { fill: #3c4c6b }
.name { fill: #777 } .yes { fill: #1c7c2c } .no { fill: #b22222 }
.edge { fill: none; stroke: #555; stroke-width: 1.3; marker-end: url(#arrow) } marker path { fill: #555 }";

/// Pixels from a line's top to its letters' feet, for a line of letters in the middle of `height`.
fn baseline(height: f64) -> f64 {
    height / 2.0 + 4.5
}

pub fn write(name: &str, diagram: &Diagram, layout: &Layout) -> String {
    let [width, height] = layout.size;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{}</title>\n<style>\n{STYLE}\n</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escape(name)
    );
    let mut push = |text: std::fmt::Arguments| {
        // Writing to a string cannot fail.
        let _ = svg.write_fmt(text);
    };
    let frames_first =
        |frames: bool| diagram.nodes.iter().zip(&layout.nodes).filter(move |(node, _)| node.rows.is_none() == frames);
    for (node, place) in frames_first(true) {
        push(format_args!("{}", frame(node, place)));
    }
    for ((from, to), path) in diagram.edges.iter().zip(&layout.edges) {
        let [from, to] = [from, to].map(|&index| escape(&diagram.nodes[index].path));
        push(format_args!("<path class=\"edge\" d=\"{path}\"><title>{from} to {to}</title></path>\n"));
    }
    for (node, place) in frames_first(false) {
        push(format_args!("{}", layer(node, place)));
    }
    svg + "</svg>\n"
}

fn rectangle(class: &str, place: &Rectangle) -> String {
    let Rectangle { x, y, width, height } = place;
    format!("<rect{class} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>")
}

fn text(class: &str, [x, y]: [f64; 2], text: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<text{class} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(text))
}

fn frame(node: &Node, place: &Rectangle) -> String {
    let at = [place.x + PADDING, place.y + baseline(TITLE)];
    let (path, rectangle, title) =
        (escape(&node.path), rectangle("", place), text("", at, &fit(&node.title, place.width - 2.0 * PADDING)));
    format!("<g class=\"model\"><title>{path}</title>{rectangle}{title}</g>\n")
}

fn layer(node: &Node, place: &Rectangle) -> String {
    let mut group = format!("<g class=\"layer\"><title>{}</title>{}", escape(&node.path), rectangle("", place));
    group += &rectangle(" class=\"head\"", &Rectangle { height: TITLE, ..*place });
    group += &text("head", [place.x + PADDING, place.y + baseline(TITLE)], &node.title);
    for (index, row) in node.rows.iter().flatten().enumerate() {
        let y = place.y + TITLE + ROWS_PADDING + index as f64 * LINE + baseline(LINE);
        if !row.name.is_empty() {
            group += &text("name", [place.x + PADDING, y], row.name);
        }
        let class = match row.mark {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        group += &text(class, [place.x + column(node), y], &row.text);
    }
    group + "</g>\n"
}

/// Text as XML has it; what XML has no form for becomes a blank.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}
