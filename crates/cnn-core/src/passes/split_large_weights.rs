//! Matrices too large for one binding, in column ranges.

use super::rewriter::{OWN_INPUTS, Rewriter, producer};
use crate::graph::{Graph, Node, ValueId};
use crate::op::{Concat, Gemm, Op, Reshape, Slice};
use crate::plan::{bytes, weight_only};
use crate::tensor::DType;

/// Columns come in multiples of this, where the limit leaves room: tiles stay whole and vectors aligned.
const COLUMNS: usize = 16;

/// Splits each [`Gemm`] whose weights take more than `limit` bytes into several over ranges of columns, side by side
/// again by a [`Concat`]. Weights, bias and residual become [`Slice`]s; those of the weights go down to the variables, so
/// that no value larger than the limit is made on the device, whatever the weight prologue does.
///
/// An element counts 4 bytes even where it ends as float16, because variables are float32. One column is never cut.
pub fn split_large_weights(graph: &Graph, limit: usize) -> Graph {
    let fixed = weight_only(graph);
    let mut rewriter = Rewriter::new(graph);
    for node in graph.nodes() {
        match &node.op {
            Op::Gemm(gemm) if fixed[node.inputs[1].index()] => split(graph, limit, &mut rewriter, node, gemm),
            _ => rewriter.keep(node),
        }
    }
    rewriter.finish()
}

/// Columns of each part but the last, for a matrix of `rows` and `columns`: as even as multiples allow.
fn part_width(rows: usize, columns: usize, limit: usize) -> usize {
    let fitting = limit / rows.saturating_mul(DType::F32.size()).max(1);
    if fitting >= columns {
        return columns;
    }
    let unit = if fitting >= COLUMNS { COLUMNS } else { 1 };
    let most = (fitting / unit * unit).max(1);
    columns.div_ceil(columns.div_ceil(most)).next_multiple_of(unit)
}

fn split(graph: &Graph, limit: usize, rewriter: &mut Rewriter, node: &Node, gemm: &Gemm) {
    let &[rows, columns] = graph.value(node.inputs[1]).shape.as_slice() else { return rewriter.keep(node) };
    let width = part_width(rows, columns, limit);
    if width >= columns {
        return rewriter.keep(node);
    }
    let x = rewriter.get(node.inputs[0]);
    let mut parts = Vec::new();
    for begin in (0..columns).step_by(width) {
        let mut cut = Cut { graph, limit, name: &node.name, begin, width: width.min(columns - begin) };
        let mut inputs = vec![x, cut.columns(rewriter, node.inputs[1])];
        // Bias and residual are no larger than activations: a slice of the finished value will do.
        cut.limit = usize::MAX;
        inputs.extend(node.inputs[OWN_INPUTS..].iter().map(|&id| cut.columns(rewriter, id)));
        parts.push(rewriter.push(&node.name, Op::Gemm(gemm.clone()), &inputs));
    }
    let axis = graph.value(node.output).shape.len() - 1;
    let output = rewriter.push(&node.name, Op::Concat(Concat { axis }), &parts);
    rewriter.replace(node.output, output);
}

/// A range of the last axis.
struct Cut<'a> {
    graph: &'a Graph,
    limit: usize,
    name: &'a str,
    begin: usize,
    width: usize,
}

impl Cut<'_> {
    /// The new value of these columns of the old `value`. One over the limit is never made whole, if its op allows.
    fn columns(&self, rewriter: &mut Rewriter, value: ValueId) -> ValueId {
        let node = producer(self.graph, value).map(|index| &self.graph.nodes()[index]);
        match node {
            Some(node) if bytes(self.graph, value) > self.limit => self.columns_of_node(rewriter, node),
            _ => self.slice(rewriter, value),
        }
    }

    fn columns_of_node(&self, rewriter: &mut Rewriter, node: &Node) -> ValueId {
        let shape_of = |id: ValueId| self.graph.value(id).shape.as_slice();
        let columns = shape_of(node.output).last();
        match &node.op {
            Op::Unary(_) | Op::Cast(_) | Op::Binary(_) => {
                let cut = |&id: &ValueId| match shape_of(id).last() {
                    last if last == columns => self.columns(rewriter, id),
                    // It is the same for all columns.
                    _ => rewriter.get(id),
                };
                let inputs: Vec<ValueId> = node.inputs.iter().map(cut).collect();
                rewriter.push(&node.name, node.op.clone(), &inputs)
            }
            Op::Reshape(reshape) if shape_of(node.inputs[0]).last() == columns => {
                let x = self.columns(rewriter, node.inputs[0]);
                let mut shape = reshape.shape.clone();
                if let Some(last) = shape.last_mut() {
                    *last = self.width;
                }
                rewriter.push(&node.name, Op::Reshape(Reshape { shape }), &[x])
            }
            // Of a gradient, which multiplies by the transposed weights: these columns are rows there.
            Op::Transpose(transpose) if transpose.permutation == [1, 0] => {
                let x = rewriter.get(node.inputs[0]);
                let (begin, size) = (vec![self.begin, 0], vec![self.width, shape_of(node.output)[0]]);
                let x = rewriter.push(self.name, Op::Slice(Slice { begin, size }), &[x]);
                rewriter.push(&node.name, node.op.clone(), &[x])
            }
            _ => self.slice(rewriter, node.output),
        }
    }

    fn slice(&self, rewriter: &mut Rewriter, value: ValueId) -> ValueId {
        let mut size = self.graph.value(value).shape.clone();
        let mut begin = vec![0; size.len()];
        if let (Some(size), Some(begin)) = (size.last_mut(), begin.last_mut()) {
            (*size, *begin) = (self.width, self.begin);
        }
        let value = rewriter.get(value);
        rewriter.push(self.name, Op::Slice(Slice { begin, size }), &[value])
    }
}
