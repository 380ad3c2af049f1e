//! Normalisation layers.

use super::common::{axis_index, axis_indices, known, one, to_the_end};
use super::weight::weight_setters;
use super::{Constraint, Initializer, Kind, Lowering, Mode, Regularizer, SymbolicShape, WeightOptions, WeightSpec};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{BatchNorm, BinaryOp, Function, LayerNorm, Op, Reduce, ReduceKind};
use crate::tensor::Tensor;

/// Keras's `BatchNormalization` (Ioffe and Szegedy, arXiv 1502.03167).
///
/// Weights, each as long as `axis`: `gamma` where `scale`, `beta` where `center`, `moving_mean`, `moving_variance`.
///
/// A training step normalises by the batch's own statistics, and lets the moving ones follow them, unless the layer is frozen, or
/// is called with `training` false, itself or a model around it
/// ([`Functional::call_with_training`](crate::Functional::call_with_training)): then by the moving ones, as in inference.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormalization {
    /// The axis of the channels; counts from the end where negative.
    pub axis: isize,
    /// The share of the old moving statistics kept at each training step.
    pub momentum: f64,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether beta is added.
    pub center: bool,
    /// Whether gamma multiplies.
    pub scale: bool,
    /// Of the weight `beta`.
    pub beta: WeightOptions,
    /// Of the weight `gamma`.
    pub gamma: WeightOptions,
    /// Of the weight `moving_mean`, which has an initializer alone.
    pub moving_mean: WeightOptions,
    /// Of the weight `moving_variance`, which has an initializer alone.
    pub moving_variance: WeightOptions,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self {
            axis: -1,
            momentum: 0.99,
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta: Initializer::ZEROS.into(),
            gamma: Initializer::ONES.into(),
            moving_mean: Initializer::ZEROS.into(),
            moving_variance: Initializer::ONES.into(),
        }
    }
}

impl BatchNormalization {
    /// The last axis, momentum 0.99, epsilon 0.001, with beta and gamma.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the axis of the channels.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets the momentum of the moving statistics.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets what is added to the variance.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets whether beta is added.
    pub fn center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Sets whether gamma multiplies.
    pub fn scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }
}

weight_setters!(BatchNormalization {
    beta: beta_initializer beta_regularizer beta_constraint,
    gamma: gamma_initializer gamma_regularizer gamma_constraint,
    moving_mean: moving_mean_initializer,
    moving_variance: moving_variance_initializer,
});

impl Kind for BatchNormalization {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        known(x, axis_index(self.axis, x.len())?)?;
        Ok(x.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let x = one(inputs)?;
        let shape = vec![known(x, axis_index(self.axis, x.len())?)?];
        let mut weights = Vec::new();
        if self.scale {
            weights.push(WeightSpec::new("gamma", shape.clone(), &self.gamma));
        }
        if self.center {
            weights.push(WeightSpec::new("beta", shape.clone(), &self.beta));
        }
        weights.push(WeightSpec::fixed("moving_mean", shape.clone(), &self.moving_mean));
        weights.push(WeightSpec::fixed("moving_variance", shape, &self.moving_variance));
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let shape = cx.shape(inputs[0]);
        let axis = axis_index(self.axis, shape.len()).map_err(|wanted| cx.refuse(wanted, inputs))?;
        // Frozen, it normalises by the moving statistics in training too, and leaves them as they are.
        let (mean, variance) = match cx.mode {
            Mode::Training if cx.trainable => self.batch_statistics(cx, axis, inputs[0])?,
            Mode::Training | Mode::Inference => {
                // Another call of the layer in the same step may have moved them.
                let [mean, variance] = [cx.weight("moving_mean")?, cx.weight("moving_variance")?];
                (cx.graph.latest(mean), cx.graph.latest(variance))
            }
        };
        let channels = vec![shape[axis]];
        let gamma = if self.scale { cx.weight("gamma")? } else { cx.constant(Tensor::full(channels.clone(), 1.0)) };
        let beta = if self.center { cx.weight("beta")? } else { cx.constant(Tensor::full(channels, 0.0)) };
        let op = BatchNorm { axis, epsilon: self.epsilon as f32, activation: Function::Linear };
        cx.push(Op::BatchNorm(op), &[inputs[0], gamma, beta, mean, variance])
    }
}

