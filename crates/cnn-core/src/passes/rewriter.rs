//! What every pass is made of: a new graph grown along an old one.

use crate::graph::{Graph, Node, Source, ValueId};
use crate::op::{Binary, BinaryOp, Epilogue, Function, Op, Unary};

/// A new graph grown along an old one. Inputs and variables are there from the start, in the old order; constants come
/// at their first use.
pub(super) struct Rewriter<'a> {
    old: &'a Graph,
    new: Graph,
    /// The new value that stands for each old one.
    map: Vec<Option<ValueId>>,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(old: &'a Graph) -> Self {
        let mut new = Graph::new();
        let mut map = vec![None; old.values().len()];
        for &id in old.inputs() {
            let value = old.value(id);
            map[id.index()] = Some(new.input(&value.name, value.shape.clone()));
        }
        for id in old.value_ids() {
            let value = old.value(id);
            if value.source == Source::Variable {
                map[id.index()] = Some(sound(new.variable(&value.name, value.shape.clone())));
            }
        }
        Self { old, new, map }
    }

    /// The new graph so far.
    pub(super) fn graph(&self) -> &Graph {
        &self.new
    }

    /// The new value that stands for `old`.
    pub(super) fn get(&mut self, old: ValueId) -> ValueId {
        let value = self.old.value(old);
        if let (None, Source::Constant(tensor)) = (self.map[old.index()], &value.source) {
            self.map[old.index()] = Some(self.new.shared_constant(&value.name, tensor.clone()));
        }
        match self.map[old.index()] {
            Some(new) => new,
            None => unreachable!("a pass left out {}, which is read", value.name),
        }
    }

    /// [`Rewriter::get`] of several.
    pub(super) fn get_all(&mut self, old: &[ValueId]) -> Vec<ValueId> {
        old.iter().map(|&id| self.get(id)).collect()
    }

    /// Lets `new` stand for `old` from here on.
    pub(super) fn replace(&mut self, old: ValueId, new: ValueId) {
        self.map[old.index()] = Some(new);
    }

    /// Copies a node of the old graph.
    pub(super) fn keep(&mut self, node: &Node) {
        let inputs = self.get_all(&node.inputs);
        let output = self.push(&node.name, node.op.clone(), &inputs);
        self.replace(node.output, output);
    }

    /// Adds a node that reads new values.
    pub(super) fn push(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> ValueId {
        sound(self.new.push(name, op, inputs))
    }

    /// Adds `op(a, b)` of new values.
    pub(super) fn binary(&mut self, name: &str, op: BinaryOp, a: ValueId, b: ValueId) -> ValueId {
        self.push(name, Op::Binary(Binary::new(op)), &[a, b])
    }

    /// Adds `function(x)` of a new value.
    pub(super) fn unary(&mut self, name: &str, function: Function, x: ValueId) -> ValueId {
        self.push(name, Op::Unary(Unary { function }), &[x])
    }

    /// A float32 constant of the new graph.
    pub(super) fn constant(&mut self, name: &str, tensor: crate::tensor::Tensor) -> ValueId {
        self.new.constant(name, tensor)
    }

    /// The new graph, with the old outputs.
    pub(super) fn finish(mut self) -> Graph {
        for (name, value) in self.old.outputs() {
            let value = self.get(*value);
            self.new.output(name, value);
        }
        self.new
    }
}

/// The value in a result of shape inference that cannot fail: the pass built the node from shapes it looked at.
fn sound(result: Result<ValueId, crate::error::ShapeError>) -> ValueId {
    match result {
        Ok(value) => value,
        Err(error) => unreachable!("a pass made a node that its own shapes refuse: {error}"),
    }
}

/// How often each value is read, by nodes and as an output.
pub(super) fn reader_counts(graph: &Graph) -> Vec<usize> {
    let mut counts = vec![0; graph.values().len()];
    let by_nodes = graph.nodes().iter().flat_map(|node| node.inputs.iter().copied());
    for value in by_nodes.chain(graph.outputs().iter().map(|&(_, value)| value)) {
        counts[value.index()] += 1;
    }
    counts
}

/// The index of the node that makes `value`.
pub(super) fn producer(graph: &Graph, value: ValueId) -> Option<usize> {
    match graph.value(value).source {
        Source::Node(id) => Some(id.index()),
        Source::Input | Source::Variable | Source::Constant(_) => None,
    }
}

/// Inputs of a linear op before its epilogue's: what it is applied to and its filter.
pub(super) const OWN_INPUTS: usize = 2;

/// The epilogue of a linear op; `None` for all others.
pub(super) fn epilogue(op: &Op) -> Option<Epilogue> {
    epilogue_mut(&mut op.clone()).copied()
}

/// `op` with another epilogue, if it has one.
pub(super) fn with_epilogue(op: &Op, epilogue: Epilogue) -> Op {
    let mut op = op.clone();
    if let Some(own) = epilogue_mut(&mut op) {
        *own = epilogue;
    }
    op
}

fn epilogue_mut(op: &mut Op) -> Option<&mut Epilogue> {
    match op {
        Op::Conv2D(op) => Some(&mut op.epilogue),
        Op::Conv2DTranspose(op) => Some(&mut op.epilogue),
        Op::Gemm(op) => Some(&mut op.epilogue),
        Op::Pool2D(_)
        | Op::Pool2DGradient(_)
        | Op::UnaryGradient(_)
        | Op::ResizeGradient(_)
        | Op::Broadcast(_)
        | Op::Assign(_)
        | Op::RandomUniform(_)
        | Op::Warp(_)
        | Op::Histogram(_)
        | Op::Lookup(_)
        | Op::OptimizerStep(_)
        | Op::Conv2DFilterGradient(_)
        | Op::Reduce(_)
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::BatchNorm(_)
        | Op::LayerNorm(_)
        | Op::Softmax(_)
        | Op::Resize(_)
        | Op::Pad(_)
        | Op::Slice(_)
        | Op::Transpose(_)
        | Op::Concat(_)
        | Op::Reshape(_)
        | Op::Cast(_) => None,
    }
}

/// Applies `once` until it finds nothing more to do.
pub(super) fn to_the_end(graph: &Graph, once: impl Fn(&Graph) -> Option<Graph>) -> Graph {
    let mut graph = graph.clone();
    while let Some(next) = once(&graph) {
        graph = next;
    }
    graph
}
