//! Every kernel in every variant that the cases use, as naga sees it: it is valid, its bindings are in order, it keeps
//! to WebGPU's default limits, and its parameters lie where Rust puts them.
//!
//! With `CNN_SHADER_DIR` set, each variant that browsers can take is written into that folder, for Tint.

use std::collections::BTreeMap;
use std::path::Path;

use cnn_core::{DType, Op};
use cnn_tests::cases;
use cnn_wgpu::kernel::{Capabilities, Kernel, Problem};
use cnn_wgpu::kernels;
use naga::valid::Capabilities as Naga;
use naga::{AddressSpace, GlobalVariable, Module, StorageAccess, TypeInner};

/// A struct of Rust: its name, its fields but padding with their offsets, its size.
struct Layout {
    fields: Vec<(&'static str, usize)>,
    size: usize,
}

/// The layout of a struct whose fields, all of them, are listed.
macro_rules! layout {
    ($type:path { $($field:ident),* $(,)? }) => {{
        // Fails to compile where a field is not listed.
        let _ = |all: $type| { let $type { $($field: _),* } = all; };
        let fields = vec![$((stringify!($field), std::mem::offset_of!($type, $field))),*];
        Layout { fields: fields.into_iter().filter(|(name, _)| *name != "pad").collect(), size: size_of::<$type>() }
    }};
}

/// The `Params` of each kernel.
fn params_of(shader: &str) -> Layout {
    use kernels::{
        conv2d, conv2d_filter_gradient, conv2d_transpose, elementwise, gemm, histogram, movement, normalization,
        optimizer_step, pool2d, random, reduce, resize, softmax, warp,
    };
    match shader {
        "batch_norm" => layout!(normalization::BatchNormParams { arguments, count, channels, inner, epsilon }),
        "binary" => layout!(elementwise::BinaryParams { arguments, count, rank, pad, axes }),
        "cast" => layout!(movement::CastParams { count, pad }),
        "concat" => layout!(movement::ConcatParams { count, width, stride, offset }),
        "copy" => layout!(movement::CopyParams { count, rank, first, border, axes }),
        "gemm" | "gemv" => layout!(gemm::Params { m, k, n, has_bias, has_residual, low, high }),
        "layer_norm" => {
            layout!(normalization::LayerNormParams { rows, n, epsilon, has_scale, has_center, pad })
        }
        "resize" | "resize_gradient" => {
            layout!(resize::Params { batch, in_h, in_w, channels, out_h, out_w, bilinear, pad })
        }
        "reduce" | "reduce_shared" => layout!(reduce::Params { outer, n, inner, kind }),
        "optimizer_step" => layout!(optimizer_step::Params { arguments, more_arguments, count, pad }),
        "random_uniform" => layout!(random::Params { count, stream, pad }),
        "histogram" => layout!(histogram::HistogramParams { batch, pixels, channels, pad }),
        "lookup" => layout!(histogram::LookupParams { count, channels, bins, pad }),
        "warp" => {
            layout!(warp::Params {
                batch,
                in_h,
                in_w,
                channels,
                out_h,
                out_w,
                bilinear,
                fill_mode,
                fill_value,
                moved,
                pad
            })
        }
        "softmax" => layout!(softmax::Params { rows, n, inner, log }),
        "unary" | "unary_gradient" => layout!(elementwise::UnaryParams { arguments, count, pad }),
        _ if shader.starts_with("pool2d") => layout!(pool2d::Params {
            batch,
            in_h,
            in_w,
            channels,
            out_h,
            out_w,
            kernel_h,
            kernel_w,
            stride_h,
            stride_w,
            pad_top,
            pad_left,
        }),
        "conv2d_transpose" | "conv2d_transpose_tiled" => layout!(conv2d_transpose::Params {
            batch,
            in_h,
            in_w,
            in_c,
            out_h,
            out_w,
            out_c,
            kernel_h,
            kernel_w,
            stride_h,
            stride_w,
            before_h,
            before_w,
            dilation_h,
            dilation_w,
            has_bias,
            has_residual,
            low,
            high,
            groups,
        }),
        _ if shader.starts_with("conv2d_filter_gradient") => layout!(conv2d_filter_gradient::Params {
            in_h,
            in_w,
            in_c,
            out_h,
            out_w,
            out_c,
            kernel_h,
            kernel_w,
            stride_h,
            stride_w,
            pad_top,
            pad_left,
            dilation_h,
            dilation_w,
            groups,
            first_row,
            end_row,
        }),
        _ if shader.starts_with("conv2d") => layout!(conv2d::Params {
            batch,
            in_h,
            in_w,
            in_c,
            out_h,
            out_w,
            out_c,
            kernel_h,
            kernel_w,
            stride_h,
            stride_w,
            pad_top,
            pad_left,
            dilation_h,
            dilation_w,
            groups,
            has_bias,
            has_residual,
            low,
            high,
        }),
        _ => panic!("{shader} has no layout here"),
    }
}

/// The devices that kernels are chosen for: any GPU, and software drivers with and without subgroups.
fn devices() -> Vec<Capabilities> {
    let gpu = Capabilities { f16: true, ..Capabilities::baseline() };
    let software = Capabilities { software: true, ..gpu.clone() };
    let lanes = |size| Capabilities { subgroup_size: Some(size), ..software.clone() };
    vec![gpu, software.clone(), lanes(4), lanes(8)]
}

/// Every (shader, variant) that a case can lead to, by a name that is fit for a file.
fn variants() -> BTreeMap<String, Kernel> {
    let mut variants = BTreeMap::new();
    let cases: Vec<_> = cases::all().into_iter().flat_map(|(_, cases)| cases).collect();
    for device in devices() {
        for dtype in [DType::F32, DType::F16] {
            for case in &cases {
                let inputs: Vec<&[usize]> = case.inputs.iter().map(Vec::as_slice).collect();
                let output = case.output_shape();
                let problem = Problem { inputs: &inputs, output: &output, dtype, capabilities: &device };
                for kernel in kernels_of(&case.op, &problem) {
                    variants.insert(name(&kernel), kernel);
                }
            }
        }
    }
    variants
}

fn kernels_of(op: &Op, problem: &Problem) -> Vec<Kernel> {
    let mut candidates = kernels::candidates(op, problem);
    if let Op::OptimizerStep(op) = op {
        candidates.push(kernels::optimizer_step::in_place(op, problem));
    }
    candidates.into_iter().flat_map(|candidate| candidate.dispatches).collect()
}

fn name(kernel: &Kernel) -> String {
    let imports = kernel.variant.imports.iter().map(|(_, to)| to.to_string());
    let constants = kernel.variant.constants.iter().map(|(name, value)| format!("{name}={value}"));
    let parts: Vec<String> = imports.chain(constants).collect();
    format!("{} {}", kernel.shader, parts.join(" "))
}

/// The expanded kernel, parsed and validated.
fn parsed(name: &str, kernel: &Kernel) -> Module {
    let wgsl = cnn_shaders::expand(kernel.shader, &kernel.variant).unwrap_or_else(|e| panic!("{name}: {e}"));
    let module = naga::front::wgsl::parse_str(&wgsl).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&wgsl)));
    let native = cnn_shaders::native_kernels().any(|native| native == kernel.shader);
    let allowed = if native { Naga::SHADER_FLOAT16 | Naga::SUBGROUP } else { Naga::SHADER_FLOAT16 };
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), allowed)
        .validate(&module)
        .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&wgsl)));
    module
}

