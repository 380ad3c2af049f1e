//! Hand-written WGSL kernels and their two-directive preprocessor.
