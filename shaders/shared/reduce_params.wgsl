// The run-time parameters of sums and means; in Rust: kernels/reduce.rs, Params. Inner counts elements of the buffers.
struct Params {
    outer: u32,
    n: u32,
    inner: u32,
    mean: u32,
}
