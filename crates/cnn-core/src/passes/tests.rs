//! What each pass makes of small graphs. That before and after are equal in value is tested against the reference, in
//! the tests package.

use super::*;
use crate::graph::{Source, ValueId};
use crate::op::*;
use crate::plan::Plan;
use crate::shape::Padding2D;
use crate::tensor::Tensor;

/// Builds graphs in few words: pictures of 8x8 with 4 channels.
struct Net(Graph);

impl Net {
    fn new() -> (Self, ValueId) {
        let mut graph = Graph::new();
        let x = graph.input("x", vec![2, 8, 8, 4]);
        (Self(graph), x)
    }

    fn weight(&mut self, path: &str, shape: &[usize]) -> ValueId {
        self.0.variable(path, shape.to_vec()).unwrap()
    }

    fn push(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> ValueId {
        self.0.push(name, op, inputs).unwrap()
    }

    fn conv(&mut self, name: &str, x: ValueId) -> ValueId {
        let filter = self.weight(&format!("{name}/kernel"), &[3, 3, 4, 4]);
        let padding = Padding2D { top: 1, bottom: 1, left: 1, right: 1 };
        self.push(name, Op::Conv2D(Conv2D { padding, ..Conv2D::default() }), &[x, filter])
    }

    fn depthwise(&mut self, name: &str, x: ValueId) -> ValueId {
        let filter = self.weight(&format!("{name}/kernel"), &[1, 1, 4, 1]);
        let filter = self.push(name, Op::Reshape(Reshape { shape: vec![1, 1, 1, 4] }), &[filter]);
        self.push(name, Op::Conv2D(Conv2D { groups: 4, ..Conv2D::default() }), &[x, filter])
    }

    fn transposed(&mut self, name: &str, x: ValueId) -> ValueId {
        let filter = self.weight(&format!("{name}/kernel"), &[2, 2, 4, 4]);
        let op = Conv2DTranspose {
            strides: [2, 2],
            dilation_rate: [1, 1],
            before: [0, 0],
            output_size: [16, 16],
            groups: 1,
            epilogue: Epilogue::default(),
        };
        self.push(name, Op::Conv2DTranspose(op), &[x, filter])
    }

    fn dense(&mut self, name: &str, x: ValueId) -> ValueId {
        let kernel = self.weight(&format!("{name}/kernel"), &[4, 4]);
        self.push(name, Op::Gemm(Gemm::default()), &[x, kernel])
    }

    fn bias(&mut self, name: &str, x: ValueId) -> ValueId {
        let bias = self.weight(&format!("{name}/bias"), &[4]);
        self.add(name, x, bias)
    }

    fn norm(&mut self, name: &str, x: ValueId, axis: usize) -> ValueId {
        let channels = self.0.value(x).shape[axis];
        let weights = ["gamma", "beta", "mean", "variance"].map(|w| self.weight(&format!("{name}/{w}"), &[channels]));
        let op = BatchNorm { axis, epsilon: 1e-3, activation: Function::Linear };
        self.push(name, Op::BatchNorm(op), &[x, weights[0], weights[1], weights[2], weights[3]])
    }

    fn apply(&mut self, name: &str, function: Function, x: ValueId) -> ValueId {
        self.push(name, Op::Unary(Unary { function }), &[x])
    }

    fn relu(&mut self, name: &str, x: ValueId) -> ValueId {
        self.apply(name, Function::RELU, x)
    }

    fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.push(name, Op::Binary(Binary::new(BinaryOp::Add)), &[a, b])
    }

    fn pad(&mut self, name: &str, x: ValueId, channels: usize, value: f32) -> ValueId {
        self.push(name, Op::Pad(Pad { before: vec![0, 1, 2, 0], after: vec![0, 0, 1, channels], value }), &[x])
    }

    fn reshape(&mut self, name: &str, x: ValueId, shape: &[usize]) -> ValueId {
        self.push(name, Op::Reshape(Reshape { shape: shape.to_vec() }), &[x])
    }
}

