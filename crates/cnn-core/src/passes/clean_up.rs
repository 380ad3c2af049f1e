//! What needs no thought: identities, reshapes of reshapes, zero padding before a convolution, dead nodes.

use super::rewriter::{Rewriter, producer};
use crate::graph::{Graph, Node, ValueId};
use crate::op::{Conv2D, Function, Op, Pad, Reshape, Transpose};
use crate::shape::Padding2D;

/// Removes what does nothing: identities (a linear activation, padding by nothing, a slice of everything, …), reshapes of
/// reshapes, transposes of transposes, padding of padding, and nodes that no output and no [`Op::Assign`] needs; zero padding of height and width goes into the
/// convolution behind it. Pooling keeps its padding apart: its windows do not see padding, and zeros they would.
pub fn clean_up(graph: &Graph) -> Graph {
    let mut graph = drop_dead(graph);
    loop {
        // What is gone may have been what stood between two others, or a reader too many.
        let next = drop_dead(&rewrite(&graph));
        if next.nodes().len() == graph.nodes().len() {
            return next;
        }
        graph = next;
    }
}

fn rewrite(graph: &Graph) -> Graph {
    let readers = readers(graph);
    let mut rewriter = Rewriter::new(graph);
    for node in graph.nodes() {
        let inputs = rewriter.get_all(&node.inputs);
        let output = match &node.op {
            _ if is_identity(graph, node) => inputs[0],
            Op::Reshape(reshape) => reshaped(&mut rewriter, node, reshape, inputs[0]),
            Op::Transpose(transpose) => transposed(&mut rewriter, node, transpose, inputs[0]),
            Op::Pad(pad) => padded(&mut rewriter, node, pad, inputs[0]),
            Op::Conv2D(conv) => convolved(graph, &readers, &mut rewriter, node, conv, inputs),
            op => rewriter.push(&node.name, op.clone(), &inputs),
        };
        rewriter.replace(node.output, output);
    }
    rewriter.finish()
}

/// Who reads a value.
#[derive(Clone, Copy, PartialEq)]
enum Readers {
    /// Convolutions, as what they are applied to, or nobody.
    Convolutions,
    /// Others too.
    Others,
}

fn readers(graph: &Graph) -> Vec<Readers> {
    let mut readers = vec![Readers::Convolutions; graph.values().len()];
    for node in graph.nodes() {
        for (position, input) in node.inputs.iter().enumerate() {
            if position > 0 || !matches!(node.op, Op::Conv2D(_)) {
                readers[input.index()] = Readers::Others;
            }
        }
    }
    for &(_, output) in graph.outputs() {
        readers[output.index()] = Readers::Others;
    }
    readers
}

fn is_identity(graph: &Graph, node: &Node) -> bool {
    let shape = &graph.value(node.inputs[0]).shape;
    let same_shape = *shape == graph.value(node.output).shape;
    match &node.op {
        Op::Unary(op) => {
            matches!(op.function, Function::Linear | Function::Affine { scale: 1.0, offset: 0.0 })
        }
        Op::Pool2D(op) => op.pool_size == [1, 1] && op.strides == [1, 1] && op.padding == Padding2D::default(),
        Op::Transpose(op) => op.permutation.iter().copied().eq(0..shape.len()),
        Op::Concat(_) => node.inputs.len() == 1,
        Op::Reduce(_) | Op::Resize(_) | Op::Pad(_) | Op::Slice(_) | Op::Broadcast(_) | Op::Reshape(_) => same_shape,
        Op::Cast(op) => op.to == graph.value(node.inputs[0]).dtype,
        Op::Conv2D(_)
        | Op::Conv2DFilterGradient(_)
        | Op::Conv2DTranspose(_)
        | Op::Pool2DGradient(_)
        | Op::Gemm(_)
        | Op::UnaryGradient(_)
        | Op::Binary(_)
        | Op::ResizeGradient(_)
        | Op::Assign(_)
        | Op::RandomUniform(_)
        | Op::Warp(_)
        | Op::Histogram(_)
        | Op::Lookup(_)
        | Op::OptimizerStep(_)
        | Op::BatchNorm(_)
        | Op::LayerNorm(_)
        | Op::Softmax(_) => false,
    }
}

