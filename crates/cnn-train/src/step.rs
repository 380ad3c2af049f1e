//! One step of training as a graph: the model, the loss, gradients, updates.

use cnn_core::layers::Pipeline;
use cnn_core::op::{Assign, Binary, BinaryOp, Function, OptimizerStep, Reduce, ReduceKind, Reshape, Unary};
use cnn_core::{Graph, Mode, Model, ModelError, Op, SEED, ShapeError, Tensor, ValueId, Weights};

use crate::gradient::{GradientError, differentiate};
use crate::loss::Loss;
use crate::optimizer::Optimizer;

/// Name of the input of the targets, behind the model's own.
pub const TARGETS: &str = "training/targets";
/// Name of the input of the examples' weights, `[batch]`.
pub const SAMPLE_WEIGHTS: &str = "training/sample_weights";
/// Name of the input of the optimizer's settings, `[4]`.
pub const SETTINGS: &str = "training/settings";

/// Why a model cannot be trained as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The model does not take the shapes.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The loss does not take the model's output, or the like.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A layer has no gradient.
    #[error(transparent)]
    Gradient(#[from] GradientError),
    /// There is nothing to train.
    #[error("no weight of model '{model}' is trainable and has to do with its output: make a layer trainable")]
    NothingToTrain {
        /// The model.
        model: String,
    },
    /// The model has not one output.
    #[error("model '{model}' has {outputs} outputs; training takes one")]
    Outputs {
        /// The model.
        model: String,
        /// How many it has.
        outputs: usize,
    },
}

/// A step of training: a graph whose run changes the model's trainable weights, moving statistics and the optimizer's state.
///
/// Inputs: the model's, [`TARGETS`] (of the prediction's shape), [`SAMPLE_WEIGHTS`] where asked for, [`SETTINGS`]
/// ([`Optimizer::settings`]), and [`SEED`] where a layer is random, wherever the graph has them. Outputs: the loss before the
/// step, `[1]`, then the prediction. What augments stands between the first input and the model; where it mixes pictures, the
/// targets as they are mixed are a third output.
#[derive(Debug, Clone)]
pub struct Step {
    /// The graph.
    pub graph: Graph,
    /// The trainable weights that the step changes, by path.
    pub trained: Vec<String>,
    /// For each of `trained` its gradient, before any clipping.
    pub gradients: Vec<ValueId>,
}

impl Step {
    /// The step of `model` for inputs of these shapes, batch included.
    ///
    /// ```
    /// use cnn_core::Sequential;
    /// use cnn_core::layers::{Activation, Dense};
    /// use cnn_train::{Loss, Optimizer, Step};
    /// let model = Sequential::new("m").input([4])?.add(Dense::new(3).activation(Activation::Softmax))?.model()?;
    /// let step = Step::new(&model, &[vec![8, 4]], &Loss::CROSSENTROPY, &Optimizer::adam(), false)?;
    /// assert_eq!(step.trained, ["dense/kernel", "dense/bias"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the model does not take the shapes, has nothing to train or more than one output, or a layer has no gradient.
    pub fn new(
        model: &Model,
        input_shapes: &[Vec<usize>],
        loss: &Loss,
        optimizer: &Optimizer,
        sample_weights: bool,
    ) -> Result<Self, TrainError> {
        Self::augmented(model, input_shapes, loss, optimizer, sample_weights, &Pipeline::new())
    }

    /// As [`Step::new`], on pictures and targets that a pipeline changes first.
    ///
    /// # Errors
    /// As [`Step::new`], and if the pipeline does not take the model's first input.
    pub fn augmented(
        model: &Model,
        input_shapes: &[Vec<usize>],
        loss: &Loss,
        optimizer: &Optimizer,
        sample_weights: bool,
        augmentation: &Pipeline,
    ) -> Result<Self, TrainError> {
        let (mut graph, loss) = with_loss(model, input_shapes, Mode::Training, loss, sample_weights, augmentation)?;
        let settings = graph.input(SETTINGS, vec![4]);
        let trainable: Vec<(String, ValueId)> = model
            .weights()
            .into_iter()
            .filter(|weight| weight.trainable)
            .map(|weight| Ok((weight.path.clone(), graph.variable(&weight.path, weight.shape)?)))
            .collect::<Result<_, ShapeError>>()?;
        let wanted: Vec<ValueId> = trainable.iter().map(|&(_, id)| id).collect();
        let gradients = differentiate(&mut graph, loss, &wanted)?;
        let found = trainable.into_iter().zip(gradients).filter_map(|((path, weight), g)| g.map(|g| (path, weight, g)));
        let found: Vec<(String, ValueId, ValueId)> = found.collect();
        if found.is_empty() {
            return Err(TrainError::NothingToTrain { model: model.name().into() });
        }
        let gradients: Vec<ValueId> = found.iter().map(|&(_, _, gradient)| gradient).collect();
        let clipped = clip(&mut graph, optimizer, &gradients)?;
        for ((path, weight, _), gradient) in found.iter().zip(clipped) {
            update(&mut graph, optimizer, settings, (path, *weight, gradient))?;
        }
        let trained = found.into_iter().map(|(path, _, _)| path).collect();
        Ok(Self { graph, trained, gradients })
    }
}

