// The run-time parameters of the matrix product kernels; in Rust: kernels/gemm.rs, Params.
struct Params {
    m: u32,
    k: u32,
    n: u32,
    has_bias: u32,
    has_residual: u32,
    low: f32,
    high: f32,
}
