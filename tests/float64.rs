//! How far two float64 implementations of one layer may be apart.

use cnn_core::op::{Binary, BinaryOp, Function, Op, ReduceKind};
use cnn_core::{DType, Graph, Source, Tensor, ValueId};
use cnn_cpu::reference::{Array, evaluate};

/// float64's unit roundoff over float32's.
const FLOAT64: f64 = 1.0 / (1u64 << 29) as f64;
/// By how much of itself a constant is moved to see what depends on it.
const NUDGE: f32 = 1.0 / (1 << 12) as f32;

/// For each element of the graph's only output, how far apart two float64 implementations of a single layer may be, of
/// which one has the graph's constants as they are and the other has them in float64. `value` finds a value of the graph.
///
/// The reference knows how far a float32 implementation of a node may be from the exact result. All of that is
/// proportional to float32's unit roundoff 2^-24 (but for denormals and the formula of erf, which float64 does not
/// need), so one in float64 is 2^-29 times as far, and two are apart by twice that. The error of a node is passed on by
/// those behind it, each of which multiplies it by at most its gain. A constant such as epsilon is rounded to
/// float32 by at most 2^-24 of itself: a move 2^12 times as large shows what that does; twice that, since a statistic
/// given as an argument is rounded, and its square root once more.
///
/// # Panics
/// If the graph has more than one output, or a node cannot take its inputs.
pub fn tolerance(graph: &Graph, value: impl Fn(ValueId) -> Array, run: impl Fn(&Graph) -> Array) -> Vec<f64> {
    let [(_, output)] = graph.outputs() else { panic!("a graph of one output is needed") };
    let exact = value(*output);
    let mut tolerance = vec![0.0; exact.data.len()];
    let mut behind = 1.0;
    for node in graph.nodes().iter().rev() {
        let inputs: Vec<Array> = node.inputs.iter().map(|&id| value(id)).collect();
        let inputs: Vec<&Array> = inputs.iter().collect();
        let bound = evaluate(&node.op, &inputs, DType::F32).unwrap_or_else(|error| panic!("{error}")).bound;
        if node.output == *output {
            tolerance.iter_mut().zip(&bound.data).for_each(|(sum, bound)| *sum += 2.0 * FLOAT64 * bound);
        } else {
            let worst = bound.data.iter().copied().fold(0.0, f64::max);
            tolerance.iter_mut().for_each(|sum| *sum += 2.0 * FLOAT64 * worst * behind);
        }
        behind *= gain(&node.op, &inputs);
    }
    for (sum, moved) in tolerance.iter_mut().zip(&constants_moved(graph, &[exact], |nudged| vec![run(nudged)])[0]) {
        *sum += moved;
    }
    tolerance
}

/// By how much an error in an input can grow in the output, at most; the others are exact.
fn gain(op: &Op, inputs: &[&Array]) -> f64 {
    let largest = |x: &Array| x.data.iter().fold(0.0f64, |max, x| max.max(x.abs()));
    let smallest = |x: &Array| x.data.iter().fold(f64::INFINITY, |min, x| min.min(x.abs()));
    match op {
        // So many products add up in one output, at most.
        Op::Conv2D(_) | Op::Conv2DTranspose(_) | Op::Gemm(_) => {
            let filter = inputs[1];
            (filter.data.len() / filter.shape.last().copied().unwrap_or(1)) as f64 * largest(filter)
        }
        Op::Conv2DFilterGradient(_) => {
            let [n, h, w] = [0, 1, 2].map(|axis| inputs[1].shape[axis]);
            (n * h * w) as f64 * inputs.iter().map(|x| largest(x)).fold(0.0, f64::max)
        }
        Op::Binary(Binary { op: BinaryOp::Divide, .. }) => {
            let divisor = smallest(inputs[1]);
            (largest(inputs[0]) / divisor).max(1.0) / divisor
        }
        Op::Binary(_) => inputs.iter().map(|x| largest(x)).fold(2.0, f64::max),
        Op::Unary(op) => match op.function {
            Function::Exponential => largest(inputs[0]).exp(),
            Function::Affine { scale, .. } => f64::from(scale.abs()),
            // The steepest is selu, with 1.76.
            _ => 2.0,
        },
        // So many elements add up, at most.
        Op::Reduce(op) if op.kind == ReduceKind::Sum => op.dims3(&inputs[0].shape)[1] as f64,
        Op::Reduce(op) if op.kind == ReduceKind::Variance => 4.0 * largest(inputs[0]),
        Op::Reduce(_) => 1.0,
        Op::Softmax(_) => 2.0,
        Op::BatchNorm(op) => largest(inputs[1]) / (smallest(inputs[4]) + f64::from(op.epsilon)).sqrt(),
        // An element moves its own deviation and, by the statistics, the others'.
        Op::LayerNorm(op) => {
            2.0 * inputs[1..].iter().map(|x| largest(x)).fold(1.0, f64::max) / f64::from(op.epsilon).sqrt()
        }
        Op::Pool2D(_) | Op::Resize(_) | Op::Pad(_) | Op::Slice(_) | Op::Transpose(_) | Op::Concat(_) => 1.0,
        Op::Broadcast(_) | Op::Reshape(_) | Op::Cast(_) | Op::Assign(_) => 1.0,
        Op::Pool2DGradient(_) | Op::UnaryGradient(_) | Op::ResizeGradient(_) => panic!("no layer makes a gradient"),
        Op::RandomUniform(_) | Op::Warp(_) | Op::Histogram(_) | Op::Lookup(_) | Op::OptimizerStep(_) => {
            panic!("no layer does this in inference")
        }
    }
}

