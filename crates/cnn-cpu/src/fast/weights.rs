//! The weights of one model on the CPU, shared by all its programs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cnn_core::plan::{self, Plan};
use cnn_core::{Graph, Source, Tensor, ValueId, WeightSource};

use super::{View, compute};
use crate::error::CpuError;

/// What programs read and never write: weights as they are, and what the weight prologue made of them.
///
/// Weights that a program reads as they are are the host's tensors, shared and not copied; what else comes out of a file is
/// let go once the prologue has read it.
#[derive(Debug)]
pub struct CpuWeights {
    host: Arc<dyn WeightSource>,
    residents: Mutex<HashMap<String, Arc<Tensor>>>,
}

impl CpuWeights {
    /// Weights by path. Nothing is read or computed before a program asks for it.
    pub fn new(host: Arc<dyn WeightSource>) -> Arc<Self> {
        Arc::new(Self { host, residents: Mutex::default() })
    }

    /// Bytes of what programs read, each weight once.
    pub fn bytes(&self) -> u64 {
        let residents = self.residents.lock().unwrap_or_else(PoisonError::into_inner);
        residents.values().map(|tensor| size_of_val(tensor.data()) as u64).sum()
    }

    /// The plan's residents in order; those not yet there are made.
    pub(super) fn residents(&self, plan: &Plan) -> Result<Vec<Arc<Tensor>>, CpuError> {
        let mut maker = Maker { weights: self, graph: plan.graph(), made: HashMap::new() };
        let mut found = Vec::new();
        for resident in plan.residents() {
            let known = self.residents.lock().unwrap_or_else(PoisonError::into_inner).get(&resident.key).cloned();
            let tensor = match known {
                Some(tensor) => tensor,
                None => {
                    let made = maker.make(resident.value)?;
                    let mut residents = self.residents.lock().unwrap_or_else(PoisonError::into_inner);
                    residents.entry(resident.key.clone()).or_insert(made).clone()
                }
            };
            found.push(tensor);
        }
        Ok(found)
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
            Source::Variable => match self.weights.host.tensor(&path)? {
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
