//! Criterion benchmarks over the test cases.
