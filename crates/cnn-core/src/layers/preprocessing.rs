//! Layers that bring pictures into the range a network was trained on.

use super::common::{axis_indices, known, one};
use super::{Initializer, Kind, Lowering, SymbolicShape, WeightSpec};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{BinaryOp, Function};
use crate::shape::broadcast;
use crate::tensor::Tensor;

/// Keras's `Rescaling`: `x · scale + offset`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescaling {
    /// One factor, or one for each channel.
    pub scale: Vec<f64>,
    /// One summand, or one for each channel.
    pub offset: Vec<f64>,
}

impl Rescaling {
    /// The same for all elements.
    pub fn new(scale: f64, offset: f64) -> Self {
        Self { scale: vec![scale], offset: vec![offset] }
    }

    /// A factor and a summand for each channel.
    pub fn per_channel(scale: impl Into<Vec<f64>>, offset: impl Into<Vec<f64>>) -> Self {
        Self { scale: scale.into(), offset: offset.into() }
    }
}

impl Kind for Rescaling {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        let fits = |numbers: &[f64]| match (numbers.len(), x.last()) {
            (1, _) => true,
            (_, Some(&None)) => !numbers.is_empty(),
            (count, Some(&size)) => size == Some(count),
            (_, None) => false,
        };
        if !fits(&self.scale) || !fits(&self.offset) {
            let (scale, offset) = (self.scale.len(), self.offset.len());
            return Err(format!("expects a last axis that fits its {scale} factors and {offset} summands"));
        }
        Ok(x.clone())
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        if let (&[scale], &[offset]) = (self.scale.as_slice(), self.offset.as_slice()) {
            return cx.unary(Function::Affine { scale: scale as f32, offset: offset as f32 }, inputs[0]);
        }
        let numbers = |numbers: &[f64]| Tensor::from_fn(vec![numbers.len()], |i| numbers[i] as f32);
        let scale = cx.constant(numbers(&self.scale));
        let x = cx.binary(BinaryOp::Multiply, inputs[0], scale)?;
        let offset = cx.constant(numbers(&self.offset));
        cx.binary(BinaryOp::Add, x, offset)
    }
}

/// Keras's `Normalization`: `(x - mean) / max(√variance, 1e-7)`, or with `invert` the way back.
///
/// Weights, unless mean and variance are arguments: `mean` and `variance`, of the sizes of `axis`, and `count`.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// The axes that have means of their own, counting from the end where negative; none for a single mean.
    pub axis: Vec<isize>,
    /// The mean and the variance, if they are arguments; they broadcast to the sizes of `axis`.
    pub statistics: Option<(Tensor, Tensor)>,
    /// Whether it computes `x · max(√variance, 1e-7) + mean` instead.
    pub invert: bool,
}

impl Default for Normalization {
    fn default() -> Self {
        Self { axis: vec![-1], statistics: None, invert: false }
    }
}

impl Normalization {
    /// Keras's `epsilon()`.
    const EPSILON: f32 = 1e-7;

    /// A mean for each element of the last axis, as weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the axes that have means of their own.
    pub fn axis(mut self, axis: impl Into<Vec<isize>>) -> Self {
        self.axis = axis.into();
        self
    }

    /// Gives mean and variance as arguments.
    pub fn statistics(mut self, mean: Tensor, variance: Tensor) -> Self {
        self.statistics = Some((mean, variance));
        self
    }

    /// Sets whether it computes the way back.
    pub fn invert(mut self, invert: bool) -> Self {
        self.invert = invert;
        self
    }

    /// The axes from the first to the last, and their sizes.
    fn kept(&self, x: &[Option<usize>]) -> Result<(Vec<usize>, Vec<usize>), String> {
        let mut axes = axis_indices(&self.axis, x.len())?;
        axes.sort_unstable();
        let sizes = axes.iter().map(|&axis| known(x, axis)).collect::<Result<_, _>>()?;
        Ok((axes, sizes))
    }

    /// The sizes that argument `statistic` has behind the batch when it stands under x.
    fn placed(&self, statistic: &Tensor, axes: &[usize], rank: usize) -> Vec<usize> {
        let mut shape = vec![1; rank];
        for (&axis, &size) in axes.iter().rev().zip(statistic.shape().iter().rev()) {
            shape[axis] = size;
        }
        shape
    }
}

impl Kind for Normalization {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        let (axes, sizes) = self.kept(x)?;
        if let Some((mean, variance)) = &self.statistics {
            let fits = mean.shape() == variance.shape()
                && mean.shape().len() <= axes.len()
                && broadcast(mean.shape(), &sizes).is_some_and(|shape| shape == sizes);
            if !fits {
                return Err(format!(
                    "needs mean and variance of one shape that fits {sizes:?}, not {:?} and {:?},",
                    mean.shape(),
                    variance.shape()
                ));
            }
        }
        Ok(x.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        if self.statistics.is_some() {
            return Ok(Vec::new());
        }
        let (_, sizes) = self.kept(one(inputs)?)?;
        Ok(vec![
            WeightSpec::fixed("mean", sizes.clone(), Initializer::Zeros),
            WeightSpec::fixed("variance", sizes, Initializer::Ones),
            WeightSpec::fixed("count", Vec::new(), Initializer::Zeros),
        ])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let x = inputs[0];
        let shape = cx.shape(x);
        let symbolic: SymbolicShape = shape.iter().copied().map(Some).collect();
        let (axes, sizes) = self.kept(&symbolic).map_err(|wanted| cx.refuse(wanted, inputs))?;
        let (mean, deviation) = match &self.statistics {
            Some((mean, variance)) => {
                let placed = self.placed(mean, &axes, shape.len());
                let deviation =
                    Tensor::from_fn(variance.shape().to_vec(), |i| variance.data()[i].sqrt().max(Self::EPSILON));
                let mean = mean.clone().reshape(placed.clone())?;
                (cx.constant(mean), cx.constant(deviation.reshape(placed)?))
            }
            None => {
                // Along the last axis alone, `[C]` broadcasts as it is.
                let placed = if axes == [shape.len() - 1] {
                    sizes
                } else {
                    (0..shape.len()).map(|axis| if axes.contains(&axis) { shape[axis] } else { 1 }).collect()
                };
                let mean = cx.weight("mean")?;
                let mean = cx.reshape(mean, placed.clone())?;
                let variance = cx.weight("variance")?;
                let variance = cx.reshape(variance, placed)?;
                let deviation = cx.unary(Function::Sqrt, variance)?;
                let epsilon = cx.constant(Tensor::scalar(Self::EPSILON));
                (mean, cx.binary(BinaryOp::Maximum, deviation, epsilon)?)
            }
        };
        if self.invert {
            let x = cx.binary(BinaryOp::Multiply, x, deviation)?;
            cx.binary(BinaryOp::Add, x, mean)
        } else {
            let x = cx.binary(BinaryOp::Subtract, x, mean)?;
            cx.binary(BinaryOp::Divide, x, deviation)
        }
    }
}