impl BatchNormalization {
    /// Mean and variance of the batch for each channel; the moving ones go on.
    fn batch_statistics(
        &self,
        cx: &mut Lowering<'_>,
        axis: usize,
        x: ValueId,
    ) -> Result<(ValueId, ValueId), ShapeError> {
        // The channels last, so that the other axes are one.
        let rank = cx.shape(x).len();
        let (there, _) = to_the_end(&[axis], rank);
        let (x, channels) = (cx.transpose(x, there)?, vec![cx.shape(x)[axis]]);
        let mut statistic = |kind| {
            let statistic = cx.push(Op::Reduce(Reduce { kind, axes: 0..rank - 1 }), &[x])?;
            cx.reshape(statistic, channels.clone())
        };
        let (mean, variance) = (statistic(ReduceKind::Mean)?, statistic(ReduceKind::Variance)?);
        for (name, statistic) in [("moving_mean", mean), ("moving_variance", variance)] {
            let moving = cx.weight(name)?;
            let moving = cx.graph.latest(moving);
            let share = |scale: f64| Function::Affine { scale: scale as f32, offset: 0.0 };
            let kept = cx.unary(share(self.momentum), moving)?;
            let added = cx.unary(share(1.0 - self.momentum), statistic)?;
            let moved = cx.binary(BinaryOp::Add, kept, added)?;
            cx.assign(name, moved)?;
        }
        Ok((mean, variance))
    }
}

/// Keras's `LayerNormalization` (Ba et al., arXiv 1607.06450): each example by its own mean and variance over `axis`.
///
/// Weights, of the sizes of `axis`: `gamma` where `scale`, `beta` where `center`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormalization {
    /// The axes normalised together; they count from the end where negative.
    pub axis: Vec<isize>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether beta is added.
    pub center: bool,
    /// Whether gamma multiplies.
    pub scale: bool,
    /// Of the weight `beta`.
    pub beta: WeightOptions,
    /// Of the weight `gamma`.
    pub gamma: WeightOptions,
}

impl Default for LayerNormalization {
    fn default() -> Self {
        Self {
            axis: vec![-1],
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta: Initializer::ZEROS.into(),
            gamma: Initializer::ONES.into(),
        }
    }
}

impl LayerNormalization {
    /// The last axis, epsilon 0.001, with beta and gamma.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the axes normalised together.
    pub fn axis(mut self, axis: impl Into<Vec<isize>>) -> Self {
        self.axis = axis.into();
        self
    }

    /// Sets what is added to the variance.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets whether beta is added.
    pub fn center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Sets whether gamma multiplies.
    pub fn scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }
}

weight_setters!(LayerNormalization {
    beta: beta_initializer beta_regularizer beta_constraint,
    gamma: gamma_initializer gamma_regularizer gamma_constraint,
});

impl Kind for LayerNormalization {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        if self.axis.is_empty() {
            return Err("needs at least one axis".into());
        }
        for axis in axis_indices(&self.axis, x.len())? {
            known(x, axis)?;
        }
        Ok(x.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let x = one(inputs)?;
        // Keras sorts the axes as they are written, so that -1 comes before 1.
        let mut axes = self.axis.clone();
        axes.sort_unstable();
        let size = |&axis: &isize| known(x, axis_index(axis, x.len())?);
        let shape: Vec<usize> = axes.iter().map(size).collect::<Result<_, _>>()?;
        let mut weights = Vec::new();
        if self.scale {
            weights.push(WeightSpec::new("gamma", shape.clone(), &self.gamma));
        }
        if self.center {
            weights.push(WeightSpec::new("beta", shape, &self.beta));
        }
        Ok(weights)
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let shape = cx.shape(inputs[0]);
        let mut axes = axis_indices(&self.axis, shape.len()).map_err(|wanted| cx.refuse(wanted, inputs))?;
        axes.sort_unstable();
        let sizes: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
        let (there, back) = to_the_end(&axes, shape.len());
        let mut taken = vec![cx.transpose(inputs[0], there)?];
        for (name, used) in [("gamma", self.scale), ("beta", self.center)] {
            if used {
                let weight = cx.weight(name)?;
                taken.push(cx.reshape(weight, sizes.clone())?);
            }
        }
        let epsilon = self.epsilon as f32;
        let op = LayerNorm { axes: axes.len(), epsilon, scale: self.scale, center: self.center };
        let y = cx.push(Op::LayerNorm(op), &taken)?;
        cx.transpose(y, back)
    }
}
