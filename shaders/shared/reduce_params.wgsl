// The run-time parameters of sums (kind 0), means (1) and variances (2); in Rust: kernels/reduce.rs, Params. Inner counts elements of the buffers.
struct Params {
    outer: u32,
    n: u32,
    inner: u32,
    kind: u32,
}
