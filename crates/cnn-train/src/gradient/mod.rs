//! Gradients as graph: one file for each family of ops.
//!
//! [`differentiate`] appends ordinary nodes, so planner and executors learn nothing of training. It walks the nodes backwards
//! (reverse accumulation; Griewank and Walther, Evaluating Derivatives, 2008, chapter 3) and makes only what the wanted
//! values need: what lies before a frozen layer costs no gradient, and nothing of it is kept for one.

mod conv2d;
mod conv2d_transpose;
mod elementwise;
mod gemm;
mod movement;
mod normalization;
mod pool2d;
mod recomputation;
mod reduce;
mod resize;
mod softmax;

use cnn_core::op::{Binary, BinaryOp, Epilogue, Function, Reduce, ReduceKind, Reshape, Unary, UnaryGradient};
use cnn_core::{Graph, Node, Op, ShapeError, Tensor, ValueId};

use recomputation::Segment;

pub(crate) use recomputation::differentiate_in_least_memory;

/// Why a graph has no gradient.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GradientError {
    /// What is to be made smaller is no single number.
    #[error("a gradient needs a loss of one element, but {name} has shape {shape:?}: take its sum or its mean")]
    Loss {
        /// The layer that makes it.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// An op lies on the way that has no gradient.
    #[error("{name} ({op}) has no gradient of its own: it is itself part of one, changes a variable, or is random")]
    NotDifferentiable {
        /// The layer.
        name: String,
        /// The op.
        op: &'static str,
    },
    /// A node of the gradient does not fit: the graph is not what it seems.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Appends the gradients of `loss`, a value of one element, by each of `wanted` to the graph. `None` stands for a value that
/// the loss does not depend on.
///
/// Gradients have the shapes of what they belong to. Where the loss has a kink, they are what TensorFlow takes there. Frozen
/// is what is not wanted.
///
/// ```
/// use cnn_core::op::{Binary, BinaryOp, Gemm, Reduce, ReduceKind};
/// use cnn_core::{Graph, Op};
/// let mut graph = Graph::new();
/// let x = graph.input("x", vec![8, 3]);
/// let kernel = graph.variable("dense/kernel", vec![3, 2])?;
/// let y = graph.push("dense", Op::Gemm(Gemm::default()), &[x, kernel])?;
/// let square = graph.push("loss", Op::Binary(Binary::new(BinaryOp::Multiply)), &[y, y])?;
/// let loss = graph.push("loss", Op::Reduce(Reduce { kind: ReduceKind::Mean, axes: 0..2 }), &[square])?;
/// let gradients = cnn_train::differentiate(&mut graph, loss, &[kernel])?;
/// assert_eq!(graph.value(gradients[0].unwrap()).shape, [3, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the loss is no single number, or an op on the way to a wanted value has no gradient.
pub fn differentiate(
    graph: &mut Graph,
    loss: ValueId,
    wanted: &[ValueId],
) -> Result<Vec<Option<ValueId>>, GradientError> {
    differentiate_in_segments(graph, loss, wanted, &[])
}

/// [`differentiate`], where the nodes fall into segments, which `cuts` (indices into the nodes, ascending) separate. Of all
/// segments but the last one only what others read is kept for the gradients; the rest is made once more.
fn differentiate_in_segments(
    graph: &mut Graph,
    loss: ValueId,
    wanted: &[ValueId],
    cuts: &[usize],
) -> Result<Vec<Option<ValueId>>, GradientError> {
    let value = graph.value(loss);
    let (name, shape) = (value.name.clone(), value.shape.clone());
    if shape.iter().product::<usize>() != 1 {
        return Err(GradientError::Loss { name, shape });
    }
    let nodes = graph.nodes().to_vec();
    let needed = needed(graph, wanted);
    // For each value what its readers have said so far; they are added up where it is made.
    let mut parts: Vec<Option<ValueId>> = vec![None; needed.len()];
    if needed[loss.index()] {
        parts[loss.index()] = Some(graph.constant(format!("gradient/{name}"), Tensor::full(shape, 1.0)));
    }
    let mut ends = cuts.iter().copied().chain([nodes.len()]).rev().peekable();
    while let Some(end) = ends.next() {
        let begin = ends.peek().copied().unwrap_or(0);
        let last = end == nodes.len();
        let segment = if last { Segment::kept() } else { Segment::made_again(graph, &nodes, begin, end)? };
        for node in nodes[begin..end].iter().rev().filter(|node| needed[node.output.index()]) {
            let Some(dy) = parts[node.output.index()] else { continue };
            let needs = node.inputs.iter().map(|input| needed[input.index()]).collect();
            let mut cx = Context { graph, node: &segment.node(node), needs };
            let gradients = cx.gradients(dy)?;
            debug_assert_eq!(gradients.len(), node.inputs.len());
            for (&input, gradient) in node.inputs.iter().zip(gradients) {
                let Some(gradient) = gradient.filter(|_| needed[input.index()]) else { continue };
                let sum = match parts[input.index()] {
                    Some(part) => cx.binary(BinaryOp::Add, part, gradient)?,
                    None => gradient,
                };
                parts[input.index()] = Some(sum);
            }
        }
    }
    Ok(wanted.iter().map(|value| parts[value.index()]).collect())
}

/// For each value whether its gradient has to do with those of the wanted ones.
fn needed(graph: &Graph, wanted: &[ValueId]) -> Vec<bool> {
    let mut needed = vec![false; graph.values().len()];
    wanted.iter().for_each(|value| needed[value.index()] = true);
    for node in graph.nodes() {
        needed[node.output.index()] |= node.inputs.iter().any(|input| needed[input.index()]);
    }
    needed
}

/// The gradients by a node's inputs, in their order; `None` for those that are not needed or not there.
type Gradients = Result<Vec<Option<ValueId>>, GradientError>;

/// The graph as the gradient of one node sees it.
struct Context<'a> {
    graph: &'a mut Graph,
    /// It reads what is made again, where that is so.
    node: &'a Node,
    /// For each input whether the gradient by it is needed.
    needs: Vec<bool>,
}

