//! Passes: graph to equal graph, smaller or within a device's limits.
//!
//! A pass never sees a weight's value. What touches weights becomes ordinary nodes on variables, the *weight prologue*,
//! which [`Plan`](crate::plan::Plan) tells from the steps by itself. Inputs, variables and outputs keep names and order;
//! a node that swallows others keeps the name of the layer that does the work (the convolution's).

mod clean_up;
mod fold_batch_normalization;
mod fuse_epilogue;
mod mixed_precision;
mod rewriter;
mod split_large_weights;
mod store_as_f16;
#[cfg(test)]
mod tests;

pub use clean_up::clean_up;
pub use fold_batch_normalization::fold_batch_normalization;
pub use fuse_epilogue::fuse_epilogue;
pub use mixed_precision::mixed_precision;
pub use split_large_weights::split_large_weights;
pub use store_as_f16::store_as_f16;

use crate::graph::Graph;
use crate::tensor::DType;

/// What [`simplify`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Simplify {
    /// The most bytes that one weight may take (a device's binding limit); `None` for any size.
    pub weight_limit: Option<usize>,
    /// How activations and weights are stored.
    pub storage: DType,
}

/// All passes, in the one order in which they serve each other.
///
/// 1. [`clean_up`]: identities and dead nodes hide patterns, and dead readers count as readers.
/// 2. [`fold_batch_normalization`]: before any activation is fused, since nothing folds behind a clamp.
/// 3. [`fuse_epilogue`]: bias, residual and clamp; what stays behind goes into elementwise nodes.
/// 4. [`split_large_weights`]: it cuts epilogues too, so they have to be there; before the casts, since weights are
///    uploaded as float32 and each piece must fit as such.
/// 5. [`store_as_f16`]: last of all, so that the weight prologue is computed in float32 and rounded once.
/// 6. [`clean_up`] again.
///
/// ```
/// use cnn_core::{Graph, Op, Simplify, op::{Conv2D, Function, Unary}, simplify};
/// let mut graph = Graph::new();
/// let x = graph.input("x", vec![1, 8, 8, 3]);
/// let filter = graph.variable("conv2d/kernel", vec![3, 3, 3, 4])?;
/// let y = graph.push("conv2d", Op::Conv2D(Conv2D::default()), &[x, filter])?;
/// let y = graph.push("re_lu", Op::Unary(Unary { function: Function::RELU }), &[y])?;
/// graph.output("re_lu", y);
/// assert_eq!(simplify(&graph, &Simplify::default()).nodes().len(), 1);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
pub fn simplify(graph: &Graph, options: &Simplify) -> Graph {
    let mut graph = clean_up(graph);
    graph = fold_batch_normalization(&graph);
    graph = fuse_epilogue(&graph);
    if let Some(limit) = options.weight_limit {
        graph = split_large_weights(&graph, limit);
    }
    graph = match options.storage {
        DType::F32 => graph,
        DType::F16 => store_as_f16(&graph),
    };
    clean_up(&graph)
}
