//! Half the memory: every activation and weight as float16.

use std::collections::HashMap;

use super::fold_batch_normalization::scale;
use super::rewriter::Rewriter;
use crate::graph::{Graph, Node, ValueId};
use crate::op::{BatchNorm, Cast, Op};
use crate::plan::weight_only;
use crate::tensor::{DType, Tensor};

/// Stores all activations and weights as float16; arithmetic stays float32. Inputs and outputs stay float32 too, with a
/// [`Cast`] behind each input and before each output. The weight prologue is computed in float32 and its results are
/// rounded once, where a step reads them.
///
/// A [`BatchNorm`] that could not be folded takes `gamma / √(variance + epsilon)` from the prologue as its gamma, with
/// variance 1: a variance below 6e-8 or over 65504 has no float16.
pub fn store_as_f16(graph: &Graph) -> Graph {
    let fixed = weight_only(graph);
    let mut halves = Halves { rewriter: Rewriter::new(graph), fixed: &fixed, made: HashMap::new() };
    for &input in graph.inputs() {
        halves.get(graph, input);
    }
    for node in graph.nodes() {
        if fixed[node.output.index()] {
            halves.rewriter.keep(node);
        } else if let Op::Cast(_) = node.op {
            let x = halves.get(graph, node.inputs[0]);
            halves.rewriter.replace(node.output, x);
        } else {
            halves.push(graph, node);
        }
    }
    for (name, value) in graph.outputs() {
        let half = halves.rewriter.get(*value);
        if !fixed[value.index()] && halves.rewriter.graph().value(half).dtype == DType::F16 {
            let single = halves.rewriter.push(name, Op::Cast(Cast { to: DType::F32 }), &[half]);
            halves.rewriter.replace(*value, single);
        }
    }
    halves.rewriter.finish()
}

struct Halves<'a> {
    rewriter: Rewriter<'a>,
    fixed: &'a [bool],
    /// The float16 copy of each weight and input that has been asked for.
    made: HashMap<ValueId, ValueId>,
}

impl Halves<'_> {
    /// The new float16 value that stands for `old`.
    fn get(&mut self, graph: &Graph, old: ValueId) -> ValueId {
        if let Some(&half) = self.made.get(&old) {
            return half;
        }
        let new = self.rewriter.get(old);
        let half = self.half(&graph.value(old).name, new);
        self.made.insert(old, half);
        half
    }

    /// A new value as float16.
    fn half(&mut self, name: &str, new: ValueId) -> ValueId {
        match self.rewriter.graph().value(new).dtype {
            DType::F16 => new,
            DType::F32 => self.rewriter.push(name, Op::Cast(Cast { to: DType::F16 }), &[new]),
        }
    }

    fn push(&mut self, graph: &Graph, node: &Node) {
        let (op, inputs) = match node.op {
            Op::BatchNorm(norm) if node.inputs[1..].iter().all(|id| self.fixed[id.index()]) => {
                self.scaled(graph, node, norm)
            }
            _ => (node.op.clone(), node.inputs.iter().map(|&id| self.get(graph, id)).collect()),
        };
        let output = self.rewriter.push(&node.name, op, &inputs);
        self.rewriter.replace(node.output, output);
    }

    /// The same normalisation with variance 1 and epsilon 0, and its inputs.
    fn scaled(&mut self, graph: &Graph, node: &Node, norm: BatchNorm) -> (Op, Vec<ValueId>) {
        let weights = self.rewriter.get_all(&node.inputs[1..]);
        let gamma = scale(&mut self.rewriter, &node.name, norm.epsilon, weights[0], weights[3]);
        let one = Tensor::full(self.rewriter.graph().value(gamma).shape.clone(), 1.0);
        let variance = self.rewriter.constant("variance", one);
        let x = self.get(graph, node.inputs[0]);
        let (beta, mean) = (self.get(graph, node.inputs[2]), self.get(graph, node.inputs[3]));
        let (gamma, variance) = (self.half(&node.name, gamma), self.half(&node.name, variance));
        (Op::BatchNorm(BatchNorm { epsilon: 0.0, ..norm }), vec![x, gamma, beta, mean, variance])
    }
}
