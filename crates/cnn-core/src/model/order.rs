//! Which layers a model has, given its inputs and outputs, and in which order Keras lists them.
//!
//! Keras walks from the outputs back, depth first. A layer's depth is its longest way to an output; layers are listed by
//! falling depth, and at one depth in the order in which the walk met them first.

use std::collections::{HashMap, HashSet};

use super::{ModelLayer, TensorRef};

/// One call of one layer.
type Node = (usize, usize);

/// What [`trace`] finds.
pub(super) struct Trace {
    /// Calls, each after those it takes from.
    pub(super) nodes: Vec<Node>,
    /// Layers in Keras's order.
    pub(super) layers: Vec<usize>,
}

/// Walks from `outputs` back to `inputs`. Fails, with what is wrong, where an input layer is met that is not among
/// `inputs`.
pub(super) fn trace(layers: &[ModelLayer], inputs: &[TensorRef], outputs: &[TensorRef]) -> Result<Trace, String> {
    let walk = Walk::new(layers, outputs);
    for &(layer, call) in &walk.nodes {
        let is_input = layers[layer].calls[call].inputs.is_empty();
        if is_input && !inputs.iter().any(|x| (x.layer, x.call) == (layer, call)) {
            return Err(format!("its outputs depend on '{}', which is not among its inputs", layers[layer].name));
        }
    }
    let mut depths = depths(layers, &walk.nodes);
    let mut found: HashMap<usize, isize> =
        walk.layers.iter().enumerate().map(|(index, &layer)| (layer, index as isize)).collect();
    let mut nodes = walk.nodes;
    for x in inputs {
        if let std::collections::hash_map::Entry::Vacant(entry) = found.entry(x.layer) {
            entry.insert(-1);
            depths.insert(x.layer, 0);
            nodes.push((x.layer, x.call));
        }
    }
    let mut listed: Vec<usize> = found.keys().copied().collect();
    listed.sort_by_key(|layer| (std::cmp::Reverse(depths[layer]), found[layer], *layer));
    Ok(Trace { nodes, layers: listed })
}

/// A depth-first walk over calls, from the outputs back, without recursion.
struct Walk {
    nodes: Vec<Node>,
    layers: Vec<usize>,
}

impl Walk {
    fn new(layers: &[ModelLayer], outputs: &[TensorRef]) -> Self {
        let mut walk = Walk { nodes: Vec::new(), layers: Vec::new() };
        let (mut met, mut met_layers) = (HashSet::new(), HashSet::new());
        for output in outputs {
            // Each entry: a call, and how many of its inputs have been walked.
            let mut stack: Vec<(Node, usize)> = Vec::new();
            let mut enter = |node: Node, stack: &mut Vec<(Node, usize)>, found: &mut Vec<usize>| {
                if met.insert(node) {
                    if met_layers.insert(node.0) {
                        found.push(node.0);
                    }
                    stack.push((node, 0));
                }
            };
            enter((output.layer, output.call), &mut stack, &mut walk.layers);
            while let Some((node, next)) = stack.last_mut() {
                let inputs = &layers[node.0].calls[node.1].inputs;
                if let Some(input) = inputs.get(*next) {
                    *next += 1;
                    enter((input.layer, input.call), &mut stack, &mut walk.layers);
                } else {
                    walk.nodes.push(*node);
                    stack.pop();
                }
            }
        }
        walk
    }
}

/// Each layer's depth: its longest way to an output, over all its calls.
fn depths(layers: &[ModelLayer], nodes: &[Node]) -> HashMap<usize, usize> {
    let (mut of_node, mut of_layer) = (HashMap::<Node, usize>::new(), HashMap::<usize, usize>::new());
    for &node in nodes.iter().rev() {
        let own = of_node.get(&node).copied().unwrap_or(0);
        let depth = own.max(of_layer.get(&node.0).copied().unwrap_or(0));
        of_layer.insert(node.0, depth);
        of_node.insert(node, depth);
        for input in &layers[node.0].calls[node.1].inputs {
            let before = of_node.entry((input.layer, input.call)).or_default();
            *before = (*before).max(depth + 1);
        }
    }
    of_layer
}
