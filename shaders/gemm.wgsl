// Matrix product, the copy to read:
//   y[m, n] = clamp(Σ_k a[m, k] · b[k, n] + bias[n] + residual[m, n])
// All row-major. One invocation owns one element of y.
#import scalar
#import index
#import clamp_keep_nan
#import gemm_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<scalar>;
@group(0) @binding(2) var<storage, read> b: array<scalar>;
@group(0) @binding(3) var<storage, read> bias: array<scalar>;
@group(0) @binding(4) var<storage, read> residual: array<scalar>;
@group(0) @binding(5) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.m * params.n {
        return;
    }
    let row = i / params.n;
    let column = i % params.n;
    var sum = 0.0;
    for (var k = 0u; k < params.k; k++) {
        sum += f32(a[row * params.k + k]) * f32(b[k * params.n + column]);
    }
    if params.has_bias != 0u {
        sum += f32(bias[column]);
    }
    if params.has_residual != 0u {
        sum += f32(residual[i]);
    }
    y[i] = scalar(clamp_keep_nan(sum, params.low, params.high));
}
