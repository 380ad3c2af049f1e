//! What the frozen part of a model makes of a data set, computed once: the steps of a training then begin behind it.

use std::collections::{HashMap, HashSet};

use cnn_core::model::ModelLayer;
use cnn_core::{Functional, Graph, Layer, Mode, Model, ModelError, Op, Tensor, TensorRef};
use cnn_data::{Dataset, Example};

use super::fit::Fit;
use super::progress::Progress;
use super::trainer::Trainer;
use crate::device::Device;
use crate::error::Error;

/// The most bytes of features that are kept where nothing else is said.
pub(super) const LIMIT: u64 = 1 << 30;

/// A model in two: a frozen base that does the same in training and in inference, and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    pub base: Model,
    pub head: Model,
}

impl Split {
    /// Divides `model` where one tensor alone leads from layers that do not learn, are not random and do not change to all
    /// others, and nothing before it is regularized. `None` if there is no such place, or nothing but weightless layers before it. A nested model counts as one layer.
    ///
    /// # Errors
    /// If the model does not take the shapes.
    pub fn of(model: &Model, input_shapes: &[Vec<usize>]) -> Result<Option<Self>, Error> {
        let unlike = unlike_in_training(model, input_shapes)?;
        let learning: HashSet<String> = model.weights().into_iter().filter(|w| w.trainable).map(top).collect();
        // What a regularizer makes of an output is part of the loss.
        let regularized: HashSet<&str> =
            model.layers().iter().filter(|layer| is_regularized(layer)).map(|layer| layer.name()).collect();
        let fixed = |name: &str| !unlike.contains(name) && !learning.contains(name) && !regularized.contains(name);
        // Layers stand behind those they take from, but a shared one may stand before: so until nothing changes.
        let mut open: HashSet<(usize, usize)> = HashSet::new();
        loop {
            let before = open.len();
            for (index, layer) in model.layers().iter().enumerate() {
                for (number, call) in layer.calls().iter().enumerate() {
                    if !fixed(layer.name()) || call.inputs.iter().any(|x| open.contains(&(x.layer, x.call))) {
                        open.insert((index, number));
                    }
                }
            }
            if open.len() == before {
                break;
            }
        }
        let is_open = |x: &TensorRef| open.contains(&(x.layer, x.call));
        let read = open.iter().flat_map(|&(layer, call)| &model.layers()[layer].calls()[call].inputs);
        let borders: HashSet<TensorRef> = read.chain(model.outputs()).filter(|x| !is_open(x)).copied().collect();
        let Ok([border]) = <[TensorRef; 1]>::try_from(borders.into_iter().collect::<Vec<_>>()) else { return Ok(None) };
        if let Layer::InputLayer(_) = model.layers()[border.layer].layer() {
            return Ok(None);
        }
        let base = Functional::extend(model).model(model.name(), model.inputs(), &[border])?;
        if base.weights().is_empty() || open.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { base, head: behind(model, border)? }))
    }

    /// Bytes of what the base makes of a sample.
    fn bytes(&self, input_shape: &[usize]) -> Result<u64, Error> {
        let shapes = self.base.output_shapes_for(&[input_shape.iter().copied().map(Some).collect()])?;
        let sizes = shapes.iter().flat_map(|shape| &shape[1..]).flatten();
        Ok(sizes.fold(4, |bytes: u64, &size| bytes.saturating_mul(size as u64)))
    }
}

/// Whether its output, or that of a layer in it, has a regularizer.
fn is_regularized(layer: &ModelLayer) -> bool {
    layer.layer().activity_regularizer().is_some()
        || layer.nested().is_some_and(|m| m.layers().iter().any(is_regularized))
}

/// The name of the layer of the model itself that a weight belongs to.
fn top(weight: cnn_core::model::Weight) -> String {
    outermost(&weight.path).to_string()
}

