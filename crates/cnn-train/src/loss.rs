//! Losses, as `keras.losses` has them, as graph.

use cnn_core::op::{Binary, BinaryOp, Function, Reduce, ReduceKind, Reshape, Softmax, Unary};
use cnn_core::{Graph, Op, ShapeError, Tensor, ValueId};

use crate::step::TrainError;
use crate::training::check_argument;

/// Probabilities are kept at least so far from 0 and 1 before a logarithm is taken, where Keras does so: where they do not
/// come from a softmax or a sigmoid, whose argument is taken instead.
const EPSILON: f32 = 1e-7;

/// What training makes smaller. Targets have the shape of the prediction; of class indices [`one_hot`] makes them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// `-Σ target · log(p)` over the classes, the last axis; with one-hot targets Keras's sparse one too.
    CategoricalCrossentropy {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool,
        /// The share of each target that is spread evenly over all classes, in `[0, 1)`.
        label_smoothing: f32,
    },
    /// The mean over the last axis of `-target · log(p) - (1 - target) · log(1 - p)`.
    BinaryCrossentropy {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool,
        /// The share of each target that is replaced by 1/2, in `[0, 1)`.
        label_smoothing: f32,
    },
    /// The mean over the last axis of `(target - p)²`.
    MeanSquaredError,
    /// The mean over the last axis of `|target - p|`.
    MeanAbsoluteError,
    /// The mean over the last axis of `e² / 2` for `|e| ≤ delta`, else `delta · (|e| - delta / 2)`.
    Huber {
        /// Where it becomes linear.
        delta: f32,
    },
    /// `Σ alpha · (1 - p)^gamma · -target · log(p)` over the classes (Lin et al., arXiv 1708.02002).
    CategoricalFocalCrossentropy {
        /// Weight of all classes.
        alpha: f32,
        /// How much what is easy counts less.
        gamma: f32,
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool,
        /// The share of each target that is spread evenly over all classes, in `[0, 1)`.
        label_smoothing: f32,
    },
    /// The mean over the last axis of `(1 - q)^gamma` times the binary cross-entropy, q being the probability of what is true.
    BinaryFocalCrossentropy {
        /// Weight of class 1, and 1 minus that of class 0; `None` for no weights.
        alpha: Option<f32>,
        /// How much what is easy counts less.
        gamma: f32,
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool,
        /// The share of each target that is replaced by 1/2, in `[0, 1)`.
        label_smoothing: f32,
    },
}

impl Loss {
    /// Categorical cross-entropy of probabilities, without smoothing.
    pub const CROSSENTROPY: Self = Self::CategoricalCrossentropy { from_logits: false, label_smoothing: 0.0 };

    /// Whether its arguments are some.
    ///
    /// # Errors
    /// Names the argument that is none.
    pub fn check(&self) -> Result<(), TrainError> {
        let amount = |name, x: f32| check_argument(x.is_finite() && x >= 0.0, name, "is a finite number, 0 at least");
        let smoothing = |x: f32| check_argument((0.0..1.0).contains(&x), "label_smoothing", "is from 0 to below 1");
        match *self {
            Self::MeanSquaredError | Self::MeanAbsoluteError => Ok(()),
            Self::Huber { delta } => amount("delta", delta),
            Self::CategoricalCrossentropy { label_smoothing, .. }
            | Self::BinaryCrossentropy { label_smoothing, .. } => smoothing(label_smoothing),
            Self::CategoricalFocalCrossentropy { alpha, gamma, label_smoothing, .. } => {
                amount("alpha", alpha)?;
                amount("gamma", gamma)?;
                smoothing(label_smoothing)
            }
            Self::BinaryFocalCrossentropy { alpha, gamma, label_smoothing, .. } => {
                let share = alpha.is_none_or(|alpha| (0.0..=1.0).contains(&alpha));
                check_argument(share, "alpha", "is a number from 0 to 1")?;
                amount("gamma", gamma)?;
                smoothing(label_smoothing)
            }
        }
    }

