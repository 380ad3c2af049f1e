//! Learning rates that change with the step: those of `keras.optimizers.schedules` and the one cycle policy.
//!
//! Source: Keras's documentation of learning rate schedules; Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent
//! with Warm Restarts" (arXiv 1608.03983); Smith and Topin, "Super-Convergence" (arXiv 1708.07120). Computed in
//! float64, where Keras computes in float32.

use std::f64::consts::PI;

/// A learning rate for every step of the optimizer, which are counted from 0 over all epochs.
///
/// A schedule is made by the function of its name, which checks the arguments.
///
/// ```
/// use cnn_train::schedule::Schedule;
///
/// let schedule = Schedule::exponential_decay(0.1, 1000, 0.5, false)?;
/// assert_eq!(schedule.at(0), 0.1);
/// assert_eq!(schedule.at(2000), 0.025);
/// # Ok::<(), cnn_train::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// See [`Schedule::constant`].
    #[non_exhaustive]
    Constant {
        /// The learning rate of every step.
        learning_rate: f64,
    },
    /// See [`Schedule::exponential_decay`].
    #[non_exhaustive]
    ExponentialDecay {
        /// The learning rate of step 0.
        initial_learning_rate: f64,
        /// Steps until it is multiplied by `decay_rate`.
        decay_steps: u64,
        /// The factor.
        decay_rate: f64,
        /// Whether it stays the same in between.
        staircase: bool,
    },
    /// See [`Schedule::cosine_decay`].
    #[non_exhaustive]
    CosineDecay {
        /// The learning rate of step 0.
        initial_learning_rate: f64,
        /// Steps of the decay, warmup not counted.
        decay_steps: u64,
        /// The least learning rate, as a fraction of the one that the decay starts from.
        alpha: f64,
        /// Where and when the warmup ends.
        warmup: Option<Warmup>,
    },
    /// See [`Schedule::cosine_decay_restarts`].
    #[non_exhaustive]
    CosineDecayRestarts {
        /// The learning rate of step 0.
        initial_learning_rate: f64,
        /// Steps of the first period.
        first_decay_steps: u64,
        /// How much longer each period is than the one before.
        t_mul: f64,
        /// How much lower each period starts than the one before.
        m_mul: f64,
        /// The least learning rate, as a fraction of the initial one.
        alpha: f64,
    },
    /// See [`Schedule::polynomial_decay`].
    #[non_exhaustive]
    PolynomialDecay {
        /// The learning rate of step 0.
        initial_learning_rate: f64,
        /// Steps until `end_learning_rate`.
        decay_steps: u64,
        /// The learning rate at the end.
        end_learning_rate: f64,
        /// 1 for a straight line.
        power: f64,
        /// Whether it starts anew from a step beyond the end, each time over a longer way.
        cycle: bool,
    },
    /// See [`Schedule::piecewise_constant_decay`].
    #[non_exhaustive]
    PiecewiseConstantDecay {
        /// The last step of each value but the last one.
        boundaries: Vec<u64>,
        /// The learning rates.
        values: Vec<f64>,
    },
    /// See [`Schedule::inverse_time_decay`].
    #[non_exhaustive]
    InverseTimeDecay {
        /// The learning rate of step 0.
        initial_learning_rate: f64,
        /// Steps until `decay_rate` is added once more to the divisor.
        decay_steps: u64,
        /// What is added to the divisor.
        decay_rate: f64,
        /// Whether it stays the same in between.
        staircase: bool,
    },
    /// See [`Schedule::one_cycle`].
    #[non_exhaustive]
    OneCycle {
        /// The largest learning rate.
        max_learning_rate: f64,
        /// Steps of the whole cycle.
        total_steps: u64,
        /// The part of the steps in which it grows.
        pct_start: f64,
        /// The largest learning rate over the first one.
        div_factor: f64,
        /// The first learning rate over the last one.
        final_div_factor: f64,
        /// How it gets from one to the next.
        anneal: Anneal,
    },
}

/// A linear climb before [`Schedule::cosine_decay`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warmup {
    /// The learning rate that the climb ends at and the decay starts from.
    pub target: f64,
    /// Steps of the climb.
    pub steps: u64,
}

/// How [`Schedule::one_cycle`] gets from one learning rate to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anneal {
    /// Half a wave of a cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}

