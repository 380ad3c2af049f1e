//! A plan with its weights and buffers, run again and again.

use std::borrow::Borrow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cnn_core::op::OptimizerStep;
use cnn_core::plan::{Location, Plan};
use cnn_core::{DType, Node, NodeId, Op, Profile, StepProfile, Tensor, ValueId};

use super::weights::CpuWeights;
use super::{View, compute, optimizer_step};
use crate::error::CpuError;

/// The buffers of one run: the plan's slots.
type Slots = Vec<Vec<f32>>;

/// The plan's residents as they were after so many changes of the weights.
#[derive(Debug)]
struct Residents {
    tensors: Vec<Arc<Tensor>>,
    changes: u64,
}

/// Where one step finds what it reads.
struct Memory<'a> {
    inputs: &'a [&'a Tensor],
    slots: Slots,
    residents: Vec<Arc<Tensor>>,
}

/// A program on the CPU. Its slots are its own; its weights are shared, and those that its graph assigns change with a run.
#[derive(Debug)]
pub struct Program {
    weights: Arc<CpuWeights>,
    residents: Mutex<Residents>,
    plan: Plan,
    /// Slots that no run uses now. Runs at the same time have one each.
    idle: Mutex<Vec<Slots>>,
    /// By resident: the last two tensors that a variable had before. A run writes into one that nobody reads any more; the
    /// other may be what validation has read last.
    replaced: Mutex<Vec<Vec<Arc<Tensor>>>>,
}

impl Program {
    /// Readies `plan` over `weights`: makes what is missing of these.
    ///
    /// # Errors
    /// If a weight is missing or has another shape, or a value is stored as float16.
    pub fn new(weights: Arc<CpuWeights>, plan: Plan) -> Result<Self, CpuError> {
        if let Some(value) = plan.graph().values().iter().find(|value| value.dtype != DType::F32) {
            return Err(CpuError::Float16 { name: value.name.clone() });
        }
        let changes = weights.changes();
        let residents = Mutex::new(Residents { tensors: weights.residents(&plan)?, changes });
        let replaced = Mutex::new(vec![Vec::new(); plan.residents().len()]);
        Ok(Self { weights, residents, plan, idle: Mutex::default(), replaced })
    }

    /// The weights it reads.
    pub fn weights(&self) -> &Arc<CpuWeights> {
        &self.weights
    }

    /// The plan it runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bytes of the slots of one run; inputs are read where they are.
    pub fn activation_bytes(&self) -> u64 {
        self.plan.slots().iter().map(|&bytes| bytes as u64).sum()
    }

    /// Runs the program; the outputs come in the order of the graph's. Several threads may run it at the same time.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cnn_core::{Graph, Op, Plan, Tensor, Weights, op::{Function, Unary}};
    /// use cnn_cpu::fast::{CpuWeights, Program};
    /// let mut graph = Graph::new();
    /// let x = graph.input("x", vec![3]);
    /// let y = graph.push("relu", Op::Unary(Unary { function: Function::RELU }), &[x])?;
    /// graph.output("y", y);
    /// let program = Program::new(CpuWeights::new(Arc::new(Weights::new())), Plan::new(graph))?;
    /// let outputs = program.run(&[Tensor::new(vec![3], vec![-1.0, 0.0, 2.0])?])?;
    /// assert_eq!(outputs[0].data(), [0.0, 0.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the inputs are not of the graph's shapes.
    pub fn run(&self, inputs: &[impl Borrow<Tensor>]) -> Result<Vec<Tensor>, CpuError> {
        self.run_steps(&borrowed(inputs), |step| step())
    }

