// One part of a concatenation, x seen as [outer, width] and y as [outer, stride]:
//   y[o, offset + j] = x[o, j]
// One invocation owns one element of x, or four that lie side by side. The other parts of y belong to other dispatches.
#import scalar
#import lanes
#import index

// In Rust: kernels/movement.rs, ConcatParams. All in elements of the buffers.
struct Params {
    count: u32,
    width: u32,
    stride: u32,
    offset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read_write> y: array<element>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    y[i / params.width * params.stride + params.offset + i % params.width] = x[i];
}
