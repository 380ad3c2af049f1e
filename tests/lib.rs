//! Case tables and tests across the workspace.
//!
//! [`cases`] lists what every backend has to compute, one line for each case; [`check`] holds an output against
//! `cnn_cpu::reference`. Tests of every backend and the benchmarks share them.

pub mod cases;
pub mod check;
pub mod devices;
pub mod float64;
pub mod readers;
pub mod recipe;
pub mod scales;
pub mod server;
pub mod steps;
pub mod vectors;
pub mod zoo_truth;