    /// Runs the program with a clock around every step.
    ///
    /// On wasm32, where the standard library has no clock, they are all zero.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_profiled(&self, inputs: &[impl Borrow<Tensor>]) -> Result<(Vec<Tensor>, Profile), CpuError> {
        let mut times = Vec::with_capacity(self.plan.steps().len());
        let outputs = self.run_steps(&borrowed(inputs), |step| times.push(timed(step)))?;
        let graph = self.plan.graph();
        let step =
            |(id, time): (&NodeId, Duration)| StepProfile::new(graph, &graph.nodes()[id.index()], "fast").timed(time);
        let profile = Profile {
            steps: self.plan.steps().iter().zip(times).map(step).collect(),
            weight_bytes: self.weights.bytes(),
            activation_bytes: self.activation_bytes(),
            auxiliary_bytes: self.replaced_bytes(),
            liveness_bound: self.plan.liveness_bound() as u64,
        };
        Ok((outputs, profile))
    }

    /// Calls `around` with each step in order.
    fn run_steps(&self, inputs: &[&Tensor], mut around: impl FnMut(&mut dyn FnMut())) -> Result<Vec<Tensor>, CpuError> {
        self.check(inputs)?;
        let graph = self.plan.graph();
        let mut memory = Memory { inputs, slots: self.take_slots(), residents: self.current_residents()? };
        let mut changed = Vec::new();
        for id in self.plan.steps() {
            let node = &graph.nodes()[id.index()];
            match self.plan.location(node.output) {
                Some(Location::Slot(index)) => {
                    // No step reads the slot that it writes.
                    let mut y = std::mem::take(&mut memory.slots[index]);
                    around(&mut || self.step(node, &memory, &mut y));
                    memory.slots[index] = y;
                }
                Some(Location::Resident(index)) => {
                    let mut y = self.vacant(index, node.output);
                    around(&mut || self.step(node, &memory, y.data_mut()));
                    self.replace(&mut memory, index, y);
                    changed.push(index);
                }
                Some(Location::InPlace) => {
                    let variables = OptimizerStep::variables(&node.inputs);
                    let mut new: Vec<Tensor> =
                        variables.iter().map(|&variable| self.vacant(self.resident(variable), variable)).collect();
                    around(&mut || self.update(node, &memory, &mut new));
                    for (&variable, new) in variables.iter().zip(new) {
                        self.replace(&mut memory, self.resident(variable), new);
                        changed.push(self.resident(variable));
                    }
                }
                Some(Location::Input(_)) | None => {}
            }
        }
        let output = |&(_, value): &(String, ValueId)| {
            let view = self.view(value, &memory);
            Tensor::new(view.shape.to_vec(), view.data.to_vec())
        };
        let outputs = graph.outputs().iter().map(output).collect::<Result<_, _>>()?;
        self.publish(&memory.residents, &changed);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(memory.slots);
        Ok(outputs)
    }

    /// The residents, made again where other programs have changed what they are made of.
    fn current_residents(&self) -> Result<Vec<Arc<Tensor>>, CpuError> {
        let residents = || self.residents.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.weights.changes();
        if let Residents { tensors, changes: seen } = &*residents()
            && *seen == changes
        {
            return Ok(tensors.clone());
        }
        // Not under the lock: a thread that waits for others in there may take up another run of this program.
        let tensors = self.weights.residents(&self.plan)?;
        *residents() = Residents { tensors: tensors.clone(), changes };
        Ok(tensors)
    }

    /// Hands the variables that a run has changed to all programs.
    fn publish(&self, residents: &[Arc<Tensor>], changed: &[usize]) {
        if changed.is_empty() {
            return;
        }
        let variable = |&index: &usize| (self.plan.residents()[index].key.clone(), residents[index].clone());
        self.weights.change(changed.iter().map(variable).collect());
    }

    /// Which resident a variable is.
    fn resident(&self, variable: ValueId) -> usize {
        match self.plan.location(variable) {
            Some(Location::Resident(index)) => index,
            _ => unreachable!("the planner places every variable that a step reads among the residents"),
        }
    }

    /// A tensor for the next `value` of a variable.
    fn vacant(&self, resident: usize, value: ValueId) -> Tensor {
        let new = || Tensor::full(self.plan.graph().value(value).shape.clone(), 0.0);
        self.take_replaced(resident).unwrap_or_else(new)
    }

    /// Puts the next tensor of a variable in its place.
    fn replace(&self, memory: &mut Memory, resident: usize, new: Tensor) {
        let before = std::mem::replace(&mut memory.residents[resident], Arc::new(new));
        self.keep_replaced(resident, before);
    }

    /// A tensor that the variable had before and that nobody reads any more.
    fn take_replaced(&self, resident: usize) -> Option<Tensor> {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let tensors = &mut replaced[resident];
        let free = tensors.iter().position(|tensor| Arc::strong_count(tensor) == 1)?;
        Arc::into_inner(tensors.swap_remove(free))
    }

    fn replaced_bytes(&self) -> u64 {
        let replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.iter().flatten().map(|tensor| size_of_val(tensor.data()) as u64).sum()
    }

    fn keep_replaced(&self, resident: usize, tensor: Arc<Tensor>) {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let tensors = &mut replaced[resident];
        if tensors.len() == 2 {
            tensors.remove(0);
        }
        tensors.push(tensor);
    }

    /// Slots that an earlier run has left, or new ones.
    fn take_slots(&self) -> Slots {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| self.plan.slots().iter().map(|bytes| vec![0.0; bytes / size_of::<f32>()]).collect())
    }

    fn step(&self, node: &Node, memory: &Memory, y: &mut [f32]) {
        let views: Vec<View> = node.inputs.iter().map(|&input| self.view(input, memory)).collect();
        let shape = &self.plan.graph().value(node.output).shape;
        compute(&node.op, &views, shape, &mut y[..shape.iter().product()]);
    }

    /// The step of an optimizer into the new tensors of its variables.
    fn update(&self, node: &Node, memory: &Memory, new: &mut [Tensor]) {
        let views: Vec<View> = node.inputs.iter().map(|&input| self.view(input, memory)).collect();
        if let Op::OptimizerStep(op) = &node.op {
            optimizer_step::step(op, &views, new.iter_mut().map(Tensor::data_mut).collect());
        }
    }

    /// A value where it lies.
    fn view<'a>(&'a self, value: ValueId, memory: &'a Memory) -> View<'a> {
        let data = match self.plan.location(value) {
            Some(Location::Input(index)) => memory.inputs[index].data(),
            Some(Location::Slot(index)) => &memory.slots[index],
            Some(Location::Resident(index)) => memory.residents[index].data(),
            Some(Location::InPlace) | None => {
                unreachable!("the planner places every value that a step or an output reads")
            }
        };
        let shape = &self.plan.graph().value(value).shape;
        View { shape, data: &data[..shape.iter().product()] }
    }

    fn check(&self, inputs: &[&Tensor]) -> Result<(), CpuError> {
        let (graph, wanted) = (self.plan.graph(), self.plan.graph().inputs());
        if wanted.len() != inputs.len() {
            return Err(CpuError::InputCount { wanted: wanted.len(), got: inputs.len() });
        }
        for (&id, input) in wanted.iter().zip(inputs) {
            let value = graph.value(id);
            if value.shape != input.shape() {
                let (name, wanted, got) = (value.name.clone(), value.shape.clone(), input.shape().to_vec());
                return Err(CpuError::InputShape { name, wanted, got });
            }
        }
        Ok(())
    }
}

fn borrowed(inputs: &[impl Borrow<Tensor>]) -> Vec<&Tensor> {
    inputs.iter().map(Borrow::borrow).collect()
}

/// How long `step` takes.
#[cfg(not(target_arch = "wasm32"))]
fn timed(step: &mut dyn FnMut()) -> Duration {
    let start = std::time::Instant::now();
    step();
    start.elapsed()
}

/// Zero: std's clock panics here.
#[cfg(target_arch = "wasm32")]
fn timed(step: &mut dyn FnMut()) -> Duration {
    step();
    Duration::ZERO
}
