//! Layers that bring pictures into the range a network was trained on.

use super::common::{axis_indices, known, one};
use super::{Initializer, Kind, Lowering, SymbolicShape, WeightSpec};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{BinaryOp, Function};
use crate::shape::broadcast;
use crate::tensor::Tensor;

/// One number, or an array of them that broadcasts to a layer's input: Keras takes either.
///
/// ```
/// use cnn_core::layers::Numbers;
/// assert_eq!(Numbers::from(2.0), Numbers { shape: vec![], data: vec![2.0] });
/// assert_eq!(Numbers::from([0.5, 1.5]).shape, [2]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// The array's shape; empty for one number.
    pub shape: Vec<usize>,
    /// The numbers, as many as the shape holds.
    pub data: Vec<f64>,
}

impl Numbers {
    /// Whether broadcasting to an input of shape `x` leaves that shape, as far as its sizes are known.
    fn fit(&self, x: &[Option<usize>]) -> bool {
        let fits = |(&own, &size): (&usize, &Option<usize>)| own == 1 || size.is_none_or(|size| size == own);
        self.shape.len() <= x.len() && self.shape.iter().rev().zip(x.iter().rev()).all(fits)
    }

    /// The numbers as a graph holds them.
    fn tensor(&self) -> Result<Tensor, ShapeError> {
        Tensor::new(self.shape.clone(), self.data.iter().map(|&number| number as f32).collect())
    }
}

impl From<f64> for Numbers {
    fn from(number: f64) -> Self {
        Self { shape: Vec::new(), data: vec![number] }
    }
}

impl From<Vec<f64>> for Numbers {
    fn from(data: Vec<f64>) -> Self {
        Self { shape: vec![data.len()], data }
    }
}

impl<const N: usize> From<[f64; N]> for Numbers {
    fn from(data: [f64; N]) -> Self {
        data.to_vec().into()
    }
}

/// Keras's `Rescaling`: `x · scale + offset`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescaling {
    /// One factor, or several, such as one for each channel.
    pub scale: Numbers,
    /// One summand, or several.
    pub offset: Numbers,
}

impl Rescaling {
    /// A factor and a summand for all elements, or arrays of them: `Rescaling::new([0.5, 2.0], 1.0)`.
    pub fn new(scale: impl Into<Numbers>, offset: impl Into<Numbers>) -> Self {
        Self { scale: scale.into(), offset: offset.into() }
    }
}

impl Kind for Rescaling {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        if !self.scale.fit(x) || !self.offset.fit(x) {
            let (scale, offset) = (&self.scale.shape, &self.offset.shape);
            return Err(format!(
                "expects an input to whose shape a scale of shape {scale:?} and an offset of {offset:?} broadcast"
            ));
        }
        Ok(x.clone())
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        if let (&[scale], &[offset]) = (self.scale.data.as_slice(), self.offset.data.as_slice()) {
            return cx.unary(Function::Affine { scale: scale as f32, offset: offset as f32 }, inputs[0]);
        }
        let scale = cx.constant(self.scale.tensor()?);
        let x = cx.binary(BinaryOp::Multiply, inputs[0], scale)?;
        let offset = cx.constant(self.offset.tensor()?);
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
            WeightSpec::fixed("mean", sizes.clone(), &Initializer::ZEROS.into()),
            WeightSpec::fixed("variance", sizes, &Initializer::ONES.into()),
            WeightSpec::fixed("count", Vec::new(), &Initializer::ZEROS.into()),
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
