//! How a batch is cut that a device holds in no one piece, and how what comes out of the pieces is put together.

use cnn_core::{Plan, ShapeError, Tensor, plan};

use crate::error::Error;

/// The sizes of the pieces of a batch of these shapes, none of whose plans has a tensor of more than `limit` bytes; one
/// number, the batch itself, where it fits.
pub(crate) fn pieces(
    shapes: &[Vec<usize>],
    limit: Option<u64>,
    plan: impl Fn(&[Vec<usize>]) -> Result<Plan, Error>,
) -> Result<Vec<usize>, Error> {
    let batch = shapes.first().and_then(|shape| shape.first()).copied().unwrap_or(1);
    let one_batch = shapes.iter().all(|shape| shape.first() == Some(&batch));
    let Some(limit) = limit.filter(|_| one_batch) else { return Ok(vec![batch]) };
    let mut piece = batch;
    while piece > 1 {
        let largest = largest_activation(&plan(&with_batch(shapes, piece))?) as u64;
        if largest <= limit {
            break;
        }
        piece = ((piece as u128 * u128::from(limit) / u128::from(largest)) as usize).clamp(1, piece - 1);
    }
    if piece == 0 {
        return Ok(vec![batch]);
    }
    // Even pieces: as few programs as can be.
    let count = batch.div_ceil(piece);
    let piece = batch.div_ceil(count);
    let mut pieces = vec![piece; batch / piece];
    if batch % piece > 0 {
        pieces.push(batch % piece);
    }
    Ok(pieces)
}

/// Bytes of the largest value that a run makes or takes.
fn largest_activation(plan: &Plan) -> usize {
    let graph = plan.graph();
    let made = plan.steps().iter().map(|id| graph.nodes()[id.index()].output);
    made.chain(graph.inputs().iter().copied()).map(|value| plan::bytes(graph, value)).max().unwrap_or(0)
}

pub(crate) fn shapes(inputs: &[Tensor]) -> Vec<Vec<usize>> {
    inputs.iter().map(|x| x.shape().to_vec()).collect()
}

pub(crate) fn with_batch(shapes: &[Vec<usize>], batch: usize) -> Vec<Vec<usize>> {
    let mut shapes = shapes.to_vec();
    shapes.iter_mut().filter_map(|shape| shape.first_mut()).for_each(|size| *size = batch);
    shapes
}

/// The inputs of each piece, made as it is asked for.
pub(crate) fn cut<'a>(
    inputs: &'a [Tensor],
    pieces: &'a [usize],
) -> impl Iterator<Item = Result<Vec<Tensor>, ShapeError>> + 'a {
    let mut begin = 0;
    pieces.iter().map(move |&piece| {
        let part = inputs.iter().map(|x| rows(x, begin, piece)).collect();
        begin += piece;
        part
    })
}

/// Rows `begin` to `begin + count` of the first axis.
fn rows(x: &Tensor, begin: usize, count: usize) -> Result<Tensor, ShapeError> {
    let row: usize = x.shape()[1..].iter().product();
    let shape = [&[count], &x.shape()[1..]].concat();
    Tensor::new(shape, x.data()[begin * row..(begin + count) * row].to_vec())
}

/// Each output of all parts, one behind the other.
pub(crate) fn join(parts: Vec<Vec<Tensor>>) -> Result<Vec<Tensor>, Error> {
    let mut joined: Vec<(Vec<usize>, Vec<f32>)> = Vec::new();
    for part in parts {
        for (index, tensor) in part.into_iter().enumerate() {
            let shape = tensor.shape().to_vec();
            match joined.get_mut(index) {
                Some((whole, data)) => {
                    whole[0] += shape[0];
                    data.extend(tensor.into_data());
                }
                None => joined.push((shape, tensor.into_data())),
            }
        }
    }
    joined.into_iter().map(|(shape, data)| Ok(Tensor::new(shape, data)?)).collect()
}
