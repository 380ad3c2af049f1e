//! What a step does with its gradients: the weights, the optimizer's states and the loss scale after it, as graph.

use cnn_core::op::{
    Assign, Binary, BinaryOp, Concat, Function, OptimizerStep, Reduce, ReduceKind, Reshape, Rule, Unary,
};
use cnn_core::{Graph, Model, Op, ShapeError, Tensor, ValueId};

use crate::optimizer::{ACCUMULATION, AVERAGE, STEP};
use crate::regularization::constrained;
use crate::step::TrainError;
use crate::training::{LossScale, Training};
use crate::variables::{self, DYNAMIC_SCALE, STEP_COUNTER, state};

/// The rule by which sums and averages move.
const PLAIN: Rule = Rule::Sgd { momentum: 0.0, nesterov: false };
/// 1 for 0, 0 for 1.
const NOT: Function = Function::Affine { scale: -1.0, offset: 1.0 };

/// A weight, its value before the step, and its gradient where the loss depends on it.
pub(crate) struct Trainable {
    pub path: String,
    pub weight: ValueId,
    pub gradient: Option<ValueId>,
}

/// The loss times the loss scale, where there is one.
pub(crate) fn scaled_loss(graph: &mut Graph, training: &Training, loss: ValueId) -> Result<ValueId, ShapeError> {
    if training.mixed_precision.is_none() {
        return Ok(loss);
    }
    let scale = graph.variable(DYNAMIC_SCALE, vec![1])?;
    binary(graph, BinaryOp::Multiply, loss, scale)
}

/// Takes the loss scale off the gradients; the number that is 1 where all of them are finite, else 0, `[1]`.
pub(crate) fn unscale(graph: &mut Graph, trainable: &mut [Trainable]) -> Result<Option<ValueId>, ShapeError> {
    let scale = graph.variable(DYNAMIC_SCALE, vec![1])?;
    let one = graph.constant("optimizer", Tensor::full(vec![1], 1.0));
    let inverse = binary(graph, BinaryOp::Divide, one, scale)?;
    let mut total = None;
    for gradient in trainable.iter_mut().filter_map(|trainable| trainable.gradient.as_mut()) {
        // What is infinite or no number leaves no finite sum.
        let sum = sum(graph, *gradient)?;
        total = Some(match total {
            Some(total) => binary(graph, BinaryOp::Add, total, sum)?,
            None => sum,
        });
        *gradient = binary(graph, BinaryOp::Multiply, *gradient, inverse)?;
    }
    let Some(total) = total else { return Ok(None) };
    let [low, high] = [f32::MIN, f32::MAX].map(|x| graph.constant("optimizer", Tensor::full(vec![1], x)));
    let above = binary(graph, BinaryOp::GreaterEqual, total, low)?;
    let below = binary(graph, BinaryOp::GreaterEqual, high, total)?;
    binary(graph, BinaryOp::Multiply, above, below).map(Some)
}

/// Appends the step of all weights; where `finite` is 0, nothing of it is done but to the loss scale.
pub(crate) fn update(
    graph: &mut Graph,
    training: &Training,
    trainable: &[Trainable],
    finite: Option<ValueId>,
) -> Result<(), ShapeError> {
    let mut gradients: Vec<(&Trainable, ValueId)> =
        trainable.iter().filter_map(|one| Some((one, one.gradient?))).collect();
    if let Some(batches) = training.optimizer.gradient_accumulation_steps {
        let settings = settings(graph, ACCUMULATION, finite)?;
        for (Trainable { path, .. }, gradient) in &mut gradients {
            let shape = graph.value(*gradient).shape.clone();
            let sum = state(graph, path, variables::ACCUMULATOR, shape)?;
            step(graph, path, PLAIN, settings, *gradient, &[sum])?;
            let mean = Function::Affine { scale: (1.0 / batches as f64) as f32, offset: 0.0 };
            let sum = graph.latest(sum);
            *gradient = graph.push("optimizer", Op::Unary(Unary { function: mean }), &[sum])?;
        }
    }
    clip(graph, training, &mut gradients)?;
    let common = settings(graph, STEP, finite)?;
    let mut made = vec![((1.0, true), common)];
    for (Trainable { path, weight, .. }, gradient) in gradients {
        let settings = own_settings(graph, &mut made, training.multiplier(path), training.decays(path))?;
        let shape = graph.value(*weight).shape.clone();
        let mut changed = vec![*weight];
        for name in training.optimizer.state_names() {
            changed.push(state(graph, path, name, shape.clone())?);
        }
        step(graph, path, training.optimizer.rule, settings, gradient, &changed)?;
    }
    if training.optimizer.use_ema {
        let settings = settings(graph, AVERAGE, finite)?;
        for Trainable { path, weight, .. } in trainable {
            let average = state(graph, path, variables::AVERAGE, graph.value(*weight).shape.clone())?;
            step(graph, path, PLAIN, settings, graph.latest(*weight), &[average])?;
        }
    }
    match (training.mixed_precision, finite) {
        (Some(scale), Some(finite)) => update_scale(graph, scale, finite),
        _ => Ok(()),
    }
}

