//! What a data set says of its samples, in the form that a loss takes.

use std::borrow::Cow;

use cnn_core::{Model, ShapeError, Tensor};
use cnn_data::Batch;
use cnn_train::{Loss, one_hot};

use crate::error::Error;

/// The batch's targets in the shape of the model's output. Class indices become one-hot where the loss compares classes.
///
/// # Errors
/// If the batch has none, or none that fit.
pub(super) fn targets<'a>(model: &Model, loss: &Loss, batch: &'a Batch) -> Result<Cow<'a, Tensor>, Error> {
    let y = batch.y.as_ref().ok_or(Error::NoTargets)?;
    let wanted: Vec<usize> = match model.output_shapes().first() {
        Some(shape) => shape.iter().enumerate().map(|(axis, size)| size.unwrap_or_else(|| of(y, axis))).collect(),
        None => Vec::new(),
    };
    let categorical = matches!(loss, Loss::CategoricalCrossentropy { .. } | Loss::CategoricalFocalCrossentropy { .. });
    if y.shape() == wanted {
        return Ok(Cow::Borrowed(y));
    }
    let refuse = |wanted: String| ShapeError::new("targets", wanted, &[y.shape()]).into();
    let (&classes, places) = wanted.split_last().unwrap_or((&0, &[]));
    if categorical && classes > 0 && y.len() == places.iter().product::<usize>() {
        let labels: Vec<usize> = y.data().iter().map(|&label| label as usize).collect();
        let whole = y.data().iter().zip(&labels).all(|(&label, &index)| label == index as f32);
        let one_hot = if whole { one_hot(&labels, classes) } else { None };
        let one_hot = one_hot.ok_or_else(|| refuse(format!("expects class numbers from 0 to {}", classes - 1)))?;
        return Ok(Cow::Owned(one_hot.reshape(wanted)?));
    }
    if y.len() == wanted.iter().product::<usize>() {
        return Ok(Cow::Owned(y.clone().reshape(wanted)?));
    }
    Err(refuse(format!("expects targets of the model's output shape {wanted:?}, or class numbers")))
}

fn of(y: &Tensor, axis: usize) -> usize {
    y.shape().get(axis).copied().unwrap_or(1)
}

/// The weight of each example: its own times its class's; `None` where neither is given.
///
/// # Errors
/// If classes are weighed and the batch's targets are no classes, or more than one an example.
pub(super) fn example_weights(batch: &Batch, class_weights: Option<&[f32]>) -> Result<Option<Tensor>, Error> {
    let Some(class_weights) = class_weights else { return Ok(batch.weights.clone()) };
    let y = batch.y.as_ref().ok_or(Error::NoTargets)?;
    if y.shape().len() > 2 {
        let wanted =
            "expects targets [N] or [N, classes]; where a picture has more classes than one, weigh examples instead";
        return Err(ShapeError::new("class weights", wanted, &[y.shape()]).into());
    }
    let examples = batch.x.shape()[0];
    let rows = y.data().chunks(y.len().checked_div(examples).unwrap_or(1).max(1));
    // A label that is no class number is of no class.
    let class = |row: &[f32]| match *row {
        [label] => (label as usize as f32 == label).then_some(label as usize),
        ref row => Some(row.iter().enumerate().fold(0, |best, (i, x)| if *x > row[best] { i } else { best })),
    };
    let mut weights: Vec<f32> = batch.weights.as_ref().map_or_else(|| vec![1.0; examples], |w| w.data().to_vec());
    for (weight, row) in weights.iter_mut().zip(rows) {
        let known = class(row).and_then(|class| class_weights.get(class));
        let wanted = || format!("expects classes from 0 to {}, which have weights", class_weights.len() - 1);
        *weight *= known.ok_or_else(|| ShapeError::new("class weights", wanted(), &[y.shape()]))?;
    }
    Ok(Some(Tensor::new(vec![examples], weights)?))
}

/// Whether there is a weight for each of the model's classes.
pub(super) fn check_classes(model: &Model, weights: &[f32]) -> Result<(), Error> {
    let classes = match model.output_shapes().first().and_then(|shape| shape.last().copied().flatten()) {
        // One probability is of two classes.
        Some(1) => 2,
        Some(classes) => classes,
        None => return Ok(()),
    };
    if weights.len() == classes && !weights.is_empty() {
        return Ok(());
    }
    Err(ShapeError::new(
        "class weights",
        format!("expects a weight for each of {classes} classes"),
        &[&[weights.len()]],
    )
    .into())
}
