//! Activation layers with arguments.

use super::common::{SymbolicShape, axis_indices, known, one, to_the_end};
use super::weight::weight_setters;
use super::{Constraint, Initializer, Kind, Lowering, Regularizer, WeightOptions, WeightSpec};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{self, BinaryOp, Function, Op};

/// Keras's `ReLU`: `min(x, max_value)` above `threshold`, else `negative_slope · (x - threshold)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReLU {
    /// Where it saturates, if it does.
    pub max_value: Option<f64>,
    /// Slope below the threshold.
    pub negative_slope: f64,
    /// Where it begins.
    pub threshold: f64,
}

impl ReLU {
    /// `max(x, 0)`
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where it saturates.
    pub fn max_value(mut self, max_value: f64) -> Self {
        self.max_value = Some(max_value);
        self
    }

    /// Sets the slope below the threshold.
    pub fn negative_slope(mut self, negative_slope: f64) -> Self {
        self.negative_slope = negative_slope;
        self
    }

    /// Sets where it begins.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
}

impl Kind for ReLU {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        not_negative("a max_value", self.max_value.unwrap_or(0.0))?;
        not_negative("a negative_slope", self.negative_slope)?;
        not_negative("a threshold", self.threshold)?;
        one(inputs).cloned()
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let function = Function::Relu {
            max_value: self.max_value.map_or(f32::INFINITY, |max| max as f32),
            negative_slope: self.negative_slope as f32,
            threshold: self.threshold as f32,
        };
        cx.unary(function, inputs[0])
    }
}

/// Keras's `LeakyReLU`: x above 0, else `negative_slope · x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyReLU {
    /// Slope below 0.
    pub negative_slope: f64,
}

impl Default for LeakyReLU {
    fn default() -> Self {
        Self { negative_slope: 0.3 }
    }
}

impl LeakyReLU {
    /// Slope 0.3.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the slope below 0.
    pub fn negative_slope(mut self, negative_slope: f64) -> Self {
        self.negative_slope = negative_slope;
        self
    }
}

impl Kind for LeakyReLU {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        not_negative("a negative_slope", self.negative_slope)?;
        one(inputs).cloned()
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let negative_slope = self.negative_slope as f32;
        cx.unary(Function::Relu { max_value: f32::INFINITY, negative_slope, threshold: 0.0 }, inputs[0])
    }
}

/// Keras's `ELU`: x above 0, else `alpha · (exp(x) - 1)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ELU {
    /// The limit at -infinity, negated.
    pub alpha: f64,
}

impl Default for ELU {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl ELU {
    /// Alpha 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets alpha.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }
}

impl Kind for ELU {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        one(inputs).cloned()
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        cx.unary(Function::Elu { alpha: self.alpha as f32 }, inputs[0])
    }
}

/// Keras's `PReLU` (He et al., arXiv 1502.01852): x above 0, else `alpha · x`.
///
/// Weight: `alpha`, of the input's shape without the batch, with size 1 along `shared_axes`.
#[derive(Debug, Clone, PartialEq)]
pub struct PReLU {
    /// Axes along which alpha is the same; 1 is the first after the batch.
    pub shared_axes: Vec<usize>,
    /// Of the weight `alpha`.
    pub alpha: WeightOptions,
}

impl Default for PReLU {
    fn default() -> Self {
        Self { shared_axes: Vec::new(), alpha: Initializer::ZEROS.into() }
    }
}

weight_setters!(PReLU { alpha: alpha_initializer alpha_regularizer alpha_constraint, });

impl PReLU {
    /// An alpha for each element.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the axes along which alpha is the same; 1 is the first after the batch.
    pub fn shared_axes(mut self, shared_axes: impl Into<Vec<usize>>) -> Self {
        self.shared_axes = shared_axes.into();
        self
    }
}

impl Kind for PReLU {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        if self.shared_axes.iter().any(|&axis| axis == 0 || axis >= x.len()) {
            return Err(format!("expects an input with the axes {:?} behind its batch", self.shared_axes));
        }
        for axis in (1..x.len()).filter(|axis| !self.shared_axes.contains(axis)) {
            known(x, axis)?;
        }
        Ok(x.clone())
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, String> {
        let x = one(inputs)?;
        let size = |axis| if self.shared_axes.contains(&axis) { Ok(1) } else { known(x, axis) };
        let shape = (1..x.len()).map(size).collect::<Result<_, _>>()?;
        Ok(vec![WeightSpec::new("alpha", shape, &self.alpha)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let alpha = cx.weight("alpha")?;
        cx.binary(BinaryOp::Prelu, inputs[0], alpha)
    }
}

/// Keras's `Softmax`, along one axis or over several together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Softmax {
    /// The axes whose elements sum to 1 together; they count from the end where negative.
    pub axis: Vec<isize>,
}

impl Default for Softmax {
    fn default() -> Self {
        Self { axis: vec![-1] }
    }
}

impl Softmax {
    /// Along the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the axes.
    pub fn axis(mut self, axis: impl Into<Vec<isize>>) -> Self {
        self.axis = axis.into();
        self
    }
}

impl Kind for Softmax {
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
        let x = one(inputs)?;
        if self.axis.is_empty() {
            return Err("needs at least one axis".into());
        }
        axis_indices(&self.axis, x.len())?;
        Ok(x.clone())
    }

    fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let x = inputs[0];
        let shape = cx.shape(x);
        let axes = axis_indices(&self.axis, shape.len()).map_err(|wanted| cx.refuse(wanted, inputs))?;
        if let &[axis] = axes.as_slice() {
            return cx.push(Op::Softmax(op::Softmax { axis, log: false }), &[x]);
        }
        let (there, back) = to_the_end(&axes, shape.len());
        let x = cx.transpose(x, there)?;
        let moved = cx.shape(x);
        let outer = moved.len() - axes.len();
        let flat = [&moved[..outer], &[moved[outer..].iter().product()]].concat();
        let x = cx.reshape(x, flat)?;
        let x = cx.push(Op::Softmax(op::Softmax { axis: outer, log: false }), &[x])?;
        let x = cx.reshape(x, moved)?;
        cx.transpose(x, back)
    }
}

fn not_negative(what: &str, value: f64) -> Result<(), String> {
    if value >= 0.0 { Ok(()) } else { Err(format!("needs {what} of at least 0, not {value},")) }
}
