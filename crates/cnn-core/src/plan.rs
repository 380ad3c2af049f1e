//! From a graph to steps and buffers: what runs, in which order, and where each value lies.

use std::collections::HashMap;

use crate::graph::{Graph, Node, NodeId, Source, ValueId};
use crate::op::{Assign, Op, OptimizerStep};
use crate::tensor::element_count;

#[cfg(test)]
mod tests;

/// Where a value lies while a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the caller's input of that index.
    Input(usize),
    /// In the slot of that index; others use it before and after.
    Slot(usize),
    /// Among the weights: [`Plan::residents`] of that index.
    Resident(usize),
    /// In the variables that the step of an optimizer reads: it writes the new ones over them.
    InPlace,
}

/// A value that depends on weights and constants alone. It is made once and kept with the weights, for all programs.
#[derive(Debug, Clone, PartialEq)]
pub struct Resident {
    /// What it is, spelled out: the variable's path, or the ops that make it. Equal keys are equal values.
    pub key: String,
    /// The value.
    pub value: ValueId,
    /// The paths of the variables that it is made of; of a variable itself its own.
    pub variables: Vec<String>,
}

impl Resident {
    /// Whether it is made of variables, and has to be made again when these change.
    pub fn is_derived(&self) -> bool {
        self.variables != [self.key.as_str()]
    }
}

/// A graph with its steps in order and its memory laid out.
///
/// Nodes that depend on weights alone (the *weight prologue*) are not among the steps: their results are
/// [`Resident`]s. [`Op::Reshape`] is no step either; its output lies where its input does. [`Op::Assign`] is a step that writes
/// into a resident, but for those right behind an [`Op::OptimizerStep`] that nothing else reads: that one writes into the
/// variables itself ([`Location::InPlace`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    graph: Graph,
    steps: Vec<NodeId>,
    slots: Vec<usize>,
    input_slots: Vec<usize>,
    residents: Vec<Resident>,
    locations: HashMap<ValueId, Location>,
    liveness_bound: usize,
}

impl Plan {
    /// Lays out `graph`. No step reads and writes one slot.
    pub fn new(graph: Graph) -> Self {
        let fixed = weight_only(&graph);
        let mut planner = Planner::new(&graph, &fixed);
        planner.place_residents();
        planner.place_steps();
        let Planner { steps, slots, input_slots, residents, locations, liveness_bound, .. } = planner;
        Self { graph, steps, slots, input_slots, residents, locations, liveness_bound }
    }

    /// The graph it was made of.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The nodes that run, in order.
    pub fn steps(&self) -> &[NodeId] {
        &self.steps
    }

    /// Bytes of each slot.
    pub fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// For each input the slot that is its own from the beginning of a run to the input's last reader. Who has to copy the
    /// caller's inputs somewhere (a device) may copy them there.
    pub fn input_slots(&self) -> &[usize] {
        &self.input_slots
    }

    /// What has to lie among the weights before a run.
    pub fn residents(&self) -> &[Resident] {
        &self.residents
    }

    /// The paths of the variables that a run changes.
    pub fn changes(&self) -> Vec<String> {
        let assigned = self.graph.assigned();
        let changed = self
            .graph
            .values()
            .iter()
            .zip(assigned)
            .filter(|(value, assigned)| *assigned && value.source == Source::Variable);
        changed.map(|(value, _)| value.name.clone()).collect()
    }

    /// Where a value lies; `None` for values of the weight prologue that no step reads.
    pub fn location(&self, value: ValueId) -> Option<Location> {
        self.locations.get(&storage(&self.graph, value)).copied()
    }

    /// The most bytes of inputs and other values that are alive at one step: no plan needs fewer.
    pub fn liveness_bound(&self) -> usize {
        self.liveness_bound
    }
}

/// Bytes of a value.
pub fn bytes(graph: &Graph, value: ValueId) -> usize {
    let value = graph.value(value);
    element_count(&value.shape).unwrap_or(usize::MAX).saturating_mul(value.dtype.size())
}

