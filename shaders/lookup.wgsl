// For each pixel of x [N, H, W, C] what a table [bins, C] holds for its bin, the whole part within the table, and its channel.
// One invocation owns one element of y.
#import scalar
#import index

// In Rust: kernels/histogram.rs, LookupParams.
struct Params {
    count: u32,
    channels: u32,
    bins: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> table: array<scalar>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    let bin = u32(clamp(f32(x[i]), 0.0, f32(params.bins - 1u)));
    y[i] = table[bin * params.channels + i % params.channels];
}
