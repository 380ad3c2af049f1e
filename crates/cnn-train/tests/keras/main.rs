//! Against real Keras: what `tests/vectors/training.py` wrote down.

mod decisions;
mod files;
mod initializers;
mod metrics;
mod schedules;

use serde_json::Value;

fn book() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/training.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A number; JSON has no words for some.
fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some(word) => word.parse().unwrap(),
        None => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list")).iter().map(number).collect()
}

fn optional(value: &Value) -> Option<f64> {
    (!value.is_null()).then(|| number(value))
}

#[track_caller]
fn close(got: f64, wanted: f64, tolerance: f64, what: &str) {
    let same = got == wanted || (got.is_nan() && wanted.is_nan());
    assert!(same || (got - wanted).abs() <= tolerance, "{what}: {got}, Keras {wanted}");
}