/// The value in whose memory `value` lies: itself, what it is a reshape of, or the variable that it was assigned to.
pub fn storage(graph: &Graph, mut value: ValueId) -> ValueId {
    while let Source::Node(id) = &graph.value(value).source {
        let node = &graph.nodes()[id.index()];
        let (Op::Reshape(_) | Op::Assign(_)) = node.op else { break };
        value = node.inputs[0];
    }
    value
}

/// For each value, whether it depends on constants alone, and on weights that the graph does not change.
pub(crate) fn weight_only(graph: &Graph) -> Vec<bool> {
    let mut fixed: Vec<bool> =
        graph.values().iter().map(|v| matches!(v.source, Source::Variable | Source::Constant(_))).collect();
    fixed.iter_mut().zip(graph.assigned()).for_each(|(fixed, assigned)| *fixed &= !assigned);
    for node in graph.nodes() {
        let fixed_inputs = node.inputs.iter().all(|input| fixed[input.index()]);
        fixed[node.output.index()] = fixed_inputs && !matches!(node.op, Op::Assign(_));
    }
    fixed
}

/// Spells out a weight-only value: see [`Resident::key`].
fn key(graph: &Graph, value: ValueId) -> String {
    match &graph.value(value).source {
        Source::Input => format!("input {}", graph.value(value).name),
        Source::Variable => graph.value(value).name.clone(),
        Source::Constant(tensor) => {
            let bits: Vec<u32> = tensor.data().iter().map(|x| x.to_bits()).collect();
            format!("constant {:?} {bits:x?}", tensor.shape())
        }
        Source::Node(id) => {
            let node = &graph.nodes()[id.index()];
            let inputs: Vec<String> = node.inputs.iter().map(|&input| key(graph, input)).collect();
            format!("{:?}({})", node.op, inputs.join(", "))
        }
    }
}

/// The paths of the variables that a weight-only value is made of.
fn variables(graph: &Graph, value: ValueId) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![value]);
    while let Some(value) = open.pop() {
        let known = graph.value(value);
        match &known.source {
            Source::Variable if !found.contains(&known.name) => found.push(known.name.clone()),
            Source::Node(id) => open.extend(&graph.nodes()[id.index()].inputs),
            Source::Variable | Source::Input | Source::Constant(_) => {}
        }
    }
    found
}

struct Planner<'a> {
    graph: &'a Graph,
    fixed: &'a [bool],
    /// For each storage value, inputs among them, the last step that reads it; `usize::MAX` for outputs.
    last_use: HashMap<ValueId, usize>,
    steps: Vec<NodeId>,
    slots: Vec<usize>,
    input_slots: Vec<usize>,
    residents: Vec<Resident>,
    locations: HashMap<ValueId, Location>,
    liveness_bound: usize,
}

impl<'a> Planner<'a> {
    fn new(graph: &'a Graph, fixed: &'a [bool]) -> Self {
        let mut steps = runnable(graph, fixed);
        let in_place = in_place(graph, &steps);
        let is_done =
            |node: &Node| matches!(node.op, Op::Assign(_)) && in_place.contains(&storage(graph, node.inputs[1]));
        steps.retain(|id| !is_done(&graph.nodes()[id.index()]));
        let mut last_use = HashMap::new();
        for (step, id) in steps.iter().enumerate() {
            let node = &graph.nodes()[id.index()];
            last_use.entry(storage(graph, node.output)).or_insert(step);
            for &input in &node.inputs {
                last_use.insert(storage(graph, input), step);
            }
        }
        for &(_, output) in graph.outputs() {
            last_use.insert(storage(graph, output), usize::MAX);
        }
        let inputs = graph.inputs().iter().enumerate().map(|(index, &id)| (id, Location::Input(index)));
        let locations = inputs.chain(in_place.into_iter().map(|value| (value, Location::InPlace))).collect();
        let (slots, input_slots, residents) = (Vec::new(), vec![0; graph.inputs().len()], Vec::new());
        Self { graph, fixed, last_use, steps, slots, input_slots, residents, locations, liveness_bound: 0 }
    }