/// Appends what the weights' constraints make of them; where `finite` is 0, they stay as the step has left them.
pub(crate) fn constrain(
    graph: &mut Graph,
    model: &Model,
    trainable: &[Trainable],
    finite: Option<ValueId>,
) -> Result<(), TrainError> {
    let weights = model.weights();
    for Trainable { path, weight, .. } in trainable.iter().filter(|trainable| trainable.gradient.is_some()) {
        let of_path = weights.iter().find(|weight| weight.path == *path);
        let Some(constraint) = of_path.and_then(|weight| weight.options.constraint.as_ref()) else { continue };
        let stepped = graph.latest(*weight);
        let mut new = constrained(graph, path, constraint, stepped)?;
        if let Some(finite) = finite {
            let kept = graph.push("optimizer", Op::Unary(Unary { function: NOT }), &[finite])?;
            let kept = binary(graph, BinaryOp::Multiply, stepped, kept)?;
            new = binary(graph, BinaryOp::Multiply, new, finite)?;
            new = binary(graph, BinaryOp::Add, new, kept)?;
        }
        graph.push("optimizer", Op::Assign(Assign { first: 0 }), &[stepped, new])?;
    }
    Ok(())
}

/// The input of the settings of that name; with `finite` where the step is left out.
fn settings(graph: &mut Graph, name: &str, finite: Option<ValueId>) -> Result<ValueId, ShapeError> {
    let settings = graph.input(name, vec![OptimizerStep::SETTINGS]);
    let Some(finite) = finite else { return Ok(settings) };
    let ones = graph.constant("optimizer", Tensor::full(vec![OptimizerStep::SETTINGS - 1], 1.0));
    let done = graph.push("optimizer", Op::Concat(Concat { axis: 0 }), &[ones, finite])?;
    binary(graph, BinaryOp::Multiply, settings, done)
}

/// The rule's settings for some weights: with the learning rate, and all that has it as a factor, times `multiplier`, and
/// with no decay where they do not decay; `made` are those made so far, those of most weights first.
fn own_settings(
    graph: &mut Graph,
    made: &mut Vec<((f64, bool), ValueId)>,
    multiplier: f64,
    decays: bool,
) -> Result<ValueId, ShapeError> {
    if let Some(&(_, settings)) = made.iter().find(|(of, _)| *of == (multiplier, decays)) {
        return Ok(settings);
    }
    let rate = multiplier as f32;
    let decay = if decays { rate } else { 0.0 };
    let factors = Tensor::new(vec![OptimizerStep::SETTINGS], vec![rate, rate, 1.0, decay, 1.0])?;
    let factors = graph.constant("optimizer", factors);
    let settings = binary(graph, BinaryOp::Multiply, made[0].1, factors)?;
    made.push(((multiplier, decays), settings));
    Ok(settings)
}

/// The new elements of variables, made together and then assigned.
fn step(
    graph: &mut Graph,
    path: &str,
    rule: Rule,
    settings: ValueId,
    gradient: ValueId,
    variables: &[ValueId],
) -> Result<(), ShapeError> {
    let name = format!("optimizer/{path}");
    let count: usize = graph.value(gradient).shape.iter().product();
    let inputs = [&[settings, gradient], variables].concat();
    let new = graph.push(&name, Op::OptimizerStep(OptimizerStep { rule }), &inputs)?;
    for (row, &variable) in variables.iter().enumerate() {
        graph.push(&name, Op::Assign(Assign { first: row * count }), &[variable, new])?;
    }
    Ok(())
}

