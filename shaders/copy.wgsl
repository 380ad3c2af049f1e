// A box of x into y, row-major, axes in any order, with a border: Pad, Slice, Transpose, Reshape.
//   y[o] = x[first + Σ_axis (o - before) · step] where 0 ≤ o - before < size on every axis, else border
// Axes that lie behind each other in both are merged before (kernels/movement.rs).
// One invocation owns one element of y, or four that lie side by side in both.
#import scalar
#import lanes
#import index

// In Rust: kernels/movement.rs, CopyParams. All in elements of the buffers.
struct Params {
    count: u32,
    rank: u32,
    first: u32,
    border: f32,
    // For each axis the size of y, the step in x, the border before, and the size of the box.
    axes: array<vec4<u32>, 6>,
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
    var rest = i;
    var at = params.first;
    var inside = true;
    for (var k = params.rank; k > 0u; k--) {
        let axis = params.axes[k - 1u];
        var o = rest;
        if k > 1u {
            o = rest % axis.x;
            rest /= axis.x;
        }
        // Before the box this wraps around to a large number.
        let in_box = o - axis.z;
        inside = inside & (in_box < axis.w);
        at += in_box * axis.y;
    }
    // No arithmetic: what is copied keeps its bits.
    if inside {
        y[i] = x[at];
    } else {
        y[i] = element(value(params.border));
    }
}
