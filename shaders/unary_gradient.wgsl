// The gradient of a function of each element, in any layout:
//   dx[i] = dy[i] · function'(x[i])
// One invocation owns one element of dx, or four that lie side by side.
#import scalar
#import lanes
#import index
#import slope

// In Rust: kernels/elementwise.rs, UnaryParams.
struct Params {
    // Of the function.
    arguments: vec4<f32>,
    count: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read> dy: array<element>;
@group(0) @binding(3) var<storage, read_write> dx: array<element>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    dx[i] = element(slope(params.arguments, value(x[i])) * value(dy[i]));
}
