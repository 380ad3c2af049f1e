//! One step of training as a graph: the model, the loss, gradients, updates.

use std::borrow::Cow;

use cnn_core::layers::{Pipeline, Regularizer};
use cnn_core::passes::mixed_precision;
use cnn_core::{Graph, Mode, Model, ModelError, SEED, ShapeError, Tensor, ValueId};

use crate::gradient::{GradientError, differentiate, differentiate_in_least_memory};
use crate::loss::Loss;
use crate::optimizer::Settings;
use crate::regularization::{regularized, regularized_outputs};
use crate::training::Training;
use crate::update::{Trainable, constrain, scaled_loss, unscale, update};

/// Name of the input of the targets, behind the model's own.
pub const TARGETS: &str = "training/targets";
/// Name of the input of the examples' weights, `[batch]`.
pub const SAMPLE_WEIGHTS: &str = "training/sample_weights";

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
    /// An argument is none.
    #[error("{argument} {wanted}")]
    Argument {
        /// Its name.
        argument: String,
        /// What it may be.
        wanted: String,
    },
    /// A learning rate is for no weight.
    #[error(
        "no trainable weight of model '{model}' has a path that begins with '{prefix}', so its learning rate is for nothing"
    )]
    NoSuchWeights {
        /// The model.
        model: String,
        /// How paths should begin.
        prefix: String,
    },
    /// A regularizer or constraint is not Keras's own.
    #[error(
        "{path} has the {argument} '{class}', which is none of those of keras.{argument}s, so that it cannot be trained: give \
         the layer one of them, or none"
    )]
    Unknown {
        /// The weight, or the layer whose output it is for.
        path: String,
        /// `regularizer` or `constraint`.
        argument: &'static str,
        /// Its class.
        class: String,
    },
    /// An output with a regularizer is made several times.
    #[error(
        "layer '{layer}' has an activity_regularizer and is called several times, which training does not take: take the \
         regularizer off, or use a layer for each call"
    )]
    SharedActivity {
        /// The layer's path.
        layer: String,
    },
}

/// A step of training: a graph whose run changes the model's trainable weights, moving statistics and the optimizer's state.
///
/// Inputs: the model's, [`TARGETS`] (of the prediction's shape), [`SAMPLE_WEIGHTS`] where asked for, [`Settings`], and [`SEED`]
/// where a layer is random, wherever the graph has them. What augments stands between the first input and the model. Outputs:
/// `loss` before the step, `[1]`, `prediction`, where pictures are mixed the `targets` as these are, and with mixed precision
/// `finite`, `[1]`, whether the gradients were finite and the step is done.
#[derive(Debug, Clone)]
pub struct Step {
    /// The graph.
    pub graph: Graph,
    /// The trainable weights that the step changes, by path.
    pub trained: Vec<String>,
    /// For each of `trained` its gradient by this batch, without loss scale, before any clipping.
    pub gradients: Vec<ValueId>,
    /// In how many segments of the network activations are made again, all but the last; 1 if all are kept.
    pub segments: usize,
}

