//! Cases of the optimizers' steps.

use cnn_core::Op;
use cnn_core::op::{OptimizerStep, Rule};
use proptest::prelude::*;

use super::Case;

const fn rmsprop(momentum: f64, centered: bool) -> Rule {
    Rule::RmsProp { rho: 0.9, momentum, epsilon: 1e-2, centered }
}

/// Epsilons are large here: the smaller they are, the wider is every bound.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule::Sgd { momentum: 0.0, nesterov: false },
    Rule::Sgd { momentum: 0.9, nesterov: false },
    Rule::Sgd { momentum: 0.9, nesterov: true },
    Rule::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false },
    Rule::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-3, amsgrad: true },
    rmsprop(0.0, false), rmsprop(0.9, false), rmsprop(0.0, true), rmsprop(0.9, true),
    Rule::Adagrad { epsilon: 1e-7 },
    Rule::Adadelta { rho: 0.95, epsilon: 1e-3 },
    Rule::Adamax { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 },
    Rule::Nadam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 },
    Rule::Lion { beta_1: 0.9, beta_2: 0.99 },
    Rule::Ftrl { learning_rate_power: -0.5, l1: 0.1, l2: 0.2, l2_shrinkage: 0.05, beta: 0.1 },
    Rule::Ftrl { learning_rate_power: -0.4, l1: 0.0, l2: 0.0, l2_shrinkage: 0.0, beta: 0.0 },
];

/// Shapes of the weight.
const SHAPES: &[&[usize]] = &[&[5], &[3, 3, 5, 8]];

/// The table.
pub fn cases() -> Vec<Case> {
    let more = [&[][..], &[1], &[0, 4], &[9001]].map(|shape| case(RULES[3], shape));
    RULES.iter().flat_map(|&rule| SHAPES.iter().map(move |shape| case(rule, shape))).chain(more).collect()
}

fn case(rule: Rule, shape: &[usize]) -> Case {
    let inputs = [vec![vec![OptimizerStep::SETTINGS]], vec![shape.to_vec(); 2 + rule.states()]].concat();
    Case::new(format!("{rule:?}"), Op::OptimizerStep(OptimizerStep { rule }), inputs)
}

/// Random shapes.
pub fn strategy() -> BoxedStrategy<Case> {
    (prop::sample::select(RULES.to_vec()), prop::collection::vec(1..=9usize, 1..=4))
        .prop_map(|(rule, shape)| case(rule, &shape))
        .boxed()
}
