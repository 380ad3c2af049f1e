//! Optimizers, as `keras.optimizers` has them: what a run of training knows of one.

use cnn_core::op::{OptimizerStep, Rule};

use crate::step::TrainError;
use crate::training::check_argument;

/// Name of the input of the rule's settings, `[5]`.
pub(crate) const STEP: &str = "training/settings";
/// Name of the input of the moving averages' settings, `[5]`.
pub(crate) const AVERAGE: &str = "training/average";
/// Name of the input of the gradients' sums' settings, `[5]`.
pub(crate) const ACCUMULATION: &str = "training/accumulation";

/// Settings of the [`OptimizerStep`]s of a step of training, new at each batch. Sums and averages move by plain SGD, whose
/// `x ← x·(1 - settings[3]) - settings[0]·g` is all that they need. By default no step is done.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Settings {
    /// Of the optimizer's own rule.
    pub step: [f64; OptimizerStep::SETTINGS],
    /// Of the weights' moving averages.
    pub average: [f64; OptimizerStep::SETTINGS],
    /// Of the gradients' sums.
    pub accumulation: [f64; OptimizerStep::SETTINGS],
}

impl Settings {
    /// The settings that the graph's input of that name takes.
    pub fn of_input(&self, name: &str) -> Option<[f64; OptimizerStep::SETTINGS]> {
        match name {
            STEP => Some(self.step),
            AVERAGE => Some(self.average),
            ACCUMULATION => Some(self.accumulation),
            _ => None,
        }
    }
}

fn is_amount(x: f64) -> bool {
    x.is_finite() && x >= 0.0
}

/// Settings by which plain SGD takes the share `leaves` off a variable and adds `by` times what it is given.
fn moves(leaves: f64, by: f64) -> [f64; OptimizerStep::SETTINGS] {
    [-by, 0.0, 0.0, leaves, 1.0]
}

/// An optimizer: its rule and what goes with every rule. Names and defaults are Keras's.
///
/// ```
/// use cnn_train::Optimizer;
/// let sgd = Optimizer::sgd().momentum(0.9).learning_rate(0.05);
/// assert_eq!(sgd.settings(0, 0.05).step, [0.05, 0.0, 0.0, 0.0, 1.0]);
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
    /// Whether a moving average of each weight is kept, which takes the weight's place at the end of the training.
    pub use_ema: bool,
    /// The share of the average that stays at each step.
    pub ema_momentum: f64,
    /// After how many steps, again and again, the averages take the weights' places.
    pub ema_overwrite_frequency: Option<u64>,
    /// Over how many batches gradients are added up; their mean is what a step is made of.
    pub gradient_accumulation_steps: Option<u64>,
    /// An argument that was given though the rule has none such: [`Optimizer::check`] names it.
    pub misplaced: Option<&'static str>,
}

