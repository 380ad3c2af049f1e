//! What is trained: a file's model, a model of the zoo under a new classifier, or a small one.

use cnn::layers::{
    Activation, Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D, Named, Padding, Rescaling,
};
use cnn::training::Loss;
use cnn::zoo::{Preprocess, Row};
use cnn::{Functional, Model, Network, Sequential, Tensor, Weights};

use super::data::Data;
use super::loss::is_binary;
use crate::failure::Failure;
use crate::table::{shape, symbolic_shape};

/// How many numbers a model makes of a sample, if it is a classifier.
pub fn units(model: &Model) -> Option<usize> {
    match model.output_shapes().as_slice() {
        [output] => match output.as_slice() {
            &[_, units] => units,
            _ => None,
        },
        _ => None,
    }
}

/// The last layer for so many classes: one number for yes or no, else one for each class.
fn classifier(classes: usize, loss: Option<&Loss>) -> Named {
    match (loss.is_some_and(is_binary), classes) {
        (true, 2) => Dense::new(1).activation(Activation::Sigmoid),
        (true, _) => Dense::new(classes).activation(Activation::Sigmoid),
        (false, _) => Dense::new(classes).activation(Activation::Softmax),
    }
    .name("predictions")
}

/// A small network for pictures of any size: convolutions, each with a pooling, until the maps have fewer than 4 rows or
/// columns, four at most.
pub fn small(data: &Data, loss: Option<&Loss>, seed: u64) -> Result<Network, Failure> {
    let &[height, width, channels] = data.shape.as_slice() else {
        let got = shape(&data.shape);
        let text = format!("samples have the shape {got}, but pictures are height x width x channels; give a --model");
        return Err(Failure::Failed(text));
    };
    let mut model = Sequential::new("cnn").input([height, width, channels])?;
    if data.white > 1.0 {
        model = model.add(Rescaling::new(1.0 / f64::from(data.white), 0.0))?;
    }
    let mut side = height.min(width);
    for filters in [32, 64, 128, 128] {
        model = model.add(Conv2D::new(filters, 3).padding(Padding::Same).activation(Activation::Relu))?;
        if side >= 2 {
            model = model.add(MaxPooling2D::new(2))?;
            side /= 2;
        }
        if side < 4 {
            break;
        }
    }
    model = if side < 8 { model.add(Flatten)? } else { model.add(GlobalAveragePooling2D::new())? };
    let model = model.add(classifier(data.classes.len(), loss))?.model()?;
    let weights = Weights::initialize(&model, seed);
    Ok(Network::new(model, weights)?)
}

/// A model of the zoo without its classifier, its preprocessing before it and a new classifier behind it.
pub fn on_base(
    row: &Row,
    base: &Network,
    freeze: bool,
    data: &Data,
    loss: Option<&Loss>,
    seed: u64,
) -> Result<Network, Failure> {
    let mut inner = base.model().clone();
    inner.set_trainable(!freeze);
    let last = classifier(data.classes.len(), loss);
    behind_preprocessing(inner, &base.weights()?, row.preprocess, data, Some(last), seed)
}

/// A model with the preprocessing before it that a file does not say of. It takes samples as they are from then on.
pub fn with_preprocessing(network: &Network, preprocess: Preprocess, data: &Data) -> Result<Network, Failure> {
    let channels = data.shape.last().copied().unwrap_or(0);
    if matches!(preprocess, Preprocess::Caffe | Preprocess::Torch) && channels != 3 {
        let text =
            format!("--preprocess caffe and torch are for pictures of 3 channels, but the samples have {channels}");
        return Err(Failure::Failed(format!("{text}; take tf, or leave --preprocess out")));
    }
    if preprocess == Preprocess::None && data.white == 255.0 {
        return Ok(network.clone());
    }
    behind_preprocessing(network.model().clone(), &network.weights()?, preprocess, data, None, 0)
}

/// A model behind layers that make of the samples pixels from 0 to 255, and of these what Keras's `preprocess_input` does;
/// `last` comes behind it.
fn behind_preprocessing(
    inner: Model,
    weights_inside: &Weights,
    preprocess: Preprocess,
    data: &Data,
    last: Option<Named>,
    seed: u64,
) -> Result<Network, Failure> {
    if data.least < 0.0 {
        let text = format!("it takes pixels, from 0 on, but the samples go down to {}", data.least);
        return Err(Failure::Failed(format!("{}: {text}; give them as they were before preprocessing", inner.name())));
    }
    let prefix = inner.name().to_string();
    let name = if last.is_some() { format!("{prefix}_classifier") } else { prefix.clone() };
    let mut layers = Functional::new();
    let input = layers.input(inner.input_shapes()[0][1..].to_vec())?;
    let mut x = input;
    if data.white != 255.0 {
        x = layers.call(Rescaling::new(255.0 / f64::from(data.white), 0.0).name("pixels"), &[x])?;
    }
    for layer in [preprocessing(preprocess), Some(inner.into()), last].into_iter().flatten() {
        x = layers.call(layer, &[x])?;
    }
    let mut model = layers.model(name, &[input], &[x])?;
    let mut weights = Weights::initialize(&model, seed);
    for (path, tensor) in weights_inside.iter() {
        weights.insert(format!("{prefix}/{path}"), tensor.clone());
    }
    if preprocess == Preprocess::Caffe
        && let Some(layer) = model.layer_mut(PREPROCESSING)
    {
        layer.set_trainable(false);
        weights.insert(format!("{PREPROCESSING}/kernel"), swap_red_and_blue());
        weights.insert(format!("{PREPROCESSING}/bias"), Tensor::new(vec![3], CAFFE_MEANS.map(|mean| -mean).to_vec())?);
    }
    Ok(Network::new(model, weights)?)
}

