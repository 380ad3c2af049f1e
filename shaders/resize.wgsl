// Resampling of NHWC pictures with half-pixel centres, all positions found in integers:
//   nearest:  y[i] = x[floor((i + 1/2) · in / out)], rows and columns alike
//   bilinear: with position (i + 1/2) · in / out - 1/2 = first + t, clamped below at 0, and second = first + 1 clamped above,
//             x[first] · (1 - t) + x[second] · t along the columns, then of the two results along the rows
// One invocation owns one channel of one output pixel, or four.
#import scalar
#import lanes
#import index
#import resize_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read_write> y: array<element>;

fn load(row: u32, column: u32, c: u32) -> value {
    return value(x[(row * params.in_w + column) * params.channels + c]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.batch * params.out_h * params.out_w * params.channels {
        return;
    }
    let c = i % params.channels;
    let ox = i / params.channels % params.out_w;
    let oy = i / params.channels / params.out_w % params.out_h;
    let picture = i / params.channels / params.out_w / params.out_h * params.in_h;

    // Positions, in units of 1 / (2 · out).
    let unit_y = 2u * params.out_h;
    let unit_x = 2u * params.out_w;
    let centre_y = (2u * oy + 1u) * params.in_h;
    let centre_x = (2u * ox + 1u) * params.in_w;
    if params.bilinear == 0u {
        y[i] = element(load(picture + centre_y / unit_y, centre_x / unit_x, c));
        return;
    }
    let at_y = max(centre_y, params.out_h) - params.out_h;
    let at_x = max(centre_x, params.out_w) - params.out_w;
    let top = at_y / unit_y;
    let left = at_x / unit_x;
    let bottom = min(top + 1u, params.in_h - 1u);
    let right = min(left + 1u, params.in_w - 1u);
    let down = f32(at_y % unit_y) / f32(unit_y);
    let across = f32(at_x % unit_x) / f32(unit_x);
    let above = load(picture + top, left, c) * (1.0 - across) + load(picture + top, right, c) * across;
    let below = load(picture + bottom, left, c) * (1.0 - across) + load(picture + bottom, right, c) * across;
    y[i] = element(above * (1.0 - down) + below * down);
}
