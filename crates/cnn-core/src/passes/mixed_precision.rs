//! Training in two precisions: the heavy work on float16, all that is delicate in float32.

use std::collections::HashMap;

use super::rewriter::Rewriter;
use crate::graph::{Graph, Node, Source, ValueId};
use crate::op::{Binary, BinaryOp, Cast, Function, Op, Unary};
use crate::plan::weight_only;
use crate::tensor::DType;

/// A model's graph as Keras's policy `mixed_float16` runs it: convolutions and matrix products by weights read and make float16,
/// and so does what only hands their values on. What no weight has touched, augmentation before all, stays float32: its counts
/// and positions are too large for float16. Statistics, normalisations, softmax and logarithms are computed in float32. Inputs,
/// variables, assignments and outputs are float32. Gradients follow by themselves: that of a [`Cast`] is a cast back.
///
/// ```
/// use cnn_core::op::{Gemm, Softmax};
/// use cnn_core::{DType, Graph, Op, passes::mixed_precision};
/// let mut graph = Graph::new();
/// let x = graph.input("x", vec![8, 3]);
/// let kernel = graph.variable("dense/kernel", vec![3, 2])?;
/// let logits = graph.push("dense", Op::Gemm(Gemm::default()), &[x, kernel])?;
/// let y = graph.push("softmax", Op::Softmax(Softmax { axis: 1, log: false }), &[logits])?;
/// graph.output("y", y);
/// let graph = mixed_precision(&graph);
/// let dtype = |name: &str| graph.nodes().iter().find(|node| node.op.name() == name).map(|node| graph.value(node.output).dtype);
/// assert_eq!((dtype("Gemm"), dtype("Softmax")), (Some(DType::F16), Some(DType::F32)));
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
pub fn mixed_precision(graph: &Graph) -> Graph {
    let mut mixed = Mixed { rewriter: Rewriter::new(graph), weights: made_of_weights(graph), made: HashMap::new() };
    for node in graph.nodes() {
        mixed.push(node);
    }
    for (name, value) in graph.outputs() {
        let single = mixed.get(name, *value, DType::F32);
        mixed.rewriter.replace(*value, single);
    }
    mixed.rewriter.finish()
}

/// For each value whether it is a weight, or made of weights and constants alone.
fn made_of_weights(graph: &Graph) -> Vec<bool> {
    let fixed = weight_only(graph);
    let mut made: Vec<bool> = graph.values().iter().map(|value| matches!(value.source, Source::Variable)).collect();
    for node in graph.nodes() {
        let output = node.output.index();
        made[output] = fixed[output] && node.inputs.iter().any(|input| made[input.index()]);
    }
    made
}

/// What an op asks of its inputs.
enum Storage {
    /// All of them and the output are float16, if one of them is made of weights; else as its inputs.
    Half,
    /// As its inputs: float16 as soon as one of them is.
    AsInputs,
    /// All of them and the output are float32.
    Single,
    /// Computed in float32, and stored as its first input was.
    SingleInside,
}

fn storage(op: &Op) -> Storage {
    match op {
        Op::Conv2D(_) | Op::Conv2DFilterGradient(_) | Op::Conv2DTranspose(_) | Op::Gemm(_) => Storage::Half,
        Op::Unary(Unary { function }) if is_steep(function) => Storage::Single,
        Op::Binary(Binary { op: BinaryOp::Divide | BinaryOp::Prelu, .. }) => Storage::SingleInside,
        Op::Unary(_) | Op::UnaryGradient(_) | Op::Binary(_) => Storage::AsInputs,
        Op::Pool2D(_) | Op::Pool2DGradient(_) | Op::Resize(_) | Op::ResizeGradient(_) => Storage::AsInputs,
        Op::Pad(_) | Op::Slice(_) | Op::Transpose(_) | Op::Concat(_) | Op::Reshape(_) | Op::Broadcast(_) => {
            Storage::AsInputs
        }
        Op::BatchNorm(_) | Op::LayerNorm(_) => Storage::SingleInside,
        Op::Reduce(_) | Op::Softmax(_) | Op::RandomUniform(_) | Op::Warp(_) => Storage::Single,
        Op::Histogram(_) | Op::Lookup(_) | Op::Assign(_) | Op::OptimizerStep(_) | Op::Cast(_) => Storage::Single,
    }
}

/// Functions that are no activations, and those of which the loss takes the argument or the logarithm.
fn is_steep(function: &Function) -> bool {
    match function {
        Function::Exponential | Function::Log | Function::Sqrt | Function::InverseSqrt => true,
        Function::Sin | Function::Cos | Function::Floor | Function::Sigmoid | Function::Softplus => true,
        Function::Linear | Function::Relu { .. } | Function::Elu { .. } | Function::Selu => false,
        Function::Gelu | Function::GeluTanh | Function::HardSigmoid | Function::Tanh | Function::Silu => false,
        Function::HardSilu | Function::Softsign | Function::Mish | Function::Affine { .. } => false,
    }
}

struct Mixed<'a> {
    rewriter: Rewriter<'a>,
    /// Of each old value ([`made_of_weights`]).
    weights: Vec<bool>,
    /// What of each new value has been made in the other element type.
    made: HashMap<ValueId, ValueId>,
}

impl Mixed<'_> {
    /// The new value that stands for `old`, in that element type.
    fn get(&mut self, name: &str, old: ValueId, dtype: DType) -> ValueId {
        let new = self.rewriter.get(old);
        self.cast(name, new, dtype)
    }

    fn cast(&mut self, name: &str, new: ValueId, dtype: DType) -> ValueId {
        if self.rewriter.graph().value(new).dtype == dtype {
            return new;
        }
        if let Some(&known) = self.made.get(&new) {
            return known;
        }
        let cast = self.rewriter.push(name, Op::Cast(Cast { to: dtype }), &[new]);
        self.made.insert(new, cast);
        cast
    }

    fn push(&mut self, node: &Node) {
        let is_half = |mixed: &mut Self, old: ValueId| {
            let new = mixed.rewriter.get(old);
            mixed.rewriter.graph().value(new).dtype == DType::F16
        };
        let (inside, stored) = match storage(&node.op) {
            Storage::Half if node.inputs.iter().any(|input| self.weights[input.index()]) => (DType::F16, DType::F16),
            Storage::Single => (DType::F32, DType::F32),
            Storage::Half | Storage::AsInputs if node.inputs.iter().any(|&input| is_half(self, input)) => {
                (DType::F16, DType::F16)
            }
            Storage::Half | Storage::AsInputs => (DType::F32, DType::F32),
            Storage::SingleInside if is_half(self, node.inputs[0]) => (DType::F32, DType::F16),
            Storage::SingleInside => (DType::F32, DType::F32),
        };
        let inputs: Vec<ValueId> = node.inputs.iter().map(|&input| self.get(&node.name, input, inside)).collect();
        let output = self.rewriter.push(&node.name, node.op.clone(), &inputs);
        let output = if stored == inside { output } else { self.cast(&node.name, output, stored) };
        self.rewriter.replace(node.output, output);
    }
}
