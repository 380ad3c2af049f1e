//! What regularizers add to the loss, and what constraints make of a weight, as graph. Formulas are Keras's
//! (`keras.regularizers`, `keras.constraints`).

use cnn_core::layers::{Constraint, OrthogonalMode, Regularizer};
use cnn_core::model::{Model, Weight};
use cnn_core::op::{BinaryOp, Function, Gemm, Reduce, ReduceKind, Transpose, Unary};
use cnn_core::{Graph, Op, ShapeError, Tensor, ValueId};

use crate::step::TrainError;
use crate::update::{binary, square_sum, sum};

/// Keras's `backend.epsilon()`.
const EPSILON: f64 = 1e-7;

/// The layers whose outputs have a regularizer, by path.
///
/// # Errors
/// If one of them is called several times: Keras would add something for each call.
pub(crate) fn regularized_outputs(model: &Model) -> Result<Vec<(String, Regularizer)>, TrainError> {
    let mut found = Vec::new();
    collect(model, "", false, &mut found)?;
    Ok(found)
}

fn collect(
    model: &Model,
    prefix: &str,
    shared: bool,
    found: &mut Vec<(String, Regularizer)>,
) -> Result<(), TrainError> {
    for layer in model.layers() {
        let path = format!("{prefix}{}", layer.name());
        let shared = shared || layer.calls().len() > 1;
        match (layer.nested(), layer.layer().activity_regularizer()) {
            (Some(inner), _) => collect(inner, &format!("{path}/"), shared, found)?,
            (None, Some(_)) if shared => return Err(TrainError::SharedActivity { layer: path }),
            (None, Some(regularizer)) => found.push((path, regularizer.clone())),
            (None, None) => {}
        }
    }
    Ok(())
}

/// The loss with what the regularizers of outputs (each with its layer's path) and of trainable weights add to it.
pub(crate) fn regularized(
    graph: &mut Graph,
    model: &Model,
    mut loss: ValueId,
    outputs: &[(String, Regularizer, ValueId)],
) -> Result<ValueId, TrainError> {
    for (path, regularizer, output) in outputs {
        let batch = graph.value(*output).shape.first().copied().unwrap_or(1);
        let all = penalty(graph, path, regularizer, *output)?;
        let mean = affine(graph, 1.0 / batch.max(1) as f64, 0.0, all)?;
        loss = binary(graph, BinaryOp::Add, loss, mean)?;
    }
    for Weight { path, shape, options, trainable, .. } in model.weights() {
        if let Some(regularizer) = options.regularizer.filter(|_| trainable) {
            let weight = graph.variable(&path, shape)?;
            let penalty = penalty(graph, &path, &regularizer, weight)?;
            loss = binary(graph, BinaryOp::Add, loss, penalty)?;
        }
    }
    Ok(loss)
}

/// What a regularizer makes of the weight or output x of that path, `[1]`.
fn penalty(graph: &mut Graph, path: &str, regularizer: &Regularizer, x: ValueId) -> Result<ValueId, TrainError> {
    match *regularizer {
        Regularizer::L1(l1) => Ok(l1_penalty(graph, l1, x)?),
        Regularizer::L2(l2) => Ok(l2_penalty(graph, l2, x)?),
        Regularizer::L1L2 { l1, l2 } => {
            let (l1, l2) = (l1_penalty(graph, l1, x)?, l2_penalty(graph, l2, x)?);
            Ok(binary(graph, BinaryOp::Add, l1, l2)?)
        }
        Regularizer::Orthogonal { factor, mode } => match *graph.value(x).shape.as_slice() {
            [rows, columns] => Ok(orthogonal_penalty(graph, factor, mode, x, [rows, columns])?),
            _ => Err(ShapeError::new(path, "has an OrthogonalRegularizer, which takes a matrix", &[]).into()),
        },
        Regularizer::Unknown(ref class) => {
            Err(TrainError::Unknown { path: path.into(), argument: "regularizer", class: class.clone() })
        }
    }
}

fn l1_penalty(graph: &mut Graph, l1: f64, x: ValueId) -> Result<ValueId, ShapeError> {
    let absolute = absolute(graph, x)?;
    let sum = sum(graph, absolute)?;
    affine(graph, l1, 0.0, sum)
}

fn l2_penalty(graph: &mut Graph, l2: f64, x: ValueId) -> Result<ValueId, ShapeError> {
    let sum = square_sum(graph, x)?;
    affine(graph, l2, 0.0, sum)
}