/// How far the rounding of a graph's constants to float32 may have moved its outputs: for each constant twice 2^-12 of the
/// difference that moving it by 2^-12 of itself makes, as [`tolerance`] explains. `exact` are the outputs as they are, and
/// `run` gives those of a graph.
pub fn constants_moved(graph: &Graph, exact: &[Array], run: impl Fn(&Graph) -> Vec<Array>) -> Vec<Vec<f64>> {
    let mut moved: Vec<Vec<f64>> = exact.iter().map(|output| vec![0.0; output.data.len()]).collect();
    for index in 0.. {
        let Some(nudged) = nudged(graph, index) else { break };
        for (moved, (exact, nudged)) in moved.iter_mut().zip(exact.iter().zip(run(&nudged))) {
            for (moved, (a, b)) in moved.iter_mut().zip(exact.data.iter().zip(&nudged.data)) {
                *moved += 2.0 * f64::from(NUDGE) * (a - b).abs();
            }
        }
    }
    moved
}

/// The graph with its constant number `index` moved by 2^-12 of itself; `None` if it has no such constant. Numbers that are
/// equal count as one, since their rounding is the same. Constants that float32 holds exactly stay.
fn nudged(graph: &Graph, index: usize) -> Option<Graph> {
    let mut nudge = Nudge { index, seen: Vec::new() };
    let mut new = Graph::new();
    let mut made: Vec<Option<ValueId>> = vec![None; graph.values().len()];
    // Inputs first, in their order; a node's output comes with its node.
    for &id in graph.inputs() {
        made[id.index()] = Some(new.input(graph.value(id).name.clone(), graph.value(id).shape.clone()));
    }
    for id in graph.value_ids() {
        let value = graph.value(id);
        match &value.source {
            Source::Input => {}
            Source::Variable => made[id.index()] = Some(new.variable(&value.name, value.shape.clone()).ok()?),
            Source::Constant(tensor) => {
                made[id.index()] = Some(new.constant(value.name.clone(), nudge.tensor(tensor)));
            }
            Source::Node(node) => {
                let node = &graph.nodes()[node.index()];
                let inputs: Option<Vec<ValueId>> = node.inputs.iter().map(|id| made[id.index()]).collect();
                made[id.index()] = Some(new.push(node.name.clone(), nudge.op(&node.op), &inputs?).ok()?);
            }
        }
    }
    for (name, id) in graph.outputs() {
        new.output(name.clone(), made[id.index()]?);
    }
    (nudge.seen.len() > index).then_some(new)
}

/// Moves one of the constants it sees.
struct Nudge {
    index: usize,
    /// The numbers seen so far, each once; `None` for a tensor.
    seen: Vec<Option<f32>>,
}

impl Nudge {
    /// Whether the constant that is seen now is the one to be moved.
    fn hits(&mut self, number: Option<f32>) -> bool {
        let known = self.seen.iter().position(|&seen| number.is_some() && seen == number);
        let place = known.unwrap_or_else(|| {
            self.seen.push(number);
            self.seen.len() - 1
        });
        place == self.index
    }

    fn number(&mut self, x: f32) -> f32 {
        if !is_rounded(x) || !self.hits(Some(x)) { x } else { x * (1.0 + NUDGE) }
    }

    fn tensor(&mut self, tensor: &Tensor) -> Tensor {
        if !tensor.data().iter().any(|&x| is_rounded(x)) || !self.hits(None) {
            return tensor.clone();
        }
        Tensor::from_fn(tensor.shape().to_vec(), |i| tensor.data()[i] * (1.0 + NUDGE))
    }

    fn op(&mut self, op: &Op) -> Op {
        let mut op = op.clone();
        match &mut op {
            Op::Unary(unary) => unary.function = self.function(unary.function),
            Op::Binary(binary) => binary.activation = self.function(binary.activation),
            Op::BatchNorm(norm) => norm.epsilon = self.number(norm.epsilon),
            Op::LayerNorm(norm) => norm.epsilon = self.number(norm.epsilon),
            Op::Pad(pad) => pad.value = self.number(pad.value),
            Op::Warp(warp) => warp.fill_value = self.number(warp.fill_value),
            // No constants but sizes, and clamps that passes make.
            Op::Conv2D(_) | Op::Conv2DFilterGradient(_) | Op::Conv2DTranspose(_) | Op::Gemm(_) => {}
            Op::Pool2D(_) | Op::Pool2DGradient(_) | Op::Reduce(_) => {}
            Op::Softmax(_) | Op::Resize(_) | Op::ResizeGradient(_) => {}
            Op::UnaryGradient(gradient) => gradient.function = self.function(gradient.function),
            Op::Slice(_) | Op::Transpose(_) | Op::Concat(_) | Op::Broadcast(_) | Op::Reshape(_) => {}
            Op::Histogram(_) | Op::Lookup(_) => {}
            Op::Cast(_) | Op::Assign(_) | Op::RandomUniform(_) | Op::OptimizerStep(_) => {}
        }
        op
    }

    fn function(&mut self, function: Function) -> Function {
        match function {
            Function::Relu { max_value, negative_slope, threshold } => Function::Relu {
                max_value: self.number(max_value),
                negative_slope: self.number(negative_slope),
                threshold: self.number(threshold),
            },
            Function::Elu { alpha } => Function::Elu { alpha: self.number(alpha) },
            Function::Affine { scale, offset } => {
                Function::Affine { scale: self.number(scale), offset: self.number(offset) }
            }
            other => other,
        }
    }
}

/// Whether the number was rounded when it became float32, as far as can be seen: its last bits are in use.
fn is_rounded(x: f32) -> bool {
    x.is_finite() && x.to_bits() & 0xfff != 0
}