/// An argument that no schedule has.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{schedule}: {argument} is {value}, but has to be {wanted}")]
pub struct ScheduleError {
    /// The schedule's name in Keras.
    pub schedule: &'static str,
    /// The argument's name in Keras.
    pub argument: &'static str,
    /// What was given.
    pub value: String,
    /// What can be given.
    pub wanted: &'static str,
}

/// Checks the arguments of one schedule.
struct Check(&'static str);

impl Check {
    fn that(
        &self,
        holds: bool,
        argument: &'static str,
        value: impl ToString,
        wanted: &'static str,
    ) -> Result<(), ScheduleError> {
        if holds {
            return Ok(());
        }
        Err(ScheduleError { schedule: self.0, argument, value: value.to_string(), wanted })
    }

    fn finite(&self, argument: &'static str, value: f64) -> Result<(), ScheduleError> {
        self.that(value.is_finite(), argument, value, "a finite number")
    }

    fn positive(&self, argument: &'static str, value: f64) -> Result<(), ScheduleError> {
        self.that(value.is_finite() && value > 0.0, argument, value, "a finite number above 0")
    }

    fn some(&self, argument: &'static str, steps: u64) -> Result<(), ScheduleError> {
        self.that(steps > 0, argument, steps, "at least 1")
    }
}

impl Schedule {
    /// The same learning rate at every step.
    ///
    /// # Errors
    /// If it is not finite.
    pub fn constant(learning_rate: f64) -> Result<Self, ScheduleError> {
        Check("Constant").finite("learning_rate", learning_rate)?;
        Ok(Self::Constant { learning_rate })
    }

    /// `initial_learning_rate * decay_rate ^ (step / decay_steps)`; with `staircase` the exponent is rounded down.
    ///
    /// # Errors
    /// If `decay_steps` is 0, a number is not finite, or `decay_rate` is negative.
    pub fn exponential_decay(
        initial_learning_rate: f64,
        decay_steps: u64,
        decay_rate: f64,
        staircase: bool,
    ) -> Result<Self, ScheduleError> {
        let check = Check("ExponentialDecay");
        check.finite("initial_learning_rate", initial_learning_rate)?;
        check.some("decay_steps", decay_steps)?;
        // A negative number has no power of a fraction.
        check.that(
            decay_rate.is_finite() && decay_rate >= 0.0,
            "decay_rate",
            decay_rate,
            "a finite number of at least 0",
        )?;
        Ok(Self::ExponentialDecay { initial_learning_rate, decay_steps, decay_rate, staircase })
    }

    /// Half a wave of a cosine, from the initial learning rate (or the warmup's target) to `alpha` times that, and then
    /// level.
    ///
    /// # Errors
    /// If `decay_steps` is 0 or a number is not finite.
    pub fn cosine_decay(
        initial_learning_rate: f64,
        decay_steps: u64,
        alpha: f64,
        warmup: Option<Warmup>,
    ) -> Result<Self, ScheduleError> {
        let check = Check("CosineDecay");
        check.finite("initial_learning_rate", initial_learning_rate)?;
        check.some("decay_steps", decay_steps)?;
        check.finite("alpha", alpha)?;
        check.finite("warmup_target", warmup.map_or(0.0, |warmup| warmup.target))?;
        Ok(Self::CosineDecay { initial_learning_rate, decay_steps, alpha, warmup })
    }

    /// Half waves of a cosine, each `t_mul` times as long as the one before, and starting at `m_mul` times its height.
    ///
    /// At the very step of a restart Keras may give the end of the period before, since a logarithm in float32 tells it
    /// the period; this gives the start of the new one. Keras's defaults are 2, 1 and 0.
    ///
    /// # Errors
    /// If `first_decay_steps` is 0, a number is not finite, or `t_mul` is below 1: such periods come to an end, from
    /// where Keras gives no number.
    pub fn cosine_decay_restarts(
        initial_learning_rate: f64,
        first_decay_steps: u64,
        t_mul: f64,
        m_mul: f64,
        alpha: f64,
    ) -> Result<Self, ScheduleError> {
        let check = Check("CosineDecayRestarts");
        check.finite("initial_learning_rate", initial_learning_rate)?;
        check.some("first_decay_steps", first_decay_steps)?;
        check.that(t_mul.is_finite() && t_mul >= 1.0, "t_mul", t_mul, "a finite number of at least 1")?;
        check.finite("m_mul", m_mul)?;
        check.finite("alpha", alpha)?;
        Ok(Self::CosineDecayRestarts { initial_learning_rate, first_decay_steps, t_mul, m_mul, alpha })
    }

    /// From one learning rate to another along `(1 - step / decay_steps) ^ power`, and then level; with `cycle`,
    /// `decay_steps` is the next multiple of itself instead. Keras's defaults are 0.0001, 1 and false.
    ///
    /// # Errors
    /// If `decay_steps` is 0, a number is not finite, or `power` is negative.
    pub fn polynomial_decay(
        initial_learning_rate: f64,
        decay_steps: u64,
        end_learning_rate: f64,
        power: f64,
        cycle: bool,
    ) -> Result<Self, ScheduleError> {
        let check = Check("PolynomialDecay");
        check.finite("initial_learning_rate", initial_learning_rate)?;
        check.some("decay_steps", decay_steps)?;
        check.finite("end_learning_rate", end_learning_rate)?;
        check.that(power.is_finite() && power >= 0.0, "power", power, "a finite number of at least 0")?;
        Ok(Self::PolynomialDecay { initial_learning_rate, decay_steps, end_learning_rate, power, cycle })
    }

    /// `values[i]` up to and with step `boundaries[i]`, and the last value after all of them.
    ///
    /// # Errors
    /// If there is not one value more than boundaries, these do not grow, or a value is not finite.
    pub fn piecewise_constant_decay(boundaries: Vec<u64>, values: Vec<f64>) -> Result<Self, ScheduleError> {
        let check = Check("PiecewiseConstantDecay");
        check.that(
            values.len() == boundaries.len() + 1,
            "values",
            format!("{} numbers", values.len()),
            "one more than boundaries",
        )?;
        check.that(
            boundaries.windows(2).all(|pair| pair[0] < pair[1]),
            "boundaries",
            format!("{boundaries:?}"),
            "growing",
        )?;
        values.iter().try_for_each(|&value| check.finite("values", value))?;
        Ok(Self::PiecewiseConstantDecay { boundaries, values })
    }

    /// `initial_learning_rate / (1 + decay_rate * step / decay_steps)`; with `staircase` the quotient of steps is
    /// rounded down.
    ///
    /// # Errors
    /// If `decay_steps` is 0, a number is not finite, or `decay_rate` is negative: the divisor would become 0.
    pub fn inverse_time_decay(
        initial_learning_rate: f64,
        decay_steps: u64,
        decay_rate: f64,
        staircase: bool,
    ) -> Result<Self, ScheduleError> {
        let check = Check("InverseTimeDecay");
        check.finite("initial_learning_rate", initial_learning_rate)?;
        check.some("decay_steps", decay_steps)?;
        check.that(
            decay_rate.is_finite() && decay_rate >= 0.0,
            "decay_rate",
            decay_rate,
            "a finite number of at least 0",
        )?;
        Ok(Self::InverseTimeDecay { initial_learning_rate, decay_steps, decay_rate, staircase })
    }

    /// The one cycle policy as PyTorch's `OneCycleLR` has it, with two phases: up from `max / div_factor` to the
    /// largest learning rate at step `pct_start * total_steps - 1`, and down to the first one over `final_div_factor`
    /// at step `total_steps - 1`. After that it stays there, where PyTorch refuses. PyTorch's defaults are 0.3, 25,
    /// 10000 and cosine. (fastai divides the largest one for the last.)
    ///
    /// # Errors
    /// If a factor is not positive, a number is not finite, or a phase would have no step.
    pub fn one_cycle(
        max_learning_rate: f64,
        total_steps: u64,
        pct_start: f64,
        div_factor: f64,
        final_div_factor: f64,
        anneal: Anneal,
    ) -> Result<Self, ScheduleError> {
        let check = Check("OneCycle");
        check.finite("max_learning_rate", max_learning_rate)?;
        check.positive("div_factor", div_factor)?;
        check.positive("final_div_factor", final_div_factor)?;
        check.that(pct_start > 0.0 && pct_start < 1.0, "pct_start", pct_start, "between 0 and 1, both excluded")?;
        check.that(
            pct_start * total_steps as f64 > 1.0,
            "total_steps",
            total_steps,
            "so many that the climb has over one step",
        )?;
        Ok(Self::OneCycle { max_learning_rate, total_steps, pct_start, div_factor, final_div_factor, anneal })
    }

    /// The learning rate of a step; steps are counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        let progress = |decay_steps: u64, staircase: bool| {
            if staircase { (step / decay_steps) as f64 } else { step as f64 / decay_steps as f64 }
        };
        match self {
            &Self::Constant { learning_rate } => learning_rate,
            &Self::ExponentialDecay { initial_learning_rate, decay_steps, decay_rate, staircase } => {
                initial_learning_rate * libm::pow(decay_rate, progress(decay_steps, staircase))
            }
            &Self::CosineDecay { initial_learning_rate, decay_steps, alpha, warmup } => {
                cosine_decay(initial_learning_rate, decay_steps, alpha, warmup, step)
            }
            &Self::CosineDecayRestarts { initial_learning_rate, first_decay_steps, t_mul, m_mul, alpha } => {
                let (period, fraction) = restarts(step as f64 / first_decay_steps as f64, t_mul);
                let height = libm::pow(m_mul, period);
                initial_learning_rate * ((1.0 - alpha) * height * half_wave(fraction) + alpha)
            }
            &Self::PolynomialDecay { initial_learning_rate, decay_steps, end_learning_rate, power, cycle } => {
                let steps =
                    if cycle { decay_steps.saturating_mul(step.div_ceil(decay_steps).max(1)) } else { decay_steps };
                let left = 1.0 - step.min(steps) as f64 / steps as f64;
                (initial_learning_rate - end_learning_rate) * libm::pow(left, power) + end_learning_rate
            }
            Self::PiecewiseConstantDecay { boundaries, values } => {
                values[boundaries.partition_point(|&boundary| boundary < step)]
            }
            &Self::InverseTimeDecay { initial_learning_rate, decay_steps, decay_rate, staircase } => {
                initial_learning_rate / (1.0 + decay_rate * progress(decay_steps, staircase))
            }
            &Self::OneCycle { max_learning_rate, total_steps, pct_start, div_factor, final_div_factor, anneal } => {
                let first = max_learning_rate / div_factor;
                let (peak, end) = (pct_start * total_steps as f64 - 1.0, (total_steps - 1) as f64);
                let step = (step as f64).min(end);
                if step <= peak {
                    return anneal.between(first, max_learning_rate, step / peak);
                }
                anneal.between(max_learning_rate, first / final_div_factor, (step - peak) / (end - peak))
            }
        }
    }
}