/// The steps in one line: `conv+bias+residual+relu, pool`; casts and the weight prologue are left out.
fn steps(graph: &Graph) -> String {
    let plan = Plan::new(graph.clone());
    let nodes = plan.steps().iter().map(|id| &graph.nodes()[id.index()]);
    let nodes = nodes.filter(|node| !matches!(node.op, Op::Cast(_)));
    nodes.map(|node| node.name.clone() + &suffix(&node.op)).collect::<Vec<_>>().join(", ")
}

fn suffix(op: &Op) -> String {
    let activation = |function: Function| match function {
        Function::Linear => String::new(),
        function => format!("+{function:?}"),
    };
    match op {
        Op::Binary(op) => activation(op.activation),
        Op::BatchNorm(op) => activation(op.activation),
        op => rewriter::epilogue(op).map_or(String::new(), |epilogue| {
            let part = |present: bool, name: &str| if present { format!("+{name}") } else { String::new() };
            let clamp = match epilogue.clamp {
                clamp if clamp == Clamp::default() => String::new(),
                Clamp { low: 0.0, high: f32::INFINITY } => "+relu".into(),
                Clamp { low, high } => format!("+clamp({low}, {high})"),
            };
            part(epilogue.bias, "bias") + &part(epilogue.residual, "residual") + &clamp
        }),
    }
}

