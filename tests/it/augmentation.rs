//! Augmentation against real Keras (`vectors/augmentation.json.gz`, made by `vectors/augmentation.py`): with the numbers that a
//! layer draws given, its pixels are Keras's within a grey level. Then what is drawn, and the same on all devices.

use std::collections::HashMap;
use std::sync::Arc;

use cnn::training::{Loss, Optimizer, Trainer, Training};
use cnn::{Augmenter, Device, Network};
use cnn_core::layers::*;
use cnn_core::op::{Op, Warp};
use cnn_core::{
    Functional, Graph, Mode, Model, Plan, Sequential, Simplify, Source, Tensor, ValueId, Weights, simplify,
};
use cnn_cpu::fast::{self, CpuWeights};
use cnn_cpu::reference::{self, Array};
use cnn_io::keras::{layer_from_config, layer_to_config};
use cnn_tests::devices::{Tally, devices};
use cnn_tests::vectors::{self, numbers, sizes};
use cnn_wgpu::DeviceWeights;
use serde_json::Value;

fn truth() -> Value {
    vectors::json("augmentation.json.gz")
}

/// A model of one layer on pictures of that shape, the batch first.
fn model(layer: impl Into<Named>, shape: &[usize]) -> Model {
    let mut f = Functional::new();
    let x = f.input(&shape[1..]).unwrap();
    let y = f.call(layer, &[x]).unwrap();
    f.model("augmentation", &[x], &[y]).unwrap()
}

fn training(model: &Model, shape: &[usize]) -> Graph {
    model.lower(&[shape.to_vec()], Mode::Training, &[]).unwrap()
}

/// The graph with an input, the last ones, in place of each node that draws numbers; the inputs' shapes.
fn with_numbers_given(graph: &Graph) -> (Graph, Vec<Vec<usize>>) {
    let (mut new, mut drawn) = (Graph::new(), Vec::new());
    let mut made: HashMap<ValueId, ValueId> = HashMap::new();
    for &id in graph.inputs() {
        made.insert(id, new.input(graph.value(id).name.clone(), graph.value(id).shape.clone()));
    }
    for id in graph.value_ids() {
        let value = graph.value(id);
        let copy = match &value.source {
            Source::Input => continue,
            Source::Variable => panic!("{} is a variable", value.name),
            Source::Constant(tensor) => new.constant(value.name.clone(), tensor.as_ref().clone()),
            Source::Node(node) => match &graph.nodes()[node.index()] {
                node if matches!(node.op, Op::RandomUniform(_)) => {
                    drawn.push(value.shape.clone());
                    new.input(format!("drawn {}", drawn.len()), value.shape.clone())
                }
                node => {
                    let inputs: Vec<ValueId> = node.inputs.iter().map(|id| made[id]).collect();
                    new.push(node.name.clone(), node.op.clone(), &inputs).unwrap()
                }
            },
        };
        made.insert(id, copy);
    }
    for (name, id) in graph.outputs() {
        new.output(name.clone(), made[id]);
    }
    (new, drawn)
}

/// The pictures as Keras got them: bytes, or in [0, 1], or in [-1, 1].
fn pictures(truth: &Value, case: &Value) -> Array {
    let largest = case["largest"].as_f64().unwrap();
    let scale = |byte: f64| match largest {
        255.0 => byte,
        1.0 => (byte + 0.5) / 256.0,
        _ => 2.0 * (byte + 0.5) / 256.0 - 1.0,
    };
    let [shape, pictures] =
        if case["large"] == true { ["large_shape", "large_picture"] } else { ["shape", "pictures"] };
    Array { shape: sizes(&truth[shape]), data: numbers(&truth[pictures]).into_iter().map(scale).collect() }
}

/// Pictures, then labels, changed by a pipeline of one layer.
fn pipeline(layer: impl Into<Named>, pictures: &[usize], labels: &[usize]) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("pictures", pictures.to_vec());
    let y = graph.input("labels", labels.to_vec());
    let augmented = Pipeline::new().layer(layer).lower(&mut graph, x).unwrap();
    let labels = augmented.targets(&mut graph, y).unwrap();
    graph.output("pictures", augmented.pictures);
    graph.output("labels", labels);
    graph
}