impl Optimizer {
    /// With that rule and learning rate, and nothing else.
    pub fn new(rule: Rule, learning_rate: f64) -> Self {
        Self {
            rule,
            learning_rate,
            initial_state: 0.0,
            weight_decay: None,
            clipnorm: None,
            clipvalue: None,
            global_clipnorm: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            gradient_accumulation_steps: None,
            misplaced: None,
        }
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

    /// Sets the momentum of SGD or RMSprop. The other rules have none, which [`Optimizer::check`] tells.
    ///
    /// ```
    /// use cnn_train::Optimizer;
    /// assert!(Optimizer::rmsprop().momentum(0.9).check().is_ok());
    /// let error = Optimizer::adam().momentum(0.9).check().unwrap_err();
    /// assert_eq!(error.to_string(), "momentum is an argument of SGD and RMSprop alone; leave it out");
    /// ```
    pub fn momentum(mut self, new: f64) -> Self {
        match &mut self.rule {
            Rule::Sgd { momentum, .. } | Rule::RmsProp { momentum, .. } => *momentum = new,
            _ => self.misplaced = Some("momentum"),
        }
        self
    }

    /// Sets whether SGD takes the gradient as if the step were already done. The other rules are not asked, which
    /// [`Optimizer::check`] tells.
    pub fn nesterov(mut self, new: bool) -> Self {
        match &mut self.rule {
            Rule::Sgd { nesterov, .. } => *nesterov = new,
            _ => self.misplaced = Some("nesterov"),
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
        self.clipnorm = Some(clipnorm).filter(|&limit| limit != 0.0);
        self
    }

    /// Sets the largest element of a gradient.
    pub fn clipvalue(mut self, clipvalue: f64) -> Self {
        self.clipvalue = Some(clipvalue).filter(|&limit| limit != 0.0);
        self
    }

    /// Sets the largest norm of all gradients together.
    pub fn global_clipnorm(mut self, global_clipnorm: f64) -> Self {
        self.global_clipnorm = Some(global_clipnorm).filter(|&limit| limit != 0.0);
        self
    }

    /// Sets whether moving averages of the weights are kept. During the training the weights go on as they are; at its end the
    /// averages take their places.
    pub fn use_ema(mut self, use_ema: bool) -> Self {
        self.use_ema = use_ema;
        self
    }

    /// Sets the share of the average that stays at each step, from 0 to 1.
    pub fn ema_momentum(mut self, momentum: f64) -> Self {
        self.ema_momentum = momentum;
        self
    }

    /// Sets after how many steps, again and again, the averages take the weights' places.
    pub fn ema_overwrite_frequency(mut self, steps: u64) -> Self {
        self.ema_overwrite_frequency = Some(steps);
        self
    }

    /// Sets over how many batches, 2 at least, gradients are added up for a step.
    pub fn gradient_accumulation_steps(mut self, batches: u64) -> Self {
        self.gradient_accumulation_steps = Some(batches);
        self
    }

    /// Whether its arguments are some.
    ///
    /// # Errors
    /// Names the argument that is none.
    pub fn check(&self) -> Result<(), TrainError> {
        if let Some(argument) = self.misplaced {
            let of = if argument == "momentum" { "SGD and RMSprop" } else { "SGD" };
            return check_argument(false, argument, &format!("is an argument of {of} alone; leave it out"));
        }
        check_argument(is_amount(self.learning_rate), "learning_rate", "is a finite number, 0 at least")?;
        check_argument(self.weight_decay.is_none_or(is_amount), "weight_decay", "is a finite number, 0 at least")?;
        for (limit, name) in
            [(self.clipnorm, "clipnorm"), (self.clipvalue, "clipvalue"), (self.global_clipnorm, "global_clipnorm")]
        {
            check_argument(limit.is_none_or(|limit| limit > 0.0), name, "is a number above 0, or 0 for none")?;
        }
        let clippings = [self.clipnorm, self.clipvalue, self.global_clipnorm];
        let one = clippings.iter().flatten().count() < 2;
        check_argument(one, "clipnorm, clipvalue, global_clipnorm", "are three ways, of which one can be taken")?;
        check_argument(is_amount(self.initial_state), "initial_accumulator_value", "is a finite number, 0 at least")?;
        self.check_rule()?;
        let momentum = (0.0..=1.0).contains(&self.ema_momentum);
        check_argument(momentum, "ema_momentum", "is a number from 0 to 1")?;
        let frequency = self.ema_overwrite_frequency != Some(0);
        check_argument(frequency, "ema_overwrite_frequency", "is a number of steps, 1 at least")?;
        let batches = self.gradient_accumulation_steps.is_none_or(|batches| batches >= 2);
        check_argument(batches, "gradient_accumulation_steps", "is a number of batches, 2 at least")
    }

    fn check_rule(&self) -> Result<(), TrainError> {
        let share = |name, x: f64| check_argument((0.0..=1.0).contains(&x), name, "is a number from 0 to 1");
        let below_1 = |name, x: f64| check_argument((0.0..1.0).contains(&x), name, "is a number from 0 to below 1");
        let amount = |name, x: f64| check_argument(is_amount(x), name, "is a finite number, 0 at least");
        match self.rule {
            Rule::Sgd { momentum, .. } => share("momentum", momentum),
            Rule::Adam { beta_1, beta_2, epsilon, .. }
            | Rule::Adamax { beta_1, beta_2, epsilon }
            | Rule::Nadam { beta_1, beta_2, epsilon } => {
                below_1("beta_1", beta_1)?;
                below_1("beta_2", beta_2)?;
                amount("epsilon", epsilon)
            }
            Rule::RmsProp { rho, momentum, epsilon, .. } => {
                share("rho", rho)?;
                share("momentum", momentum)?;
                amount("epsilon", epsilon)
            }
            Rule::Adagrad { epsilon } => amount("epsilon", epsilon),
            Rule::Adadelta { rho, epsilon } => {
                share("rho", rho)?;
                amount("epsilon", epsilon)
            }
            Rule::Lion { beta_1, beta_2 } => {
                check_argument(beta_1 > 0.0 && beta_1 <= 1.0, "beta_1", "is a number above 0, 1 at most")?;
                share("beta_2", beta_2)
            }
            Rule::Ftrl { learning_rate_power, l1, l2, l2_shrinkage, beta } => {
                let power = learning_rate_power.is_finite() && learning_rate_power <= 0.0;
                check_argument(power, "learning_rate_power", "is a finite number, 0 at most")?;
                amount("l1_regularization_strength", l1)?;
                amount("l2_regularization_strength", l2)?;
                amount("l2_shrinkage_regularization_strength", l2_shrinkage)?;
                amount("beta", beta)
            }
        }
    }

    /// Whether the averages take the weights' places behind the batch of number `iteration`, counted from 0.
    pub fn overwrites(&self, iteration: u64) -> bool {
        let frequency = self.ema_overwrite_frequency.filter(|_| self.use_ema);
        frequency.is_some_and(|frequency| (self.steps_before(iteration) + 1).is_multiple_of(frequency))
    }

    /// Steps done before the batch of number `iteration`, which is fewer where gradients are added up.
    fn steps_before(&self, iteration: u64) -> u64 {
        iteration / self.gradient_accumulation_steps.unwrap_or(1)
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

    /// What a step takes with the batch of number `iteration`, counted from 0.
    pub fn settings(&self, iteration: u64, learning_rate: f64) -> Settings {
        let before = self.steps_before(iteration);
        let batches = self.gradient_accumulation_steps.unwrap_or(1);
        let place = iteration % batches;
        let mut step = self.rule_settings(before.saturating_add(1), learning_rate);
        step[4] = f64::from(u8::from(place + 1 == batches));
        // Keras's averages begin with the weights of the first step.
        let stays = if before == 0 { 0.0 } else { self.ema_momentum };
        let cleared = f64::from(u8::from(place == 0));
        Settings { step, average: moves(1.0 - stays, 1.0 - stays), accumulation: moves(cleared, 1.0) }
    }

    /// What the rule takes at step `step`, counted from 1: the settings of [`OptimizerStep`].
    fn rule_settings(&self, step: u64, learning_rate: f64) -> [f64; OptimizerStep::SETTINGS] {
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