type Case = (&'static str, fn(&mut Net, ValueId) -> ValueId, &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("everything", |n, x| { let y = n.conv("c", x); let y = n.bias("b", y); let y = n.norm("bn", y, 3); let y = n.add("add", y, x); n.relu("relu", y) }, "c+bias+residual+relu"),
    ("residual on the left", |n, x| { let y = n.conv("c", x); let y = n.norm("bn", y, 3); let y = n.add("add", x, y); n.relu("relu", y) }, "c+bias+residual+relu"),
    ("bias on the left", |n, x| { let y = n.conv("c", x); let b = n.weight("b", &[4]); n.add("b", b, y) }, "c+bias"),
    ("bias with axes of 1", |n, x| { let y = n.conv("c", x); let b = n.weight("b", &[1, 1, 4]); n.add("b", y, b) }, "c+bias"),
    ("bias that adds an axis", |n, x| { let y = n.dense("c", x); let b = n.weight("b", &[1, 1, 1, 1, 4]); n.add("b", y, b) }, "c, b"),
    ("bias of one for all", |n, x| { let y = n.conv("c", x); let b = n.weight("b", &[1]); n.add("b", y, b) }, "c, b"),
    ("weight of the whole shape", |n, x| { let y = n.conv("c", x); let b = n.weight("b", &[2, 8, 8, 4]); n.add("b", y, b) }, "c+residual"),
    ("residual that broadcasts", |n, x| { let y = n.conv("c", x); let r = n.push("s", Op::Slice(Slice { begin: vec![0; 4], size: vec![2, 1, 1, 4] }), &[x]); n.add("add", y, r) }, "c, s, add"),
    ("x + x of one convolution", |n, x| { let y = n.conv("c", x); n.add("add", y, y) }, "c, add"),
    ("depthwise", |n, x| { let y = n.depthwise("d", x); let y = n.norm("bn", y, 3); n.apply("relu6", Function::RELU6, y) }, "d+bias+clamp(0, 6)"),
    ("transposed", |n, x| { let y = n.transposed("t", x); let y = n.norm("bn", y, 3); n.relu("relu", y) }, "t+bias+relu"),
    ("dense", |n, x| { let y = n.dense("d", x); let y = n.bias("b", y); let y = n.norm("bn", y, 3); n.relu("relu", y) }, "d+bias+relu"),
    ("two normalisations", |n, x| { let y = n.conv("c", x); let y = n.norm("bn", y, 3); n.norm("bn_1", y, 3) }, "c+bias"),
    ("normalisation of another axis", |n, x| { let y = n.conv("c", x); n.norm("bn", y, 1) }, "c, bn"),
    ("normalisation before", |n, x| { let y = n.norm("bn", x, 3); let y = n.apply("tanh", Function::Tanh, y); n.conv("c", y) }, "bn+Tanh, c"),
    ("normalisation behind an activation", |n, x| { let y = n.conv("c", x); let y = n.relu("relu", y); n.norm("bn", y, 3) }, "c+relu, bn"),
    ("normalisation behind a sum", |n, x| { let y = n.conv("c", x); let y = n.add("add", y, x); n.norm("bn", y, 3) }, "c+residual, bn"),
    ("normalisation with another reader", |n, x| { let y = n.conv("c", x); let z = n.norm("bn", y, 3); n.add("add", y, z) }, "c, bn, add"),
    ("activation with another reader", |n, x| { let y = n.conv("c", x); let z = n.relu("relu", y); n.add("add", y, z) }, "c, relu, add"),
    ("sigmoid", |n, x| { let y = n.conv("c", x); let y = n.bias("b", y); n.apply("s", Function::Sigmoid, y) }, "c+bias, s"),
    ("leaky ReLU", |n, x| { let y = n.conv("c", x); n.apply("l", Function::Relu { max_value: f32::INFINITY, negative_slope: 0.1, threshold: 0.0 }, y) }, "c, l"),
    ("sum behind an activation", |n, x| { let y = n.conv("c", x); let y = n.relu("relu", y); let y = n.add("add", y, x); n.relu("relu_1", y) }, "c+relu, add+Relu { max_value: inf, negative_slope: 0.0, threshold: 0.0 }"),
    ("two residuals", |n, x| { let y = n.conv("c", x); let y = n.add("add", y, x); n.add("add_1", y, x) }, "c+residual, add_1"),
    ("bias behind a residual", |n, x| { let y = n.conv("c", x); let y = n.add("add", y, x); n.bias("b", y) }, "c+residual, b"),
    ("two convolutions, the later takes the sum", |n, x| { let a = n.conv("a", x); let b = n.conv("b", x); let y = n.add("add", a, b); n.relu("relu", y) }, "a, b+residual+relu"),
    ("two convolutions with biases, sum the other way round", |n, x| { let a = n.conv("a", x); let a = n.bias("ab", a); let b = n.conv("b", x); let b = n.norm("bn", b, 3); let y = n.add("add", b, a); n.relu("relu", y) }, "a+bias, b+bias+residual+relu"),
    ("residual made after the convolution", |n, x| { let a = n.conv("a", x); let r = n.apply("tanh", Function::Tanh, x); n.add("add", r, a) }, "tanh, a+residual"),
    ("a block with projection", |n, x| {
        let s = n.conv("s", x); let s = n.norm("s_bn", s, 3);
        let y = n.conv("a", x); let y = n.norm("a_bn", y, 3); let y = n.relu("a_relu", y);
        let y = n.conv("b", y); let y = n.norm("b_bn", y, 3);
        let y = n.add("add", s, y); n.relu("relu", y)
    }, "s+bias, a+bias+relu, b+bias+residual+relu"),
    ("two clamps", |n, x| { let y = n.conv("c", x); let y = n.apply("relu6", Function::RELU6, y); n.apply("relu", Function::Relu { max_value: 2.0, negative_slope: 0.0, threshold: 0.0 }, y) }, "c+clamp(0, 2)"),
    ("product and activation", |n, x| { let s = n.apply("s", Function::Sigmoid, x); let y = n.push("m", Op::Binary(Binary::new(BinaryOp::Multiply)), &[x, s]); n.apply("t", Function::Tanh, y) }, "s, m+Tanh"),
    ("two activations", |n, x| { let y = n.add("a", x, x); let y = n.apply("t", Function::Tanh, y); n.apply("s", Function::Sigmoid, y) }, "a+Tanh, s"),
    ("linear activations", |n, x| { let y = n.apply("l", Function::Linear, x); let y = n.conv("c", y); let y = n.apply("l_1", Function::Affine { scale: 1.0, offset: 0.0 }, y); n.relu("relu", y) }, "c+relu"),
    ("zero padding", |n, x| { let y = n.pad("p", x, 0, 0.0); n.conv("c", y) }, "c"),
    ("zero padding of two convolutions", |n, x| { let y = n.pad("p", x, 0, 0.0); let a = n.conv("a", y); let b = n.conv("b", y); n.add("add", a, b) }, "a, b+residual"),
    ("zero padding of padding", |n, x| { let y = n.pad("p", x, 0, 0.0); let y = n.pad("p_1", y, 0, 0.0); n.conv("c", y) }, "c"),
    ("zero padding with a dead reader", |n, x| { let y = n.pad("p", x, 0, 0.0); n.relu("dead", y); n.conv("c", y) }, "c"),
    ("padding with ones around zeros", |n, x| { let y = n.pad("p", x, 0, 0.0); let y = n.pad("p_1", y, 0, 1.0); n.conv("c", y) }, "p, p_1, c"),
    ("padding with ones", |n, x| { let y = n.pad("p", x, 0, 1.0); n.conv("c", y) }, "p, c"),
    ("padding of channels", |n, x| { let y = n.push("s", Op::Slice(Slice { begin: vec![0; 4], size: vec![2, 8, 8, 3] }), &[x]); let y = n.pad("p", y, 1, 0.0); n.conv("c", y) }, "s, p, c"),
    ("padding with another reader", |n, x| { let y = n.pad("p", x, 0, 0.0); let c = n.conv("c", y); n.add("add", c, y) }, "p, c+residual"),
    ("padding before pooling", |n, x| { let y = n.pad("p", x, 0, 0.0); n.push("pool", Op::Pool2D(Pool2D { kind: PoolKind::Max, pool_size: [2, 2], strides: [2, 2], padding: Padding2D::default() }), &[y]) }, "p, pool"),
    ("dead nodes", |n, x| { let y = n.conv("c", x); n.conv("dead", y); n.relu("dead_1", y); n.relu("relu", y) }, "c+relu"),
    ("transposes", |n, x| { let y = n.push("t", Op::Transpose(Transpose { permutation: vec![0, 3, 1, 2] }), &[x]); n.push("t_1", Op::Transpose(Transpose { permutation: vec![0, 2, 3, 1] }), &[y]) }, ""),
    ("transposes that remain", |n, x| { let y = n.push("t", Op::Transpose(Transpose { permutation: vec![1, 2, 3, 0] }), &[x]); n.push("t_1", Op::Transpose(Transpose { permutation: vec![1, 0, 2, 3] }), &[y]) }, "t_1"),
];