/// With `grown` for what has been finite long enough, `scale ← scale·(1 + finite)/2 + scale·grown`, and the counter goes on
/// or begins again.
fn update_scale(graph: &mut Graph, of: LossScale, finite: ValueId) -> Result<(), ShapeError> {
    let (scale, counter) = (graph.variable(DYNAMIC_SCALE, vec![1])?, graph.variable(STEP_COUNTER, vec![1])?);
    let affine = |graph: &mut Graph, scale: f32, offset: f32, x: ValueId| {
        graph.push("optimizer", Op::Unary(Unary { function: Function::Affine { scale, offset } }), &[x])
    };
    let last = graph.constant("optimizer", Tensor::full(vec![1], (of.dynamic_growth_steps - 1) as f32));
    let enough = binary(graph, BinaryOp::GreaterEqual, counter, last)?;
    let grown = binary(graph, BinaryOp::Multiply, finite, enough)?;
    let kept = affine(graph, 0.5, 0.5, finite)?;
    let factor = binary(graph, BinaryOp::Add, kept, grown)?;
    let new_scale = binary(graph, BinaryOp::Multiply, scale, factor)?;
    let counted = affine(graph, 1.0, 1.0, counter)?;
    let goes_on = binary(graph, BinaryOp::Subtract, finite, grown)?;
    let new_counter = binary(graph, BinaryOp::Multiply, counted, goes_on)?;
    for (variable, new) in [(scale, new_scale), (counter, new_counter)] {
        graph.push("optimizer", Op::Assign(Assign { first: 0 }), &[variable, new])?;
    }
    Ok(())
}

/// Lets of the gradients pass what the optimizer lets, in one of the three ways.
fn clip(graph: &mut Graph, training: &Training, gradients: &mut [(&Trainable, ValueId)]) -> Result<(), ShapeError> {
    let optimizer = &training.optimizer;
    if let Some(limit) = optimizer.clipnorm {
        for (_, gradient) in &mut *gradients {
            let sum = square_sum(graph, *gradient)?;
            *gradient = scaled_to_norm(graph, *gradient, sum, limit)?;
        }
    }
    if let Some(limit) = optimizer.global_clipnorm {
        let mut sum = square_sum(graph, gradients[0].1)?;
        for (_, gradient) in &gradients[1..] {
            let next = square_sum(graph, *gradient)?;
            sum = binary(graph, BinaryOp::Add, sum, next)?;
        }
        for (_, gradient) in &mut *gradients {
            *gradient = scaled_to_norm(graph, *gradient, sum, limit)?;
        }
    }
    if let Some(limit) = optimizer.clipvalue {
        let [low, high] = [-limit, limit].map(|x| graph.constant("optimizer", Tensor::scalar(x as f32)));
        for (_, gradient) in gradients {
            let above = binary(graph, BinaryOp::Maximum, *gradient, low)?;
            *gradient = binary(graph, BinaryOp::Minimum, above, high)?;
        }
    }
    Ok(())
}

/// The sum of the squares of all elements, `[1]`.
pub(crate) fn square_sum(graph: &mut Graph, x: ValueId) -> Result<ValueId, ShapeError> {
    let square = binary(graph, BinaryOp::Multiply, x, x)?;
    sum(graph, square)
}

/// The sum of all elements, `[1]`: along the last axis at the end, so that no sum is as long as a weight is large.
pub(crate) fn sum(graph: &mut Graph, x: ValueId) -> Result<ValueId, ShapeError> {
    let shape = &graph.value(x).shape;
    let last = shape.last().copied().unwrap_or(1);
    let rows = vec![shape.iter().product::<usize>() / last.max(1), last];
    let rows = graph.push("optimizer", Op::Reshape(Reshape { shape: rows }), &[x])?;
    let row = graph.push("optimizer", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..1 }), &[rows])?;
    let sum = graph.push("optimizer", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 1..2 }), &[row])?;
    graph.push("optimizer", Op::Reshape(Reshape { shape: vec![1] }), &[sum])
}

/// `x · (limit / max(√square_sum, limit))`
fn scaled_to_norm(graph: &mut Graph, x: ValueId, square_sum: ValueId, limit: f64) -> Result<ValueId, ShapeError> {
    let limit = graph.constant("optimizer", Tensor::full(vec![1], limit as f32));
    let norm = graph.push("optimizer", Op::Unary(Unary { function: Function::Sqrt }), &[square_sum])?;
    let norm = binary(graph, BinaryOp::Maximum, norm, limit)?;
    let scale = binary(graph, BinaryOp::Divide, limit, norm)?;
    // A number of any rank: [1] stretches along the last axis of a weight, which has one.
    binary(graph, BinaryOp::Multiply, x, scale)
}

pub(crate) fn binary(graph: &mut Graph, op: BinaryOp, a: ValueId, b: ValueId) -> Result<ValueId, ShapeError> {
    graph.push("optimizer", Op::Binary(Binary::new(op)), &[a, b])
}
