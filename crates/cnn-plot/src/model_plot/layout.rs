//! Where boxes and arrows go: a layered drawing after Sugiyama, Tagawa and Toda (1981), by the crate `dagre`.

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel};
use unicode_width::UnicodeWidthStr;

use super::RankDir;
use super::diagram::{Diagram, Node};

/// Pixels from one letter to the next, of a font of equal widths 13 pixels high: a little more than its 0.6 of the height,
/// so that text stays in its box in other fonts too.
const LETTER: f64 = 8.0;
/// Pixels from one line of a box to the next.
pub const LINE: f64 = 18.0;
/// Pixels of the title's height.
pub const TITLE: f64 = 26.0;
/// Pixels between a box's side and its text.
pub const PADDING: f64 = 10.0;
/// Pixels above the first line and below the last.
pub const ROWS_PADDING: f64 = 4.0;
/// Pixels around everything.
const MARGIN: f64 = 16.0;
/// Pixels of an arrow's head.
pub const HEAD: f64 = 8.0;
/// Pixels between a name and what it names.
const COLUMN_GAP: f64 = 12.0;

/// A rectangle: its left upper corner, width and height, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Rectangle {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Where things are.
pub struct Layout {
    /// Of the whole drawing.
    pub size: [f64; 2],
    /// Of each node.
    pub nodes: Vec<Rectangle>,
    /// Of each edge, the `d` of an SVG path.
    pub edges: Vec<String>,
}

/// Pixels of a box from the left to where its second column begins.
pub fn column(node: &Node) -> f64 {
    let names = node.rows.iter().flatten().map(|row| text_width(row.name)).fold(0.0, f64::max);
    PADDING + names + COLUMN_GAP
}

/// Text that goes into `width` pixels, cut where it is longer.
pub fn fit(text: &str, width: f64) -> String {
    if text_width(text) <= width {
        return text.into();
    }
    let mut fitting = String::new();
    for character in text.chars() {
        if text_width(&fitting) + 3.0 * LETTER > width {
            break;
        }
        fitting.push(character);
    }
    fitting + "…"
}

fn text_width(text: &str) -> f64 {
    LETTER * text.width() as f64
}

fn size(node: &Node) -> [f64; 2] {
    let rows = node.rows.as_deref().unwrap_or_default();
    let texts = rows.iter().map(|row| column(node) + text_width(&row.text)).fold(0.0, f64::max);
    let width = texts.max(PADDING + text_width(&node.title)) + PADDING;
    let rows = if rows.is_empty() { 0.0 } else { rows.len() as f64 * LINE + 2.0 * ROWS_PADDING };
    [width, TITLE + rows]
}

