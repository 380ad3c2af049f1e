//! The zoo's forward passes (`vectors/forward`): with the recipe's weights and picture, the reference gives Keras's
//! float64 logits and outputs inside the network, and so does the simplified graph.

use cnn_core::{Graph, Mode, Simplify, simplify};
use cnn_cpu::reference::{Array, run};
use cnn_tests::float64::constants_moved;
use cnn_tests::zoo_truth::{Tap, ZooTruth, zoo_truth};

/// Two float64 runs of a network may differ by this much of what Keras's float32 run differs from its float64 run.
///
/// Rounding errors are proportional to the unit roundoff, which is 2^-29 times as large in float64. How they add up
/// depends on the order of summation: Keras sums in blocks, we one by one, at most 25088 products; the errors of such
/// sums grow by √n at most as long as they have no common direction, and √25088 is below 2^8.
const FLOAT64: f64 = 1.0 / (1 << 21) as f64;

struct Network {
    truth: ZooTruth,
    input: Array,
}

impl Network {
    fn new(name: &str) -> Self {
        let truth = zoo_truth(name);
        let input = Array::from(&truth.picture);
        Self { truth, input }
    }

    fn lower(&self, taps: &[&str]) -> Graph {
        self.truth.model.lower(std::slice::from_ref(&self.input.shape), Mode::Inference, taps).unwrap()
    }

    /// The graph's outputs.
    fn run(&self, graph: &Graph) -> Vec<Array> {
        let weights = |path: &str| self.truth.weights.get(path).map(|tensor| tensor.as_ref());
        run(graph, weights, std::slice::from_ref(&self.input)).unwrap()
    }
}

/// The lowered graph and the simplified one against Keras.
fn check_network(name: &str) {
    let network = Network::new(name);
    let truth = &network.truth;
    let taps: Vec<&str> = truth.taps.iter().map(|tap| tap.name.as_str()).collect();
    let graph = network.lower(&taps);
    let outputs = network.run(&graph);
    // Where layers have an epsilon, float32 rounds it, and Keras in float64 does not.
    let moved = constants_moved(&graph, &outputs, |nudged| network.run(nudged));

    let (logits, moved_logits) = (&outputs[0].data, &moved[0]);
    assert_eq!((&outputs[0].shape, logits.len()), (&vec![1, 1000], truth.logits.len()));
    let mut worst = (0.0f64, 0.0f64);
    for (class, ((got, wanted), moved)) in logits.iter().zip(&truth.logits).zip(moved_logits).enumerate() {
        let (error, allowed) = ((got - wanted).abs(), FLOAT64 * truth.float32_error + moved);
        assert!(error <= allowed, "{name}, class {class}: {got} {wanted}, off by {error:e}, allowed {allowed:e}");
        worst = (worst.0.max(error), worst.1.max(allowed));
    }
    println!("{name}: logits off by {:.1e} at most, allowed {:.1e}", worst.0, worst.1);
    assert_eq!(top10(logits), truth.top10, "{name}");
    for ((tap, output), moved) in truth.taps.iter().zip(&outputs[1..]).zip(&moved[1..]) {
        check_tap(name, tap, output, moved);
    }

    let simple = network.run(&simplify(&network.lower(&[]), &Simplify::default())).remove(0);
    for (class, (got, wanted)) in simple.data.iter().zip(logits).enumerate() {
        let (error, allowed) = ((got - wanted).abs(), FLOAT64 * truth.float32_error);
        assert!(error <= allowed, "{name} simplified, class {class}: {got} {wanted}, off by {error:e}");
    }
}

/// Samples and statistics of a layer's output.
fn check_tap(network: &str, tap: &Tap, output: &Array, moved: &[f64]) {
    let name = format!("{network}, {}", tap.name);
    assert_eq!(output.shape, tap.shape, "{name}");
    let rounding = FLOAT64 * tap.float32_error;
    for &(index, wanted) in &tap.samples {
        let (got, allowed) = (output.data[index], rounding + moved[index]);
        assert!((got - wanted).abs() <= allowed, "{name}[{index}]: {got} {wanted}, allowed {allowed:e}");
    }
    // No statistic moves further than the element that moves furthest, but for its own rounding: of a million elements,
    // summed in rows.
    let Statistics { mean, std, min, max } = Statistics::of(&output.data);
    let any = rounding + moved.iter().copied().fold(0.0, f64::max);
    let allowed = any + 1e-12 * (mean.abs() + std);
    assert!((mean - tap.mean).abs() <= allowed, "{name}: mean {mean} {}, allowed {allowed:e}", tap.mean);
    assert!((std - tap.std).abs() <= allowed, "{name}: deviation {std} {}, allowed {allowed:e}", tap.std);
    // Of Keras's float32 outputs.
    let allowed = any + tap.float32_error;
    assert!((min - tap.min).abs() <= allowed, "{name}: least {min} {}, allowed {allowed:e}", tap.min);
    assert!((max - tap.max).abs() <= allowed, "{name}: largest {max} {}, allowed {allowed:e}", tap.max);
}

struct Statistics {
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
}

impl Statistics {
    fn of(data: &[f64]) -> Self {
        let n = data.len() as f64;
        let row = (n.sqrt() as usize).max(1);
        let total = |f: &dyn Fn(f64) -> f64| -> f64 {
            data.chunks(row).map(|row| row.iter().map(|&x| f(x)).sum::<f64>()).sum()
        };
        let mean = total(&|x| x) / n;
        Self {
            mean,
            std: (total(&|x| (x - mean).powi(2)) / n).sqrt(),
            min: data.iter().copied().fold(f64::INFINITY, f64::min),
            max: data.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// The ten classes with the largest logits, the largest first.
fn top10(logits: &[f64]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..logits.len()).collect();
    classes.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    classes.truncate(10);
    classes
}

#[test]
fn resnet50_gives_keras_logits() {
    check_network("ResNet50");
}

#[test]
fn vgg16_gives_keras_logits() {
    check_network("VGG16");
}

#[test]
fn mobilenet_v2_gives_keras_logits() {
    check_network("MobileNetV2");
}

#[test]
fn inception_v3_gives_keras_logits() {
    check_network("InceptionV3");
}

#[test]
fn mobilenet_gives_keras_logits() {
    check_network("MobileNet");
}

#[test]
fn mobilenet_v3_small_gives_keras_logits() {
    check_network("MobileNetV3Small");
}

#[test]
fn resnet50_v2_gives_keras_logits() {
    check_network("ResNet50V2");
}
