//! The weights of one model on the CPU, shared by all its programs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cnn_core::plan::{self, Plan};
use cnn_core::{Graph, Source, Tensor, ValueId, WeightSource};

use super::{View, compute};
use crate::error::CpuError;

/// Weights as they are, and what the weight prologue made of them. Programs of inference read them and never write; those of
/// training change variables, and what was made of these is made again before the next program reads it.
///
/// Weights that a program reads as they are are the host's tensors, shared and not copied; what else comes out of a file is
/// let go once the prologue has read it.
#[derive(Debug)]
pub struct CpuWeights {
    host: Arc<dyn WeightSource>,
    residents: Mutex<Residents>,
}

#[derive(Debug, Default)]
struct Residents {
    /// By key. With what it is made of, but for variables.
    made: HashMap<String, (Arc<Tensor>, Option<Vec<String>>)>,
    /// How often a program has changed a variable.
    changes: u64,
}

impl CpuWeights {
    /// Weights by path. Nothing is read or computed before a program asks for it.
    pub fn new(host: Arc<dyn WeightSource>) -> Arc<Self> {
        Arc::new(Self { host, residents: Mutex::default() })
    }

    /// Bytes of what programs read, each weight once.
    pub fn bytes(&self) -> u64 {
        self.lock().made.values().map(|(tensor, _)| size_of_val(tensor.data()) as u64).sum()
    }

    /// The variable of that path as it is now.
    ///
    /// # Errors
    /// If it cannot be read from where the weights are kept.
    pub fn read(&self, path: &str) -> Result<Option<Arc<Tensor>>, CpuError> {
        let known = self.lock().made.get(path).map(|(tensor, _)| tensor.clone());
        if known.is_some() { Ok(known) } else { Ok(self.host.tensor(path)?) }
    }

    /// How often a program has changed a variable: a program that has seen another number asks for [`Self::residents`] again.
    pub(super) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Gives variables new tensors, and lets go what was made of the old ones.
    pub(super) fn change(&self, variables: Vec<(String, Arc<Tensor>)>) {
        let mut residents = self.lock();
        let changed = |path: &String| variables.iter().any(|(variable, _)| variable == path);
        residents.made.retain(|_, (_, made_of)| !made_of.iter().flatten().any(changed));
        residents.made.extend(variables.into_iter().map(|(path, tensor)| (path, (tensor, None))));
        residents.changes += 1;
    }

    /// The plan's residents in order; those not yet there are made.
    pub(super) fn residents(&self, plan: &Plan) -> Result<Vec<Arc<Tensor>>, CpuError> {
        let mut maker = Maker { weights: self, graph: plan.graph(), made: HashMap::new() };
        let mut found = Vec::new();
        for resident in plan.residents() {
            let known = self.lock().made.get(&resident.key).map(|(tensor, _)| tensor.clone());
            let tensor = match known {
                Some(tensor) => tensor,
                None => {
                    let made = maker.make(resident.value)?;
                    let made_of = resident.is_derived().then(|| resident.variables.clone());
                    self.lock().made.entry(resident.key.clone()).or_insert((made, made_of)).0.clone()
                }
            };
            found.push(tensor);
        }
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, Residents> {
        self.residents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the weight prologue of one graph.
struct Maker<'a> {
    weights: &'a CpuWeights,
    graph: &'a Graph,
    /// By the value in whose memory they lie.
    made: HashMap<ValueId, Arc<Tensor>>,
}

impl Maker<'_> {
    fn make(&mut self, value: ValueId) -> Result<Arc<Tensor>, CpuError> {
        let value = plan::storage(self.graph, value);
        if let Some(tensor) = self.made.get(&value) {
            return Ok(tensor.clone());
        }
        let known = self.graph.value(value);
        let (path, shape) = (known.name.clone(), known.shape.clone());
        let tensor = match &known.source {
            Source::Constant(tensor) => tensor.clone(),
            Source::Variable => match self.weights.read(&path)? {
                None => return Err(CpuError::MissingWeight { path, shape }),
                Some(tensor) if tensor.shape() != shape => {
                    return Err(CpuError::WeightShape { path, wanted: shape, got: tensor.shape().to_vec() });
                }
                Some(tensor) => tensor,
            },
            Source::Node(id) => Arc::new(self.run(id.index(), shape)?),
            // The planner calls nothing a resident that depends on an input.
            Source::Input => return Err(CpuError::MissingWeight { path, shape }),
        };
        self.made.insert(value, tensor.clone());
        Ok(tensor)
    }

    /// The output of a node of the prologue.
    fn run(&mut self, node: usize, shape: Vec<usize>) -> Result<Tensor, CpuError> {
        let node = &self.graph.nodes()[node];
        let inputs: Vec<Arc<Tensor>> = node.inputs.iter().map(|&input| self.make(input)).collect::<Result<_, _>>()?;
        let views = node.inputs.iter().zip(&inputs);
        let views: Vec<View> =
            views.map(|(&input, tensor)| View { shape: &self.graph.value(input).shape, data: tensor.data() }).collect();
        let mut y = Tensor::full(shape.clone(), 0.0);
        compute(&node.op, &views, &shape, y.data_mut());
        Ok(y)
    }
}
