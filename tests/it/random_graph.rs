//! Random small graphs in which layers follow each other as in real networks, for proptest.

use std::collections::HashMap;

use cnn_core::op::*;
use cnn_core::shape::{Padding2D, dilated};
use cnn_core::{Graph, Source, Tensor, ValueId};
use proptest::prelude::*;

/// One step of a recipe: which kind of node, which values it reads, and a number for its details.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    kind: Kind,
    /// Values back from the newest one.
    back: usize,
    other: usize,
    detail: usize,
}

/// What a step adds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Convolution,
    Depthwise,
    Transposed,
    Dense,
    Bias,
    Norm,
    Relu,
    Activation,
    Sum,
    Product,
    Concat,
    Pad,
    Pool,
    Move,
    Identity,
    LayerNorm,
}

/// Recipes of up to `groups` groups of steps with up to three outputs, the newest value among them. A group is one step, or
/// layers as they follow each other in networks: linear, bias, normalisation, sum, activation, each but the first at times.
pub fn recipes(groups: usize) -> impl Strategy<Value = (Vec<Step>, Vec<usize>)> {
    use Kind::*;
    let any_kind = prop_oneof![
        3 => Just(Convolution), 1 => Just(Depthwise), 1 => Just(Transposed), 1 => Just(Dense), 3 => Just(Bias),
        3 => Just(Norm), 3 => Just(Relu), 2 => Just(Activation), 3 => Just(Sum), 1 => Just(Product),
        1 => Just(Concat), 2 => Just(Pad), 1 => Just(Pool), 2 => Just(Move), 2 => Just(Identity), 1 => Just(LayerNorm),
    ];
    let linear = prop_oneof![4 => Just(Convolution), 1 => Just(Depthwise), 1 => Just(Transposed), 1 => Just(Dense)];
    let back = || prop_oneof![12 => Just(0usize), 2 => Just(1), 1 => 2usize..6];
    let step = |kind, back| {
        let details = (kind, back, 0usize..8, any::<usize>());
        details.prop_map(|(kind, back, other, detail)| Step { kind, back, other, detail: detail >> 1 })
    };
    let next = |kind: Kind| prop::option::of(step(Just(kind).boxed(), Just(0).boxed()));
    let block = (step(linear.boxed(), back().boxed()), next(Bias), next(Norm), next(Sum), next(Relu));
    let block = block.prop_map(|(first, bias, norm, sum, relu)| {
        std::iter::once(first).chain(bias).chain(norm).chain(sum).chain(relu).collect::<Vec<_>>()
    });
    let single = step(any_kind.boxed(), back().boxed()).prop_map(|step| vec![step]);
    let group = prop_oneof![2 => single, 1 => block];
    (prop::collection::vec(group, 1..groups).prop_map(|groups| groups.concat()), prop::collection::vec(0usize..8, 0..3))
}

/// The graph of a recipe. Outputs are the newest value and those `others` back from it.
pub fn build(steps: &[Step], others: &[usize]) -> Graph {
    let mut builder = Builder { graph: Graph::new(), values: Vec::new(), name: String::new() };
    builder.values.push(builder.graph.input("x", vec![2, 5, 4, 3]));
    builder.values.push(builder.graph.input("z", vec![2, 5, 4, 3]));
    for (index, step) in steps.iter().enumerate() {
        builder.name = format!("{index}");
        let made = builder.add(step);
        builder.values.push(made);
    }
    let Builder { mut graph, values, .. } = builder;
    for (index, back) in [0].iter().chain(others).enumerate() {
        graph.output(format!("output_{index}"), values[values.len() - 1 - back % values.len()]);
    }
    graph
}

/// Weights for every variable of `graph`: small, the variances positive.
pub fn weights(graph: &Graph) -> HashMap<String, Tensor> {
    let variables = graph.values().iter().filter(|value| value.source == Source::Variable);
    let of = |value: &cnn_core::Value| {
        let seed = value.name.bytes().fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let last = value.shape.last().copied().unwrap_or(1).max(1);
        let fan_in = (value.shape.iter().product::<usize>() / last).max(1) as f32;
        let range =
            if value.name.ends_with("variance") { (0.5, 2.0) } else { (-1.5 / fan_in.sqrt(), 1.5 / fan_in.sqrt()) };
        (value.name.clone(), noise(value.shape.clone(), seed, range))
    };
    variables.map(of).collect()
}

