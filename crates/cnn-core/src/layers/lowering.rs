//! What a layer sees of the graph while it adds its ops.

use super::WeightSpec;
use crate::error::ShapeError;
use crate::graph::{Graph, Node, ValueId};
use crate::op::{Assign, Binary, BinaryOp, Function, Op, RandomUniform, Reshape, Transpose, Unary};
use crate::tensor::Tensor;

/// What the graph is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prediction: moving statistics, no dropout.
    Inference,
    /// A training step: the batch's own statistics, whose moving means are updated ([`crate::Op::Assign`]), and dropout, both
    /// but in frozen layers of normalisation, and in calls that say otherwise ([`crate::Functional::call_with_training`]). Where
    /// something is random, the graph has an input [`SEED`] behind its others.
    Training,
}

/// Name of the input that training graphs draw random numbers from: two whole numbers below 2^24, the seed of the run and that
/// of its step.
pub const SEED: &str = "training/seed";

/// A graph under construction, seen from one layer.
#[derive(Debug)]
pub struct Lowering<'g> {
    /// The graph.
    pub graph: &'g mut Graph,
    /// What it is for, as the call of the layer has it.
    pub mode: Mode,
    /// What the whole graph is for.
    pub(crate) graph_mode: Mode,
    /// The layer's path, `inception_v3/conv2d`, by which its nodes and weights are named.
    pub path: String,
    /// The layer's weights.
    pub weights: &'g [WeightSpec],
    /// Whether training changes the layer.
    pub trainable: bool,
    /// The values of the layers whose outputs are wanted, by path.
    pub(crate) taps: &'g mut Vec<(String, Option<ValueId>)>,
}

impl<'g> Lowering<'g> {
    /// A graph as one sees it from outside of all layers: of no weights, and not trained.
    pub(crate) fn new(
        graph: &'g mut Graph,
        mode: Mode,
        path: String,
        taps: &'g mut Vec<(String, Option<ValueId>)>,
    ) -> Self {
        Self { graph, mode, graph_mode: mode, path, weights: &[], trainable: false, taps }
    }

    /// What a call inside is for, by its argument `training`: in a training step its own word counts before that of the call
    /// around it.
    pub(crate) fn mode_of(&self, training: Option<bool>) -> Mode {
        match (self.graph_mode, training) {
            (Mode::Training, Some(true)) => Mode::Training,
            (Mode::Training, Some(false)) | (Mode::Inference, _) => Mode::Inference,
            (Mode::Training, None) => self.mode,
        }
    }

    /// The shape of a value.
    pub fn shape(&self, value: ValueId) -> Vec<usize> {
        self.graph.value(value).shape.clone()
    }

    /// Adds an op.
    ///
    /// # Errors
    /// If the op cannot take these inputs.
    pub fn push(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        self.graph.push(self.path.clone(), op, inputs)
    }

    /// The layer's weight of that name.
    ///
    /// # Errors
    /// If the layer has no such weight.
    pub fn weight(&mut self, name: &str) -> Result<ValueId, ShapeError> {
        let Some(spec) = self.weights.iter().find(|weight| weight.name == name) else {
            return Err(ShapeError::new(&self.path, format!("has no weight '{name}'"), &[]));
        };
        self.graph.variable(&format!("{}/{name}", self.path), spec.shape.clone())
    }

    /// Uniform random numbers in `[0, 1)`, others for each layer and each call of it.
    ///
    /// # Errors
    /// None in practice: a graph for training can have its seed.
    pub fn random(&mut self, shape: Vec<usize>) -> Result<ValueId, ShapeError> {
        let known = self.graph.inputs().iter().copied().find(|&id| self.graph.value(id).name == SEED);
        let seed = known.unwrap_or_else(|| self.graph.input(SEED, vec![2]));
        let of_layer = |node: &&Node| node.name == self.path && matches!(node.op, Op::RandomUniform(_));
        let call = self.graph.nodes().iter().filter(of_layer).count() as u32;
        // FNV-1a (Fowler, Noll and Vo) of the path.
        let hash =
            self.path.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        self.push(Op::RandomUniform(RandomUniform { shape, stream: hash.wrapping_add(call) }), &[seed])
    }

    /// Lets the layer's weight of that name take a new value.
    ///
    /// # Errors
    /// If the layer has no such weight, or the value has another number of elements.
    pub fn assign(&mut self, name: &str, value: ValueId) -> Result<(), ShapeError> {
        let variable = self.weight(name)?;
        let variable = self.graph.latest(variable);
        self.push(Op::Assign(Assign { first: 0 }), &[variable, value]).map(drop)
    }

    /// A constant.
    pub fn constant(&mut self, tensor: Tensor) -> ValueId {
        self.graph.constant(self.path.clone(), tensor)
    }

    /// The same elements under another shape; nothing if it is the same.
    ///
    /// # Errors
    /// If the number of elements differs.
    pub fn reshape(&mut self, x: ValueId, shape: Vec<usize>) -> Result<ValueId, ShapeError> {
        if self.graph.value(x).shape == shape {
            return Ok(x);
        }
        self.push(Op::Reshape(Reshape { shape }), &[x])
    }

    /// Axes in another order; nothing if it is the same.
    ///
    /// # Errors
    /// If `permutation` does not hold each axis once.
    pub fn transpose(&mut self, x: ValueId, permutation: Vec<usize>) -> Result<ValueId, ShapeError> {
        if permutation.iter().copied().eq(0..self.graph.value(x).shape.len()) {
            return Ok(x);
        }
        self.push(Op::Transpose(Transpose { permutation }), &[x])
    }

    /// A function of each element; nothing if it is the identity.
    ///
    /// # Errors
    /// None in practice: a function takes any shape.
    pub fn unary(&mut self, function: Function, x: ValueId) -> Result<ValueId, ShapeError> {
        if function == Function::Linear {
            return Ok(x);
        }
        self.push(Op::Unary(Unary { function }), &[x])
    }

    /// A function of two values that broadcast.
    ///
    /// # Errors
    /// If they do not.
    pub fn binary(&mut self, op: BinaryOp, a: ValueId, b: ValueId) -> Result<ValueId, ShapeError> {
        self.push(Op::Binary(Binary::new(op)), &[a, b])
    }

    /// Adds the weight `bias` where `use_bias`, then the activation.
    pub(super) fn bias_and_activation(
        &mut self,
        x: ValueId,
        use_bias: bool,
        activation: super::Activation,
    ) -> Result<ValueId, ShapeError> {
        let x = if use_bias {
            let bias = self.weight("bias")?;
            self.binary(BinaryOp::Add, x, bias)?
        } else {
            x
        };
        activation.apply(self, x)
    }

    /// An error of this layer.
    pub(super) fn refuse(&self, wanted: impl Into<String>, inputs: &[ValueId]) -> ShapeError {
        let got: Vec<Vec<usize>> = inputs.iter().map(|&value| self.shape(value)).collect();
        let got: Vec<&[usize]> = got.iter().map(Vec::as_slice).collect();
        ShapeError::new(&self.path, wanted, &got)
    }
}
