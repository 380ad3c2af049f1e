//! A first way through convolutional networks, with the words of Keras: `docs/tutorial.md` shows each step with what it prints
//! and draws. `cargo run -p cnn --example keras_tutorial`, in the repository's folder, prints and draws it anew.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use cnn::data::{Dataset, LabelMode};
use cnn::explain::GradCam;
use cnn::io::{files, npy};
use cnn::layers::{
    Activation, AveragePooling2D, Conv2D, Dense, Flatten, FlipMode, GlobalAveragePooling2D, MaxPooling2D, Named,
    Padding, Pipeline, RandomContrast, RandomFlip, RandomRotation, RandomZoom, Rescaling, ZeroPadding2D,
};
use cnn::plot::{Colors, ContactSheet, Maps, Mark, heat_maps};
use cnn::training::{Accuracy, Fit, Fitted, Loss, Optimizer, Trainer, Training};
use cnn::zoo::{self, Arguments};
use cnn::{Augmenter, Device, Layer, Model, Network, Options, Runner, Sequential, Summary, Tensor, Weights};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    tutorial(Path::new("docs/tutorial"))
}

/// All steps; the pictures go into the folder.
pub fn tutorial(folder: &Path) -> Result {
    convolution(folder)?;
    kernel_size(folder)?;
    strides_and_padding()?;
    channels(folder)?;
    pooling(folder)?;
    summary()?;
    models()?;
    inception()?;
    transfer()?;
    augmentation(folder)?;
    explanation(folder)
}

/// Where everything runs. `pollster::block_on(Device::auto())` is your GPU; this one counts in float64 and gives the same
/// digits on every machine, which a page needs that is checked.
fn device() -> Device {
    Device::Reference
}

/// What a single layer makes of pictures `[batch, height, width, channels]`. Where it has a kernel, that is given.
fn apply(layer: impl Into<Named>, kernel: Option<&Tensor>, pictures: &Tensor) -> Result<Tensor> {
    let model = Sequential::new("one").input(&pictures.shape()[1..])?.add(layer.into().name("layer"))?.model()?;
    let weights = kernel.into_iter().map(|kernel| ("layer/kernel".to_string(), Arc::new(kernel.clone())));
    let network = Network::new(model, weights.collect::<Weights>())?;
    let runner = Runner::new(&device(), network, Options::default())?;
    Ok(runner.run_blocking(std::slice::from_ref(pictures))?.remove(0))
}

/// A ball, a box and a wedge before a wall that is lighter to the right: 96 x 96 grey values from 0 to 255.
fn picture() -> Tensor {
    Tensor::from_fn(vec![1, 96, 96, 1], |i| {
        let (x, y) = ((i % 96) as f32, (i / 96) as f32);
        let ball = (x - 30.0).powi(2) + (y - 28.0).powi(2) < 18.0 * 18.0;
        let square = (58.0..86.0).contains(&x) && (14.0..42.0).contains(&y);
        let wedge = (54.0..86.0).contains(&y) && (x - 48.0).abs() < y - 50.0;
        match (ball, square, wedge) {
            (true, _, _) => 240.0,
            (_, true, _) => 20.0,
            (_, _, true) => 250.0 - 2.0 * y,
            _ => 60.0 + x,
        }
    })
}