#[test]
fn small_nets_take_few_steps() {
    for (name, build, wanted) in CASES {
        let (mut net, x) = Net::new();
        let y = build(&mut net, x);
        net.0.output("y", y);
        let options = Simplify::default();
        let simple = simplify(&net.0, &options);
        assert_eq!(steps(&simple), *wanted, "{name}");
        assert_eq!(simplify(&simple, &options), simple, "{name}: a second time");
        let half = simplify(&net.0, &Simplify { storage: DType::F16, ..options });
        assert_eq!(steps(&half), *wanted, "{name} as float16");
    }
}

#[test]
fn outputs_are_readers() {
    let (mut net, x) = Net::new();
    let conv = net.conv("c", x);
    let norm = net.norm("bn", conv, 3);
    let relu = net.relu("relu", norm);
    net.0.output("relu", relu);
    assert_eq!(steps(&simplify(&net.0, &Simplify::default())), "c+bias+relu");
    net.0.output("bn", norm);
    assert_eq!(steps(&simplify(&net.0, &Simplify::default())), "c+bias, relu");
    net.0.output("c", conv);
    let simple = simplify(&net.0, &Simplify::default());
    assert_eq!(steps(&simple), "c, bn, relu");
    let names: Vec<&str> = simple.outputs().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["relu", "bn", "c"]);
}