pub fn arrange(diagram: &Diagram, rankdir: RankDir) -> Layout {
    let framed = diagram.nodes.iter().any(|node| node.parent.is_some());
    let mut graph = graph(diagram, framed);
    let room = if framed { TITLE } else { 0.0 };
    let options = LayoutOptions {
        rankdir: match rankdir {
            RankDir::TopToBottom => dagre::RankDir::TB,
            RankDir::LeftToRight => dagre::RankDir::LR,
        },
        nodesep: 24.0 + room,
        edgesep: 12.0,
        ranksep: 44.0 + room,
        marginx: MARGIN,
        marginy: MARGIN + room,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    let mut nodes: Vec<Rectangle> =
        (0..diagram.nodes.len()).map(|index| rectangle(graph.node(&index.to_string()))).collect();
    let routes = Routes::new(diagram, &nodes, rankdir);
    let edges = diagram.edges.iter().map(|&(from, to)| {
        let label = graph.edge(&from.to_string(), &to.to_string(), None);
        let points: Vec<[f64; 2]> = label.iter().flat_map(|label| &label.points).map(|p| [p.x, p.y]).collect();
        if from == to { polyline(&points) } else { routes.path(&nodes[from], &nodes[to], &points) }
    });
    let edges = edges.collect();
    for (node, place) in diagram.nodes.iter().zip(&mut nodes) {
        if node.rows.is_none() {
            // Room for the title, which dagre knows nothing of.
            *place = Rectangle { y: place.y - TITLE, height: place.height + TITLE, ..*place };
        }
    }
    let far = |end: fn(&Rectangle) -> f64| nodes.iter().map(end).fold(0.0, f64::max) + MARGIN;
    let size = [far(|node| node.x + node.width), far(|node| node.y + node.height)];
    Layout { size, nodes, edges }
}

fn graph(diagram: &Diagram, compound: bool) -> Graph<NodeLabel, EdgeLabel> {
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: false, compound });
    for (index, node) in diagram.nodes.iter().enumerate() {
        let [width, height] = if node.rows.is_some() { size(node) } else { [0.0, 0.0] };
        graph.set_node(index.to_string(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
    }
    for (index, node) in diagram.nodes.iter().enumerate() {
        if let Some(parent) = node.parent {
            graph.set_parent(&index.to_string(), Some(&parent.to_string()));
        }
    }
    for (from, to) in &diagram.edges {
        graph.set_edge(from.to_string(), to.to_string(), Some(EdgeLabel::default()), None);
    }
    graph
}

fn rectangle(label: Option<&NodeLabel>) -> Rectangle {
    let place = |label: &NodeLabel| {
        let (width, height) = (label.width, label.height);
        Some(Rectangle { x: label.x? - width / 2.0, y: label.y? - height / 2.0, width, height })
    };
    label.and_then(place).unwrap_or(Rectangle { x: 0.0, y: 0.0, width: 0.0, height: 0.0 })
}

fn polyline(points: &[[f64; 2]]) -> String {
    let mut path = String::new();
    for (index, [x, y]) in points.iter().enumerate() {
        path += &format!("{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
    }
    path
}

/// How arrows run: straight through the ranks of boxes, where dagre has kept a place free for them, and aside only in the
/// gaps between.
///
/// Places are along the drawing's direction, then across it.
struct Routes {
    rankdir: RankDir,
    /// Where each rank of boxes begins and ends.
    ranks: Vec<[f64; 2]>,
}

impl Routes {
    fn new(diagram: &Diagram, nodes: &[Rectangle], rankdir: RankDir) -> Self {
        let mut routes = Self { rankdir, ranks: Vec::new() };
        let boxes = diagram.nodes.iter().zip(nodes).filter(|(node, _)| node.rows.is_some());
        let mut spans: Vec<[f64; 2]> = boxes.map(|(_, place)| routes.span(place)).collect();
        spans.sort_by(|a, b| a[0].total_cmp(&b[0]));
        for [begin, end] in spans {
            match routes.ranks.last_mut() {
                Some(rank) if begin < rank[1] => rank[1] = rank[1].max(end),
                _ => routes.ranks.push([begin, end]),
            }
        }
        routes
    }

    fn span(&self, place: &Rectangle) -> [f64; 2] {
        match self.rankdir {
            RankDir::TopToBottom => [place.y, place.y + place.height],
            RankDir::LeftToRight => [place.x, place.x + place.width],
        }
    }

    fn middle(&self, place: &Rectangle) -> f64 {
        match self.rankdir {
            RankDir::TopToBottom => place.x + place.width / 2.0,
            RankDir::LeftToRight => place.y + place.height / 2.0,
        }
    }

    fn rank(&self, along: f64) -> Option<[f64; 2]> {
        self.ranks.iter().copied().find(|rank| rank[0] <= along && along <= rank[1])
    }

    /// From box to box by way of the places that dagre has kept.
    fn path(&self, from: &Rectangle, to: &Rectangle, points: &[[f64; 2]]) -> String {
        let swap = |[x, y]: [f64; 2]| match self.rankdir {
            RankDir::TopToBottom => [y, x],
            RankDir::LeftToRight => [x, y],
        };
        let (begin, end) = (self.span(from), self.span(to));
        // An arrow back, as of a layer that is called twice, runs against the direction.
        let back = begin[0] > end[0];
        let through = |rank: [f64; 2], across: f64| {
            let [near, far] = if back { [rank[1], rank[0]] } else { rank };
            [[near, across], [far, across]]
        };
        let mut places = Vec::new();
        let [_, leave] = through(begin, self.middle(from));
        let [_, clear] = through(self.rank(begin[0]).unwrap_or(begin), self.middle(from));
        places.extend([leave, clear]);
        for point in points.iter().skip(1).take(points.len().saturating_sub(2)) {
            let [along, across] = swap(*point);
            places.extend(self.rank(along).into_iter().flat_map(|rank| through(rank, across)));
        }
        let [near, _] = through(self.rank(end[0]).unwrap_or(end), self.middle(to));
        let [arrive, _] = through(end, self.middle(to));
        // The arrow's head points at the box, however slanting the arrow has come.
        let head = [near[0] + if back { HEAD } else { -HEAD }, near[1]];
        places.extend([head, near, arrive]);

        let mut path = String::new();
        let mut last: Option<[f64; 2]> = None;
        for place in places {
            let [x, y] = swap(place);
            match last {
                None => path += &format!("M{x:.1} {y:.1}"),
                Some(last) if last == place => continue,
                Some([_, across]) if across == place[1] => path += &format!("L{x:.1} {y:.1}"),
                Some([along, across]) => {
                    let half = (along + place[0]) / 2.0;
                    let ([a, b], [c, d]) = (swap([half, across]), swap([half, place[1]]));
                    path += &format!("C{a:.1} {b:.1} {c:.1} {d:.1} {x:.1} {y:.1}");
                }
            }
            last = Some(place);
        }
        path
    }
}
