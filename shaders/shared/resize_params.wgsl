// The run-time parameters of resampling, and of its gradient in the same words; in Rust: kernels/resize.rs, Params. Channels
// count elements of the buffers.
struct Params {
    batch: u32,
    in_h: u32,
    in_w: u32,
    channels: u32,
    out_h: u32,
    out_w: u32,
    bilinear: u32,
    pad: u32,
}
