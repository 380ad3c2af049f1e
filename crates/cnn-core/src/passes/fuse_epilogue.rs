//! Bias, residual and activation as part of the op before them.

use super::fold_batch_normalization::{as_vector, bias_addition};
use super::rewriter::{Rewriter, epilogue, producer, reader_counts, to_the_end, with_epilogue};
use crate::graph::{Graph, Node, ValueId};
use crate::op::{Binary, BinaryOp, Clamp, Epilogue, Function, Op};
use crate::plan::weight_only;

/// Fuses what follows a linear op into its [`Epilogue`], `clamp(y + bias + residual)`, in this order and where nothing
/// else reads what lies between: the addition of a weight for each channel, then that of a value of the output's shape,
/// then a ReLU. Where a sum has two linear ops to go into, the later one takes it. Then any activation behind a
/// [`Binary`] or a [`BatchNorm`](crate::op::BatchNorm) goes into that.
///
/// A fused node stands where its last part stood, so what it reads has been made.
pub fn fuse_epilogue(graph: &Graph) -> Graph {
    let graph = to_the_end(graph, |graph| fuse_once(graph, bias));
    // After all biases: a sum's later operand may be linear only now.
    let graph = to_the_end(&graph, |graph| fuse_once(graph, residual_or_clamp));
    to_the_end(&graph, |graph| fuse_once(graph, activation))
}

/// A node that goes into one before it.
struct Fusion {
    /// Index of the node that takes it.
    into: usize,
    /// What that one becomes.
    op: Op,
    /// What it reads besides its own inputs; a bias becomes a vector.
    operand: Option<ValueId>,
}

/// What a rule looks at.
struct Context<'a> {
    graph: &'a Graph,
    /// Whether each value depends on weights alone.
    fixed: Vec<bool>,
    /// How often each value is read.
    readers: Vec<usize>,
    /// Whether each node takes part in a fusion already.
    taken: Vec<bool>,
}

impl Context<'_> {
    /// The node that makes `value`, which nobody else reads.
    fn only_for_this(&self, value: ValueId) -> Option<(usize, &Node)> {
        let index = producer(self.graph, value)?;
        let free = self.readers[value.index()] == 1 && !self.taken[index];
        free.then(|| (index, &self.graph.nodes()[index]))
    }
}

/// Applies `rule` once to each node that no fusion has touched.
fn fuse_once(graph: &Graph, rule: fn(&Context, &Node) -> Option<Fusion>) -> Option<Graph> {
    let (fixed, readers) = (weight_only(graph), reader_counts(graph));
    let mut context = Context { graph, fixed, readers, taken: vec![false; graph.nodes().len()] };
    let mut fusions = Vec::new();
    let mut absorbed = vec![false; graph.nodes().len()];
    for (index, node) in graph.nodes().iter().enumerate() {
        let found = if context.fixed[node.output.index()] { None } else { rule(&context, node) };
        if let Some(fusion) = &found {
            absorbed[fusion.into] = true;
            context.taken[fusion.into] = true;
            context.taken[index] = true;
        }
        fusions.push(found);
    }
    if fusions.iter().all(Option::is_none) {
        return None;
    }
    let mut rewriter = Rewriter::new(graph);
    for ((node, fusion), absorbed) in graph.nodes().iter().zip(fusions).zip(absorbed) {
        match fusion {
            Some(fusion) => emit(&mut rewriter, graph, node, fusion),
            None if absorbed => {}
            None => rewriter.keep(node),
        }
    }
    Some(rewriter.finish())
}

fn emit(rewriter: &mut Rewriter, graph: &Graph, node: &Node, fusion: Fusion) {
    let into = &graph.nodes()[fusion.into];
    let mut inputs = rewriter.get_all(&into.inputs);
    if let Some(operand) = fusion.operand {
        let mut operand = rewriter.get(operand);
        if epilogue(&fusion.op).is_some_and(|epilogue| !epilogue.residual) {
            operand = as_vector(rewriter, &node.name, operand);
        }
        inputs.push(operand);
    }
    let output = rewriter.push(&into.name, fusion.op, &inputs);
    rewriter.replace(node.output, output);
}

fn bias(context: &Context, node: &Node) -> Option<Fusion> {
    let (x, bias) = bias_addition(context.graph, &context.fixed, node)?;
    let (into, linear) = context.only_for_this(x)?;
    let before = epilogue(&linear.op)?;
    if before != Epilogue::default() || context.graph.value(bias).dtype != context.graph.value(x).dtype {
        return None;
    }
    let op = with_epilogue(&linear.op, Epilogue { bias: true, ..before });
    Some(Fusion { into, op, operand: Some(bias) })
}

fn residual_or_clamp(context: &Context, node: &Node) -> Option<Fusion> {
    match &node.op {
        Op::Binary(Binary { op: BinaryOp::Add, activation }) => residual(context, node, activation.as_clamp()?),
        Op::Unary(unary) => {
            let (into, linear) = context.only_for_this(node.inputs[0])?;
            let before = epilogue(&linear.op)?;
            let clamp = compose(before.clamp, unary.function.as_clamp()?);
            Some(Fusion { into, op: with_epilogue(&linear.op, Epilogue { clamp, ..before }), operand: None })
        }
        _ => None,
    }
}

fn residual(context: &Context, node: &Node, clamp: Clamp) -> Option<Fusion> {
    let (a, b) = (node.inputs[0], node.inputs[1]);
    let (value_a, value_b) = (context.graph.value(a), context.graph.value(b));
    if value_a.shape != value_b.shape || value_a.dtype != value_b.dtype {
        return None;
    }
    let takes = |x: ValueId, operand: ValueId| {
        let (into, linear) = context.only_for_this(x)?;
        let before = epilogue(&linear.op)?;
        let free = !before.residual && before.clamp == Clamp::default();
        let op = with_epilogue(&linear.op, Epilogue { residual: true, clamp, ..before });
        free.then_some(Fusion { into, op, operand: Some(operand) })
    };
    [takes(a, b), takes(b, a)].into_iter().flatten().max_by_key(|fusion| fusion.into)
}

/// `second(first(x))` as one clamp.
fn compose(first: Clamp, second: Clamp) -> Clamp {
    let apply = |x: f32| x.max(second.low).min(second.high);
    Clamp { low: apply(first.low), high: apply(first.high) }
}

fn activation(context: &Context, node: &Node) -> Option<Fusion> {
    let Op::Unary(unary) = node.op else { return None };
    let (into, before) = context.only_for_this(node.inputs[0])?;
    let mut op = before.op.clone();
    let place = match &mut op {
        Op::Binary(op) => &mut op.activation,
        Op::BatchNorm(op) => &mut op.activation,
        _ => return None,
    };
    if *place != Function::Linear {
        return None;
    }
    *place = unary.function;
    Some(Fusion { into, op, operand: None })
}
