//! Steps of training in Burn, on wgpu's Vulkan with its autotuning and fusion, of the same networks as ours.
//!
//! usage: cnn-benches-burn ResNet50|MobileNetV2 [STEPS]
//!
//! Batch 4, 64x64x3, 10 classes, SGD with momentum, as in `benches/training.rs`; the loss is read after every step, so a step
//! has ended when its clock stops. The first two steps, in which Burn compiles and tunes, are timed apart.

use std::time::Instant;

use burn::backend::{Autodiff, Wgpu};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, Optimizer, SgdConfig};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Int, Tensor};

type Wgpu32 = Wgpu<f32, i32>;
type Training = Autodiff<Wgpu32>;

const BATCH: usize = 4;
const SIZE: usize = 64;
const CLASSES: usize = 10;

/// A convolution and its normalisation.
#[derive(Module, Debug)]
struct ConvBn<B: Backend> {
    conv: Conv2d<B>,
    bn: BatchNorm<B>,
}

/// Where a convolution pads: half its size all around, or, as Keras does at stride 2, less at the top and left.
fn padding(size: usize, stride: usize, half: bool) -> PaddingConfig2d {
    let end = size / 2;
    let begin = if half || stride == 1 { end } else { end.saturating_sub(1) };
    PaddingConfig2d::Explicit(begin, begin, end, end)
}

impl<B: Backend> ConvBn<B> {
    fn new(
        channels: [usize; 2],
        size: usize,
        stride: usize,
        depthwise: bool,
        keras: (bool, f64, f64),
        device: &B::Device,
    ) -> Self {
        let (bias, epsilon, momentum) = keras;
        let conv = Conv2dConfig::new(channels, [size; 2])
            .with_stride([stride; 2])
            .with_groups(if depthwise { channels[0] } else { 1 })
            .with_padding(padding(size, stride, bias))
            .with_bias(bias)
            .init(device);
        let bn = BatchNormConfig::new(channels[1]).with_epsilon(epsilon).with_momentum(momentum).init(device);
        Self { conv, bn }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.bn.forward(self.conv.forward(x))
    }
}

/// Mean over the positions, and the classifier.
#[derive(Module, Debug)]
struct Top<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Top<B> {
    fn new(channels: usize, device: &B::Device) -> Self {
        Self { linear: LinearConfig::new(channels, CLASSES).init(device) }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        self.linear.forward(x.mean_dim(2).mean_dim(3).flatten(1, 3))
    }
}

trait Network<B: Backend> {
    fn logits(&self, x: Tensor<B, 4>) -> Tensor<B, 2>;
}

#[derive(Module, Debug)]
struct Bottleneck<B: Backend> {
    convolutions: Vec<ConvBn<B>>,
    shortcut: Option<ConvBn<B>>,
}

#[derive(Module, Debug)]
struct ResNet50<B: Backend> {
    stem: ConvBn<B>,
    pool: MaxPool2d,
    blocks: Vec<Bottleneck<B>>,
    top: Top<B>,
}

impl<B: Backend> ResNet50<B> {
    fn new(device: &B::Device) -> Self {
        let conv = |channels, size, stride| ConvBn::new(channels, size, stride, false, (true, 1.001e-5, 0.01), device);
        let mut blocks = Vec::new();
        let mut channels = 64;
        for (stack, (count, filters)) in [3, 4, 6, 3].into_iter().zip([64, 128, 256, 512]).enumerate() {
            for i in 0..count {
                let stride = if i == 0 && stack > 0 { 2 } else { 1 };
                let convolutions = vec![
                    conv([channels, filters], 1, stride),
                    conv([filters, filters], 3, 1),
                    conv([filters, 4 * filters], 1, 1),
                ];
                let shortcut = (i == 0).then(|| conv([channels, 4 * filters], 1, stride));
                blocks.push(Bottleneck { convolutions, shortcut });
                channels = 4 * filters;
            }
        }
        let pool = MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(padding(3, 2, true)).init();
        Self { stem: conv([3, 64], 7, 2), pool, blocks, top: Top::new(channels, device) }
    }
}

