//! Runs planned graphs on any GPU through wgpu and hand-written WGSL.

pub mod kernel;
pub mod kernels;