    /// Every variable and everything weight-only that a step reads or that is an output.
    fn place_residents(&mut self) {
        let read = self.steps.iter().flat_map(|id| self.graph.nodes()[id.index()].inputs.iter().copied());
        let outputs = self.graph.outputs().iter().map(|&(_, value)| value);
        let wanted: Vec<ValueId> = read.chain(outputs).map(|value| storage(self.graph, value)).collect();
        let mut known: HashMap<String, usize> = HashMap::new();
        for value in wanted {
            let resident = self.fixed[value.index()] || self.graph.value(value).source == Source::Variable;
            if !resident || self.locations.contains_key(&value) {
                continue;
            }
            let key = key(self.graph, value);
            let index = *known.entry(key.clone()).or_insert_with(|| {
                let variables = variables(self.graph, value);
                self.residents.push(Resident { key, value, variables });
                self.residents.len() - 1
            });
            self.locations.insert(value, Location::Resident(index));
        }
    }

    /// Gives every input and every step's output a slot, greedily in four orders, of which the one that takes the least bytes
    /// is kept: by size, by breadth (both of Pisarchyk and Lee, "Efficient memory management for deep neural net inference",
    /// 2020), as the values come to life, and backwards. Which of them is best depends on the model.
    fn place_steps(&mut self) {
        let inputs = self.graph.inputs().iter().map(|&value| self.life(value, 0));
        let node = |id: &NodeId| &self.graph.nodes()[id.index()];
        // What is assigned lies in its variable.
        let assigned = |id: &NodeId| {
            matches!(node(id).op, Op::Assign(_)) || self.locations.get(&node(id).output) == Some(&Location::InPlace)
        };
        let outputs = self.steps.iter().enumerate().filter(|(_, id)| !assigned(id));
        let outputs = outputs.map(|(step, id)| self.life(storage(self.graph, node(id).output), step));
        let lives: Vec<Life> = inputs.chain(outputs).collect();
        self.liveness_bound = liveness_bound(&lives);
        let backwards = lives.iter().rev().copied().collect();
        let orders = [by_size(lives.clone()), by_breadth(lives.clone()), backwards, lives];
        let bytes = |slots: &Vec<Slot>| slots.iter().map(|slot| slot.bytes).sum::<usize>();
        let slots = orders.iter().map(|lives| pack(lives)).min_by_key(bytes).unwrap_or_default();
        for (index, slot) in slots.into_iter().enumerate() {
            self.slots.push(slot.bytes);
            for life in slot.lives {
                match self.graph.inputs().iter().position(|&input| input == life.value) {
                    Some(input) => self.input_slots[input] = index,
                    None => drop(self.locations.insert(life.value, Location::Slot(index))),
                }
            }
        }
    }

    /// When a value that is there from step `from` on is alive.
    fn life(&self, value: ValueId, from: usize) -> Life {
        let to = self.last_use.get(&value).copied().unwrap_or(from);
        Life { value, bytes: bytes(self.graph, value), from, to }
    }
}

/// Memory for values of which no two are alive at one step.
struct Slot {
    bytes: usize,
    lives: Vec<Life>,
}

/// The largest first.
fn by_size(mut lives: Vec<Life>) -> Vec<Life> {
    lives.sort_by_key(|life| std::cmp::Reverse(life.bytes));
    lives
}

/// Those first that are alive at the step where the most bytes are, the largest of them first; then the next step's.
fn by_breadth(lives: Vec<Life>) -> Vec<Life> {
    // What is alive to the end has no last step.
    let last = lives.iter().map(|life| life.from).max().unwrap_or(0);
    let steps = |life: &Life| life.from..=life.to.min(last).max(life.from);
    let mut breadth = vec![0_usize; last + 1];
    for life in &lives {
        breadth[steps(life)].iter_mut().for_each(|bytes| *bytes = bytes.saturating_add(life.bytes));
    }
    let mut lives = by_size(lives);
    lives.sort_by_key(|life| std::cmp::Reverse(breadth[steps(life)].iter().copied().max()));
    lives
}