impl Anneal {
    fn between(self, from: f64, to: f64, fraction: f64) -> f64 {
        match self {
            Anneal::Cosine => to + (from - to) * half_wave(fraction),
            Anneal::Linear => from + (to - from) * fraction,
        }
    }
}

/// From 1 at 0 to 0 at 1.
fn half_wave(fraction: f64) -> f64 {
    0.5 * (1.0 + libm::cos(PI * fraction))
}

fn cosine_decay(initial: f64, decay_steps: u64, alpha: f64, warmup: Option<Warmup>, step: u64) -> f64 {
    let (from, step) = match warmup {
        None => (initial, step),
        Some(Warmup { target, steps }) if step < steps => {
            return (target - initial) * (step as f64 / steps as f64) + initial;
        }
        Some(Warmup { target, steps }) => (target, step - steps),
    };
    let fraction = step.min(decay_steps) as f64 / decay_steps as f64;
    from * ((1.0 - alpha) * half_wave(fraction) + alpha)
}

/// The number of the period in which `time` lies, and how much of it has passed; time is measured in first periods.
fn restarts(time: f64, t_mul: f64) -> (f64, f64) {
    if t_mul == 1.0 {
        return (time.floor(), time.fract());
    }
    let start = |period: f64| (libm::pow(t_mul, period) - 1.0) / (t_mul - 1.0);
    // The logarithm may be off by a rounding, which at a restart is a whole period.
    let mut period = (libm::log(1.0 + time * (t_mul - 1.0)) / libm::log(t_mul)).floor();
    if start(period + 1.0) <= time {
        period += 1.0;
    } else if start(period) > time {
        period -= 1.0;
    }
    (period, (time - start(period)) / libm::pow(t_mul, period))
}