/// `factor · Σ |product of two normalised vectors|` over the pairs of rows or columns, by the number of pairs.
fn orthogonal_penalty(
    graph: &mut Graph,
    factor: f64,
    mode: OrthogonalMode,
    x: ValueId,
    [rows, columns]: [usize; 2],
) -> Result<ValueId, ShapeError> {
    let (along, size) = match mode {
        OrthogonalMode::Rows => (1, rows),
        OrthogonalMode::Columns => (0, columns),
    };
    let square = binary(graph, BinaryOp::Multiply, x, x)?;
    let sums = summed(graph, square, &[along])?;
    // At most 1 / epsilon is what it is multiplied by.
    let least = graph.constant("regularizer", Tensor::full(vec![1, 1], (EPSILON * EPSILON) as f32));
    let sums = binary(graph, BinaryOp::Maximum, sums, least)?;
    let inverse = unary(graph, Function::InverseSqrt, sums)?;
    let vectors = binary(graph, BinaryOp::Multiply, x, inverse)?;
    let transposed = graph.push("regularizer", Op::Transpose(Transpose { permutation: vec![1, 0] }), &[vectors])?;
    let factors = match mode {
        OrthogonalMode::Rows => [vectors, transposed],
        OrthogonalMode::Columns => [transposed, vectors],
    };
    let products = graph.push("regularizer", Op::Gemm(Gemm::default()), &factors)?;
    let others = Tensor::from_fn(vec![size, size], |i| if i / size == i % size { 0.0 } else { 1.0 });
    let others = graph.constant("regularizer", others);
    let products = binary(graph, BinaryOp::Multiply, products, others)?;
    let absolute = absolute(graph, products)?;
    let sum = sum(graph, absolute)?;
    let pairs = (size * size.saturating_sub(1)) as f64 / 2.0;
    affine(graph, 0.5 * factor / pairs, 0.0, sum)
}

/// What a constraint makes of the weight of that path.
pub(crate) fn constrained(
    graph: &mut Graph,
    path: &str,
    constraint: &Constraint,
    weight: ValueId,
) -> Result<ValueId, TrainError> {
    let unknown = |class: &str| TrainError::Unknown { path: path.into(), argument: "constraint", class: class.into() };
    // The norm that a norm n is brought to is `rate · clamp(n, low, high) + (1 - rate) · n`.
    let (axis, low, high, rate) = match constraint {
        Constraint::NonNeg => return Ok(unary(graph, Function::RELU, weight)?),
        Constraint::MaxNorm { max_value, axis } => (axis, 0.0, *max_value, 1.0),
        Constraint::UnitNorm { axis } => (axis, 1.0, 1.0, 1.0),
        Constraint::MinMaxNorm { min_value, max_value, rate, axis } => (axis, *min_value, *max_value, *rate),
        Constraint::Unknown(class) => return Err(unknown(class)),
    };
    Ok(with_norms(graph, weight, axis, [low, high], rate)?)
}

fn with_norms(
    graph: &mut Graph,
    weight: ValueId,
    axis: &[isize],
    [low, high]: [f64; 2],
    rate: f64,
) -> Result<ValueId, ShapeError> {
    let rank = graph.value(weight).shape.len();
    let axes: Vec<usize> = match axis {
        [] => (0..rank).collect(),
        axes => axes.iter().map(|axis| axis.rem_euclid(rank as isize) as usize).collect(),
    };
    let square = binary(graph, BinaryOp::Multiply, weight, weight)?;
    let sums = summed(graph, square, &axes)?;
    let norms = unary(graph, Function::Sqrt, sums)?;
    let [low, high] = [low, high].map(|x| graph.constant("constraint", Tensor::full(vec![1; rank], x as f32)));
    let wanted = binary(graph, BinaryOp::Maximum, norms, low)?;
    let mut wanted = binary(graph, BinaryOp::Minimum, wanted, high)?;
    if rate != 1.0 {
        let gone = affine(graph, rate, 0.0, wanted)?;
        let left = affine(graph, 1.0 - rate, 0.0, norms)?;
        wanted = binary(graph, BinaryOp::Add, gone, left)?;
    }
    let norms = affine(graph, 1.0, EPSILON, norms)?;
    let factor = binary(graph, BinaryOp::Divide, wanted, norms)?;
    binary(graph, BinaryOp::Multiply, weight, factor)
}

/// Sums along axes, which stay with size 1.
fn summed(graph: &mut Graph, mut x: ValueId, axes: &[usize]) -> Result<ValueId, ShapeError> {
    for &axis in axes {
        let reduce = Reduce { kind: ReduceKind::Sum, axes: axis..axis + 1 };
        x = graph.push("constraint", Op::Reduce(reduce), &[x])?;
    }
    Ok(x)
}

/// |x|, with a gradient of 0 at 0.
fn absolute(graph: &mut Graph, x: ValueId) -> Result<ValueId, ShapeError> {
    let negated = affine(graph, -1.0, 0.0, x)?;
    let (above, below) = (unary(graph, Function::RELU, x)?, unary(graph, Function::RELU, negated)?);
    binary(graph, BinaryOp::Add, above, below)
}

fn affine(graph: &mut Graph, scale: f64, offset: f64, x: ValueId) -> Result<ValueId, ShapeError> {
    unary(graph, Function::Affine { scale: scale as f32, offset: offset as f32 }, x)
}

fn unary(graph: &mut Graph, function: Function, x: ValueId) -> Result<ValueId, ShapeError> {
    graph.push("regularizer", Op::Unary(Unary { function }), &[x])
}