#[test]
fn inputs_and_variables_keep_names_and_order() {
    let (mut net, x) = Net::new();
    let unused = net.0.input("unused", vec![3]);
    let y = net.conv("c", x);
    let y = net.norm("bn", y, 3);
    net.0.output("y", y);
    net.0.output("unused", unused);
    let list = |graph: &Graph, source: Source| -> Vec<String> {
        graph.values().iter().filter(|value| value.source == source).map(|value| value.name.clone()).collect()
    };
    for storage in [DType::F32, DType::F16] {
        let simple = simplify(&net.0, &Simplify { weight_limit: Some(64), storage });
        assert_eq!(list(&simple, Source::Input), ["x", "unused"]);
        assert_eq!(list(&simple, Source::Variable), list(&net.0, Source::Variable));
        let output = simple.outputs()[1].1;
        assert_eq!(simple.value(output).source, Source::Input, "an input that is an output passes through untouched");
    }
}

#[test]
fn statistics_of_the_batch_are_not_folded() {
    let (mut net, x) = Net::new();
    let y = net.conv("c", x);
    let weight = net.weight("bn/gamma", &[4]);
    let mean = net.0.input("mean", vec![4]);
    let norm = BatchNorm { axis: 3, epsilon: 1e-3, activation: Function::Linear };
    let y = net.push("bn", Op::BatchNorm(norm), &[y, weight, weight, mean, weight]);
    net.0.output("y", y);
    assert_eq!(steps(&simplify(&net.0, &Simplify::default())), "c, bn");
}

#[test]
fn reshapes_become_one_or_none() {
    let (mut net, x) = Net::new();
    let y = net.reshape("r", x, &[2, 256]);
    let y = net.reshape("r_1", y, &[2, 64, 4]);
    let same = net.reshape("r_2", y, &[2, 8, 8, 4]);
    let other = net.reshape("r_3", y, &[512]);
    net.0.output("same", same);
    net.0.output("other", other);
    let simple = simplify(&net.0, &Simplify::default());
    assert_eq!(simple.nodes().len(), 1);
    assert_eq!(simple.nodes()[0].inputs, simple.inputs());
    assert_eq!(simple.outputs()[0].1, simple.inputs()[0]);
}

/// One Gemm of `columns` units over 8 rows with bias, residual and ReLU; the weights go through `prologue`.
fn wide_gemm(columns: usize, prologue: fn(&mut Net, ValueId) -> ValueId) -> Graph {
    let mut net = Net(Graph::new());
    let x = net.0.input("x", vec![2, 8]);
    let residual = net.0.input("r", vec![2, columns]);
    let kernel = net.weight("fc/kernel", &[8, columns]);
    let kernel = prologue(&mut net, kernel);
    let bias = net.weight("fc/bias", &[columns]);
    let y = net.push("fc", Op::Gemm(Gemm::default()), &[x, kernel]);
    let y = net.add("fc", y, bias);
    let y = net.add("add", y, residual);
    let y = net.relu("relu", y);
    net.0.output("y", y);
    net.0
}

#[test]
fn gemms_are_split_by_columns() {
    // (columns, limit in bytes, columns of each part); a column takes 32 bytes.
    let cases: &[(usize, usize, &[usize])] = &[
        (100, 3200, &[100]),
        (100, 3199, &[64, 36]),
        (100, 32 * 33, &[32, 32, 32, 4]),
        (96, 32 * 80, &[48, 48]),
        (20, 32 * 15, &[10, 10]),
        (20, 32 * 19, &[16, 4]),
        (3, 1, &[1, 1, 1]),
    ];
    for &(columns, limit, widths) in cases {
        for storage in [DType::F32, DType::F16] {
            let graph = wide_gemm(columns, |_, kernel| kernel);
            let simple = simplify(&graph, &Simplify { weight_limit: Some(limit), storage });
            let gemms = simple.nodes().iter().filter(|node| matches!(node.op, Op::Gemm(_)));
            let found: Vec<usize> = gemms.clone().map(|node| simple.value(node.inputs[1]).shape[1]).collect();
            assert_eq!(found, widths, "{columns} columns, limit {limit}, {storage:?}");
            assert!(gemms.clone().all(|node| suffix(&node.op) == "+bias+residual+relu" && node.name == "fc"));
            assert!(gemms.flat_map(|node| &node.inputs).all(|&id| simple.value(id).dtype == storage));
        }
    }
}

