use cnn_train::schedule::{Anneal, Schedule, ScheduleError, Warmup};
use serde_json::Value;

use crate::{book, close, numbers, optional};

fn schedule(name: &str, args: &Value) -> Result<Schedule, ScheduleError> {
    let given = |key: &str, default: f64| optional(&args[key]).unwrap_or(default);
    let (rate, steps) = (given("initial_learning_rate", 0.0), given("decay_steps", 0.0) as u64);
    let staircase = args["staircase"].as_bool().unwrap_or(false);
    match name {
        "ExponentialDecay" => Schedule::exponential_decay(rate, steps, given("decay_rate", 0.0), staircase),
        "InverseTimeDecay" => Schedule::inverse_time_decay(rate, steps, given("decay_rate", 0.0), staircase),
        "CosineDecay" => {
            let warmup = optional(&args["warmup_target"])
                .map(|target| Warmup { target, steps: given("warmup_steps", 0.0) as u64 });
            Schedule::cosine_decay(rate, steps, given("alpha", 0.0), warmup)
        }
        "CosineDecayRestarts" => {
            let first = given("first_decay_steps", 0.0) as u64;
            Schedule::cosine_decay_restarts(rate, first, given("t_mul", 2.0), given("m_mul", 1.0), given("alpha", 0.0))
        }
        "PolynomialDecay" => {
            let (end, power) = (given("end_learning_rate", 1e-4), given("power", 1.0));
            Schedule::polynomial_decay(rate, steps, end, power, args["cycle"].as_bool().unwrap_or(false))
        }
        "PiecewiseConstantDecay" => {
            let boundaries = numbers(&args["boundaries"]).iter().map(|&step| step as u64).collect();
            Schedule::piecewise_constant_decay(boundaries, numbers(&args["values"]))
        }
        "OneCycle" => Schedule::one_cycle(
            given("max_learning_rate", 0.0),
            given("total_steps", 0.0) as u64,
            given("pct_start", 0.3),
            given("div_factor", 25.0),
            given("final_div_factor", 1e4),
            if args["anneal"] == "linear" { Anneal::Linear } else { Anneal::Cosine },
        ),
        other => panic!("{other}"),
    }
}

/// To the rounding of float32, relative to the schedule's largest value: Keras's own rest where a cosine ends is of
/// that size.
#[test]
fn every_step() {
    for case in book()["schedules"].as_array().unwrap() {
        let (name, args) = (case["name"].as_str().unwrap(), &case["args"]);
        let schedule = schedule(name, args).unwrap();
        let wanted = numbers(&case["values"]);
        let largest = wanted.iter().copied().fold(0.0, f64::max);
        for (step, wanted) in case["steps"].as_array().unwrap().iter().zip(wanted) {
            let got = schedule.at(step.as_u64().unwrap());
            close(got, wanted, 3e-7 * largest, &format!("{name} {args} step {step}"));
        }
    }
}

#[test]
fn wrong_arguments_are_named() {
    let nan = f64::NAN;
    let cases = [
        (Schedule::constant(nan), "Constant: learning_rate is NaN, but has to be a finite number"),
        (
            Schedule::exponential_decay(0.1, 0, 0.5, false),
            "ExponentialDecay: decay_steps is 0, but has to be at least 1",
        ),
        (
            Schedule::exponential_decay(0.1, 9, -0.5, false),
            "ExponentialDecay: decay_rate is -0.5, but has to be a finite number of at least 0",
        ),
        (Schedule::cosine_decay(0.1, 0, 0.0, None), "CosineDecay: decay_steps is 0, but has to be at least 1"),
        (
            Schedule::cosine_decay_restarts(0.1, 10, 0.5, 1.0, 0.0),
            "CosineDecayRestarts: t_mul is 0.5, but has to be a finite number of at least 1",
        ),
        (
            Schedule::polynomial_decay(0.1, 10, 0.0, -1.0, false),
            "PolynomialDecay: power is -1, but has to be a finite number of at least 0",
        ),
        (
            Schedule::piecewise_constant_decay(vec![1], vec![0.1]),
            "PiecewiseConstantDecay: values is 1 numbers, but has to be one more than boundaries",
        ),
        (
            Schedule::piecewise_constant_decay(vec![2, 2], vec![0.1; 3]),
            "PiecewiseConstantDecay: boundaries is [2, 2], but has to be growing",
        ),
        (
            Schedule::one_cycle(0.1, 3, 0.3, 25.0, 1e4, Anneal::Cosine),
            "OneCycle: total_steps is 3, but has to be so many that the climb has over one step",
        ),
    ];
    for (got, wanted) in cases {
        assert_eq!(got.unwrap_err().to_string(), wanted);
    }
}

/// A restart is at its step, however large: periods of 10, 20, 40, ...
#[test]
fn restarts_are_exact() {
    let schedule = Schedule::cosine_decay_restarts(0.5, 10, 2.0, 1.0, 0.0).unwrap();
    for period in 0..40 {
        let start = 10 * ((1_u64 << period) - 1);
        assert_eq!(schedule.at(start), 0.5, "{period}");
        assert!(start == 0 || schedule.at(start - 1) < 0.02, "{period}");
    }
}
