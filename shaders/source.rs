//! The texts, by name. A new file needs one line here.

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!($folder, $name, ".wgsl")))),*]
    };
}

/// Kernels.
pub(crate) const KERNELS: &[(&str, &str)] = files!["":
    "batch_norm",
    "binary",
    "cast",
    "concat",
    "conv2d",
    "conv2d_depthwise",
    "conv2d_depthwise_tiled",
    "conv2d_filter_gradient",
    "conv2d_filter_gradient_shared",
    "conv2d_filter_gradient_tiled",
    "conv2d_implicit_gemm",
    "conv2d_implicit_gemm_tiled",
    "conv2d_transpose",
    "conv2d_transpose_tiled",
    "copy",
    "gemm",
    "gemv",
    "histogram",
    "layer_norm",
    "lookup",
    "optimizer_step",
    "pool2d",
    "pool2d_average_gradient",
    "pool2d_max_gradient",
    "pool2d_shared",
    "random_uniform",
    "reduce",
    "reduce_shared",
    "resize",
    "resize_gradient",
    "softmax",
    "unary",
    "unary_gradient",
    "warp",
];

/// Kernels that browsers cannot take.
pub(crate) const NATIVE: &[(&str, &str)] = files!["native/":
    "conv2d_implicit_gemm_subgroup",
];

/// What kernels import.
pub(crate) const SHARED: &[(&str, &str)] = files!["shared/":
    "clamp_keep_nan",
    "conv2d_filter_gradient_params",
    "conv2d_params",
    "conv2d_transpose_params",
    "function",
    "gemm_params",
    "index",
    "input_f16",
    "input_f32",
    "lanes_1",
    "lanes_4",
    "pool2d_params",
    "reduce_params",
    "residual_none",
    "residual_scalar",
    "residual_vec4",
    "resize_params",
    "row",
    "scalar_f16",
    "scalar_f32",
    "slope",
    "variables_0",
    "variables_1",
    "variables_2",
    "variables_3",
    "variables_stacked",
    "x_rgb",
    "x_scalar",
    "x_vec4",
    "y_scalar",
    "y_vec4",
];