    /// Adds the loss to the graph: the mean over all examples, each times its weight where `weights` `[batch]` is given
    /// (divided by their number, not by the sum of the weights, as Keras does).
    ///
    /// A prediction that a softmax or sigmoid has just made is taken before that, as Keras does too: no digits are lost, and
    /// `from_logits`, which is not true of it, changes nothing. Keras's sparse cross-entropy of other probabilities is
    /// that of one-hot targets too, but for probabilities that are not from 1e-7 to 1 - 1e-7: it sets them to these
    /// bounds before they are made to add up to 1, and not behind that. Of targets that do not add up to 1, the gradient
    /// is that of the loss, where TensorFlow's is not.
    ///
    /// # Errors
    /// If targets or weights have another shape than the prediction.
    pub fn apply(
        &self,
        graph: &mut Graph,
        prediction: ValueId,
        target: ValueId,
        weights: Option<ValueId>,
    ) -> Result<ValueId, ShapeError> {
        let mut cx = Builder { graph };
        let (shape, wanted) = (cx.shape(prediction), cx.shape(target));
        if shape != wanted || shape.len() < 2 {
            let wanted = format!("expects targets of its prediction's shape {shape:?}, of rank 2 or more");
            return Err(ShapeError::new("loss", wanted, &[&cx.shape(target)]));
        }
        let mut losses = self.each(&mut cx, prediction, target)?;
        if let Some(weights) = weights {
            let mut stretched = vec![1; shape.len()];
            stretched[0] = shape[0];
            let weights = cx.push(Op::Reshape(Reshape { shape: stretched }), &[weights])?;
            losses = cx.binary(BinaryOp::Multiply, losses, weights)?;
        }
        let axes = 0..shape.len();
        let mean = cx.push(Op::Reduce(Reduce { kind: ReduceKind::Mean, axes }), &[losses])?;
        cx.push(Op::Reshape(Reshape { shape: vec![1] }), &[mean])
    }

    /// One loss for each example, the last axis being 1.
    fn each(&self, cx: &mut Builder, p: ValueId, target: ValueId) -> Result<ValueId, ShapeError> {
        match *self {
            Loss::CategoricalCrossentropy { from_logits, label_smoothing } => {
                let target = cx.smoothed(target, label_smoothing, cx.last(p))?;
                let log = cx.log_probabilities(p, from_logits)?;
                let product = cx.binary(BinaryOp::Multiply, target, log)?;
                let sum = cx.along_last(ReduceKind::Sum, product)?;
                cx.scaled(-1.0, sum)
            }
            Loss::CategoricalFocalCrossentropy { alpha, gamma, from_logits, label_smoothing } => {
                let target = cx.smoothed(target, label_smoothing, cx.last(p))?;
                let p = if from_logits { cx.softmax(p, false)? } else { cx.normalized(p)? };
                let p = cx.clipped(p)?;
                let log = cx.unary(Function::Log, p)?;
                let product = cx.binary(BinaryOp::Multiply, target, log)?;
                let factor = cx.focal(p, gamma)?;
                let product = cx.binary(BinaryOp::Multiply, product, factor)?;
                let sum = cx.along_last(ReduceKind::Sum, product)?;
                cx.scaled(-alpha, sum)
            }
            Loss::BinaryCrossentropy { from_logits, label_smoothing } => {
                let target = cx.smoothed(target, label_smoothing, 2)?;
                let losses = cx.binary_crossentropy(p, target, from_logits)?;
                cx.along_last(ReduceKind::Mean, losses)
            }
            Loss::BinaryFocalCrossentropy { alpha, gamma, from_logits, label_smoothing } => {
                let target = cx.smoothed(target, label_smoothing, 2)?;
                let losses = cx.binary_crossentropy(p, target, from_logits)?;
                let p = if from_logits { cx.unary(Function::Sigmoid, p)? } else { p };
                let of_truth = cx.of_truth(target, p)?;
                let factor = cx.focal(of_truth, gamma)?;
                let mut losses = cx.binary(BinaryOp::Multiply, losses, factor)?;
                if let Some(alpha) = alpha {
                    // alpha where the target is 1, 1 - alpha where it is 0.
                    let weight = cx.affine(2.0 * alpha - 1.0, 1.0 - alpha, target)?;
                    losses = cx.binary(BinaryOp::Multiply, losses, weight)?;
                }
                cx.along_last(ReduceKind::Mean, losses)
            }
            Loss::MeanSquaredError => {
                let error = cx.binary(BinaryOp::Subtract, p, target)?;
                let square = cx.binary(BinaryOp::Multiply, error, error)?;
                cx.along_last(ReduceKind::Mean, square)
            }
            Loss::MeanAbsoluteError => {
                let error = cx.absolute_error(p, target)?;
                cx.along_last(ReduceKind::Mean, error)
            }
            Loss::Huber { delta } => {
                let error = cx.absolute_error(p, target)?;
                let limit = cx.scalar(delta);
                let inner = cx.binary(BinaryOp::Minimum, error, limit)?;
                let square = cx.binary(BinaryOp::Multiply, inner, inner)?;
                let square = cx.scaled(0.5, square)?;
                let outer = cx.binary(BinaryOp::Subtract, error, inner)?;
                let outer = cx.scaled(delta, outer)?;
                let sum = cx.binary(BinaryOp::Add, square, outer)?;
                cx.along_last(ReduceKind::Mean, sum)
            }
        }
    }
}

