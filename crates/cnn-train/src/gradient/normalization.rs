//! Normalisation. Batch normalisation takes its statistics as inputs: in training they are themselves values that depend on x,
//! whose gradients go on through them; frozen, they are variables.

use cnn_core::op::{BatchNorm, BinaryOp, Function, LayerNorm, Op, ReduceKind};
use cnn_core::{Source, Tensor, ValueId, plan};

use super::{Context, GradientError, Gradients};

/// With `r = 1 / √(variance + epsilon)` and `x̂ = (x - mean) · r`, per channel: `dx = dy · gamma·r`, `dgamma = Σ dy·x̂`,
/// `dbeta = Σ dy`, `dmean = -gamma·r · Σ dy`, `dvariance = -½ · gamma·r² · Σ dy·x̂`.
pub(super) fn batch_norm(cx: &mut Context, op: &BatchNorm, dy: ValueId) -> Gradients {
    let [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map(|index| cx.input(index));
    let dz = cx.behind_activation(op.activation, dy, |cx| {
        let plain = Op::BatchNorm(BatchNorm { activation: Function::Linear, ..*op });
        cx.push(plain, &[x, gamma, beta, mean, variance])
    })?;
    if of_the_batch(cx, op, x, mean, variance) {
        return by_batch_statistics(cx, op, dz);
    }
    let channels = cx.shape(gamma);
    let shifted = cx.unary(Function::Affine { scale: 1.0, offset: op.epsilon }, variance)?;
    let inverse = cx.unary(Function::InverseSqrt, shifted)?;
    let factor = cx.binary(BinaryOp::Multiply, gamma, inverse)?;
    let dx = cx.for_input(0, |cx| {
        let factor = along(cx, op.axis, factor, x)?;
        cx.binary(BinaryOp::Multiply, dz, factor)
    })?;
    let sum = if [2, 3].iter().any(|&index| cx.needs(index)) { Some(per_channel(cx, op.axis, dz)?) } else { None };
    let weighted = if [1, 4].iter().any(|&index| cx.needs(index)) {
        let (one, zero) = (cx.constant(Tensor::full(channels.clone(), 1.0)), cx.constant(Tensor::full(channels, 0.0)));
        let plain = Op::BatchNorm(BatchNorm { activation: Function::Linear, ..*op });
        let normalized = cx.push(plain, &[x, one, zero, mean, variance])?;
        let product = cx.binary(BinaryOp::Multiply, dz, normalized)?;
        Some(per_channel(cx, op.axis, product)?)
    } else {
        None
    };
    let dmean = match sum.filter(|_| cx.needs(3)) {
        Some(sum) => {
            let product = cx.binary(BinaryOp::Multiply, factor, sum)?;
            Some(cx.scaled(-1.0, product)?)
        }
        None => None,
    };
    let dvariance = match weighted.filter(|_| cx.needs(4)) {
        Some(weighted) => {
            let factor = cx.binary(BinaryOp::Multiply, factor, inverse)?;
            let product = cx.binary(BinaryOp::Multiply, factor, weighted)?;
            Some(cx.scaled(-0.5, product)?)
        }
        None => None,
    };
    Ok(vec![dx, weighted, sum, dmean, dvariance])
}

/// Whether mean and variance are those of `x` itself over all axes but the channels', which are the last.
fn of_the_batch(cx: &Context, op: &BatchNorm, x: ValueId, mean: ValueId, variance: ValueId) -> bool {
    let rank = cx.shape(x).len();
    let is = |value: ValueId, kind: ReduceKind| {
        let value = plan::storage(cx.graph, value);
        let Source::Node(id) = cx.graph.value(value).source else { return false };
        let node = &cx.graph.nodes()[id.index()];
        node.inputs[0] == x
            && matches!(&node.op, Op::Reduce(reduce) if reduce.kind == kind && reduce.axes == (0..rank - 1))
    };
    op.axis + 1 == rank && is(mean, ReduceKind::Mean) && is(variance, ReduceKind::Variance)
}

/// All of the gradient, that through the statistics too (Ioffe and Szegedy, section 3): with x̂ the normalised x and n elements
/// of a channel, `dx = gamma·r · (dy - (Σ dy)/n - x̂ · (Σ dy·x̂)/n)`. What the last two take off is itself a normalisation of x.
fn by_batch_statistics(cx: &mut Context, op: &BatchNorm, dz: ValueId) -> Gradients {
    let [x, gamma, _, mean, variance] = [0, 1, 2, 3, 4].map(|index| cx.input(index));
    let channels = cx.shape(gamma);
    let n = cx.shape(x).iter().product::<usize>() / channels[0].max(1);
    let plain = Op::BatchNorm(BatchNorm { activation: Function::Linear, ..*op });
    let (one, zero) = (cx.constant(Tensor::full(channels.clone(), 1.0)), cx.constant(Tensor::full(channels, 0.0)));
    let normalized = cx.push(plain.clone(), &[x, one, zero, mean, variance])?;
    let product = cx.binary(BinaryOp::Multiply, dz, normalized)?;
    let (sum, weighted) = (per_channel(cx, op.axis, dz)?, per_channel(cx, op.axis, product)?);
    let dx = cx.for_input(0, |cx| {
        let shifted = cx.unary(Function::Affine { scale: 1.0, offset: op.epsilon }, variance)?;
        let inverse = cx.unary(Function::InverseSqrt, shifted)?;
        let factor = cx.binary(BinaryOp::Multiply, gamma, inverse)?;
        let by_n = cx.scaled(-1.0 / n as f32, factor)?;
        let (scale, offset) =
            (cx.binary(BinaryOp::Multiply, by_n, weighted)?, cx.binary(BinaryOp::Multiply, by_n, sum)?);
        let direct = cx.binary(BinaryOp::Multiply, dz, factor)?;
        let through_statistics = cx.push(plain, &[x, scale, offset, mean, variance])?;
        cx.binary(BinaryOp::Add, direct, through_statistics)
    })?;
    Ok(vec![dx, Some(weighted), Some(sum), None, None])
}

/// The sums over all axes but `axis`.
fn per_channel(cx: &mut Context, axis: usize, x: ValueId) -> Result<ValueId, GradientError> {
    let shape = cx.shape(x);
    let x = cx.reduced(ReduceKind::Sum, x, axis + 1..shape.len())?;
    let x = cx.reduced(ReduceKind::Sum, x, 0..axis)?;
    cx.reshaped(x, vec![shape[axis]])
}

/// One number for each channel, with as many axes as are needed to stretch along `axis` of `like`.
fn along(cx: &mut Context, axis: usize, x: ValueId, like: ValueId) -> Result<ValueId, GradientError> {
    let mut shape = cx.shape(x);
    shape.extend(vec![1; cx.shape(like).len() - axis - 1]);
    cx.reshaped(x, shape)
}

/// With x̂ the normalised x, r = 1 / √(variance + epsilon) and `d = dy · gamma`, over the normalised axes:
/// `dx = r · (d - mean(d) - x̂ · mean(d·x̂))`.
pub(super) fn layer_norm(cx: &mut Context, op: &LayerNorm, dy: ValueId) -> Gradients {
    let x = cx.input(0);
    let shape = cx.shape(x);
    let outer = shape.len() - op.axes;
    let axes = outer..shape.len();
    let plain = LayerNorm { scale: false, center: false, ..*op };
    let normalized = cx.push(Op::LayerNorm(plain), &[x])?;
    let dx = cx.for_input(0, |cx| {
        let d = if op.scale { cx.binary(BinaryOp::Multiply, dy, cx.input(1))? } else { dy };
        let mean = cx.reduced(ReduceKind::Mean, x, axes.clone())?;
        let centred = cx.binary(BinaryOp::Subtract, x, mean)?;
        let square = cx.binary(BinaryOp::Multiply, centred, centred)?;
        let variance = cx.reduced(ReduceKind::Mean, square, axes.clone())?;
        let shifted = cx.unary(Function::Affine { scale: 1.0, offset: op.epsilon }, variance)?;
        let inverse = cx.unary(Function::InverseSqrt, shifted)?;
        let product = cx.binary(BinaryOp::Multiply, d, normalized)?;
        let mean_d = cx.reduced(ReduceKind::Mean, d, axes.clone())?;
        let mean_product = cx.reduced(ReduceKind::Mean, product, axes)?;
        let part = cx.binary(BinaryOp::Multiply, normalized, mean_product)?;
        let difference = cx.binary(BinaryOp::Subtract, d, mean_d)?;
        let difference = cx.binary(BinaryOp::Subtract, difference, part)?;
        cx.binary(BinaryOp::Multiply, difference, inverse)
    })?;
    let mut gradients = vec![dx];
    if op.scale {
        gradients.push(cx.for_input(1, |cx| {
            let product = cx.binary(BinaryOp::Multiply, dy, normalized)?;
            cx.summed_to(product, &shape[outer..])
        })?);
    }
    if op.center {
        let beta = gradients.len();
        gradients.push(cx.for_input(beta, |cx| cx.summed_to(dy, &shape[outer..]))?);
    }
    Ok(gradients)
}