#[test]
fn a_split_weight_is_never_whole_on_the_device() {
    let prologues: [fn(&mut Net, ValueId) -> ValueId; 5] = [
        |_, kernel| kernel,
        |net, kernel| net.apply("p", Function::Tanh, kernel),
        |net, kernel| {
            let scale = net.weight("scale", &[100]);
            let kernel = net.push("p", Op::Binary(Binary::new(BinaryOp::Multiply)), &[kernel, scale]);
            let shift = net.weight("shift", &[8, 1]);
            net.add("p", kernel, shift)
        },
        |net, _| {
            let kernel = net.weight("other", &[2, 4, 100]);
            net.reshape("p", kernel, &[8, 100])
        },
        |net, _| {
            let kernel = net.weight("other", &[100, 8]);
            net.push("p", Op::Transpose(Transpose { permutation: vec![1, 0] }), &[kernel])
        },
    ];
    let limit = 32 * 64;
    for (index, prologue) in prologues.into_iter().enumerate() {
        for storage in [DType::F32, DType::F16] {
            let simple = simplify(&wide_gemm(100, prologue), &Simplify { weight_limit: Some(limit), storage });
            for node in simple.nodes() {
                let made = crate::plan::bytes(&simple, node.output);
                assert!(made <= limit, "prologue {index}: {} makes {made} bytes", node.name);
                let whole = node.inputs.iter().filter(|&&id| crate::plan::bytes(&simple, id) > limit);
                let cut_on_the_host =
                    |&&id: &&ValueId| matches!(node.op, Op::Slice(_)) && simple.value(id).source == Source::Variable;
                assert!(whole.clone().all(|id| cut_on_the_host(&id)), "prologue {index}: {} reads too much", node.name);
            }
        }
    }
}

#[test]
fn weights_made_at_run_time_are_not_split() {
    let mut net = Net(Graph::new());
    let (a, b) = (net.0.input("a", vec![2, 8]), net.0.input("b", vec![8, 100]));
    let y = net.push("matmul", Op::Gemm(Gemm::default()), &[a, b]);
    net.0.output("y", y);
    assert_eq!(steps(&simplify(&net.0, &Simplify { weight_limit: Some(64), storage: DType::F32 })), "matmul");
}

#[test]
fn everything_a_step_touches_is_float16() {
    let (mut net, x) = Net::new();
    let constant = net.0.constant("c", Tensor::full(vec![4], 0.5));
    let y = net.push("m", Op::Binary(Binary::new(BinaryOp::Multiply)), &[constant, x]);
    let y = net.norm("bn", y, 3);
    let z = net.conv("c", y);
    let z = net.bias("b", z);
    let z = net.push("cast", Op::Cast(Cast { to: DType::F32 }), &[z]);
    let z = net.push("cat", Op::Concat(Concat { axis: 3 }), &[z, y]);
    net.0.output("z", z);
    net.0.output("again", z);
    let half = simplify(&net.0, &Simplify { storage: DType::F16, ..Simplify::default() });
    assert_eq!(steps(&half), "m, bn, c+bias, cat");
    let plan = Plan::new(half.clone());
    let mut casts = 0;
    for id in plan.steps() {
        let node = &half.nodes()[id.index()];
        if let Op::Cast(_) = node.op {
            casts += 1;
            continue;
        }
        for &value in node.inputs.iter().chain([&node.output]) {
            assert_eq!(half.value(value).dtype, DType::F16, "{}", node.name);
        }
    }
    assert_eq!(casts, 2, "one behind the input, one for both outputs");
    assert!(half.outputs().iter().all(|&(_, value)| half.value(value).dtype == DType::F32));
    for resident in plan.residents() {
        assert!(resident.key.starts_with("Cast("), "{} is rounded last", resident.key);
    }
}