const PREPROCESSING: &str = "preprocessing";
/// ImageNet's mean pixel: blue, green, red.
const CAFFE_MEANS: [f32; 3] = [103.939, 116.779, 123.68];
/// ImageNet's mean and deviation: red, green, blue.
const TORCH: [(f64, f64); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// The layer that does what Keras's `preprocess_input` does; the model file then takes pixels from 0 to 255.
fn preprocessing(preprocess: Preprocess) -> Option<Named> {
    match preprocess {
        Preprocess::Tf => Some(Rescaling::new(1.0 / 127.5, -1.0).name(PREPROCESSING)),
        Preprocess::Torch => {
            let (scale, offset) = (TORCH.map(|(_, std)| 1.0 / (255.0 * std)), TORCH.map(|(mean, std)| -mean / std));
            Some(Rescaling::new(scale, offset).name(PREPROCESSING))
        }
        // No layer of Keras exchanges channels, but a frozen convolution over single pixels does, and exactly: each sum
        // has one term that is not 0.
        Preprocess::Caffe => Some(Conv2D::new(3, 1).name(PREPROCESSING)),
        Preprocess::None => None,
    }
}

/// A filter `[1, 1, 3, 3]`.
fn swap_red_and_blue() -> Tensor {
    Tensor::from_fn(vec![1, 1, 3, 3], |i| if i / 3 + i % 3 == 2 { 1.0 } else { 0.0 })
}

/// Refuses data that a model does not take, or with another number of classes than it tells apart.
pub fn check(model: &Model, data: &Data, remedy: &str) -> Result<(), Failure> {
    let refuse = |text: String| Err(Failure::Failed(format!("model '{}': {text}", model.name())));
    let inputs = model.input_shapes();
    let sample = std::iter::once(None).chain(data.shape.iter().map(|&size| Some(size))).collect::<Vec<_>>();
    let [input] = inputs.as_slice() else {
        return refuse(format!("it takes {} inputs; only models of one input can be trained here", inputs.len()));
    };
    let fits = |(wanted, got): (&Option<usize>, &Option<usize>)| wanted.is_none() || got.is_none() || wanted == got;
    if input.len() != sample.len() || !input.iter().zip(&sample).all(fits) {
        let (wanted, got) = (symbolic_shape(input), symbolic_shape(&sample));
        return refuse(format!("it takes {wanted}, but the samples are {got}; bring them to that shape"));
    }
    let classes = data.classes.len();
    match units(model) {
        Some(1) if classes == 2 => Ok(()),
        Some(units) if units == classes => Ok(()),
        Some(1) => refuse(format!("its one output tells two classes apart, but the data has {classes}; {remedy}")),
        Some(units) => refuse(format!("its last layer has {units} classes, but the data has {classes}; {remedy}")),
        None => {
            let shapes: Vec<String> = model.output_shapes().iter().map(|shape| symbolic_shape(shape)).collect();
            refuse(format!("its output is {}, not that of a classifier, [None, classes]", shapes.join(" and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use cnn::data::{Dataset, LabelMode};
    use cnn::{Device, Options, Runner};

    use super::*;

    /// The layer in front of each kind of base makes of pixels what Keras's function does.
    #[test]
    fn the_preprocessing_layer_is_the_function() {
        let pixels = Tensor::from_fn(vec![2, 4, 4, 3], |i| (i * 37 % 256) as f32);
        let labels = Tensor::new(vec![2], vec![0.0, 1.0]).unwrap();
        let names = ["ResNet50", "DenseNet121", "MobileNetV2"];
        // Samples from 0 to 1, or to 16, are brought to pixels first.
        for (name, white) in names.into_iter().flat_map(|name| [255.0, 1.0, 16.0].map(|white| (name, white))) {
            let x = Tensor::from_fn(vec![2, 4, 4, 3], |i| pixels.data()[i] * white / 255.0);
            let samples = Dataset::from_classes(x.clone(), &labels, LabelMode::Int, ["a", "b"]).unwrap();
            let classes = vec!["a".to_string(), "b".to_string()];
            let data = Data {
                samples,
                validation: None,
                classes,
                shape: vec![4, 4, 3],
                white,
                least: 0.0,
                digest: String::new(),
            };
            let row = cnn::zoo::find(name).unwrap();
            let base = Sequential::new("base").input([4, 4, 3]).and_then(|m| m.add(Flatten)).unwrap();
            let base = Network::new(base.model().unwrap(), Weights::new()).unwrap();
            let network = on_base(row, &base, true, &data, None, 0).unwrap();
            let trained: Vec<String> =
                network.model().weights().into_iter().filter(|w| w.trainable).map(|w| w.path).collect();
            assert_eq!(trained, ["predictions/kernel", "predictions/bias"], "{name}");
            let options = Options { taps: vec![PREPROCESSING.into()], ..Options::default() };
            let runner = Runner::new(&Device::Reference, network, options).unwrap();
            let made = runner.run_blocking(&[x]).unwrap().remove(1);
            let wanted = row.preprocess.apply(pixels.clone()).unwrap();
            // Each has a few roundings of its own, of numbers up to 255.
            let far = made.data().iter().zip(wanted.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-4, "{name}, white {white}: {far}");
            let refused = on_base(row, &base, true, &Data { least: -1.0, ..data }, None, 0);
            let Err(Failure::Failed(text)) = refused else { panic!("{name}: {refused:?}") };
            assert!(text.contains("the samples go down to -1; give them as they were before"), "{text}");
        }
    }
}
