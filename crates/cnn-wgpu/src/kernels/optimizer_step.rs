//! Kernels of [`cnn_core::op::OptimizerStep`].

use bytemuck::{Pod, Zeroable};
use cnn_core::op::{OptimizerStep, Rule};

use super::{INVOCATIONS, lanes, variant};
use crate::kernel::{Candidate, Kernel, Problem};

/// `Params` of `shaders/optimizer_step.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct Params {
    /// Of the rule.
    pub arguments: [f32; 4],
    /// Of the rule.
    pub more_arguments: [f32; 4],
    /// Elements of the weight, in lanes.
    pub count: u32,
    /// Nothing.
    pub pad: [u32; 3],
}

/// All ways to do a step into a tensor of its own.
pub fn candidates(op: &OptimizerStep, problem: &Problem) -> Vec<Candidate> {
    let weight = OptimizerStep::OWN_INPUTS - 1;
    let (states, all) = (op.rule.states(), 3);
    let reads = (0..=weight + all).map(|input| if input <= weight + states { input } else { weight }).collect();
    vec![Candidate::one("optimizer_step", kernel(op, problem, "variables_stacked", reads))]
}

/// The way to write the new weight and states over the old ones: the last inputs of an op that has no output then.
pub fn in_place(op: &OptimizerStep, problem: &Problem) -> Candidate {
    let name = "optimizer_step in place";
    if problem.inputs[1].contains(&0) {
        return Candidate { name: name.into(), dispatches: vec![] };
    }
    let variables = ["variables_0", "variables_1", "variables_2", "variables_3"][op.rule.states()];
    let kernel = kernel(op, problem, variables, (0..problem.inputs.len()).collect());
    Candidate::one(name, kernel.in_place(1 + op.rule.states()))
}

fn kernel(op: &OptimizerStep, problem: &Problem, variables: &'static str, reads: Vec<usize>) -> Kernel {
    let len: usize = problem.inputs[1].iter().product();
    let lanes = lanes(&[len]);
    let count = len / lanes;
    let (code, arguments) = rule(&op.rule);
    let [arguments, more_arguments] = arguments.map(|arguments| arguments.map(|argument| argument as f32));
    let params = Params { arguments, more_arguments, count: count as u32, pad: [0; 3] };
    let mut variant = variant(problem, lanes);
    variant.imports.push(("variables", variables));
    variant.constants.extend([("RULE", code), ("STATES", op.rule.states() as u32)]);
    let workgroups = count.div_ceil(INVOCATIONS);
    Kernel::new("optimizer_step", variant, &params, reads, workgroups, problem.capabilities)
}

/// The constant `RULE` of the shader, and the rule's arguments:
///
/// | rule | arguments |
/// |---|---|
/// | Sgd | momentum |
/// | Adam, Adamax, Nadam | 1 - beta_1, 1 - beta_2 (of Adamax beta_2), epsilon |
/// | RmsProp | rho, 1 - rho, epsilon, momentum |
/// | Adagrad | epsilon |
/// | Adadelta | rho, 1 - rho, epsilon |
/// | Lion | beta_1, 1 - beta_1, beta_2, 1 - beta_2 |
/// | Ftrl | -learning_rate_power, l1, 2·l2, beta; 2·l2_shrinkage |
fn rule(rule: &Rule) -> (u32, [[f64; 4]; 2]) {
    let one = |code, arguments| (code, [arguments, [0.0; 4]]);
    match *rule {
        Rule::Sgd { momentum: 0.0, .. } => one(0, [0.0; 4]),
        Rule::Sgd { momentum, nesterov } => one(if nesterov { 2 } else { 1 }, [momentum, 0.0, 0.0, 0.0]),
        Rule::Adam { beta_1, beta_2, epsilon, amsgrad } => {
            one(if amsgrad { 4 } else { 3 }, [1.0 - beta_1, 1.0 - beta_2, epsilon, 0.0])
        }
        Rule::RmsProp { rho, momentum, epsilon, centered } => {
            let code = match (centered, momentum == 0.0) {
                (false, true) => 5,
                (false, false) => 6,
                (true, true) => 7,
                (true, false) => 8,
            };
            one(code, [rho, 1.0 - rho, epsilon, momentum])
        }
        Rule::Adagrad { epsilon } => one(9, [epsilon, 0.0, 0.0, 0.0]),
        Rule::Adadelta { rho, epsilon } => one(10, [rho, 1.0 - rho, epsilon, 0.0]),
        Rule::Adamax { beta_1, beta_2, epsilon } => one(11, [1.0 - beta_1, beta_2, epsilon, 0.0]),
        Rule::Nadam { beta_1, beta_2, epsilon } => one(12, [1.0 - beta_1, 1.0 - beta_2, epsilon, 0.0]),
        Rule::Lion { beta_1, beta_2 } => one(13, [beta_1, 1.0 - beta_1, beta_2, 1.0 - beta_2]),
        Rule::Ftrl { learning_rate_power, l1, l2, l2_shrinkage, beta } => {
            let code = if learning_rate_power == -0.5 { 14 } else { 15 };
            (code, [[-learning_rate_power, l1, 2.0 * l2, beta], [2.0 * l2_shrinkage, 0.0, 0.0, 0.0]])
        }
    }
}