/// The graph that judges `model` in inference: inputs as a step's, without settings; outputs the loss, `[1]`, then the
/// prediction.
///
/// # Errors
/// As [`Step::new`], but nothing has to be trainable.
pub fn judge(
    model: &Model,
    input_shapes: &[Vec<usize>],
    loss: &Loss,
    sample_weights: bool,
) -> Result<Graph, TrainError> {
    Ok(with_loss(model, input_shapes, Mode::Inference, loss, sample_weights, &Pipeline::new())?.0)
}

/// A model's graph whose outputs are the loss and the prediction; and the loss.
fn with_loss(
    model: &Model,
    input_shapes: &[Vec<usize>],
    mode: Mode,
    loss: &Loss,
    sample_weights: bool,
    augmentation: &Pipeline,
) -> Result<(Graph, ValueId), TrainError> {
    let mut graph = Graph::new();
    let mut inputs = model.graph_inputs(&mut graph, input_shapes);
    let mut augmented = None;
    if let (Some(first), false) = (inputs.first_mut(), augmentation.is_empty()) {
        let made = augmentation.lower(&mut graph, *first)?;
        *first = made.pictures;
        augmented = Some(made);
    }
    let outputs = model.lower_behind(&mut graph, &inputs, mode)?;
    let &[prediction] = outputs.as_slice() else {
        return Err(TrainError::Outputs { model: model.name().into(), outputs: outputs.len() });
    };
    let shape = graph.value(prediction).shape.clone();
    let given = graph.input(TARGETS, shape.clone());
    let targets = augmented.map_or(Ok(given), |augmented| augmented.targets(&mut graph, given))?;
    let mixed = augmentation.mixes().then_some(targets);
    let weights = sample_weights.then(|| graph.input(SAMPLE_WEIGHTS, vec![shape[0]]));
    let loss = loss.apply(&mut graph, prediction, targets, weights)?;
    graph.output("loss", loss);
    graph.output("prediction", prediction);
    if let Some(targets) = mixed {
        graph.output("targets", targets);
    }
    Ok((graph, loss))
}

/// The tensors for a graph's inputs: the model's `inputs`, and what the graph asks for by name. Examples weigh 1 each where
/// nothing is given.
///
/// # Errors
/// If the graph has more inputs or fewer, or asks for targets that are not there.
pub fn feed(graph: &Graph, inputs: Vec<Tensor>, feed: &Feed) -> Result<Vec<Tensor>, ShapeError> {
    let given: Vec<Vec<usize>> = inputs.iter().map(|x| x.shape().to_vec()).collect();
    let refuse = |wanted: String| {
        let given: Vec<&[usize]> = given.iter().map(Vec::as_slice).collect();
        ShapeError::new("training", wanted, &given)
    };
    let mut own = inputs.into_iter();
    let number = |x: u64| (x & 0x00ff_ffff) as f32;
    let made = graph.inputs().iter().map(|&id| {
        let value = graph.value(id);
        let missing = || refuse(format!("expects {} of shape {:?}", value.name, value.shape));
        match value.name.as_str() {
            TARGETS => feed.targets.clone().ok_or_else(missing),
            SAMPLE_WEIGHTS => Ok(feed.weights.clone().unwrap_or_else(|| Tensor::full(value.shape.clone(), 1.0))),
            SETTINGS => Ok(Tensor::from_fn(vec![4], |i| feed.settings[i] as f32)),
            SEED => Ok(Tensor::from_fn(vec![2], |i| number(feed.seed[i]))),
            _ => own.next().ok_or_else(missing),
        }
    });
    let made = made.collect::<Result<_, _>>()?;
    match own.len() {
        0 => Ok(made),
        more => Err(refuse(format!("expects {more} inputs fewer"))),
    }
}

/// What a step is fed besides the model's inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Targets, of the prediction's shape, where the graph has a loss.
    pub targets: Option<Tensor>,
    /// Weights of the examples; 1 each where there are none.
    pub weights: Option<Tensor>,
    /// Of the optimizer.
    pub settings: [f64; 4],
    /// Of the run and of this step.
    pub seed: [u64; 2],
}