/// Gives each value the smallest free slot that holds it, else the largest free one, which grows, else a new one.
fn pack(lives: &[Life]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for &life in lives {
        let free = slots.iter_mut().filter(|slot| !slot.lives.iter().any(|other| life.meets(other)));
        // Of those that are too small the one that lacks least, behind all that are large enough.
        let best = free.min_by_key(|slot| (slot.bytes < life.bytes, slot.bytes.abs_diff(life.bytes)));
        match best {
            Some(slot) => {
                slot.bytes = slot.bytes.max(life.bytes);
                slot.lives.push(life);
            }
            None => slots.push(Slot { bytes: life.bytes, lives: vec![life] }),
        }
    }
    slots
}

/// A value from the step that writes it to the last that reads it, both included. An input is there at the first step.
#[derive(Debug, Clone, Copy)]
struct Life {
    value: ValueId,
    bytes: usize,
    from: usize,
    to: usize,
}

impl Life {
    fn meets(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// The most bytes alive at one step; the lives are in the order of their first steps.
fn liveness_bound(lives: &[Life]) -> usize {
    let mut alive: Vec<&Life> = Vec::new();
    let mut bound = 0;
    for life in lives {
        alive.retain(|other| other.to >= life.from);
        alive.push(life);
        bound = bound.max(alive.iter().fold(0, |sum: usize, life| sum.saturating_add(life.bytes)));
    }
    bound
}

/// The outputs of those optimizers' steps whose every part the next steps assign to the variable that it was made of, and that
/// nothing else reads.
fn in_place(graph: &Graph, steps: &[NodeId]) -> Vec<ValueId> {
    let mut readers: HashMap<ValueId, usize> = HashMap::new();
    let read = graph.nodes().iter().flat_map(|node| &node.inputs).chain(graph.outputs().iter().map(|(_, value)| value));
    read.for_each(|&value| *readers.entry(value).or_default() += 1);
    let node = |id: &NodeId| &graph.nodes()[id.index()];
    let is_in_place = |index: usize| {
        let step = node(&steps[index]);
        let Op::OptimizerStep(_) = step.op else { return false };
        let variables = OptimizerStep::variables(&step.inputs);
        let own: Vec<ValueId> = variables.iter().map(|&variable| storage(graph, variable)).collect();
        let others = &step.inputs[..step.inputs.len() - own.len()];
        let is_own = |(row, &variable): (usize, &ValueId)| {
            let count = element_count(&graph.value(variable).shape);
            graph.value(variable).source == Source::Variable
                && others.iter().all(|&other| storage(graph, other) != variable)
                && !own[..row].contains(&variable)
                && steps.get(index + 1 + row).map(node).is_some_and(|assign| {
                    let Op::Assign(Assign { first }) = assign.op else { return false };
                    storage(graph, assign.inputs[0]) == variable
                        && assign.inputs[1] == step.output
                        && count.map(|count| row * count) == Some(first)
                })
        };
        readers.get(&step.output) == Some(&own.len()) && own.iter().enumerate().all(is_own)
    };
    (0..steps.len()).filter(|&index| is_in_place(index)).map(|index| node(&steps[index]).output).collect()
}

/// The nodes that run at each run: not weight-only, no reshape, and needed for an output or an assignment.
fn runnable(graph: &Graph, fixed: &[bool]) -> Vec<NodeId> {
    let needed = graph.needed();
    graph
        .node_ids()
        .filter(|id| {
            let node = &graph.nodes()[id.index()];
            needed[node.output.index()] && !fixed[node.output.index()] && !matches!(node.op, Op::Reshape(_))
        })
        .collect()
}
