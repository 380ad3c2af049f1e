//! Whether a device can hold a plan, told before anything is made on it.

use cnn_core::plan::{self, Location, Plan};
use cnn_core::{DType, Source, ValueId};

use crate::buffers;
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Capabilities;

impl Capabilities {
    /// Most bytes of one tensor: a kernel sees each through one binding.
    pub fn max_tensor(&self) -> u64 {
        self.max_binding.min(self.max_buffer)
    }

    /// Whether every tensor of `plan` fits the device's limits. Needs no device: a batch that is too large can be cut
    /// before anything is made.
    ///
    /// # Errors
    /// [`GpuError::Limit`] with the layer or weight that is too large.
    pub fn check(&self, plan: &Plan) -> Result<(), GpuError> {
        let graph = plan.graph();
        let steps = plan.steps().iter().map(|id| graph.nodes()[id.index()].output);
        let residents = plan.residents().iter().map(|resident| resident.value);
        for value in graph.inputs().iter().copied().chain(steps).chain(residents) {
            let bytes = buffers::padded(plan::bytes(graph, value));
            if bytes > self.max_tensor() {
                let (name, remedy) = describe(plan, value);
                return Err(GpuError::Limit { name, bytes, limit: self.max_tensor(), remedy: remedy.into() });
            }
        }
        Ok(())
    }
}

/// What a value is called by a user, and what helps if it is too large.
fn describe(plan: &Plan, value: ValueId) -> (String, &'static str) {
    let graph = plan.graph();
    let known = graph.value(value);
    if let Some(Location::Resident(_)) = plan.location(value) {
        return (format!("weight {}", known.name), "cut large weights (Simplify::weight_limit), or use the CPU");
    }
    let what = match known.source {
        Source::Node(id) => format!("the output of layer {}", graph.nodes()[id.index()].name),
        Source::Input | Source::Variable | Source::Constant(_) => format!("input {}", known.name),
    };
    (format!("{what} of shape {:?}", known.shape), "use a smaller batch or picture, or the CPU")
}

/// Whether `gpu` can run `plan` at all.
///
/// # Errors
/// If a tensor is too large, or the plan holds float16 that the device's shaders do not know.
pub(crate) fn check(gpu: &Gpu, plan: &Plan) -> Result<(), GpuError> {
    let capabilities = gpu.capabilities();
    if !capabilities.f16 && plan.graph().values().iter().any(|value| value.dtype == DType::F16) {
        return Err(GpuError::MissingFeature {
            adapter: gpu.info().name.clone(),
            feature: "SHADER_F16".into(),
            remedy: "use float32".into(),
        });
    }
    capabilities.check(plan)
}