/// Class indices as one-hot targets `[labels, classes]`; `None` if one of them is no class.
///
/// ```
/// assert_eq!(cnn_train::one_hot(&[2, 0], 3).unwrap().data(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
/// assert!(cnn_train::one_hot(&[3], 3).is_none());
/// ```
pub fn one_hot(labels: &[usize], classes: usize) -> Option<Tensor> {
    let mut tensor = Tensor::full(vec![labels.len(), classes], 0.0);
    for (row, &label) in tensor.data_mut().chunks_mut(classes.max(1)).zip(labels) {
        *row.get_mut(label)? = 1.0;
    }
    Some(tensor)
}

/// Nodes named after the loss.
struct Builder<'a> {
    graph: &'a mut Graph,
}

impl Builder<'_> {
    fn shape(&self, value: ValueId) -> Vec<usize> {
        self.graph.value(value).shape.clone()
    }

    fn last(&self, value: ValueId) -> usize {
        self.graph.value(value).shape.last().copied().unwrap_or(1)
    }

    fn push(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        self.graph.push("loss", op, inputs)
    }

    fn binary(&mut self, op: BinaryOp, a: ValueId, b: ValueId) -> Result<ValueId, ShapeError> {
        self.push(Op::Binary(Binary::new(op)), &[a, b])
    }

    fn unary(&mut self, function: Function, x: ValueId) -> Result<ValueId, ShapeError> {
        self.push(Op::Unary(Unary { function }), &[x])
    }

    fn affine(&mut self, scale: f32, offset: f32, x: ValueId) -> Result<ValueId, ShapeError> {
        self.unary(Function::Affine { scale, offset }, x)
    }

    fn scaled(&mut self, scale: f32, x: ValueId) -> Result<ValueId, ShapeError> {
        self.affine(scale, 0.0, x)
    }

    fn scalar(&mut self, x: f32) -> ValueId {
        self.graph.constant("loss", Tensor::scalar(x))
    }

    fn along_last(&mut self, kind: ReduceKind, x: ValueId) -> Result<ValueId, ShapeError> {
        let rank = self.shape(x).len();
        self.push(Op::Reduce(Reduce { kind, axes: rank - 1..rank }), &[x])
    }

    fn softmax(&mut self, x: ValueId, log: bool) -> Result<ValueId, ShapeError> {
        let axis = self.shape(x).len() - 1;
        self.push(Op::Softmax(Softmax { axis, log }), &[x])
    }

    /// `target · (1 - smoothing) + smoothing / ways`
    fn smoothed(&mut self, target: ValueId, smoothing: f32, ways: usize) -> Result<ValueId, ShapeError> {
        if smoothing == 0.0 {
            return Ok(target);
        }
        self.affine(1.0 - smoothing, smoothing / ways as f32, target)
    }

    /// What the op that makes `x` was applied to, if `is` says so of the op.
    fn before(&self, x: ValueId, is: impl Fn(&Op) -> bool) -> Option<ValueId> {
        self.graph.made_by(x).filter(|node| is(&node.op)).map(|node| node.inputs[0])
    }

    /// The logarithms of the classes' probabilities.
    fn log_probabilities(&mut self, p: ValueId, from_logits: bool) -> Result<ValueId, ShapeError> {
        let axis = self.shape(p).len() - 1;
        let softmax = |op: &Op| matches!(op, Op::Softmax(softmax) if !softmax.log && softmax.axis == axis);
        let logits = self.before(p, softmax).or(from_logits.then_some(p));
        if let Some(logits) = logits {
            return self.softmax(logits, true);
        }
        let p = self.normalized(p)?;
        let p = self.clipped(p)?;
        self.unary(Function::Log, p)
    }

    /// Probabilities that add up to 1.
    fn normalized(&mut self, p: ValueId) -> Result<ValueId, ShapeError> {
        let sum = self.along_last(ReduceKind::Sum, p)?;
        self.binary(BinaryOp::Divide, p, sum)
    }

    fn clipped(&mut self, p: ValueId) -> Result<ValueId, ShapeError> {
        let (low, high) = (self.scalar(EPSILON), self.scalar(1.0 - EPSILON));
        let p = self.binary(BinaryOp::Maximum, p, low)?;
        self.binary(BinaryOp::Minimum, p, high)
    }

    /// One loss for each element.
    fn binary_crossentropy(&mut self, p: ValueId, target: ValueId, from_logits: bool) -> Result<ValueId, ShapeError> {
        let sigmoid = |op: &Op| matches!(op, Op::Unary(Unary { function: Function::Sigmoid }));
        let logits = self.before(p, sigmoid).or(from_logits.then_some(p));
        if let Some(logits) = logits {
            // -target · log(σ(x)) - (1 - target) · log(1 - σ(x)) = log(1 + exp(x)) - target · x
            let softplus = self.unary(Function::Softplus, logits)?;
            let product = self.binary(BinaryOp::Multiply, target, logits)?;
            return self.binary(BinaryOp::Subtract, softplus, product);
        }
        let p = self.clipped(p)?;
        let log = self.unary(Function::Log, p)?;
        let of_one = self.binary(BinaryOp::Multiply, target, log)?;
        let (rest, other) = (self.affine(-1.0, 1.0, p)?, self.affine(-1.0, 1.0, target)?);
        let log = self.unary(Function::Log, rest)?;
        let of_zero = self.binary(BinaryOp::Multiply, other, log)?;
        let sum = self.binary(BinaryOp::Add, of_one, of_zero)?;
        self.scaled(-1.0, sum)
    }

    /// `target · p + (1 - target) · (1 - p)`
    fn of_truth(&mut self, target: ValueId, p: ValueId) -> Result<ValueId, ShapeError> {
        let of_one = self.binary(BinaryOp::Multiply, target, p)?;
        let (rest, other) = (self.affine(-1.0, 1.0, p)?, self.affine(-1.0, 1.0, target)?);
        let of_zero = self.binary(BinaryOp::Multiply, other, rest)?;
        self.binary(BinaryOp::Add, of_one, of_zero)
    }

    /// `(1 - p)^gamma`; the power is a product where gamma is 1 or 2, else by logarithm, of 1e-7 at least.
    fn focal(&mut self, p: ValueId, gamma: f32) -> Result<ValueId, ShapeError> {
        let rest = self.affine(-1.0, 1.0, p)?;
        if gamma == 1.0 {
            return Ok(rest);
        }
        if gamma == 2.0 {
            return self.binary(BinaryOp::Multiply, rest, rest);
        }
        let low = self.scalar(EPSILON);
        let rest = self.binary(BinaryOp::Maximum, rest, low)?;
        let log = self.unary(Function::Log, rest)?;
        let log = self.scaled(gamma, log)?;
        self.unary(Function::Exponential, log)
    }

    /// `|p - target|`, flat where it is 0.
    fn absolute_error(&mut self, p: ValueId, target: ValueId) -> Result<ValueId, ShapeError> {
        let above = self.binary(BinaryOp::Subtract, p, target)?;
        let below = self.scaled(-1.0, above)?;
        let (above, below) = (self.unary(Function::RELU, above)?, self.unary(Function::RELU, below)?);
        self.binary(BinaryOp::Add, above, below)
    }
}
