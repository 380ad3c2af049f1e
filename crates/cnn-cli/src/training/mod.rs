//! What `cnn train`, `cnn evaluate` and `cnn demo` share: their words, their data, their models, their judgement and results.

pub mod augment;
pub mod data;
pub mod interrupt;
pub mod judge;
pub mod listener;
pub mod loss;
pub mod multiplier;
pub mod network;
pub mod optimizer;
pub mod results;
pub mod step_log;
pub mod transfer;
pub mod watch;
