//! Batch normalisation as part of the linear op before it.

use super::rewriter::{OWN_INPUTS, Rewriter, epilogue, producer, reader_counts, to_the_end, with_epilogue};
use crate::graph::{Graph, Node, ValueId};
use crate::op::{BatchNorm, Binary, BinaryOp, Clamp, Epilogue, Function, Op, Reshape};
use crate::plan::weight_only;
use crate::tensor::DType;

/// Folds each [`BatchNorm`] of the last axis into the convolution, transposed convolution or matrix product right before
/// it (or before the addition of a bias that stands between), where nothing else reads what lies between:
///
/// ```text
/// scale   = gamma / √(variance + epsilon)
/// filter' = filter · scale
/// bias'   = (bias - mean) · scale + beta
/// ```
///
/// These are nodes on variables: the weight prologue. The normalisation's own activation stays, as a node. Statistics
/// that are not weights (training's) are not folded, nor is anything that is stored as float16 already.
pub fn fold_batch_normalization(graph: &Graph) -> Graph {
    to_the_end(graph, fold_once)
}

/// A normalisation with what it is folded into.
struct Fold<'a> {
    linear: &'a Node,
    norm: BatchNorm,
    bias: Option<ValueId>,
}

fn fold_once(graph: &Graph) -> Option<Graph> {
    let fixed = weight_only(graph);
    let readers = reader_counts(graph);
    let mut absorbed = vec![false; graph.nodes().len()];
    let mut folds: Vec<Option<Fold>> = Vec::new();
    for node in graph.nodes() {
        let found = find(graph, &fixed, &readers, node);
        folds.push(found.map(|(fold, between)| {
            for index in between {
                absorbed[index] = true;
            }
            fold
        }));
    }
    if folds.iter().all(Option::is_none) {
        return None;
    }
    let mut rewriter = Rewriter::new(graph);
    for ((node, fold), absorbed) in graph.nodes().iter().zip(folds).zip(absorbed) {
        match fold {
            Some(fold) => emit(&mut rewriter, node, &fold),
            None if absorbed => {}
            None => rewriter.keep(node),
        }
    }
    Some(rewriter.finish())
}

/// What `node` folds into, and the nodes that vanish with it.
fn find<'a>(graph: &'a Graph, fixed: &[bool], readers: &[usize], node: &Node) -> Option<(Fold<'a>, Vec<usize>)> {
    let Op::BatchNorm(norm) = node.op else { return None };
    let x = graph.value(node.inputs[0]);
    let weights = &node.inputs[1..];
    let foldable = norm.axis + 1 == x.shape.len()
        && weights.iter().all(|&id| fixed[id.index()] && graph.value(id).dtype == DType::F32)
        && x.dtype == DType::F32;
    if !foldable {
        return None;
    }
    let alone = |value: ValueId| producer(graph, value).filter(|_| readers[value.index()] == 1);
    let mut index = alone(node.inputs[0])?;
    let mut between = vec![index];
    let mut bias = None;
    if let Some((input, weight)) = bias_addition(graph, fixed, &graph.nodes()[index]) {
        bias = Some(weight);
        index = alone(input)?;
        between.push(index);
    }
    let linear = &graph.nodes()[index];
    let before = epilogue(&linear.op)?;
    let plain = !before.residual && before.clamp == Clamp::default() && fixed[linear.inputs[1].index()];
    let own_bias = before.bias.then(|| linear.inputs[OWN_INPUTS]);
    if !plain || (own_bias.is_some() && bias.is_some()) || own_bias.is_some_and(|id| !fixed[id.index()]) {
        return None;
    }
    Some((Fold { linear, norm, bias: bias.or(own_bias) }, between))
}

/// `node` as the addition of one weight for each channel: (what it is added to, the weight).
pub(super) fn bias_addition(graph: &Graph, fixed: &[bool], node: &Node) -> Option<(ValueId, ValueId)> {
    let Op::Binary(Binary { op: BinaryOp::Add, activation: Function::Linear }) = node.op else { return None };
    let output = &graph.value(node.output).shape;
    let is_bias = |id: ValueId| fixed[id.index()] && channel_vector(&graph.value(id).shape, output);
    let (a, b) = (node.inputs[0], node.inputs[1]);
    let (x, bias) = if is_bias(b) { (a, b) } else { (b, a) };
    let fits = is_bias(bias) && graph.value(x).shape == *output;
    fits.then_some((x, bias))
}

/// Whether `shape` is one element for each channel of `output`: `[F]`, or `[1, .., F]`.
pub(super) fn channel_vector(shape: &[usize], output: &[usize]) -> bool {
    let (Some(channels), Some((last, rest))) = (output.last(), shape.split_last()) else { return false };
    last == channels && rest.iter().all(|&size| size == 1)
}

/// The new value of a bias, as `[F]`.
pub(super) fn as_vector(rewriter: &mut Rewriter, name: &str, bias: ValueId) -> ValueId {
    let shape = &rewriter.graph().value(bias).shape;
    if shape.len() == 1 {
        return bias;
    }
    let shape = vec![shape.iter().product()];
    rewriter.push(name, Op::Reshape(Reshape { shape }), &[bias])
}

/// `gamma / √(variance + epsilon)` of new values.
pub(super) fn scale(rewriter: &mut Rewriter, name: &str, epsilon: f32, gamma: ValueId, variance: ValueId) -> ValueId {
    let variance = rewriter.unary(name, Function::Affine { scale: 1.0, offset: epsilon }, variance);
    let inverse = rewriter.unary(name, Function::InverseSqrt, variance);
    rewriter.binary(name, BinaryOp::Multiply, gamma, inverse)
}

fn emit(rewriter: &mut Rewriter, node: &Node, fold: &Fold) {
    let name = &node.name;
    let weights = rewriter.get_all(&node.inputs[1..]);
    let [gamma, beta, mean, variance] = weights[..] else { unreachable!("a batch normalisation has four weights") };
    let scale = scale(rewriter, name, fold.norm.epsilon, gamma, variance);
    let filter_scale = match fold.linear.op {
        // Its filter is [KH, KW, F, C].
        Op::Conv2DTranspose(_) => {
            let shape = vec![rewriter.graph().value(scale).shape[0], 1];
            rewriter.push(name, Op::Reshape(Reshape { shape }), &[scale])
        }
        _ => scale,
    };
    let own = rewriter.get_all(&fold.linear.inputs[..OWN_INPUTS]);
    let filter = rewriter.binary(name, BinaryOp::Multiply, own[1], filter_scale);
    // Not by a subtraction: the functions used here are as few as can be, since each is a pipeline of its own on a GPU.
    let mut centred = rewriter.unary(name, Function::Affine { scale: -1.0, offset: 0.0 }, mean);
    if let Some(bias) = fold.bias {
        let bias = rewriter.get(bias);
        let bias = as_vector(rewriter, name, bias);
        centred = rewriter.binary(name, BinaryOp::Add, bias, centred);
    }
    let scaled = rewriter.binary(name, BinaryOp::Multiply, centred, scale);
    let bias = rewriter.binary(name, BinaryOp::Add, scaled, beta);
    let op = with_epilogue(&fold.linear.op, Epilogue { bias: true, ..Epilogue::default() });
    let mut output = rewriter.push(&fold.linear.name, op, &[own[0], filter, bias]);
    if fold.norm.activation != Function::Linear {
        output = rewriter.unary(name, fold.norm.activation, output);
    }
    rewriter.replace(node.output, output);
}
