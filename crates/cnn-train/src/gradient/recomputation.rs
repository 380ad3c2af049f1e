//! Gradients in less memory: activations are made again, segment by segment, where they are not kept (Chen et al., "Training
//! deep nets with sublinear memory cost", 2016).
//!
//! What is made again has the bits of what was made first: an op's result depends on its inputs alone, and what is random
//! draws from the step's seed.

use std::collections::{HashMap, HashSet};

use cnn_core::plan::{bytes, storage};
use cnn_core::{Graph, Node, Op, Plan, ShapeError, ValueId};

use super::{GradientError, differentiate, differentiate_in_segments, needed};

/// The most segments that are tried: more than the square root of any known network's depth.
const MOST_SEGMENTS: usize = 64;

/// [`differentiate`], with as many segments as make the least memory, if any make less than keeping all. Their number comes
/// back too; 1 is that nothing is made again.
pub(crate) fn differentiate_in_least_memory(
    graph: &mut Graph,
    loss: ValueId,
    wanted: &[ValueId],
) -> Result<(Vec<Option<ValueId>>, usize), GradientError> {
    let mut kept = graph.clone();
    let gradients = differentiate(&mut kept, loss, wanted)?;
    let mut best = (memory(&kept, loss, &gradients), kept, gradients, 1);
    let mut known = Vec::new();
    for segments in 2..=MOST_SEGMENTS {
        let cuts = cuts(graph, wanted, segments);
        if known.contains(&cuts) {
            continue;
        }
        let mut divided = graph.clone();
        let gradients = differentiate_in_segments(&mut divided, loss, wanted, &cuts)?;
        let memory = memory(&divided, loss, &gradients);
        if memory < best.0 {
            best = (memory, divided, gradients, cuts.len() + 1);
        }
        known.push(cuts);
    }
    let (_, divided, gradients, segments) = best;
    *graph = divided;
    Ok((gradients, segments))
}

/// Bytes of a plan's slots where loss and gradients are what is made.
fn memory(graph: &Graph, loss: ValueId, gradients: &[Option<ValueId>]) -> usize {
    let mut graph = graph.clone();
    graph.output("loss", loss);
    gradients.iter().flatten().for_each(|&gradient| graph.output("gradient", gradient));
    Plan::new(graph).slots().iter().sum()
}

/// Where to cut what is behind the first wanted value into so many segments of about as many bytes: at the node, near the
/// place where equal segments end, before which the fewest bytes are handed on.
fn cuts(graph: &Graph, wanted: &[ValueId], segments: usize) -> Vec<usize> {
    let needed = needed(graph, wanted);
    let nodes = graph.nodes();
    let first = nodes.iter().position(|node| needed[node.output.index()]).unwrap_or(nodes.len());
    let handed_on = handed_on(graph);
    // Bytes made before each node.
    let mut made = vec![0; nodes.len() + 1];
    for index in first..nodes.len() {
        made[index + 1] = made[index] + own_bytes(graph, &nodes[index]);
    }
    let each = made[nodes.len()] / segments;
    let mut cuts: Vec<usize> = (1..segments)
        .filter_map(|number| {
            let off = |index: usize| made[index].abs_diff(number * each);
            let near = (first + 1..nodes.len()).filter(|&index| off(index) <= each / 2);
            near.min_by_key(|&index| (handed_on[index], off(index)))
        })
        .collect();
    cuts.dedup();
    cuts
}

/// For each node the bytes that nodes before it make and that it or one behind it reads.
fn handed_on(graph: &Graph) -> Vec<usize> {
    let nodes = graph.nodes();
    let mut last_reader: HashMap<ValueId, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        last_reader.extend(node.inputs.iter().map(|&input| (storage(graph, input), index)));
    }
    let mut handed_on = vec![0; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let last = last_reader.get(&node.output).copied().unwrap_or(index);
        handed_on[index + 1..=last].iter_mut().for_each(|sum| *sum += own_bytes(graph, node));
    }
    handed_on
}

/// Bytes that a node takes for what it makes.
fn own_bytes(graph: &Graph, node: &Node) -> usize {
    if matches!(node.op, Op::Reshape(_) | Op::Assign(_)) { 0 } else { bytes(graph, node.output) }
}

/// What stands for the values that a segment makes, in the gradients of its nodes.
pub(super) struct Segment {
    again: HashMap<ValueId, ValueId>,
}

impl Segment {
    /// The values themselves.
    pub(super) fn kept() -> Self {
        Self { again: HashMap::new() }
    }

    /// The values that no node from `end` on reads made once more, of the nodes in `begin..end`, by nodes appended to the graph.
    /// What changes a variable, or reads one that has changed since, is not done again.
    pub(super) fn made_again(graph: &mut Graph, nodes: &[Node], begin: usize, end: usize) -> Result<Self, ShapeError> {
        let behind = nodes[end..].iter().flat_map(|node| &node.inputs);
        let handed_on: HashSet<ValueId> = behind.map(|&input| storage(graph, input)).collect();
        let mut segment = Self::kept();
        for node in &nodes[begin..end] {
            let Node { name, op, inputs, output } = segment.node(node);
            let kept = handed_on.contains(&storage(graph, output)) || matches!(op, Op::Assign(_));
            if !kept && inputs.iter().all(|&input| graph.latest(input) == input) {
                let again = graph.push(name, op, &inputs)?;
                segment.again.insert(output, again);
            }
        }
        Ok(segment)
    }

    /// The node as it reads and makes what stands for the values.
    pub(super) fn node(&self, node: &Node) -> Node {
        let of = |value: &ValueId| self.again.get(value).copied().unwrap_or(*value);
        Node { inputs: node.inputs.iter().map(of).collect(), output: of(&node.output), ..node.clone() }
    }
}