impl<B: Backend> Network<B> for ResNet50<B> {
    fn logits(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let relu = Relu::new();
        let mut x = self.pool.forward(relu.forward(self.stem.forward(x)));
        for block in &self.blocks {
            let shortcut = block.shortcut.as_ref().map_or_else(|| x.clone(), |shortcut| shortcut.forward(x.clone()));
            let [first, second, third] = &block.convolutions[..] else { unreachable!("a block has three convolutions") };
            let y = relu.forward(first.forward(x));
            let y = relu.forward(second.forward(y));
            x = relu.forward(shortcut + third.forward(y));
        }
        self.top.forward(x)
    }
}

#[derive(Module, Debug)]
struct InvertedResidual<B: Backend> {
    expand: Option<ConvBn<B>>,
    depthwise: ConvBn<B>,
    project: ConvBn<B>,
    residual: bool,
}

#[derive(Module, Debug)]
struct MobileNetV2<B: Backend> {
    stem: ConvBn<B>,
    blocks: Vec<InvertedResidual<B>>,
    last: ConvBn<B>,
    top: Top<B>,
}

impl<B: Backend> MobileNetV2<B> {
    fn new(device: &B::Device) -> Self {
        let conv = |channels, size, stride, depthwise| {
            ConvBn::new(channels, size, stride, depthwise, (false, 1e-3, 0.001), device)
        };
        let stages =
            [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
        let mut blocks = Vec::new();
        let mut before = 32;
        for (expansion, filters, count, strides) in stages {
            for i in 0..count {
                let (stride, wide) = (if i == 0 { strides } else { 1 }, expansion * before);
                blocks.push(InvertedResidual {
                    expand: (expansion > 1).then(|| conv([before, wide], 1, 1, false)),
                    depthwise: conv([wide, wide], 3, stride, true),
                    project: conv([wide, filters], 1, 1, false),
                    residual: stride == 1 && before == filters,
                });
                before = filters;
            }
        }
        let (stem, last) = (conv([3, 32], 3, 2, false), conv([before, 1280], 1, 1, false));
        Self { stem, blocks, last, top: Top::new(1280, device) }
    }
}

impl<B: Backend> Network<B> for MobileNetV2<B> {
    fn logits(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let relu6 = |x: Tensor<B, 4>| x.clamp(0.0, 6.0);
        let mut x = relu6(self.stem.forward(x));
        for block in &self.blocks {
            let expanded = match &block.expand {
                Some(expand) => relu6(expand.forward(x.clone())),
                None => x.clone(),
            };
            let y = block.project.forward(relu6(block.depthwise.forward(expanded)));
            x = if block.residual { x + y } else { y };
        }
        self.top.forward(relu6(self.last.forward(x)))
    }
}

fn train<N>(name: &str, mut network: N, steps: usize)
where
    N: Network<Training> + burn::module::AutodiffModule<Training>,
{
    let device = Default::default();
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let mut optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
    let x = Tensor::<Training, 4>::random([BATCH, 3, SIZE, SIZE], Distribution::Uniform(-1.0, 1.0), &device);
    let labels = Tensor::<Training, 1, Int>::from_ints([0, 1, 2, 3], &device);
    let loss_of = CrossEntropyLossConfig::new().init(&device);
    let mut times = Vec::new();
    for _ in 0..steps + 2 {
        let begin = Instant::now();
        let loss = loss_of.forward(network.logits(x.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(1e-3, network, gradients);
        Wgpu32::sync(&device).expect("the device works");
        let loss: f32 = loss.into_scalar();
        times.push(begin.elapsed().as_secs_f64());
        println!("loss {loss:.6}");
    }
    let mut warm = times.split_off(2);
    warm.sort_by(f64::total_cmp);
    println!("{name}: first two steps {:.2} s and {:.2} s", times[0], times[1]);
    let median = warm[warm.len() / 2];
    println!("median of {steps} steps: {:.1} ms, {:.2} images/s", 1e3 * median, BATCH as f64 / median);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let steps = arguments.next().map_or(Ok(5), |steps| steps.parse()).expect("STEPS is a number");
    let device = Default::default();
    match name.as_str() {
        "ResNet50" => train(&name, ResNet50::new(&device), steps),
        "MobileNetV2" => train(&name, MobileNetV2::new(&device), steps),
        _ => eprintln!("usage: cnn-benches-burn ResNet50|MobileNetV2 [STEPS]"),
    }
}