impl Step {
    /// The step of `model` for inputs of these shapes, batch included.
    ///
    /// ```
    /// use cnn_core::Sequential;
    /// use cnn_core::layers::{Activation, Dense};
    /// use cnn_train::{Loss, Optimizer, Step, Training};
    /// let model = Sequential::new("m").input([4])?.add(Dense::new(3).activation(Activation::Softmax))?.model()?;
    /// let step = Step::new(&model, &[vec![8, 4]], &Training::new(Loss::CROSSENTROPY, Optimizer::adam()), false)?;
    /// assert_eq!(step.trained, ["dense/kernel", "dense/bias"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the model does not take the shapes, has nothing to train or more than one output, a layer has no gradient, or
    /// [`Training::check`] refuses.
    pub fn new(
        model: &Model,
        input_shapes: &[Vec<usize>],
        training: &Training,
        sample_weights: bool,
    ) -> Result<Self, TrainError> {
        training.check(model)?;
        let mixed = training.mixed_precision.is_some();
        let forward = forward(model, input_shapes, Mode::Training, &training.augmentation)?;
        let forward = if mixed { mixed_precision(&forward) } else { forward };
        let (mut graph, loss) = with_loss(model, forward, &training.loss, sample_weights)?;
        let (paths, weights): (Vec<String>, Vec<ValueId>) = model
            .weights()
            .into_iter()
            .filter(|weight| weight.trainable)
            .map(|weight| Ok((weight.path.clone(), graph.variable(&weight.path, weight.shape)?)))
            .collect::<Result<Vec<_>, ShapeError>>()?
            .into_iter()
            .unzip();
        let scaled = scaled_loss(&mut graph, training, loss)?;
        let (gradients, segments) = match training.recomputation {
            true => differentiate_in_least_memory(&mut graph, scaled, &weights)?,
            false => (differentiate(&mut graph, scaled, &weights)?, 1),
        };
        let all = paths.into_iter().zip(weights).zip(gradients);
        let mut trainable: Vec<Trainable> =
            all.map(|((path, weight), gradient)| Trainable { path, weight, gradient }).collect();
        if trainable.iter().all(|trainable| trainable.gradient.is_none()) {
            return Err(TrainError::NothingToTrain { model: model.name().into() });
        }
        let finite = if mixed { unscale(&mut graph, &mut trainable)? } else { None };
        if let Some(finite) = finite {
            graph.output("finite", finite);
        }
        update(&mut graph, training, &trainable, finite)?;
        constrain(&mut graph, model, &trainable, finite)?;
        let found = trainable.into_iter().filter_map(|trainable| Some((trainable.path, trainable.gradient?)));
        let (trained, gradients) = found.unzip();
        Ok(Self { graph, trained, gradients, segments })
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
    let forward = forward(model, input_shapes, Mode::Inference, &Pipeline::new())?;
    Ok(with_loss(model, forward, loss, sample_weights)?.0)
}

/// A model behind what augments; the outputs are the prediction, its targets, and what is regularized.
fn forward(
    model: &Model,
    input_shapes: &[Vec<usize>],
    mode: Mode,
    augmentation: &Pipeline,
) -> Result<Graph, TrainError> {
    if model.outputs().len() != 1 {
        return Err(TrainError::Outputs { model: model.name().into(), outputs: model.outputs().len() });
    }
    let mut graph = Graph::new();
    let mut inputs = model.graph_inputs(&mut graph, input_shapes)?;
    let mut augmented = None;
    if let (Some(first), false) = (inputs.first_mut(), augmentation.is_empty()) {
        let made = augmentation.lower(&mut graph, *first)?;
        *first = made.pictures;
        augmented = Some(made);
    }
    let regularizers = regularized_outputs(model)?;
    let taps: Vec<&str> = regularizers.iter().map(|(path, _)| path.as_str()).collect();
    let values = model.lower_behind(&mut graph, &inputs, mode, &taps)?;
    let given = graph.input(TARGETS, graph.value(values[0]).shape.clone());
    let targets = augmented.map_or(Ok(given), |augmented| augmented.targets(&mut graph, given))?;
    graph.output("prediction", values[0]);
    graph.output("targets", targets);
    taps.iter().zip(&values[1..]).for_each(|(path, &value)| graph.output(*path, value));
    Ok(graph)
}

/// The graph of [`forward`] with the loss, regularizers included: its outputs are the loss, the prediction, and the targets
/// where they are mixed; and the loss.
fn with_loss(model: &Model, forward: Graph, loss: &Loss, sample_weights: bool) -> Result<(Graph, ValueId), TrainError> {
    let outputs: Vec<ValueId> = forward.outputs().iter().map(|&(_, id)| id).collect();
    let [prediction, targets, ref tapped @ ..] = outputs[..] else {
        unreachable!("forward makes a graph with a prediction and targets");
    };
    let tapped: Vec<(String, Regularizer, ValueId)> = regularized_outputs(model)?
        .into_iter()
        .zip(tapped)
        .map(|((path, regularizer), &id)| (path, regularizer, id))
        .collect();
    // The loss is the first output.
    let mut graph = forward.without_outputs();
    let batch = graph.value(prediction).shape[0];
    let weights = sample_weights.then(|| graph.input(SAMPLE_WEIGHTS, vec![batch]));
    let loss = loss.apply(&mut graph, prediction, targets, weights)?;
    let loss = regularized(&mut graph, model, loss, &tapped)?;
    graph.output("loss", loss);
    graph.output("prediction", prediction);
    if !graph.inputs().contains(&targets) {
        graph.output("targets", targets);
    }
    Ok((graph, loss))
}

/// The tensors for a graph's inputs: the model's `inputs`, and what the graph asks for by name. Examples weigh 1 each where
/// nothing is given.
///
/// # Errors
/// If the graph has more inputs or fewer, or asks for targets that are not there.
pub fn feed<'a>(graph: &Graph, inputs: &'a [Tensor], feed: &Feed<'a>) -> Result<Vec<Cow<'a, Tensor>>, ShapeError> {
    let given: Vec<Vec<usize>> = inputs.iter().map(|x| x.shape().to_vec()).collect();
    let refuse = |wanted: String| {
        let given: Vec<&[usize]> = given.iter().map(Vec::as_slice).collect();
        ShapeError::new("training", wanted, &given)
    };
    let mut own = inputs.iter();
    let seed = seed_words(feed.seed);
    let made = graph.inputs().iter().map(|&id| {
        let value = graph.value(id);
        let missing = || refuse(format!("expects {} of shape {:?}", value.name, value.shape));
        match value.name.as_str() {
            TARGETS => feed.targets.map(Cow::Borrowed).ok_or_else(missing),
            SAMPLE_WEIGHTS => Ok(match feed.weights {
                Some(weights) => Cow::Borrowed(weights),
                None => Cow::Owned(Tensor::full(value.shape.clone(), 1.0)),
            }),
            SEED => Ok(Cow::Owned(Tensor::from_fn(vec![2], |i| seed[i]))),
            name => match feed.settings.of_input(name) {
                Some(settings) => Ok(Cow::Owned(Tensor::from_fn(value.shape.clone(), |i| settings[i] as f32))),
                None => own.next().map(Cow::Borrowed).ok_or_else(missing),
            },
        }
    });
    let made = made.collect::<Result<_, _>>()?;
    match own.len() {
        0 => Ok(made),
        more => Err(refuse(format!("expects {more} inputs fewer"))),
    }
}

/// Seed and step as two whole numbers that float32 holds, below 2^24. What is above that in either changes the first one.
fn seed_words([seed, step]: [u64; 2]) -> [f32; 2] {
    // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4), of which 0 stays 0.
    let above = |x: u64, factor: u64| (x >> 24).wrapping_mul(factor) >> 40;
    let first = seed ^ above(seed, 0x9e37_79b9_7f4a_7c15) ^ above(step, 0xd1b5_4a32_d192_ed03);
    [first, step].map(|word| (word & 0x00ff_ffff) as f32)
}

/// What a step is fed besides the model's inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed<'a> {
    /// Targets, of the prediction's shape, where the graph has a loss.
    pub targets: Option<&'a Tensor>,
    /// Weights of the examples; 1 each where there are none.
    pub weights: Option<&'a Tensor>,
    /// Of the optimizer ([`Optimizer::settings`](crate::Optimizer::settings)).
    pub settings: Settings,
    /// Of the run and of this step.
    pub seed: [u64; 2],
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that differ above 24 bits alone make other words; those below are their own.
    #[test]
    fn seeds_and_steps_of_64_bits_count() {
        let large = 1 << 24;
        let seeds =
            [[0, 0], [0, 1], [1, 0], [large, 0], [0, large], [large, large], [large << 8, 0], [u64::MAX, 0], [7, 9]];
        let words = seeds.map(seed_words);
        for (i, a) in words.iter().enumerate() {
            assert!(words[..i].iter().all(|b| a != b), "{:?}: {a:?}", seeds[i]);
        }
        assert_eq!((words[0], words[1], words[2], words[8]), ([0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [7.0, 9.0]));
    }
}