fn reshaped(rewriter: &mut Rewriter, node: &Node, reshape: &Reshape, x: ValueId) -> ValueId {
    let made_by = producer(rewriter.graph(), x).map(|index| &rewriter.graph().nodes()[index]);
    let x = match made_by {
        Some(Node { op: Op::Reshape(_), inputs, .. }) => inputs[0],
        _ => x,
    };
    if rewriter.graph().value(x).shape == reshape.shape {
        return x;
    }
    rewriter.push(&node.name, Op::Reshape(reshape.clone()), &[x])
}

fn transposed(rewriter: &mut Rewriter, node: &Node, transpose: &Transpose, x: ValueId) -> ValueId {
    let made_by = producer(rewriter.graph(), x).map(|index| &rewriter.graph().nodes()[index]);
    let (x, permutation) = match made_by {
        Some(Node { op: Op::Transpose(first), inputs, .. }) => {
            (inputs[0], transpose.permutation.iter().map(|&axis| first.permutation[axis]).collect())
        }
        _ => (x, transpose.permutation.clone()),
    };
    if permutation.iter().copied().eq(0..permutation.len()) {
        return x;
    }
    rewriter.push(&node.name, Op::Transpose(Transpose { permutation }), &[x])
}

fn padded(rewriter: &mut Rewriter, node: &Node, pad: &Pad, x: ValueId) -> ValueId {
    let made_by = producer(rewriter.graph(), x).map(|index| &rewriter.graph().nodes()[index]);
    let (x, pad) = match made_by {
        Some(Node { op: Op::Pad(first), inputs, .. }) if first.value == pad.value => {
            let sum = |a: &[usize], b: &[usize]| a.iter().zip(b).map(|(a, b)| a + b).collect();
            let (before, after) = (sum(&first.before, &pad.before), sum(&first.after, &pad.after));
            (inputs[0], Pad { before, after, value: pad.value })
        }
        _ => (x, pad.clone()),
    };
    rewriter.push(&node.name, Op::Pad(pad), &[x])
}

/// The convolution, with the zero padding before it as its own where nobody else reads what is padded.
fn convolved(
    graph: &Graph,
    readers: &[Readers],
    rewriter: &mut Rewriter,
    node: &Node,
    conv: &Conv2D,
    mut inputs: Vec<ValueId>,
) -> ValueId {
    let mut conv = conv.clone();
    if let Some(index) = producer(graph, node.inputs[0])
        && let Node { op: Op::Pad(pad), inputs: padded, .. } = &graph.nodes()[index]
        && let Some(padding) = spatial_zeros(pad)
        && readers[node.inputs[0].index()] == Readers::Convolutions
    {
        conv.padding.top += padding.top;
        conv.padding.bottom += padding.bottom;
        conv.padding.left += padding.left;
        conv.padding.right += padding.right;
        inputs[0] = rewriter.get(padded[0]);
    }
    rewriter.push(&node.name, Op::Conv2D(conv), &inputs)
}

/// `pad` as padding of a convolution, if it adds zeros to height and width alone.
fn spatial_zeros(pad: &Pad) -> Option<Padding2D> {
    match (pad.before.as_slice(), pad.after.as_slice()) {
        (&[0, top, left, 0], &[0, bottom, right, 0]) if pad.value == 0.0 => {
            Some(Padding2D { top, bottom, left, right })
        }
        _ => None,
    }
}

fn drop_dead(graph: &Graph) -> Graph {
    let needed = graph.needed();
    let mut rewriter = Rewriter::new(graph);
    for node in graph.nodes().iter().filter(|node| needed[node.output.index()]) {
        rewriter.keep(node);
    }
    rewriter.finish()
}
