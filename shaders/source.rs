//! The texts, by name. A new file needs one line here.

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!($folder, $name, ".wgsl")))),*]
    };
}

/// Kernels.
pub(crate) const KERNELS: &[(&str, &str)] = files!["":
    "conv2d",
    "conv2d_depthwise",
    "conv2d_implicit_gemm",
    "gemm",
    "gemv",
];

/// What kernels import.
pub(crate) const SHARED: &[(&str, &str)] = files!["shared/":
    "clamp_keep_nan",
    "conv2d_params",
    "gemm_params",
    "index",
    "scalar_f16",
    "scalar_f32",
    "x_scalar",
    "x_vec4",
    "y_scalar",
    "y_vec4",
];