/// A tensor of evenly distributed numbers in a range.
pub fn noise(shape: Vec<usize>, seed: u64, (low, high): (f32, f32)) -> Tensor {
    Tensor::from_fn(shape, |index| {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        let mut z = (seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (high - low) * ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    })
}

struct Builder {
    graph: Graph,
    values: Vec<ValueId>,
    name: String,
}

impl Builder {
    fn push(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        self.graph.push(&self.name, op, inputs).unwrap()
    }

    fn weight(&mut self, name: &str, shape: &[usize]) -> ValueId {
        self.graph.variable(&format!("{}/{name}", self.name), shape.to_vec()).unwrap()
    }

    fn shape(&self, value: ValueId) -> Vec<usize> {
        self.graph.value(value).shape.clone()
    }

    fn back(&self, back: usize) -> ValueId {
        self.values[self.values.len() - 1 - back % self.values.len()]
    }

    /// A value of the shape of `x` that is not `x`, from `start` back on; `x` itself if there is none.
    fn alike(&self, x: ValueId, start: usize) -> ValueId {
        let all = (0..self.values.len()).map(|offset| self.back(start + offset));
        all.into_iter().find(|&value| value != x && self.shape(value) == self.shape(x)).unwrap_or(x)
    }

    fn add(&mut self, step: &Step) -> ValueId {
        let x = self.back(step.back);
        let shape = self.shape(x);
        let is_picture = shape.len() == 4;
        let detail = step.detail;
        match step.kind {
            Kind::Convolution if is_picture => self.convolution(x, &shape, step),
            Kind::Depthwise if is_picture => self.depthwise(x, &shape, detail),
            Kind::Transposed if is_picture && shape[1] < 8 && shape[2] < 8 => self.transposed(x, &shape, detail),
            Kind::Convolution | Kind::Depthwise | Kind::Transposed | Kind::Dense => self.dense(x, &shape, detail),
            Kind::Bias => self.bias(x, &shape, detail),
            Kind::Norm => self.norm(x, &shape, detail),
            Kind::Relu => {
                let max_value = [f32::INFINITY, 6.0, 0.75, 0.25][detail % 4];
                let relu = Function::Relu { max_value, negative_slope: 0.0, threshold: 0.0 };
                self.push(Op::Unary(Unary { function: relu }), &[x])
            }
            Kind::Activation => self.push(Op::Unary(Unary { function: activation(detail) }), &[x]),
            Kind::Sum => {
                let other = self.alike(x, step.other);
                let inputs = if detail.is_multiple_of(2) { [x, other] } else { [other, x] };
                let activation = [Function::Linear, Function::Linear, Function::RELU, Function::Tanh][detail / 2 % 4];
                self.push(Op::Binary(Binary { op: BinaryOp::Add, activation }), &inputs)
            }
            Kind::Product => {
                let op = [BinaryOp::Multiply, BinaryOp::Subtract, BinaryOp::Maximum, BinaryOp::Prelu][detail % 4];
                let other = self.alike(x, step.other);
                self.push(Op::Binary(Binary::new(op)), &[x, other])
            }
            Kind::Concat if shape[shape.len() - 1] < 12 => {
                let other = self.alike(x, step.other);
                self.push(Op::Concat(Concat { axis: shape.len() - 1 }), &[x, other])
            }
            Kind::Pad if is_picture && shape[1] < 8 && shape[2] < 8 => self.pad(x, detail),
            Kind::Pool if is_picture && shape[1] > 2 && shape[2] > 2 => {
                let kind = if detail.is_multiple_of(2) { PoolKind::Max } else { PoolKind::Average };
                let padding = Padding2D { top: detail / 2 % 2, ..Padding2D::default() };
                self.push(Op::Pool2D(Pool2D { kind, pool_size: [2, 2], strides: [1, 2], padding }), &[x])
            }
            Kind::Move => self.moved(x, shape, detail),
            Kind::LayerNorm => {
                let op = LayerNorm { axes: 1, epsilon: 0.1, scale: true, center: true };
                let [gamma, beta] = ["gamma", "beta"].map(|name| self.weight(name, &shape[shape.len() - 1..]));
                self.push(Op::LayerNorm(op), &[x, gamma, beta])
            }
            Kind::Identity | Kind::Concat | Kind::Pad | Kind::Pool => self.identity(x, &shape, detail),
        }
    }

    fn convolution(&mut self, x: ValueId, shape: &[usize], step: &Step) -> ValueId {
        let mut detail = step.detail;
        let mut next = |count: usize| {
            let digit = detail % count;
            detail /= count;
            digit
        };
        let filters = if next(2) == 0 { shape[3] } else { 1 + next(5) };
        let dilation_rate = [1 + next(2), 1];
        let kernel_size = [[1, 1], [3, 3], [2, 3]][next(3)];
        let strides = if next(4) == 0 { [2, 1] } else { [1, 1] };
        let same = Padding2D::same([shape[1], shape[2]], kernel_size, strides, dilation_rate);
        let fits = dilated(kernel_size[0], dilation_rate[0]) <= shape[1] && kernel_size[1] <= shape[2];
        let padding = if fits && next(3) == 0 { Padding2D::default() } else { same };
        let mut inputs = vec![x, self.weight("kernel", &[kernel_size[0], kernel_size[1], shape[3], filters])];
        let mut epilogue = Epilogue { bias: next(4) == 0, ..Epilogue::default() };
        if epilogue.bias {
            inputs.push(self.weight("bias", &[filters]));
        }
        if next(6) == 0 {
            epilogue.clamp = Clamp { low: -0.5, high: 0.75 };
        }
        let plain = Conv2D { strides, padding, dilation_rate, groups: 1, epilogue };
        self.push(Op::Conv2D(plain), &inputs)
    }

    fn depthwise(&mut self, x: ValueId, shape: &[usize], detail: usize) -> ValueId {
        let multiplier = 1 + detail % 2;
        let filter = self.weight("kernel", &[1, 2, shape[3], multiplier]);
        let filter = self.push(Op::Reshape(Reshape { shape: vec![1, 2, 1, shape[3] * multiplier] }), &[filter]);
        let padding = Padding2D { left: 1, ..Padding2D::default() };
        self.push(Op::Conv2D(Conv2D { padding, groups: shape[3], ..Conv2D::default() }), &[x, filter])
    }

    fn transposed(&mut self, x: ValueId, shape: &[usize], detail: usize) -> ValueId {
        let filters = if detail.is_multiple_of(2) { shape[3] } else { 1 + detail / 2 % 4 };
        let filter = self.weight("kernel", &[2, 2, filters, shape[3]]);
        let strides = [1 + detail / 8 % 2, 1];
        let output_size = [shape[1] * strides[0], shape[2]];
        let (before, epilogue) = ([detail / 16 % 2, 0], Epilogue::default());
        let op = Conv2DTranspose { strides, dilation_rate: [1, 1], before, output_size, groups: 1, epilogue };
        self.push(Op::Conv2DTranspose(op), &[x, filter])
    }

    fn dense(&mut self, x: ValueId, shape: &[usize], detail: usize) -> ValueId {
        let inputs = shape[shape.len() - 1];
        let units = if detail.is_multiple_of(2) { inputs.min(40) } else { 1 + detail / 2 % 40 };
        let mut kernel = self.weight("kernel", &[inputs, units]);
        match detail / 64 % 4 {
            0 => {
                let scale = self.weight("scale", &[units]);
                kernel = self.push(Op::Binary(Binary::new(BinaryOp::Multiply)), &[kernel, scale]);
            }
            1 => kernel = self.push(Op::Unary(Unary { function: Function::Tanh }), &[kernel]),
            _ => {}
        }
        self.push(Op::Gemm(Gemm::default()), &[x, kernel])
    }

    fn bias(&mut self, x: ValueId, shape: &[usize], detail: usize) -> ValueId {
        let channels = shape[shape.len() - 1];
        let long = [vec![1; shape.len() - 1], vec![channels]].concat();
        let bias = match detail % 8 {
            0 => self.weight("bias", &long),
            1 => self.weight("bias", &[1]),
            2 => self.graph.constant("bias", noise(vec![channels], 3, (-1.0, 1.0))),
            3 => self.weight("bias", shape),
            _ => self.weight("bias", &[channels]),
        };
        let inputs = if (detail / 8).is_multiple_of(4) { [bias, x] } else { [x, bias] };
        self.push(Op::Binary(Binary::new(BinaryOp::Add)), &inputs)
    }

    fn norm(&mut self, x: ValueId, shape: &[usize], detail: usize) -> ValueId {
        let axis = if detail.is_multiple_of(8) { 1 } else { shape.len() - 1 };
        let weights = ["gamma", "beta", "mean", "variance"].map(|name| self.weight(name, &[shape[axis]]));
        let activation = [Function::Linear, Function::Linear, Function::RELU6, Function::Tanh][detail / 8 % 4];
        let inputs = [x, weights[0], weights[1], weights[2], weights[3]];
        self.push(Op::BatchNorm(BatchNorm { axis, epsilon: 1e-3, activation }), &inputs)
    }

    fn pad(&mut self, x: ValueId, detail: usize) -> ValueId {
        let [mut before, mut after] = [vec![0, detail % 2, detail / 2 % 3, 0], vec![0, detail / 8 % 3, 1, 0]];
        if (detail / 64).is_multiple_of(8) {
            before[3] = 1;
            after[0] = 1;
        }
        let value = if (detail / 512).is_multiple_of(4) { 0.5 } else { 0.0 };
        self.push(Op::Pad(Pad { before, after, value }), &[x])
    }

    fn moved(&mut self, x: ValueId, shape: Vec<usize>, detail: usize) -> ValueId {
        let count = shape.iter().product::<usize>();
        match detail % 4 {
            0 if shape.len() > 2 => self.push(Op::Reshape(Reshape { shape: vec![shape[0], count / shape[0]] }), &[x]),
            0 if shape[1].is_multiple_of(2) => {
                self.push(Op::Reshape(Reshape { shape: vec![shape[0], 1, 2, shape[1] / 2] }), &[x])
            }
            1 if shape.len() == 4 => {
                let permutation = [[0, 2, 1, 3], [0, 3, 1, 2], [0, 2, 3, 1]][detail / 4 % 3].to_vec();
                self.push(Op::Transpose(Transpose { permutation }), &[x])
            }
            2 if shape[1] > 1 => {
                let mut size = shape;
                let mut begin = vec![0; size.len()];
                size[1] -= 1;
                begin[1] = detail / 4 % 2;
                self.push(Op::Slice(Slice { begin, size }), &[x])
            }
            _ => self.push(Op::Softmax(Softmax { axis: shape.len() - 1, log: false }), &[x]),
        }
    }

    fn identity(&mut self, x: ValueId, shape: &[usize], detail: usize) -> ValueId {
        let zeros = vec![0; shape.len()];
        let op = match detail % 6 {
            0 => Op::Unary(Unary { function: Function::Linear }),
            1 => Op::Pad(Pad { before: zeros.clone(), after: zeros, value: 1.0 }),
            2 => Op::Slice(Slice { begin: zeros, size: shape.to_vec() }),
            3 => Op::Concat(Concat { axis: 1 }),
            4 if shape.len() == 4 => {
                Op::Resize(Resize { interpolation: Interpolation::Bilinear, size: [shape[1], shape[2]] })
            }
            _ => Op::Reshape(Reshape { shape: shape.to_vec() }),
        };
        self.push(op, &[x])
    }
}

/// A function that is no clamp, or not the usual one.
fn activation(detail: usize) -> Function {
    let leaky = Function::Relu { max_value: f32::INFINITY, negative_slope: 0.25, threshold: 0.0 };
    let all = [Function::Sigmoid, Function::Tanh, Function::HardSilu, leaky, Function::Elu { alpha: 1.0 }];
    all[detail % all.len()]
}
