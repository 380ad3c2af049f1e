//! One step of an optimizer, as [`Rule`] defines it, in the steps in which kernels compute.

use cnn_core::op::{OptimizerStep, Rule};

use super::accuracy::Real;
use super::array::Array;

/// Weight and states after the step, stacked.
pub(super) fn step<R: Real>(op: &OptimizerStep, inputs: &[&Array]) -> Vec<R> {
    let settings = [0, 1, 2, 3].map(|i| R::exact(inputs[0].data[i]));
    let done = inputs[0].data[4] != 0.0;
    let (rows, n) = (1 + op.rule.states(), inputs[1].data.len());
    let mut out = vec![R::exact(0.0); rows * n];
    for i in 0..n {
        let at = |input: usize| inputs.get(input).map_or(R::exact(0.0), |x| R::exact(x.data[i]));
        let (w, states) = (at(2), [at(3), at(4), at(5)]);
        let new =
            if done { element(&op.rule, settings, at(1), w, states) } else { [w, states[0], states[1], states[2]] };
        (0..rows).for_each(|row| out[row * n + i] = new[row]);
    }
    out
}

/// One element of the weight and of its states after the step.
#[inline(always)]
pub fn element<R: Real>(rule: &Rule, settings: [R; 4], g: R, w: R, states: [R; 3]) -> [R; 4] {
    let (zero, one) = (R::exact(0.0), R::exact(1.0));
    let [rate, second, third, decay] = settings;
    let w = w - w * decay;
    // `old + (1 - keep)·(new - old)`
    let moved = |keep: f64, old: R, new: R| old + (new - old) * R::constant(1.0 - keep);
    // `keep·old + (1 - keep)·new`
    let mixed = |keep: f64, old: R, new: R| R::constant(keep) * old + R::constant(1.0 - keep) * new;
    match *rule {
        Rule::Sgd { momentum: 0.0, .. } => [w - rate * g, zero, zero, zero],
        Rule::Sgd { momentum, nesterov } => {
            let m = R::constant(momentum) * states[0] - rate * g;
            let step = if nesterov { R::constant(momentum) * m - rate * g } else { m };
            [w + step, m, zero, zero]
        }
        Rule::Adam { beta_1, beta_2, epsilon, amsgrad } => {
            let (m, v) = (moved(beta_1, states[0], g), moved(beta_2, states[1], g * g));
            let largest = if amsgrad { states[2].max(v) } else { v };
            [w - m * rate / (largest.sqrt() + R::constant(epsilon)), m, v, largest]
        }
        Rule::RmsProp { rho, momentum, epsilon, centered } => {
            let v = mixed(rho, states[0], g * g);
            let a = mixed(rho, states[1], g);
            let under = if centered { (v - a * a) + R::constant(epsilon) } else { v + R::constant(epsilon) };
            let increment = rate * g * under.inverse_sqrt();
            let last = states[if centered { 2 } else { 1 }];
            let m = if momentum == 0.0 { increment } else { R::constant(momentum) * last + increment };
            if centered { [w - m, v, a, m] } else { [w - m, v, m, zero] }
        }
        Rule::Adagrad { epsilon } => {
            let a = states[0] + g * g;
            [w - rate * g * (a + R::constant(epsilon)).inverse_sqrt(), a, zero, zero]
        }
        Rule::Adadelta { rho, epsilon } => {
            let epsilon = R::constant(epsilon);
            let a = mixed(rho, states[0], g * g);
            let d = -((states[1] + epsilon).sqrt() * g * (a + epsilon).inverse_sqrt());
            [w + rate * d, a, mixed(rho, states[1], d * d), zero]
        }
        Rule::Adamax { beta_1, beta_2, epsilon } => {
            let m = moved(beta_1, states[0], g);
            let u = (R::constant(beta_2) * states[1]).max(g.abs());
            [w - rate * m / (u + R::constant(epsilon)), m, u, zero]
        }
        Rule::Nadam { beta_1, beta_2, epsilon } => {
            let (m, v) = (moved(beta_1, states[0], g), moved(beta_2, states[1], g * g));
            [w - (rate * m + second * g) / ((v * third).sqrt() + R::constant(epsilon)), m, v, zero]
        }
        Rule::Lion { beta_1, beta_2 } => {
            let direction = R::constant(beta_1) * states[0] + R::constant(1.0 - beta_1) * g;
            let sign = direction.branch(0.0, |d| -(-d).branch(0.0, |_| zero, |_| one), |_| one);
            [w - rate * sign, mixed(beta_2, states[0], g), zero, zero]
        }
        Rule::Ftrl { learning_rate_power, l1, l2, l2_shrinkage, beta } => {
            let (a, z) = (states[0], states[1]);
            let power = |a: R| {
                if learning_rate_power == -0.5 { a.sqrt() } else { (R::constant(-learning_rate_power) * a.log()).exp() }
            };
            let new = a + g * g;
            let (old_power, new_power) = (power(a), power(new));
            let shrunk = g + R::constant(2.0 * l2_shrinkage) * w;
            let z = z + (shrunk - (new_power - old_power) / rate * w);
            let l1 = R::constant(l1);
            let clipped = z.max(-l1).min(l1);
            let quadratic = (new_power + R::constant(beta)) / rate + R::constant(2.0 * l2);
            [(clipped - z) / quadratic, new, z, zero]
        }
    }
}
