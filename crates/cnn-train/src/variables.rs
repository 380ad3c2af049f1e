//! The optimizer's variables.

use cnn_core::op::Assign;
use cnn_core::{Graph, Model, Op, ShapeError, Tensor, ValueId, Weights};

use crate::training::Training;

/// The state of a weight that is its moving average.
pub(crate) const AVERAGE: &str = "average";
/// The state of a weight that is the sum of its gradients so far.
pub(crate) const ACCUMULATOR: &str = "gradient_accumulator";
/// By what the loss is multiplied, `[1]`.
pub(crate) const DYNAMIC_SCALE: &str = "optimizer/dynamic_scale";
/// Steps with finite gradients since that changed, `[1]`.
pub(crate) const STEP_COUNTER: &str = "optimizer/step_counter";

/// The optimizer's variables for a model, with what they begin with: those of every weight that is trainable, and the loss
/// scale's.
///
/// ```
/// use cnn_core::Sequential;
/// use cnn_core::layers::Dense;
/// use cnn_train::{Loss, Optimizer, Training, initial_state};
/// let model = Sequential::new("m").input([4])?.add(Dense::new(3))?.model()?;
/// let state = initial_state(&Training::new(Loss::MeanSquaredError, Optimizer::adam()), &model);
/// assert_eq!(state.iter().next().unwrap().0, "optimizer/dense/kernel/momentum");
/// # Ok::<(), cnn_core::ModelError>(())
/// ```
pub fn initial_state(training: &Training, model: &Model) -> Weights {
    let optimizer = &training.optimizer;
    let mut state = Weights::new();
    for weight in model.weights().into_iter().filter(|weight| weight.trainable) {
        let mut add = |name: &str, begin: f64| {
            state.insert(state_path(&weight.path, name), Tensor::full(weight.shape.clone(), begin as f32));
        };
        optimizer.state_names().iter().enumerate().for_each(|(index, name)| add(name, optimizer.initial_state(index)));
        if optimizer.use_ema {
            add(AVERAGE, 0.0);
        }
        if optimizer.gradient_accumulation_steps.is_some() {
            add(ACCUMULATOR, 0.0);
        }
    }
    if let Some(scale) = training.mixed_precision {
        state.insert(DYNAMIC_SCALE, Tensor::full(vec![1], scale.initial_scale as f32));
        state.insert(STEP_COUNTER, Tensor::full(vec![1], 0.0));
    }
    state
}

/// A graph without inputs and outputs that puts the moving averages in the trainable weights' places.
///
/// # Errors
/// If two of the model's weights have one path, and other shapes.
pub fn overwrite_with_averages(model: &Model) -> Result<Graph, ShapeError> {
    let mut graph = Graph::new();
    for weight in model.weights().into_iter().filter(|weight| weight.trainable) {
        let average = state(&mut graph, &weight.path, AVERAGE, weight.shape.clone())?;
        let variable = graph.variable(&weight.path, weight.shape)?;
        graph.push("optimizer", Op::Assign(Assign { first: 0 }), &[variable, average])?;
    }
    Ok(graph)
}

/// The variable of a weight's state.
pub(crate) fn state(graph: &mut Graph, weight: &str, name: &str, shape: Vec<usize>) -> Result<ValueId, ShapeError> {
    graph.variable(&state_path(weight, name), shape)
}

fn state_path(weight: &str, name: &str) -> String {
    format!("optimizer/{weight}/{name}")
}