impl Context<'_> {
    fn gradients(&mut self, dy: ValueId) -> Gradients {
        match &self.node.op {
            Op::Conv2D(op) => conv2d::gradients(self, op, dy),
            Op::Conv2DTranspose(op) => conv2d_transpose::gradients(self, op, dy),
            Op::Pool2D(op) => pool2d::gradients(self, op, dy),
            Op::Reduce(op) => reduce::gradients(self, op, dy),
            Op::Gemm(op) => gemm::gradients(self, op, dy),
            Op::Unary(op) => elementwise::unary(self, op, dy),
            Op::Binary(op) => elementwise::binary(self, op, dy),
            Op::BatchNorm(op) => normalization::batch_norm(self, op, dy),
            Op::LayerNorm(op) => normalization::layer_norm(self, op, dy),
            Op::Softmax(op) => softmax::gradients(self, op, dy),
            Op::Resize(op) => resize::gradients(self, op, dy),
            Op::Pad(op) => movement::pad(self, op, dy),
            Op::Slice(op) => movement::slice(self, op, dy),
            Op::Transpose(op) => movement::transpose(self, op, dy),
            Op::Concat(op) => movement::concat(self, op, dy),
            Op::Broadcast(_) => movement::broadcast(self, dy),
            Op::Reshape(_) => movement::reshape(self, dy),
            Op::Cast(_) => movement::cast(self, dy),
            Op::Conv2DFilterGradient(_)
            | Op::Pool2DGradient(_)
            | Op::UnaryGradient(_)
            | Op::ResizeGradient(_)
            | Op::RandomUniform(_)
            | Op::Warp(_)
            | Op::Histogram(_)
            | Op::Lookup(_)
            | Op::OptimizerStep(_)
            | Op::Assign(_) => {
                Err(GradientError::NotDifferentiable { name: self.node.name.clone(), op: self.node.op.name() })
            }
        }
    }

    /// Input `index` of the node.
    fn input(&self, index: usize) -> ValueId {
        self.node.inputs[index]
    }

    /// Whether the gradient by input `index` is needed.
    fn needs(&self, index: usize) -> bool {
        self.needs[index]
    }

    /// What `make` makes, if the gradient by input `index` is needed.
    fn for_input(
        &mut self,
        index: usize,
        make: impl FnOnce(&mut Self) -> Result<ValueId, GradientError>,
    ) -> Result<Option<ValueId>, GradientError> {
        if self.needs(index) { make(self).map(Some) } else { Ok(None) }
    }

    fn shape(&self, value: ValueId) -> Vec<usize> {
        self.graph.value(value).shape.clone()
    }

    fn push(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, GradientError> {
        Ok(self.graph.push(format!("gradient/{}", self.node.name), op, inputs)?)
    }

    fn binary(&mut self, op: BinaryOp, a: ValueId, b: ValueId) -> Result<ValueId, GradientError> {
        self.push(Op::Binary(Binary::new(op)), &[a, b])
    }

    fn unary(&mut self, function: Function, x: ValueId) -> Result<ValueId, GradientError> {
        self.push(Op::Unary(Unary { function }), &[x])
    }

    /// `factor · x`
    fn scaled(&mut self, factor: f32, x: ValueId) -> Result<ValueId, GradientError> {
        self.unary(Function::Affine { scale: factor, offset: 0.0 }, x)
    }

    fn constant(&mut self, tensor: Tensor) -> ValueId {
        self.graph.constant(format!("gradient/{}", self.node.name), tensor)
    }

    fn reshaped(&mut self, x: ValueId, shape: Vec<usize>) -> Result<ValueId, GradientError> {
        if self.graph.value(x).shape == shape {
            return Ok(x);
        }
        self.push(Op::Reshape(Reshape { shape }), &[x])
    }

    /// The sums along `axes`, which stay with size 1.
    fn reduced(
        &mut self,
        kind: ReduceKind,
        x: ValueId,
        axes: std::ops::Range<usize>,
    ) -> Result<ValueId, GradientError> {
        if self.shape(x)[axes.clone()].iter().all(|&size| size == 1) {
            return Ok(x);
        }
        self.push(Op::Reduce(Reduce { kind, axes }), &[x])
    }

    /// Adds up what broadcasting has repeated, so that `dy` has the shape of the value that was broadcast.
    fn summed_to(&mut self, dy: ValueId, shape: &[usize]) -> Result<ValueId, GradientError> {
        let from = self.shape(dy);
        let lead = from.len() - shape.len();
        let stretched = |axis: usize| axis < lead || (shape[axis - lead] == 1 && from[axis] != 1);
        let mut dy = dy;
        let mut axis = 0;
        while axis < from.len() {
            let end = (axis..from.len()).find(|&axis| !stretched(axis)).unwrap_or(from.len());
            if end > axis {
                dy = self.reduced(ReduceKind::Sum, dy, axis..end)?;
            }
            axis = end + 1;
        }
        self.reshaped(dy, shape.to_vec())
    }

    /// The gradient of what an epilogue adds to: `dy` where the clamp lets it pass.
    fn behind_clamp(&mut self, epilogue: &Epilogue, dy: ValueId) -> Result<ValueId, GradientError> {
        let (low, high) = (epilogue.clamp.low, epilogue.clamp.high);
        if (low, high) == (f32::NEG_INFINITY, f32::INFINITY) {
            return Ok(dy);
        }
        // Inside the clamp the output is what came in.
        let function = Function::Relu { max_value: high, negative_slope: 0.0, threshold: low };
        self.push(Op::UnaryGradient(UnaryGradient { function }), &[self.node.output, dy])
    }

    /// The gradients of an epilogue's inputs, which stand from `own` on; `dz` is that of the sum.
    fn epilogue(&mut self, own: usize, epilogue: &Epilogue, dz: ValueId) -> Gradients {
        let mut gradients = Vec::new();
        if epilogue.bias {
            let shape = self.shape(self.input(own));
            gradients.push(self.for_input(own, |cx| cx.summed_to(dz, &shape))?);
        }
        if epilogue.residual {
            gradients.push(Some(dz));
        }
        Ok(gradients)
    }

    /// The gradient of what an activation that is part of the op was applied to: `make` makes that again.
    fn behind_activation(
        &mut self,
        activation: Function,
        dy: ValueId,
        make: impl FnOnce(&mut Self) -> Result<ValueId, GradientError>,
    ) -> Result<ValueId, GradientError> {
        if activation == Function::Linear {
            return Ok(dy);
        }
        let z = make(self)?;
        self.push(Op::UnaryGradient(UnaryGradient { function: activation }), &[z, dy])
    }
}