/// The optimizer's variables for a model, with what they begin with: those of every weight that is trainable.
///
/// ```
/// use cnn_core::Sequential;
/// use cnn_core::layers::Dense;
/// use cnn_train::{Optimizer, initial_state};
/// let model = Sequential::new("m").input([4])?.add(Dense::new(3))?.model()?;
/// let state = initial_state(&Optimizer::adam(), &model);
/// assert_eq!(state.iter().next().unwrap().0, "optimizer/dense/kernel/momentum");
/// # Ok::<(), cnn_core::ModelError>(())
/// ```
pub fn initial_state(optimizer: &Optimizer, model: &Model) -> Weights {
    let mut state = Weights::new();
    for weight in model.weights().into_iter().filter(|weight| weight.trainable) {
        for (index, name) in optimizer.state_names().iter().enumerate() {
            let tensor = Tensor::full(weight.shape.clone(), optimizer.initial_state(index) as f32);
            state.insert(state_path(&weight.path, name), tensor);
        }
    }
    state
}

fn state_path(weight: &str, name: &str) -> String {
    format!("optimizer/{weight}/{name}")
}

/// Appends a weight's step: its new elements and its states', made together, and then assigned.
fn update(
    graph: &mut Graph,
    optimizer: &Optimizer,
    settings: ValueId,
    (path, weight, gradient): (&str, ValueId, ValueId),
) -> Result<(), ShapeError> {
    let shape = graph.value(weight).shape.clone();
    let mut changed = vec![weight];
    for name in optimizer.state_names() {
        changed.push(graph.variable(&state_path(path, name), shape.clone())?);
    }
    let name = format!("optimizer/{path}");
    let inputs = [&[settings, gradient], &changed[..]].concat();
    let new = graph.push(&name, Op::OptimizerStep(OptimizerStep { rule: optimizer.rule }), &inputs)?;
    let count: usize = shape.iter().product();
    for (row, &variable) in changed.iter().enumerate() {
        graph.push(&name, Op::Assign(Assign { first: row * count }), &[variable, new])?;
    }
    Ok(())
}

/// The gradients as the optimizer lets them pass. Keras allows one of the three ways; here they come one after the other.
fn clip(graph: &mut Graph, optimizer: &Optimizer, gradients: &[ValueId]) -> Result<Vec<ValueId>, ShapeError> {
    let mut gradients = gradients.to_vec();
    if let Some(limit) = optimizer.clipnorm {
        for gradient in &mut gradients {
            let sum = square_sum(graph, *gradient)?;
            *gradient = scaled_to_norm(graph, *gradient, sum, limit)?;
        }
    }
    if let Some(limit) = optimizer.global_clipnorm {
        let mut sum = square_sum(graph, gradients[0])?;
        for &gradient in &gradients[1..] {
            let next = square_sum(graph, gradient)?;
            sum = binary(graph, BinaryOp::Add, sum, next)?;
        }
        for gradient in &mut gradients {
            *gradient = scaled_to_norm(graph, *gradient, sum, limit)?;
        }
    }
    if let Some(limit) = optimizer.clipvalue {
        let [low, high] = [-limit, limit].map(|x| graph.constant("clip", Tensor::scalar(x as f32)));
        for gradient in &mut gradients {
            let above = binary(graph, BinaryOp::Maximum, *gradient, low)?;
            *gradient = binary(graph, BinaryOp::Minimum, above, high)?;
        }
    }
    Ok(gradients)
}

/// The sum of the squares of all elements, `[1]`.
fn square_sum(graph: &mut Graph, x: ValueId) -> Result<ValueId, ShapeError> {
    let square = binary(graph, BinaryOp::Multiply, x, x)?;
    let count = graph.value(x).shape.iter().product();
    let flat = graph.push("clip", Op::Reshape(Reshape { shape: vec![count] }), &[square])?;
    graph.push("clip", Op::Reduce(Reduce { kind: ReduceKind::Sum, axes: 0..1 }), &[flat])
}

/// `x · (limit / max(√square_sum, limit))`
fn scaled_to_norm(graph: &mut Graph, x: ValueId, square_sum: ValueId, limit: f64) -> Result<ValueId, ShapeError> {
    let limit = graph.constant("clip", Tensor::full(vec![1], limit as f32));
    let norm = graph.push("clip", Op::Unary(Unary { function: Function::Sqrt }), &[square_sum])?;
    let norm = binary(graph, BinaryOp::Maximum, norm, limit)?;
    let scale = binary(graph, BinaryOp::Divide, limit, norm)?;
    // A number of any rank: [1] stretches along the last axis of a weight, which has one.
    binary(graph, BinaryOp::Multiply, x, scale)
}

fn binary(graph: &mut Graph, op: BinaryOp, a: ValueId, b: ValueId) -> Result<ValueId, ShapeError> {
    graph.push("clip", Op::Binary(Binary::new(op)), &[a, b])
}