/// What the layer of a case makes of its numbers, on the reference: pictures, and labels if it has any.
fn of_given_numbers(case: &Value, x: Array, labels: &Array) -> Result<Vec<Array>, String> {
    let (class, config) = (case["class"].as_str().unwrap(), &case["config"]);
    let layer = layer_from_config(class, config).map_err(|error| error.to_string())?;
    let mixes = !case["labels"].is_null();
    let graph =
        if mixes { pipeline(layer, &x.shape, &labels.shape) } else { training(&model(layer, &x.shape), &x.shape) };
    let (graph, shapes) = with_numbers_given(&graph);
    let drawn = case["drawn"].as_array().unwrap();
    if drawn.len() != shapes.len() {
        return Err(format!("draws {} times, Keras {} times", shapes.len(), drawn.len()));
    }
    let mut inputs = vec![x];
    if mixes {
        inputs.push(labels.clone());
    }
    if !drawn.is_empty() {
        inputs.push(Array { shape: vec![2], data: vec![0.0; 2] });
    }
    for (drawn, shape) in drawn.iter().zip(shapes) {
        let data = numbers(drawn);
        if data.len() != shape.iter().product::<usize>() {
            return Err(format!("draws {shape:?} where Keras draws {}", data.len()));
        }
        inputs.push(Array { shape, data });
    }
    reference::run(&graph, |_| None, &inputs).map_err(|error| error.to_string())
}

