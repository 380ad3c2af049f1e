//! The graph: what a machine runs. Nodes in order, shapes static, every value made once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::ShapeError;
use crate::op::Op;
use crate::tensor::{DType, Tensor};

/// A value of one [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(usize);

/// A node of one [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(usize);

impl ValueId {
    /// Its place in [`Graph::values`].
    pub fn index(self) -> usize {
        self.0
    }
}

impl NodeId {
    /// Its place in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The caller, new at each run.
    Input,
    /// The model's weights, by the path that the value's name holds; lives on the device, shared by programs.
    Variable,
    /// The graph itself.
    Constant(Arc<Tensor>),
    /// A node.
    Node(NodeId),
}

/// A tensor that flows through the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The input's name, the variable's path (`conv1/kernel`), or the layer whose node makes it.
    pub name: String,
    /// Its shape, every axis known.
    pub shape: Vec<usize>,
    /// Its element type.
    pub dtype: DType,
    /// Where it comes from.
    pub source: Source,
}

/// One op with the values it reads and the one it makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The layer it came from, for profiles and errors.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<ValueId>,
    /// What it makes.
    pub output: ValueId,
}

/// A list of nodes in an order in which they can run.
///
/// ```
/// use cnn_core::{Graph, Op, op::{Function, Unary}};
/// let mut graph = Graph::new();
/// let x = graph.input("x", vec![1, 4]);
/// let y = graph.push("relu", Op::Unary(Unary { function: Function::RELU }), &[x]).unwrap();
/// graph.output("y", y);
/// assert_eq!(graph.value(y).shape, [1, 4]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    values: Vec<Value>,
    nodes: Vec<Node>,
    inputs: Vec<ValueId>,
    outputs: Vec<(String, ValueId)>,
    /// For what was assigned to, the output of the assignment.
    latest: HashMap<ValueId, ValueId>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a float32 input; its order among the inputs is the order in which a program takes them.
    pub fn input(&mut self, name: impl Into<String>, shape: Vec<usize>) -> ValueId {
        let id = self.add(name.into(), shape, DType::F32, Source::Input);
        self.inputs.push(id);
        id
    }

    /// The float32 variable of that path, added at its first use.
    ///
    /// # Errors
    /// If it is there already with another shape.
    pub fn variable(&mut self, path: &str, shape: Vec<usize>) -> Result<ValueId, ShapeError> {
        let known = self.values.iter().position(|v| v.source == Source::Variable && v.name == path).map(ValueId);
        match known {
            None => Ok(self.add(path.into(), shape, DType::F32, Source::Variable)),
            Some(id) if self.value(id).shape == shape => Ok(id),
            Some(id) => {
                let wanted = format!("is a weight of shape {:?}", self.value(id).shape);
                Err(ShapeError::new(path, wanted, &[&shape]))
            }
        }
    }

    /// Adds a float32 constant.
    pub fn constant(&mut self, name: impl Into<String>, tensor: Tensor) -> ValueId {
        self.shared_constant(name, Arc::new(tensor))
    }

    /// [`Graph::constant`] of elements that another graph holds too.
    pub(crate) fn shared_constant(&mut self, name: impl Into<String>, tensor: Arc<Tensor>) -> ValueId {
        self.add(name.into(), tensor.shape().to_vec(), DType::F32, Source::Constant(tensor))
    }

    /// Adds a node of the layer `name` and infers the shape of what it makes.
    ///
    /// # Errors
    /// If the op cannot take these inputs; the error names the layer.
    pub fn push(&mut self, name: impl Into<String>, op: Op, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
        let name = name.into();
        let shapes: Vec<&[usize]> = inputs.iter().map(|&id| self.value(id).shape.as_slice()).collect();
        if let (Op::Assign(_), Some(&variable)) = (&op, inputs.first())
            && self.value(variable).source != Source::Variable
            && self.assignment(variable).is_none()
        {
            return Err(ShapeError::new(format!("{name} (Assign)"), "expects a variable to change", &shapes));
        }
        if let Some(variable) = inputs.iter().find(|&&input| self.latest(input) != input) {
            let variable = *variable;
            let wanted =
                format!("expects {} before it is assigned, or what it was assigned", self.value(variable).name);
            return Err(ShapeError::new(format!("{name} ({})", op.name()), wanted, &shapes));
        }
        let shape = op.output_shape(&shapes).map_err(|e| {
            let class = e.name.clone();
            e.named(format!("{name} ({class})"))
        })?;
        let dtypes: Vec<DType> = inputs.iter().map(|&id| self.value(id).dtype).collect();
        let dtype = op.output_dtype(&dtypes);
        let output = self.add(name.clone(), shape, dtype, Source::Node(NodeId(self.nodes.len())));
        if let (Op::Assign(_), Some(&variable)) = (&op, inputs.first()) {
            self.latest.insert(variable, output);
        }
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), output });
        Ok(output)
    }

    /// Names `value` as an output; their order is that of these calls.
    pub fn output(&mut self, name: impl Into<String>, value: ValueId) {
        self.outputs.push((name.into(), value));
    }

    /// The graph before any output was named: for who builds on, and has other outputs.
    pub fn without_outputs(mut self) -> Self {
        self.outputs.clear();
        self
    }

    /// The value of that id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// All values; a [`ValueId`] is an index into them.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// All nodes in order; a [`NodeId`] is an index into them.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node that makes `value`, if one does.
    pub fn made_by(&self, value: ValueId) -> Option<&Node> {
        let Source::Node(id) = self.value(value).source else { return None };
        Some(&self.nodes[id.0])
    }

    /// The inputs in order.
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// The outputs in order, by name.
    pub fn outputs(&self) -> &[(String, ValueId)] {
        &self.outputs
    }

    /// For each value whether an output or an [`Op::Assign`] needs it.
    pub(crate) fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.values.len()];
        self.outputs.iter().for_each(|(_, output)| needed[output.0] = true);
        for node in self.nodes.iter().rev() {
            needed[node.output.0] |= matches!(node.op, Op::Assign(_));
            if needed[node.output.0] {
                node.inputs.iter().for_each(|input| needed[input.0] = true);
            }
        }
        needed
    }

    /// What stands for `value` now: the output of the last [`Op::Assign`] to it, or itself.
    pub fn latest(&self, value: ValueId) -> ValueId {
        self.latest.get(&value).map_or(value, |&value| self.latest(value))
    }

    /// The [`Op::Assign`] that makes `value`.
    fn assignment(&self, value: ValueId) -> Option<&Node> {
        self.made_by(value).filter(|node| matches!(node.op, Op::Assign(_)))
    }

    /// For each value whether it is a variable that an [`Op::Assign`] changes.
    pub fn assigned(&self) -> Vec<bool> {
        let mut assigned = vec![false; self.values.len()];
        self.latest.keys().for_each(|&variable| assigned[variable.0] = true);
        assigned
    }

    /// The ids of all nodes, in order.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// The ids of all values.
    pub fn value_ids(&self) -> impl Iterator<Item = ValueId> + use<> {
        (0..self.values.len()).map(ValueId)
    }

    fn add(&mut self, name: String, shape: Vec<usize>, dtype: DType, source: Source) -> ValueId {
        self.values.push(Value { name, shape, dtype, source });
        ValueId(self.values.len() - 1)
    }
}
