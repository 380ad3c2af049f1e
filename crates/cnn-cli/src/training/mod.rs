//! What `cnn train`, `cnn evaluate` and `cnn demo` share: their words, their data, their models, their judgement and results.

pub mod augment;
pub mod data;
pub mod interrupt;
pub mod judge;
pub mod loss;
pub mod network;
pub mod optimizer;
pub mod results;
pub mod step_log;
pub mod watch;

/// `"; did you mean …?"` if one of the known words is much like this one.
fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let likeness = |known: &str| strsim::jaro_winkler(&word.to_lowercase(), known);
    let best = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.filter(|best| likeness(best) > 0.8).map_or(String::new(), |best| format!("; did you mean {best}?"))
}