/// The variables of group 0, by binding.
fn bindings(module: &Module) -> Vec<&GlobalVariable> {
    let mut bound: Vec<(u32, &GlobalVariable)> = module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| variable.binding.map(|binding| (binding.binding, variable)))
        .collect();
    bound.sort_by_key(|(binding, _)| *binding);
    assert!(bound.iter().enumerate().all(|(i, (binding, _))| i == *binding as usize), "bindings leave a gap");
    bound.into_iter().map(|(_, variable)| variable).collect()
}

fn check_bindings(name: &str, kernel: &Kernel, module: &Module) {
    let bindings = bindings(module);
    let (written, outputs) = (kernel.in_place, usize::from(kernel.in_place == 0));
    assert_eq!(bindings.len(), 1 + kernel.reads.len() + outputs, "{name}: parameters, inputs and output");
    assert!(bindings.len() <= 1 + 8, "{name}: WebGPU promises eight storage buffers");
    let spaces: Vec<AddressSpace> = bindings.iter().map(|variable| variable.space).collect();
    let read = AddressSpace::Storage { access: StorageAccess::LOAD };
    let write = AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE };
    assert_eq!(spaces[0], AddressSpace::Uniform, "{name}");
    let (inputs, outputs) = spaces[1..].split_at(kernel.reads.len() - written);
    assert!(inputs.iter().all(|&space| space == read), "{name}: {spaces:?}");
    assert!(outputs.iter().all(|&space| space == write), "{name}: {spaces:?}");
}

fn check_params(name: &str, kernel: &Kernel, module: &Module) {
    let TypeInner::Struct { members, span } = &module.types[bindings(module)[0].ty].inner else {
        panic!("{name}: parameters are no struct")
    };
    let is_padding = |name: &str| name == "pad" || ["pad_0", "pad_1", "pad_2"].contains(&name);
    let wgsl: Vec<(&str, usize)> = members
        .iter()
        .map(|member| (member.name.as_deref().unwrap_or_default(), member.offset as usize))
        .filter(|(name, _)| !is_padding(name))
        .collect();
    let rust = params_of(kernel.shader);
    assert_eq!(wgsl, rust.fields, "{name}: names and offsets in WGSL and in Rust");
    assert_eq!(*span as usize, rust.size, "{name}: size");
    assert_eq!(kernel.params.len(), rust.size, "{name}: bytes given");
}

fn check_limits(name: &str, module: &Module) {
    let limits = Capabilities::baseline();
    let [x, y, z] = module.entry_points[0].workgroup_size;
    assert!(x * y * z <= limits.max_invocations, "{name}: {x}x{y}x{z} invocations");
    let shared = module.global_variables.iter().filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
    let bytes: u32 = shared.map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx())).sum();
    assert!(bytes <= limits.workgroup_memory, "{name}: {bytes} bytes of workgroup memory");
}

#[test]
fn every_variant_is_valid_and_agrees_with_rust() {
    let folder = std::env::var_os("CNN_SHADER_DIR");
    for (name, kernel) in &variants() {
        let module = parsed(name, kernel);
        assert_eq!(module.entry_points.len(), 1, "{name}");
        assert_eq!(module.entry_points[0].name, "main", "{name}");
        check_bindings(name, kernel, &module);
        check_params(name, kernel, &module);
        check_limits(name, &module);
        if let Some(folder) = &folder
            && cnn_shaders::kernels().any(|portable| portable == kernel.shader)
        {
            let wgsl = cnn_shaders::expand(kernel.shader, &kernel.variant).unwrap();
            std::fs::write(Path::new(folder).join(format!("{name}.wgsl")), wgsl).unwrap();
        }
    }
}

#[test]
fn the_cases_use_every_shader() {
    let used: Vec<&str> = variants().values().map(|kernel| kernel.shader).collect();
    for shader in cnn_shaders::kernels().chain(cnn_shaders::native_kernels()) {
        assert!(used.contains(&shader), "no case leads to {shader}");
    }
}