#[test]
fn pixels_are_those_of_keras() {
    let truth = truth();
    let labels = Array { shape: vec![3, 4], data: numbers(&truth["labels"]) };
    let mut failures = Vec::new();
    for case in truth["layers"].as_array().unwrap() {
        let largest = case["largest"].as_f64().unwrap();
        let about = format!("{} {}", case["class"], case["config"]);
        let mut made = match of_given_numbers(case, pictures(&truth, case), &labels) {
            Ok(made) => made,
            Err(error) => {
                failures.push(format!("{about}: {error}"));
                continue;
            }
        };
        let y = made.remove(0);
        assert_eq!(y.shape, sizes(&case["shape"]), "{about}");
        // Rounded to four places in the file.
        for (got, wanted) in
            made.iter().flat_map(|labels| &labels.data).zip(case["labels"].as_array().into_iter().flatten())
        {
            assert!((got - wanted.as_f64().unwrap()).abs() < 1e-4, "{about}: label {got}, {wanted}");
        }
        // Keras takes halves to the even number where it equalizes, and we up: a level. All else is nearer.
        let equalizes = ["Equalization", "RandAugment", "AugMix"].contains(&case["class"].as_str().unwrap());
        let level = if equalizes { 1.0 } else { 0.2 } / if largest == 255.0 { 1.0 } else { 255.0 };
        let far = |(got, wanted): (&f64, f64)| (got - wanted).abs() > level || got.is_nan();
        let wrong = y.data.iter().zip(numbers(&case["y"])).filter(|&pair| far(pair)).count();
        if wrong > 0 {
            let errors = y.data.iter().zip(numbers(&case["y"])).map(|(got, wanted)| (got - wanted).abs());
            failures.push(format!("{about}: {wrong} of {} pixels, up to {}", y.data.len(), errors.fold(0.0, f64::max)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Bytes brought to -1 to 1 in float32, as a model's `preprocess_input` does, are whole again where bits are taken off.
#[test]
fn signed_bytes_lose_the_bits_that_they_lose_in_keras() {
    let truth = truth();
    let x = Tensor::from_fn(vec![1, 16, 16, 1], |i| i as f32 / 127.5 - 1.0);
    for device in devices(false).into_iter().map(|device| Device::Gpu(device.gpu)).chain([Device::cpu()]) {
        for (wanted, bits) in truth["posterized"].as_array().unwrap().iter().zip(1..) {
            let layer = RandomPosterization::new([bits; 2]).value_range([-1.0, 1.0]);
            let mut augmenter = Augmenter::new(&device, Pipeline::new().layer(layer));
            let y = augmenter.run_blocking(&x, None, [0, 0]).unwrap().0;
            let got: Vec<f64> = y.data().iter().map(|&x| ((f64::from(x) + 1.0) * 127.5).round()).collect();
            assert_eq!(got, numbers(wanted), "{device}, {bits} bits");
        }
    }
}

#[test]
fn maps_are_those_of_tensorflow() {
    let truth = truth();
    let all = Array { shape: sizes(&truth["shape"]), data: numbers(&truth["pictures"]) };
    let [n, _, w, c] = [0, 1, 2, 3].map(|axis| all.shape[axis]);
    // The upper left 5 rows and 4 columns of the first channel.
    let place = |i: usize| ((i / 20 * all.shape[1] + i / 4 % 5) * w + i % 4) * c;
    let x = Array { shape: vec![n, 5, 4, 1], data: (0..n * 20).map(|i| all.data[place(i)]).collect() };
    for case in truth["warps"].as_array().unwrap() {
        let interpolation = match case["interpolation"].as_str().unwrap() {
            "nearest" => Interpolation::Nearest,
            _ => Interpolation::Bilinear,
        };
        let fill_mode = match case["fill_mode"].as_str().unwrap() {
            "constant" => FillMode::Constant,
            "nearest" => FillMode::Nearest,
            "reflect" => FillMode::Reflect,
            _ => FillMode::Wrap,
        };
        let op = Op::Warp(Warp { size: [6, 7], interpolation, fill_mode, fill_value: 50.0 });
        let maps = Array { shape: vec![n, 8], data: numbers(&case["maps"]) };
        let y = reference::value(&op, &[&x, &maps]).unwrap();
        for (i, (got, wanted)) in y.data.iter().zip(numbers(&case["y"])).enumerate() {
            assert!((got - wanted).abs() < 0.05, "{interpolation:?} {fill_mode:?} at {i}: {got}, {wanted}");
        }
    }
}

#[test]
fn configurations_are_those_of_keras() {
    let truth = truth();
    for case in truth["layers"].as_array().unwrap() {
        let (class, config) = (case["class"].as_str().unwrap(), &case["config"]);
        let layer = layer_from_config(class, config).unwrap_or_else(|error| panic!("{config}: {error}"));
        let written = layer_to_config(&layer).unwrap();
        assert_eq!(layer_from_config(class, &written).unwrap(), layer, "{config}");
        for (key, value) in config.as_object().unwrap() {
            let written = written.get(key).filter(|value| !value.is_null());
            match (value, written) {
                (Value::Null, None) => {}
                // RandomPerspective's and others' seed and format are written as what they are by default.
                (value, Some(written)) if same(value, written) => {}
                // Both ends of a range as far from 0 are written as one number.
                (Value::Array(ends), Some(Value::Number(one))) => {
                    assert_eq!(ends[0].as_f64().map(|end| -end), one.as_f64(), "{class}: {key}");
                }
                (value, written) => panic!("{class}: {key} is {value}, but {written:?} is written"),
            }
        }
    }
}

/// Whether numbers, lists of them and texts are equal, whole numbers or not.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

#[test]
fn nothing_is_left_of_them_in_inference() {
    let truth = truth();
    let shape = sizes(&truth["shape"]);
    for case in truth["layers"].as_array().unwrap() {
        let class = case["class"].as_str().unwrap();
        // These change pictures in inference, too.
        if ["AutoContrast", "CenterCrop", "RandomCrop"].contains(&class) {
            continue;
        }
        let model = model(layer_from_config(class, &case["config"]).unwrap(), &shape);
        let graph = model.lower(std::slice::from_ref(&shape), Mode::Inference, &[]).unwrap();
        assert_eq!((graph.nodes().len(), graph.inputs().len()), (0, 1), "{class}");
    }
}

/// What the layer makes of pictures for a seed, in training, on the reference.
fn drawn(graph: &Graph, x: &Array, seed: [f64; 2]) -> Array {
    let seed = Array { shape: vec![2], data: seed.to_vec() };
    reference::run(graph, |_| None, &[x.clone(), seed]).unwrap().remove(0)
}

/// Many numbers of `layer`, each read from a picture by `number`.
fn distribution(layer: impl Into<Named>, picture: &Array, number: impl Fn(&[f64]) -> f64) -> (f64, f64, f64) {
    let (batch, size) = (picture.shape[0], picture.data.len() / picture.shape[0]);
    let graph = training(&model(layer, &picture.shape), &picture.shape);
    let mut all = Vec::new();
    for step in 0..40 {
        let y = drawn(&graph, picture, [7.0, f64::from(step)]);
        all.extend(y.data.chunks(size).map(&number));
    }
    assert_eq!(all.len(), 40 * batch);
    let (least, most) = all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), &x| (x.min(l), x.max(m)));
    (least, all.iter().sum::<f64>() / all.len() as f64, most)
}

/// `batch` pictures whose pixels are numbered by `value` of row and column.
fn ramp(batch: usize, size: [usize; 2], value: impl Fn(usize, usize) -> f64) -> Array {
    let [h, w] = size;
    let data = (0..batch * h * w).map(|i| value(i / w % h, i % w)).collect();
    Array { shape: vec![batch, h, w, 1], data }
}

#[test]
fn numbers_are_drawn_evenly_from_their_range() {
    let near = |(least, mean, most): (f64, f64, f64), low: f64, high: f64| {
        let slack = (high - low) / 50.0;
        assert!(low - 1e-6 <= least && least < low + slack, "{least} of {low}");
        assert!(high - slack < most && most <= high + 1e-6, "{most} of {high}");
        assert!((mean - (low + high) / 2.0).abs() < slack, "{mean} of {low} to {high}");
    };
    let level = ramp(64, [1, 1], |_, _| 100.0);
    near(distribution(RandomBrightness::new([-0.2, 0.3]), &level, |y| y[0] - 100.0), -51.0, 76.5);
    let columns = ramp(64, [3, 41], |_, column| column as f64);
    let moved = RandomTranslation::new(0.0, [-0.3, 0.2]);
    near(distribution(moved, &columns, |y| 20.0 - y[41 + 20]), -0.3 * 41.0, 0.2 * 41.0);
    // Ten columns to the right of the middle, the input's row is 10·sin(angle) further down.
    let columns_and_rows = ramp(64, [41, 41], |row, column| column as f64 + 1000.0 * row as f64);
    let angle = |y: &[f64]| {
        let (right, middle) = (y[20 * 41 + 30], y[20 * 41 + 20]);
        ((right - middle) / 1000.0 / 10.0).clamp(-1.0, 1.0).asin() / std::f64::consts::TAU
    };
    let (least, mean, most) = distribution(RandomRotation::new(0.1), &columns_and_rows, angle);
    assert!(
        (-0.102..-0.095).contains(&least) && (0.095..0.102).contains(&most) && mean.abs() < 0.005,
        "{least} {most}"
    );
    let (least, share, most) =
        distribution(RandomFlip::new(FlipMode::Horizontal), &columns, |y| f64::from(u8::from(y[0] == 40.0)));
    assert!((least, most) == (0.0, 1.0) && (share - 0.5).abs() < 0.03, "{share} of pictures are mirrored");
    let (_, share, _) = distribution(RandomInvert::new([0.2, 0.4]), &level, |y| f64::from(u8::from(y[0] == 155.0)));
    assert!((share - 0.3).abs() < 0.03, "{share} of pictures are inverted");
    let plain = ramp(64, [10, 10], |_, _| 100.0);
    let erased = |y: &[f64]| y.iter().filter(|&&y| y == 255.0).count() as f64 / 100.0;
    let (least, mean, most) =
        distribution(RandomErasing::new([1.0, 1.0]).scale([0.1, 0.4]).fill_value(300.0), &plain, erased);
    // Width and height are √0.1 to √0.4 of the picture's, and so take 3 to 7 pixels each.
    assert!(0.09 <= least && most <= 0.49 && (mean - 0.24).abs() < 0.02, "{least} {mean} {most} are erased");
}

/// The greatest distance of the numbers' distribution from a continuous one, by Kolmogorov and Smirnov, times the root of their
/// count: above 1.95 once in a thousand times.
fn distance(mut numbers: Vec<f64>, distribution: impl Fn(f64) -> f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len() as f64;
    let apart = |(i, &x): (usize, &f64)| {
        let (wanted, below) = (distribution(x), i as f64 / n);
        (wanted - below).abs().max((wanted - below - 1.0 / n).abs())
    };
    numbers.iter().enumerate().map(apart).fold(0.0, f64::max) * n.sqrt()
}

#[test]
fn shares_have_the_distribution_beta() {
    let (batch, steps) = (32, 64);
    let of_alpha = |alpha: f64| {
        let graph = pipeline(MixUp::new(alpha), &[batch, 1, 1, 1], &[batch, batch]);
        let pictures = ramp(batch, [1, 1], |_, _| 0.0);
        let labels = Array {
            shape: vec![batch; 2],
            data: (0..batch * batch).map(|i| f64::from(u8::from(i / batch == i % batch))).collect(),
        };
        let of_step = |step: usize| {
            let seed = Array { shape: vec![2], data: vec![5.0, step as f64] };
            reference::run(&graph, |_| None, &[pictures.clone(), labels.clone(), seed]).unwrap().remove(1).data
        };
        (0..steps).flat_map(of_step).collect::<Vec<f64>>()
    };
    // Which pictures are mixed with themselves is the same for each α, and for 2 each other one has some of two.
    let of_two = of_alpha(2.0);
    let others = |row: usize| of_two[row * batch..][..batch].iter().filter(|&&share| share > 0.0).count() == 2;
    let own = |shares: &[f64]| -> Vec<f64> {
        (0..batch * steps).filter(|&row| others(row)).map(|row| shares[row * batch + row % batch]).collect()
    };
    let count = own(&of_two).len();
    // One of a batch stays in its place, on average.
    assert!((batch * steps - count).abs_diff(steps) < 5 * 8, "{count} of {}", batch * steps);
    let arcsine = |x: f64| 2.0 / std::f64::consts::PI * x.sqrt().asin();
    let of_beta: [(f64, &dyn Fn(f64) -> f64); 3] =
        [(0.5, &arcsine), (1.0, &|x: f64| x), (2.0, &|x: f64| x * x * (3.0 - 2.0 * x))];
    for (alpha, distribution) in of_beta {
        let far = distance(own(&of_alpha(alpha)), distribution);
        assert!(far < 1.95, "α = {alpha}: {far}");
    }
    // The mean square of the distance from 1/2, in standard deviations of such a mean.
    for alpha in [0.05, 0.2, 0.7] {
        let squares: Vec<f64> = own(&of_alpha(alpha)).iter().map(|share| (share - 0.5).powi(2)).collect();
        let wanted = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        let fourth = 3.0 / (16.0 * (2.0 * alpha + 1.0) * (2.0 * alpha + 3.0));
        let deviation = ((fourth - wanted * wanted) / count as f64).sqrt();
        let mean = squares.iter().sum::<f64>() / count as f64;
        assert!((mean - wanted).abs() < 4.0 * deviation, "α = {alpha}: {mean}, {wanted} ± {deviation}");
    }
}

/// Chains of one augmentation each, of a picture of one value 64 and without strength: 64 stays in six of eight cases, is made
/// 0 in one (one bit is left) and 191 in one (inverted). So the mean square of what AugMix changes follows from that of the
/// shares, which for K shares of Dirichlet(α) add up to (α + 1) / (Kα + 1) on average.
#[test]
fn shares_of_chains_have_the_distribution_of_dirichlet() {
    for (chains, alpha) in [(2, 0.5), (3, 1.0), (3, 0.3), (5, 1.0)] {
        let layer = AugMix::new(0.0).num_chains(chains).chain_depth(1).alpha(alpha).all_ops(false);
        let picture = ramp(1, [1, 1], |_, _| 64.0);
        let graph = training(&model(layer, &picture.shape), &picture.shape);
        let squares: Vec<f64> =
            (0..1500).map(|step| (drawn(&graph, &picture, [9.0, f64::from(step)]).data[0] - 64.0).powi(2)).collect();
        let (mean, square) = ((127.0 - 64.0) / 8.0, (127.0 * 127.0 + 64.0 * 64.0) / 8.0);
        let together = (alpha + 1.0) / (chains as f64 * alpha + 1.0);
        let changed = (square - mean * mean) * together + mean * mean;
        let wanted = changed * (0.25 + 1.0 / (4.0 * (2.0 * alpha + 1.0)));
        let n = squares.len() as f64;
        let got = squares.iter().sum::<f64>() / n;
        let deviation = (squares.iter().map(|x| (x - got).powi(2)).sum::<f64>() / n / n).sqrt();
        assert!((got - wanted).abs() < 4.0 * deviation, "{chains} of {alpha}: {got}, {wanted} ± {deviation}");
    }
}

/// A gradient stops at the weights: it asks nothing of the layers before them.
#[test]
fn a_network_behind_them_can_be_trained() {
    let model = Sequential::new("net").input([12, 10, 3]).unwrap();
    let model = model.add(RandomRotation::new(0.1)).unwrap().add(RandAugment::new(0.3)).unwrap();
    let model = model.add(Conv2D::new(4, 3)).unwrap().add(GlobalAveragePooling2D::new()).unwrap();
    let model = model.add(Dense::new(3).activation(Activation::Softmax)).unwrap().model().unwrap();
    let optimizer = cnn_train::Optimizer::sgd();
    let loss = cnn_train::Loss::CROSSENTROPY;
    let step =
        cnn_train::Step::new(&model, &[vec![2, 12, 10, 3]], &cnn_train::Training::new(loss, optimizer), false).unwrap();
    assert_eq!(step.trained.len(), 4);
    assert!(step.graph.nodes().iter().any(|node| matches!(node.op, Op::Warp(_))));
}

/// A picture with soft edges, so that no number decides between pixels that differ much.
fn soft(shape: &[usize]) -> Tensor {
    let [_, h, w, c] = [0, 1, 2, 3].map(|axis| shape[axis]);
    Tensor::from_fn(shape.to_vec(), |i| {
        let (n, y, x, channel) = (i / (h * w * c), i / (w * c) % h, i / c % w, i % c);
        let wave = (0.31 * x as f32 + 0.4 * n as f32).sin() * (0.23 * y as f32 + channel as f32).cos();
        (127.0 + 110.0 * wave).round()
    })
}

fn stack(size: [usize; 2]) -> Model {
    let noise = RandomErasing::new([0.5, 1.0]).scale([0.1, 0.3]);
    let jitter = RandomColorJitter::new().brightness_factor(0.1).contrast_factor(0.2).saturation_factor([0.4, 0.6]);
    let model = Sequential::new("stack").input([size[0], size[1], 3]).unwrap();
    let model = model.add(RandomFlip::new(FlipMode::Horizontal)).unwrap().add(RandomRotation::new(0.1)).unwrap();
    let model = model.add(RandomZoom::new(0.2)).unwrap().add(RandomTranslation::new(0.1, 0.1)).unwrap();
    let model = model.add(RandomShear::new(0.1, 0.1)).unwrap().add(RandomPerspective::new(1.0).scale(0.4)).unwrap();
    let model = model.add(RandomCrop::new(size[0] - 6, size[1] - 8)).unwrap().add(jitter.hue_factor(0.2)).unwrap();
    let model = model.add(RandomGrayscale::new(0.3)).unwrap().add(RandomColorDegeneration::new(0.3)).unwrap();
    let model = model.add(RandomSharpness::new(0.8)).unwrap().add(RandomGaussianBlur::new(1.0)).unwrap();
    let model = model.add(RandomInvert::new(0.4)).unwrap().add(noise).unwrap();
    let model = model.add(RandomElasticTransform::new([0.7, 1.0])).unwrap().add(MixUp::new(0.4)).unwrap();
    model.add(CutMix::new(1.0)).unwrap().add(AutoContrast::new()).unwrap().model().unwrap()
}

#[test]
fn a_stack_is_the_same_on_every_device() {
    let shape = [4, 40, 44, 3];
    let seeds = [[3.0, 0.0], [3.0, 1.0], [16_777_215.0, 12_345.0]];
    is_the_same_on_every_device("augmentation", &stack([shape[1], shape[2]]), &shape, &seeds);
}

/// Posterization and equalization take a rounding to the next level, which the chains' shares then weigh; of these seeds none
/// has pixels on the edge of one.
#[test]
fn chains_are_the_same_on_every_device() {
    let shape = [2, 20, 22, 3];
    is_the_same_on_every_device("AugMix", &model(AugMix::new(0.3), &shape), &shape, &[[3.0, 0.0], [3.0, 2.0]]);
}

/// Within a grey level of the reference.
fn is_the_same_on_every_device(name: &str, model: &Model, shape: &[usize], seeds: &[[f64; 2]]) {
    let graph = training(model, shape);
    let x = soft(shape);
    let plan = || Plan::new(simplify(&graph, &Simplify::default()));
    let cpu = fast::Program::new(CpuWeights::new(Arc::new(Weights::new())), plan()).unwrap();
    let wanted: Vec<Array> = seeds.iter().map(|&seed| drawn(&graph, &Array::from(&x), seed)).collect();
    assert_ne!(wanted[0], wanted[1]);
    let inputs = |seed: [f64; 2]| [x.clone(), Tensor::new(vec![2], seed.map(|x| x as f32).to_vec()).unwrap()];
    let check = |seed: [f64; 2], wanted: &Array, got: &Tensor| {
        let errors = got.data().iter().zip(&wanted.data).map(|(&got, wanted)| (f64::from(got) - wanted).abs());
        let worst = errors.fold(0.0, |worst: f64, error| if error <= worst { worst } else { error });
        if worst <= 1.0 { Ok(()) } else { Err(format!("seed {seed:?}: {worst} grey levels from the reference")) }
    };
    for (&seed, wanted) in seeds.iter().zip(&wanted) {
        let got = cpu.run(&inputs(seed)).unwrap();
        check(seed, wanted, &got[0]).unwrap();
        assert_eq!(got, cpu.run(&inputs(seed)).unwrap());
    }
    for device in devices(true) {
        let mut tally = Tally::default();
        let weights = DeviceWeights::new(device.gpu.clone(), Arc::new(Weights::new()));
        let program = pollster::block_on(cnn_wgpu::Program::new(weights, plan())).unwrap();
        for (&seed, wanted) in seeds.iter().zip(&wanted) {
            let got = pollster::block_on(program.run(&inputs(seed))).map_err(|error| error.to_string());
            tally.add(got.and_then(|got| check(seed, wanted, &got[0])));
        }
        tally.finish(&device, name);
    }
}

fn classifier(shape: &[usize]) -> Network {
    let model = Sequential::new("net").input(&shape[1..]).unwrap();
    let model = model.add(Conv2D::new(4, 3)).unwrap().add(GlobalAveragePooling2D::new()).unwrap();
    let model = model.add(Dense::new(3).activation(Activation::Softmax)).unwrap().model().unwrap();
    Network::new(model.clone(), Weights::initialize(&model, 1)).unwrap()
}

/// A pipeline ahead of the model makes of a batch what it makes of it alone, targets too, and each step draws anew.
#[test]
fn training_behind_a_pipeline_is_training_on_what_it_makes() {
    let shape = [6, 12, 10, 3];
    let bytes = soft(&shape);
    let pictures = Tensor::from_fn(shape.to_vec(), |i| bytes.data()[i] / 255.0);
    let targets = cnn_train::one_hot(&[0, 1, 2, 2, 1, 0], 3).unwrap();
    let pipeline = || Pipeline::new().layer(RandomRotation::new(0.1)).layer(MixUp::new(0.4)).layer(CutMix::new(1.0));
    let optimizer = || Optimizer::sgd().learning_rate(0.5);
    let adapters = devices(true).into_iter().map(|device| Device::Gpu(device.gpu));
    for device in [Device::Reference, Device::cpu()].into_iter().chain(adapters) {
        let training = Training::new(Loss::CROSSENTROPY, optimizer()).seed(4);
        let network = classifier(&shape);
        let mut plain = Trainer::new(&device, &network, training.clone()).unwrap();
        let mut behind = Trainer::new(&device, &network, training.augment(pipeline())).unwrap();
        let mut augmenter = Augmenter::new(&device, pipeline());
        let judge = |trainer: &mut Trainer| {
            let x = std::slice::from_ref(&pictures);
            pollster::block_on(trainer.test_on_batch(x, &targets, None)).unwrap().loss
        };
        // Nothing changes pictures by which a network is judged.
        assert_eq!(judge(&mut plain), judge(&mut behind), "{device}");
        for step in 0..3 {
            let (x, y) = augmenter.run_blocking(&pictures, Some(&targets), [4, step]).unwrap();
            let y = y.unwrap();
            assert!(y.data().chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6), "{device}: {y:?}");
            assert!(y != targets, "{device}: nothing is mixed");
            let wanted = plain.train_on_batch_blocking(&[x], &y, None).unwrap().loss;
            let stepped = behind.train_on_batch_blocking(std::slice::from_ref(&pictures), &targets, None).unwrap();
            let (got, mixed) = (stepped.loss, stepped.mixed_targets.unwrap());
            let apart = mixed.data().iter().zip(y.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-6, "{device}: {mixed:?}, {y:?}");
            // In between the one rounds pictures to float32, and the other fuses ops that the one does not.
            assert!((got - wanted).abs() < 1e-5 * wanted, "{device}, step {step}: {got}, {wanted}");
        }
        let (got, wanted) = (judge(&mut behind), judge(&mut plain));
        assert!((got - wanted).abs() < 1e-5 * wanted, "{device}: {got}, {wanted}");
    }
}

#[test]
fn a_pipeline_refuses_what_it_cannot_do() {
    let nested = Sequential::new("inner").input([8, 8, 3]).unwrap().add(RandomInvert::new(0.5)).unwrap();
    let cases: [(Named, &[usize], &str); 8] = [
        (Conv2D::new(2, 3).into(), &[2, 8, 8, 3], "pipeline/0/conv2d: has weights"),
        (nested.model().unwrap().into(), &[2, 8, 8, 3], "pipeline/0/inner: is a model"),
        (RandomHue::new(0.1).name("hue"), &[2, 8, 8, 1], "pipeline/0/hue (RandomHue): expects pictures of 3 channels"),
        (MixUp::new(0.0).into(), &[2, 8, 8, 3], "needs an alpha of at least 0.001, not 0"),
        (AugMix::new(0.3).alpha(0.01).into(), &[2, 8, 8, 3], "needs an alpha of at least 0.1, not 0.01"),
        (RandomInvert::new(0.5).into(), &[2, 8], "expects an input of rank 4"),
        (
            RandomContrast::new([-0.2, 0.3]).into(),
            &[2, 8, 8, 3],
            "needs a factor between 0 and 1, not from -0.2 to 0.3",
        ),
        (
            Solarization::new(0.1, [-1.0, 0.5]).into(),
            &[2, 8, 8, 3],
            "needs a threshold factor between 0 and 1, not from -1",
        ),
    ];
    for (layer, shape, wanted) in cases {
        let error = Pipeline::new().layer(layer).output_shape(shape).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    // Fewer targets than pictures.
    let mut augmenter = Augmenter::new(&Device::cpu(), Pipeline::new().layer(MixUp::new(0.2)));
    let error = augmenter.run_blocking(&soft(&[3, 4, 4, 1]), Some(&Tensor::full(vec![2, 3], 0.0)), [0, 0]).unwrap_err();
    assert!(error.to_string().contains("pipeline/targets"), "{error}");
}
