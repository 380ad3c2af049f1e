//! Optimizers, as `keras.optimizers` has them: what a run of training knows of one.

use cnn_core::op::{OptimizerStep, Rule};

/// An optimizer: its rule and what goes with every rule. Names and defaults are Keras's.
///
/// ```
/// use cnn_train::Optimizer;
/// let sgd = Optimizer::sgd().momentum(0.9).learning_rate(0.05);
/// assert_eq!(sgd.settings(1, 0.05), [0.05, 0.0, 0.0, 0.0, 1.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optimizer {
    /// How a weight moves.
    pub rule: Rule,
    /// The learning rate where no schedule gives another.
    pub learning_rate: f64,
    /// What each state begins with.
    pub initial_state: f64,
    /// The share of each weight, times the learning rate, by which it decays at each step.
    pub weight_decay: Option<f64>,
    /// The largest norm of one weight's gradient.
    pub clipnorm: Option<f64>,
    /// The largest element of a gradient.
    pub clipvalue: Option<f64>,
    /// The largest norm of all gradients together.
    pub global_clipnorm: Option<f64>,
}

impl Optimizer {
    /// With that rule and learning rate, and nothing else.
    pub fn new(rule: Rule, learning_rate: f64) -> Self {
        let (weight_decay, clipnorm, clipvalue, global_clipnorm) = (None, None, None, None);
        Self { rule, learning_rate, initial_state: 0.0, weight_decay, clipnorm, clipvalue, global_clipnorm }
    }

    /// `SGD`: learning rate 0.01, no momentum.
    pub fn sgd() -> Self {
        Self::new(Rule::Sgd { momentum: 0.0, nesterov: false }, 0.01)
    }

