// Batch normalisation with given statistics, x seen as [outer, channels, inner]:
//   y[o, c, k] = activation((x[o, c, k] - mean[c]) · gamma[c] / √(variance[c] + epsilon) + beta[c])
// Ioffe and Szegedy, arXiv 1502.03167. The mean goes first: x · scale + shift would lose what they have in common.
// One invocation owns one element of y, or, where inner is 1, four channels of it.
#import scalar
#import lanes
#import index
#import function

// In Rust: kernels/normalization.rs, BatchNormParams. Channels count elements of the buffers.
struct Params {
    // Of the function.
    arguments: vec4<f32>,
    count: u32,
    channels: u32,
    inner: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read> gamma: array<element>;
@group(0) @binding(3) var<storage, read> beta: array<element>;
@group(0) @binding(4) var<storage, read> mean: array<element>;
@group(0) @binding(5) var<storage, read> variance: array<element>;
@group(0) @binding(6) var<storage, read_write> y: array<element>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    let c = i / params.inner % params.channels;
    let scale = value(gamma[c]) * inverseSqrt(value(variance[c]) + params.epsilon);
    let normalised = (value(x[i]) - value(mean[c])) * scale + value(beta[c]);
    y[i] = element(apply(params.arguments, normalised));
}
