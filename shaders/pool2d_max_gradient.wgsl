// The gradient of maximum pooling by its input, gathered:
//   dx[n, iy, ix, c] = Σ dy[n, oy, ox, c] over the windows whose largest pixel it is, of equal ones the first, row by row
// One invocation owns one channel of one input pixel, or four, and goes over each window that holds it.
#import scalar
#import lanes
#import index
#import pool2d_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read> dy: array<element>;
@group(0) @binding(3) var<storage, read_write> dx: array<element>;

fn load(row: u32, column: u32, c: u32) -> value {
    return value(x[(row * params.in_w + column) * params.channels + c]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.batch * params.in_h * params.in_w * params.channels {
        return;
    }
    let c = i % params.channels;
    let ix = i / params.channels % params.in_w;
    let iy = i / params.channels / params.in_w % params.in_h;
    let n = i / params.channels / params.in_w / params.in_h;

    // The windows that hold the pixel.
    let down = iy + params.pad_top;
    let across = ix + params.pad_left;
    let first_oy = (max(down + 1u, params.kernel_h) - params.kernel_h + params.stride_h - 1u) / params.stride_h;
    let first_ox = (max(across + 1u, params.kernel_w) - params.kernel_w + params.stride_w - 1u) / params.stride_w;
    let end_oy = min(down / params.stride_h + 1u, params.out_h);
    let end_ox = min(across / params.stride_w + 1u, params.out_w);

    let picture = n * params.in_h;
    var sum = value(0.0);
    for (var oy = first_oy; oy < end_oy; oy++) {
        for (var ox = first_ox; ox < end_ox; ox++) {
            let top = i32(oy * params.stride_h) - i32(params.pad_top);
            let left = i32(ox * params.stride_w) - i32(params.pad_left);
            let first_y = u32(max(top, 0));
            let first_x = u32(max(left, 0));
            let end_y = min(u32(top + i32(params.kernel_h)), params.in_h);
            let end_x = min(u32(left + i32(params.kernel_w)), params.in_w);
            var largest = load(picture + first_y, first_x, c);
            // Whether the largest so far is this invocation's pixel.
            var own = value(select(0.0, 1.0, first_y == iy && first_x == ix));
            for (var wy = first_y; wy < end_y; wy++) {
                for (var wx = first_x; wx < end_x; wx++) {
                    let pixel = load(picture + wy, wx, c);
                    let larger = pixel > largest;
                    largest = select(largest, pixel, larger);
                    own = select(own, value(select(0.0, 1.0, wy == iy && wx == ix)), larger);
                }
            }
            let gradient = value(dy[((n * params.out_h + oy) * params.out_w + ox) * params.channels + c]);
            sum += select(value(0.0), gradient, own > value(0.5));
        }
    }
    dx[i] = element(sum);
}