    /// `Adam`.
    pub fn adam() -> Self {
        Self::new(Rule::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false }, 1e-3)
    }

    /// `AdamW`: Adam with a weight decay of 0.004.
    pub fn adamw() -> Self {
        Self::adam().weight_decay(0.004)
    }

    /// `RMSprop`.
    pub fn rmsprop() -> Self {
        Self::new(Rule::RmsProp { rho: 0.9, momentum: 0.0, epsilon: 1e-7, centered: false }, 1e-3)
    }

    /// `Adagrad`: accumulators begin with 0.1.
    pub fn adagrad() -> Self {
        Self { initial_state: 0.1, ..Self::new(Rule::Adagrad { epsilon: 1e-7 }, 1e-3) }
    }

    /// `Adadelta`.
    pub fn adadelta() -> Self {
        Self::new(Rule::Adadelta { rho: 0.95, epsilon: 1e-7 }, 1e-3)
    }

    /// `Adamax`.
    pub fn adamax() -> Self {
        Self::new(Rule::Adamax { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }, 1e-3)
    }

    /// `Nadam`.
    pub fn nadam() -> Self {
        Self::new(Rule::Nadam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }, 1e-3)
    }

    /// `Lion`.
    pub fn lion() -> Self {
        Self::new(Rule::Lion { beta_1: 0.9, beta_2: 0.99 }, 1e-3)
    }

    /// `Ftrl`: accumulators begin with 0.1.
    pub fn ftrl() -> Self {
        let rule = Rule::Ftrl { learning_rate_power: -0.5, l1: 0.0, l2: 0.0, l2_shrinkage: 0.0, beta: 0.0 };
        Self { initial_state: 0.1, ..Self::new(rule, 1e-3) }
    }

    /// Sets the learning rate.
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets the momentum, of the rules that have one.
    pub fn momentum(mut self, new: f64) -> Self {
        if let Rule::Sgd { momentum, .. } | Rule::RmsProp { momentum, .. } = &mut self.rule {
            *momentum = new;
        }
        self
    }

    /// Sets whether the gradient is taken as if the step were already done, of the rule that asks.
    pub fn nesterov(mut self, new: bool) -> Self {
        if let Rule::Sgd { nesterov, .. } = &mut self.rule {
            *nesterov = new;
        }
        self
    }

    /// Sets by how much weights decay.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    /// Sets the largest norm of one weight's gradient.
    pub fn clipnorm(mut self, clipnorm: f64) -> Self {
        self.clipnorm = Some(clipnorm);
        self
    }

    /// Sets the largest element of a gradient.
    pub fn clipvalue(mut self, clipvalue: f64) -> Self {
        self.clipvalue = Some(clipvalue);
        self
    }

    /// Sets the largest norm of all gradients together.
    pub fn global_clipnorm(mut self, global_clipnorm: f64) -> Self {
        self.global_clipnorm = Some(global_clipnorm);
        self
    }

    /// Names of its states, in the order of the rule.
    pub fn state_names(&self) -> &'static [&'static str] {
        match self.rule {
            Rule::Sgd { momentum: 0.0, .. } => &[],
            Rule::Sgd { .. } => &["momentum"],
            Rule::Adam { amsgrad: false, .. } | Rule::Nadam { .. } => &["momentum", "velocity"],
            Rule::Adam { .. } => &["momentum", "velocity", "velocity_hat"],
            Rule::RmsProp { centered: false, momentum: 0.0, .. } => &["velocity"],
            Rule::RmsProp { centered: false, .. } => &["velocity", "momentum"],
            Rule::RmsProp { momentum: 0.0, .. } => &["velocity", "average_gradient"],
            Rule::RmsProp { .. } => &["velocity", "average_gradient", "momentum"],
            Rule::Adagrad { .. } => &["accumulator"],
            Rule::Adadelta { .. } => &["accumulated_grad", "accumulated_delta_var"],
            Rule::Adamax { .. } => &["momentum", "norm"],
            Rule::Lion { .. } => &["momentum"],
            Rule::Ftrl { .. } => &["accumulator", "linear"],
        }
    }

    /// What state `index` begins with: of Ftrl, the accumulator alone begins with another number than 0.
    pub fn initial_state(&self, index: usize) -> f64 {
        if index == 0 { self.initial_state } else { 0.0 }
    }

    /// What the rule takes at step `step`, counted from 1: the settings of [`cnn_core::op::OptimizerStep`].
    pub fn settings(&self, step: u64, learning_rate: f64) -> [f64; OptimizerStep::SETTINGS] {
        // Beyond this every power below is 0 or the same.
        let t = step.min(i32::MAX as u64) as i32;
        let decay = learning_rate * self.weight_decay.unwrap_or(0.0);
        let [rate, second, third] = match self.rule {
            Rule::Adam { beta_1, beta_2, .. } => {
                [learning_rate * (1.0 - beta_2.powi(t)).sqrt() / (1.0 - beta_1.powi(t)), 0.0, 0.0]
            }
            Rule::Adamax { beta_1, .. } => [learning_rate / (1.0 - beta_1.powi(t)), 0.0, 0.0],
            Rule::Nadam { beta_1, beta_2, .. } => {
                let u = |t: i32| beta_1 * (1.0 - 0.5 * 0.96f64.powi(t));
                // From so many steps on, 0.96^t is nothing beside 1.
                let last = t.min(1000);
                let product = (1..=last).map(u).product::<f64>() * beta_1.powi(t - last);
                let (now, next) = (u(t), u(t.saturating_add(1)));
                let moment = learning_rate * next / (1.0 - product * next);
                [moment, learning_rate * (1.0 - now) / (1.0 - product), 1.0 / (1.0 - beta_2.powi(t))]
            }
            Rule::Sgd { .. }
            | Rule::RmsProp { .. }
            | Rule::Adagrad { .. }
            | Rule::Adadelta { .. }
            | Rule::Lion { .. }
            | Rule::Ftrl { .. } => [learning_rate, 0.0, 0.0],
        };
        [rate, second, third, decay, 1.0]
    }
}
