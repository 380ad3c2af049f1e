// The same numbers in another element type:
//   y[i] = x[i], rounded to nearest even by the hardware's conversion; what float16 cannot hold becomes infinite.
// One invocation owns one element of y.
#import scalar
#import input
#import index

// In Rust: kernels/movement.rs, CastParams.
struct Params {
    count: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<input>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    y[i] = scalar(x[i]);
}