fn outermost(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The layers that do something else in training than in inference.
fn unlike_in_training(model: &Model, input_shapes: &[Vec<usize>]) -> Result<HashSet<String>, ModelError> {
    let graph = |mode| model.lower(input_shapes, mode, &[]);
    let (training, inference) = (graph(Mode::Training)?, graph(Mode::Inference)?);
    let (training, inference) = (ops(&training), ops(&inference));
    let names = training.keys().chain(inference.keys());
    Ok(names.filter(|name| training.get(*name) != inference.get(*name)).map(|name| name.to_string()).collect())
}

/// The ops of each layer of the model itself.
fn ops(graph: &Graph) -> HashMap<&str, Vec<&Op>> {
    let mut ops: HashMap<&str, Vec<&Op>> = HashMap::new();
    for node in graph.nodes() {
        ops.entry(outermost(&node.name)).or_default().push(&node.op);
    }
    ops
}

/// The model from `border` on: the same layers, with the same paths of weights, on a new input.
fn behind(model: &Model, border: TensorRef) -> Result<Model, ModelError> {
    let mut layers = Functional::extend(model);
    let input = layers.input(model.shape(border)[1..].to_vec())?;
    let mut made = HashMap::from([(border, input)]);
    let outputs = model.outputs().iter().map(|&x| call_again(model, x, &mut layers, &mut made));
    let outputs: Vec<TensorRef> = outputs.collect::<Result<_, _>>()?;
    layers.model(model.name(), &[input], &outputs)
}

/// `x` made anew from what is in `made`.
fn call_again(
    model: &Model,
    x: TensorRef,
    layers: &mut Functional,
    made: &mut HashMap<TensorRef, TensorRef>,
) -> Result<TensorRef, ModelError> {
    if let Some(&known) = made.get(&x) {
        return Ok(known);
    }
    let layer = &model.layers()[x.layer];
    let inputs = layer.calls()[x.call].inputs.iter().map(|&input| call_again(model, input, layers, made));
    let inputs: Vec<TensorRef> = inputs.collect::<Result<_, _>>()?;
    let outputs = layers.call_again_all(layer.name(), &inputs)?;
    layers.set_training(outputs[0], layer.calls()[x.call].training)?;
    made.extend(outputs.iter().enumerate().map(|(tensor, &output)| (TensorRef { tensor, ..x }, output)));
    Ok(outputs[x.tensor])
}

/// Data sets whose samples are features.
pub(super) struct Features {
    pub training: Dataset,
    pub validation: Option<Dataset>,
}

impl Trainer {
    /// Computes what the frozen part of the model makes of all samples, and trains on that from now on
    /// ([`Trainer::forget_features`]). `None`, with nothing changed, where that is not possible, or not asked for.
    pub(super) async fn keep_features(&mut self, data: &Dataset, fit: &mut Fit<'_>) -> Result<Option<Features>, Error> {
        // The reference keeps float64 between layers, and mixed precision computes the base otherwise in training.
        let exact = !matches!(self.device(), Device::Reference) && self.training().mixed_precision.is_none();
        let limit = fit.features_limit.unwrap_or(LIMIT);
        let validation = fit.validation;
        let augmented = !self.training().augmentation.is_empty();
        if !exact || augmented || limit == 0 || data.is_mapped() || validation.is_some_and(Dataset::is_mapped) {
            return Ok(None);
        }
        // What is wrong with the first sample, the training tells.
        let Some(Ok(first)) = data.clone().in_order().drop_remainder(false).prefetch(0).take(1).epoch(0).next() else {
            return Ok(None);
        };
        let shape = first.x.shape().to_vec();
        let split = match Split::of(self.model(), std::slice::from_ref(&shape)) {
            Ok(Some(split)) if first.y.is_some() => split,
            Ok(_) | Err(_) => return Ok(None),
        };
        let samples = data.len() + validation.map_or(0, Dataset::len);
        let bytes = split.bytes(&shape)?.saturating_mul(samples as u64);
        if bytes > limit {
            fit.report(Progress::FeaturesNotKept { bytes, limit });
            return Ok(None);
        }
        self.set_split(Some(split));
        let kept = self.compute_features(data, bytes, fit).await;
        if !matches!(kept, Ok(Some(_))) {
            self.forget_features();
        }
        kept
    }

    /// Trains on samples again.
    pub(super) fn forget_features(&mut self) {
        self.set_split(None);
    }

    /// `None` if the user ends the training meanwhile.
    async fn compute_features(
        &mut self,
        data: &Dataset,
        bytes: u64,
        fit: &mut Fit<'_>,
    ) -> Result<Option<Features>, Error> {
        let parts: Vec<&Dataset> = [data].into_iter().chain(fit.validation).collect();
        let parts: Vec<Dataset> = parts.into_iter().map(|part| part.clone().in_order().drop_remainder(false)).collect();
        let batches = parts.iter().map(Dataset::batches).sum();
        let (mut made, mut number) = (Vec::new(), 0);
        for part in &parts {
            let mut samples = Vec::with_capacity(part.len());
            let mut epoch = part.epoch(0);
            while let Some(batch) = epoch.next_batch().await.transpose()? {
                let features = self.run_base(std::slice::from_ref(&batch.x)).await?;
                for index in 0..batch.samples.len() {
                    samples.push(Example {
                        x: row(&features, index)?,
                        y: batch.y.as_ref().map(|y| row(y, index)).transpose()?,
                    });
                }
                fit.report(Progress::Features { batch: number, batches, bytes });
                number += 1;
                if fit.is_stopped() {
                    return Ok(None);
                }
            }
            made.push(samples);
        }
        self.end_base();
        let mut made = made.into_iter();
        let (Some(training), validation) = (made.next(), made.next()) else { return Ok(None) };
        let training = data.with_samples(training)?;
        let validation =
            fit.validation.zip(validation).map(|(data, samples)| data.with_samples(samples)).transpose()?;
        Ok(Some(Features { training, validation }))
    }
}

/// Of a batch one example's elements.
fn row(batch: &Tensor, index: usize) -> Result<Tensor, cnn_core::ShapeError> {
    let shape = batch.shape()[1..].to_vec();
    let size = shape.iter().product::<usize>();
    Tensor::new(shape, batch.data()[index * size..][..size].to_vec())
}