fn convolution(folder: &Path) -> Result {
    let third = 1.0 / 9.0;
    let kernels = [
        ("as it is", 0.0, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
        ("the mean: blurred", 0.0, [third; 9]),
        ("sharpened", 0.0, [0.0, -1.0, 0.0, -1.0, 5.0, -1.0, 0.0, -1.0, 0.0]),
        ("lighter to the right", -255.0, [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0]),
        ("lighter to the bottom", -255.0, [-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0]),
    ];
    let picture = picture();
    let mut sheet = ContactSheet::new("Kernels of 3 x 3").columns(3).scale(2);
    sheet.add(&picture, 0, "the picture", Mark::Plain)?;
    for (what, black, kernel) in kernels {
        let kernel = Tensor::new(vec![3, 3, 1, 1], kernel.to_vec())?;
        let made = apply(Conv2D::new(1, 3).padding(Padding::Same).use_bias(false), Some(&kernel), &picture)?;
        println!("{:?} becomes {:?}: {what}", picture.shape(), made.shape());
        sheet = sheet.range(black, 255.0);
        sheet.add(&made, 0, what, Mark::Plain)?;
    }
    Ok(files::write(&folder.join("convolution.png"), &sheet.to_png()?)?)
}

fn kernel_size(folder: &Path) -> Result {
    let picture = picture();
    let mut sheet = ContactSheet::new("Means over larger and larger windows").columns(4).scale(2);
    for size in [1, 3, 7, 15] {
        let kernel = Tensor::full(vec![size, size, 1, 1], 1.0 / (size * size) as f32);
        let made = apply(Conv2D::new(1, size).use_bias(false), Some(&kernel), &picture)?;
        println!("kernel_size {size:2}: {:3} weights, {:?}", kernel.len(), made.shape());
        sheet.add(&made, 0, format!("{size} x {size}"), Mark::Plain)?;
    }
    Ok(files::write(&folder.join("kernel_size.png"), &sheet.to_png()?)?)
}

fn strides_and_padding() -> Result {
    let input = 28;
    println!("kernel  stride  padding           formula  layer");
    for (kernel, stride) in [(3, 1), (3, 2), (3, 3), (5, 1), (5, 2), (5, 3)] {
        let windows = |size: usize| (size - kernel) / stride + 1;
        for (name, zeros, padding, formula) in [
            ("valid", 0, Padding::Valid, windows(input)),
            ("same", 0, Padding::Same, input.div_ceil(stride)),
            ("ZeroPadding2D(2)", 2, Padding::Valid, windows(input + 2 * 2)),
        ] {
            let conv = Conv2D::new(1, kernel).strides(stride).padding(padding);
            let model =
                Sequential::new("m").input([input, input, 1])?.add(ZeroPadding2D::new(zeros))?.add(conv)?.model()?;
            let layer = model.output_shapes()[0][1].unwrap_or(0);
            println!("{kernel:6}  {stride:6}  {name:16}  {formula:7}  {layer:5}");
            assert_eq!(formula, layer);
        }
    }
    Ok(())
}

/// 1,797 handwritten digits of 8 x 8 pixels, grey values from 0 to 16, and what they are.
fn digits() -> Result<(Tensor, Tensor)> {
    let images = npy::read(include_bytes!("../../cnn-cli/demo/digits_images.npy"), "digits_images.npy")?;
    let labels = npy::read(include_bytes!("../../cnn-cli/demo/digits_labels.npy"), "digits_labels.npy")?;
    Ok((images.reshape(vec![labels.len(), 8, 8, 1])?, labels))
}

/// A network that Keras has trained on them, with one of the digits, which it has not seen.
fn trained() -> Result<(Network, Tensor)> {
    let network = Network::read(include_bytes!("../../cnn-cli/demo/digits.keras").as_slice(), "digits.keras")?;
    let digit = Tensor::new(vec![1, 8, 8, 1], digits()?.0.data()[6 * 64..7 * 64].to_vec())?;
    Ok((network, digit))
}

fn channels(folder: &Path) -> Result {
    let (network, digit) = trained()?;
    let weights = network.weights()?;
    for layer in ["conv2d", "conv2d_1", "conv2d_2"] {
        let Some(kernel) = weights.get(&format!("{layer}/kernel")) else { continue };
        let [height, width, channels, filters] = kernel.shape() else { continue };
        println!("{layer:8}  {filters} filters of {height} x {width} x {channels}: {} weights", kernel.len());
        assert_eq!(kernel.len(), height * width * channels * filters);
        if layer == "conv2d" {
            let sheet = Maps { colors: Colors::Grey, ..Maps::default() }.filters(layer, kernel, false)?;
            files::write(&folder.join("filters.png"), &sheet.to_png()?)?;
        }
    }
    let options = Options { taps: vec!["re_lu".into()], ..Options::default() };
    let outputs = Runner::new(&device(), network, options)?.run_blocking(&[digit])?;
    println!("re_lu     {:?}: a channel for each filter", outputs[1].shape());
    let sheet = Maps::default().features("re_lu", &outputs[1])?;
    Ok(files::write(&folder.join("features.png"), &sheet.to_png()?)?)
}

fn pooling(folder: &Path) -> Result {
    let numbers = Tensor::new(
        vec![1, 4, 4, 1],
        vec![1.0, 3.0, 2.0, 0.0, 5.0, 7.0, 4.0, 2.0, 0.0, 0.0, 8.0, 4.0, 4.0, 0.0, 0.0, 0.0],
    )?;
    println!("max      {:?}", apply(MaxPooling2D::new(2), None, &numbers)?.data());
    println!("average  {:?}", apply(AveragePooling2D::new(2), None, &numbers)?.data());

    let picture = picture();
    let mut sheet = ContactSheet::new("96 x 96, 24 x 24 and 12 x 12 pixels").columns(3).scale(2);
    for (size, scale) in [(4, 8), (8, 16)] {
        sheet = sheet.scale(2);
        sheet.add(&picture, 0, "the picture", Mark::Plain)?;
        sheet = sheet.scale(scale);
        let maximum = apply(MaxPooling2D::new(size), None, &picture)?;
        sheet.add(&maximum, 0, format!("the maximum of {size} x {size}"), Mark::Plain)?;
        let average = apply(AveragePooling2D::new(size), None, &picture)?;
        sheet.add(&average, 0, format!("the average of {size} x {size}"), Mark::Plain)?;
        println!("pool_size {size}: {:?} becomes {:?}", picture.shape(), average.shape());
    }
    Ok(files::write(&folder.join("pooling.png"), &sheet.to_png()?)?)
}

fn summary() -> Result {
    let model = Sequential::new("first")
        .input([28, 28, 1])?
        .add(Conv2D::new(32, 3).activation(Activation::Relu))?
        .add(MaxPooling2D::new(2))?
        .add(Conv2D::new(64, 3).activation(Activation::Relu))?
        .add(MaxPooling2D::new(2))?
        .add(Flatten)?
        .add(Dense::new(10).activation(Activation::Softmax))?
        .model()?;
    print!("{}", model.summary(&Summary { line_length: Some(65), ..Summary::default() })?);
    Ok(())
}

fn models() -> Result {
    println!("model              input  parameters  without the classifier");
    for row in zoo::ROWS {
        let parameters =
            |top| -> Result<usize> { Ok(row.build(&Arguments::default().include_top(top))?.count_params().total()) };
        println!("{:18} {:5} {:11} {:11}", row.name, row.default_size, parameters(true)?, parameters(false)?);
    }
    Ok(())
}

fn inception() -> Result {
    let arguments = Arguments::default().include_top(false).input_shape([128, 128, 3]);
    let mut base = zoo::find("InceptionV3")?.build(&arguments)?;
    println!("InceptionV3 without its classifier: {} parameters", base.count_params().total());
    base.set_trainable(false);
    let model = Sequential::new("flowers")
        .input([128, 128, 3])?
        .add(Layer::from(base))?
        .add(GlobalAveragePooling2D::new())?
        .add(Dense::new(5).activation(Activation::Softmax))?
        .model()?;
    print!("{}", model.summary(&Summary { line_length: Some(65), ..Summary::default() })?);
    Ok(())
}

/// The digits from `first` to `first + 4`, every `step`th of them, as five classes.
fn five_digits(first: usize, step: usize) -> Result<Dataset> {
    let (images, labels) = digits()?;
    let all = images.data().chunks(64).zip(labels.data());
    let wanted: Vec<_> =
        all.filter(|(_, label)| (first..first + 5).contains(&(**label as usize))).step_by(step).collect();
    let pixels = wanted.iter().flat_map(|(pixels, _)| pixels.to_vec()).collect();
    let labels = wanted.iter().map(|(_, label)| **label - first as f32).collect();
    let (x, y) = (Tensor::new(vec![wanted.len(), 8, 8, 1], pixels)?, Tensor::new(vec![wanted.len()], labels)?);
    let names = (first..first + 5).map(|digit| digit.to_string());
    Ok(Dataset::from_classes(x, &y, LabelMode::Categorical, names)?)
}

/// A base under a new classifier of five classes.
fn on_base(base: Model) -> Result<Model> {
    let model = Sequential::new("five").input([8, 8, 1])?.add(Layer::from(base))?.add(Flatten)?;
    Ok(model.add(Dense::new(5).activation(Activation::Softmax))?.model()?)
}

/// Trains a network and says how it goes.
fn train(network: &Network, data: &Dataset, epochs: usize) -> Result<Network> {
    let (training, validation) = data.split(0.25)?;
    let compiled = Training::new(Loss::CROSSENTROPY, Optimizer::adam().learning_rate(0.01));
    let mut trainer = Trainer::new(&device(), network, compiled)?;
    let mut fit = Fit::new(epochs).metric(Accuracy::new()).validation(&validation);
    let Fitted { history, .. } = trainer.fit_blocking(&training, &mut fit)?;
    for epoch in 0..epochs {
        let number = |name| history.get(name).map_or(f64::NAN, |values| values[epoch]);
        let [loss, accuracy, val_accuracy] = ["loss", "accuracy", "val_accuracy"].map(number);
        println!("epoch {}: loss {loss:.3}, accuracy {accuracy:.3}, val_accuracy {val_accuracy:.3}", epoch + 1);
    }
    Ok(pollster::block_on(trainer.network())?)
}

fn transfer() -> Result {
    let base = Sequential::new("base")
        .input([8, 8, 1])?
        .add(Rescaling::new(1.0 / 16.0, 0.0))?
        .add(Conv2D::new(8, 3).padding(Padding::Same).activation(Activation::Relu))?
        .add(MaxPooling2D::new(2))?
        .add(Conv2D::new(16, 3).padding(Padding::Same).activation(Activation::Relu))?
        .model()?;
    let model = on_base(base.clone())?;
    let count = model.count_params();
    println!("0 to 4: {} parameters, {} trainable", count.total(), count.trainable);
    let first = train(&Network::new(model.clone(), Weights::initialize(&model, 1))?, &five_digits(0, 1)?, 3)?;

    let mut frozen = base;
    frozen.set_trainable(false);
    let model = on_base(frozen)?;
    let count = model.count_params();
    println!("5 to 9, every other picture: {} parameters, {} trainable", count.total(), count.trainable);
    let mut weights = Weights::initialize(&model, 2);
    for (path, tensor) in first.weights()?.iter().filter(|(path, _)| path.starts_with("base/")) {
        weights.insert(path, tensor.clone());
    }
    train(&Network::new(model, weights)?, &five_digits(5, 2)?, 4)?;
    Ok(())
}

fn augmentation(folder: &Path) -> Result {
    let pipeline = Pipeline::new()
        .layer(RandomFlip::new(FlipMode::Horizontal))
        .layer(RandomRotation::new(0.1))
        .layer(RandomZoom::new(0.3))
        .layer(RandomContrast::new(0.5));
    let pictures = Tensor::new(vec![8, 96, 96, 1], picture().data().repeat(8))?;
    // A run's seed and a step's: another step gives other pictures.
    let (seen, _) = Augmenter::new(&device(), pipeline).run_blocking(&pictures, None, [1, 0])?;
    println!("8 times the same picture, in training {:?}", seen.shape());
    let mut sheet = ContactSheet::new("One picture, as training sees it").columns(4).scale(2);
    for index in 0..8 {
        sheet.add(&seen, index, "", Mark::Plain)?;
    }
    Ok(files::write(&folder.join("augmentation.png"), &sheet.to_png()?)?)
}

fn explanation(folder: &Path) -> Result {
    let (network, digit) = trained()?;
    let runner = Runner::new(&device(), network, Options::default())?;
    let scores = runner.run_blocking(std::slice::from_ref(&digit))?.remove(0);
    let (class, score) = zoo::top(scores.data(), 1)[0];
    let grad_cam = GradCam::new_blocking(&runner, None, digit.shape())?;
    let map = grad_cam.maps_blocking(&digit, &[class])?;
    println!("a {class}, with {:.1} %; {} makes maps of {:?}", 100.0 * score, grad_cam.layer(), map.shape());
    let sheet = heat_maps("Grad-CAM", &digit, &map, &[format!("{class}")])?;
    Ok(files::write(&folder.join("explanation.png"), &sheet.to_png()?)?)
}
