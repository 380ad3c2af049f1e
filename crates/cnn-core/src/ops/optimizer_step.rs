//! One step of an optimizer on one weight.

use super::Shape;
use crate::tensor::element_count;

/// A weight and its optimizer's state after one step, stacked: output `[1 + states, ..]` for a weight `[..]`.
///
/// Inputs: settings `[5]`, the gradient g, the weight w, and the states in the order of [`Rule`]. The settings change from step
/// to step: the learning rate or what the rule makes of it, two more numbers that the rule names, the share of the weight
/// that decays (`w · settings[3]` is taken off before anything else), and whether the step is done: where `settings[4]` is 0,
/// weight and states stay as they are, whatever the gradient is. Formulas are Keras's (`keras.optimizers`).
///
/// ```
/// use cnn_core::op::{Op, OptimizerStep, Rule};
/// let op = Op::OptimizerStep(OptimizerStep { rule: Rule::Sgd { momentum: 0.9, nesterov: false } });
/// let kernel = [3, 3, 16, 32];
/// assert_eq!(op.output_shape(&[&[5], &kernel, &kernel, &kernel])?, [2, 3, 3, 16, 32]);
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerStep {
    /// How the weight moves.
    pub rule: Rule,
}

/// How a weight moves by its gradient. `a ← b` is a new state; rate stands for `settings[0]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Without momentum `w ← w - rate·g` and no state, else `m ← momentum·m - rate·g`, and `w ← w + m`, or after Nesterov
    /// `w ← w + momentum·m - rate·g`.
    Sgd {
        /// The share of the last step that goes on.
        momentum: f64,
        /// Whether the gradient is taken as if the step were already done.
        nesterov: bool,
    },
    /// `m ← m + (1 - beta_1)·(g - m)`, `v ← v + (1 - beta_2)·(g² - v)`, with AMSGrad `v̂ ← max(v̂, v)`;
    /// `w ← w - rate·m / (√v + epsilon)`. Kingma and Ba, arXiv 1412.6980.
    ///
    /// rate: `learning_rate · √(1 - beta_2^t) / (1 - beta_1^t)`.
    Adam {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Added to the root.
        epsilon: f64,
        /// Whether the largest second moment so far counts (a third state).
        amsgrad: bool,
    },
    /// `v ← rho·v + (1 - rho)·g²`, `i = rate·g / √(v + epsilon)`, centered `a ← rho·a + (1 - rho)·g` and
    /// `√(v - a² + epsilon)`; `w ← w - i`, or with momentum `m ← momentum·m + i`, `w ← w - m`. States: v, then a where
    /// centered, then m where there is momentum.
    RmsProp {
        /// Decay of the mean square.
        rho: f64,
        /// The share of the last step that goes on.
        momentum: f64,
        /// Added under the root.
        epsilon: f64,
        /// Whether the mean is taken off the mean square.
        centered: bool,
    },
    /// `a ← a + g²`, `w ← w - rate·g / √(a + epsilon)`. Duchi et al., JMLR 12, 2011.
    Adagrad {
        /// Added under the root.
        epsilon: f64,
    },
    /// `a ← rho·a + (1 - rho)·g²`, `d = -√(b + epsilon) / √(a + epsilon)·g`, `b ← rho·b + (1 - rho)·d²`, `w ← w + rate·d`.
    /// Zeiler, arXiv 1212.5701.
    Adadelta {
        /// Decay of both mean squares.
        rho: f64,
        /// Added under the roots.
        epsilon: f64,
    },
    /// `m ← m + (1 - beta_1)·(g - m)`, `u ← max(beta_2·u, |g|)`, `w ← w - rate·m / (u + epsilon)`. arXiv 1412.6980,
    /// section 7.
    ///
    /// rate: `learning_rate / (1 - beta_1^t)`.
    Adamax {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the largest gradient.
        beta_2: f64,
        /// Added to it.
        epsilon: f64,
    },
    /// Moments as Adam's; `w ← w - (rate·m + settings[1]·g) / (√(v·settings[2]) + epsilon)`. Dozat, ICLR workshop, 2016.
    ///
    /// With `u_t = beta_1·(1 - 0.96^t / 2)` and their product U_t, rate is `learning_rate · u_{t+1} / (1 - U_{t+1})`,
    /// `settings[1]` is `learning_rate · (1 - u_t) / (1 - U_t)`, and `settings[2]` is `1 / (1 - beta_2^t)`.
    Nadam {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Added to the root.
        epsilon: f64,
    },
    /// `w ← w - rate·sign(beta_1·m + (1 - beta_1)·g)`, then `m ← beta_2·m + (1 - beta_2)·g`. Chen et al., arXiv 2302.06675.
    Lion {
        /// The share of m in the step.
        beta_1: f64,
        /// Decay of m.
        beta_2: f64,
    },
    /// `a' = a + g²`, `z ← z + g + 2·l2_shrinkage·w - (a'^p - a^p) / rate · w` with `p = -learning_rate_power`,
    /// `w ← (clamp(z, -l1, l1) - z) / (a'^p / rate + 2·(l2 + beta / (2·rate)))`, `a ← a'`. States: a, z. McMahan et al., KDD 2013.
    Ftrl {
        /// At most 0; -1/2 is the usual one.
        learning_rate_power: f64,
        /// Strength of L1.
        l1: f64,
        /// Strength of L2.
        l2: f64,
        /// Strength of the L2 that only shrinks.
        l2_shrinkage: f64,
        /// The paper's beta.
        beta: f64,
    },
}

impl Rule {
    /// How many states it keeps for each weight.
    pub fn states(&self) -> usize {
        match *self {
            Rule::Sgd { momentum, .. } => usize::from(momentum != 0.0),
            Rule::Adam { amsgrad, .. } => 2 + usize::from(amsgrad),
            Rule::RmsProp { momentum, centered, .. } => 1 + usize::from(centered) + usize::from(momentum != 0.0),
            Rule::Adagrad { .. } | Rule::Lion { .. } => 1,
            Rule::Adadelta { .. } | Rule::Adamax { .. } | Rule::Nadam { .. } | Rule::Ftrl { .. } => 2,
        }
    }
}

impl OptimizerStep {
    /// Inputs before the states.
    pub const OWN_INPUTS: usize = 3;
    /// Numbers of the settings.
    pub const SETTINGS: usize = 5;

    /// Of a node's inputs the weight and its states.
    pub fn variables<T>(inputs: &[T]) -> &[T] {
        inputs.get(Self::OWN_INPUTS - 1..).unwrap_or_default()
    }

    pub(crate) fn output_shape(&self, inputs: &[&[usize]]) -> Shape {
        let states = self.rule.states();
        let [settings, gradient, weight, ..] = inputs else {
            return Err("expects settings, a gradient and a weight".into());
        };
        if inputs.len() != Self::OWN_INPUTS + states {
            return Err(format!("expects settings, a gradient, a weight and {states} states"));
        }
        if **settings != [Self::SETTINGS]
            || inputs[1..].iter().any(|shape| shape != gradient)
            || element_count(weight).is_none()
        {
            return Err("expects settings of shape [5], and a gradient and states of the weight's shape".into());
        }
        Ok([&[1 + states], *weight].concat())
    }
}
