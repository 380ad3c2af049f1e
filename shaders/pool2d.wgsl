// Pooling: of each window of an NHWC picture the largest element, or the mean; pixels outside count for neither:
//   y[n, oy, ox, c] = max or mean of x[n, iy, ix, c] over oy·s - p ≤ iy < oy·s - p + k inside the picture, ix alike
// NaN in a window gives NaN. AVERAGE, 1 for the mean, is a constant of the kernel. One invocation owns one channel of one output pixel, or four.
#import scalar
#import lanes
#import index
#import pool2d_params

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
    let n = i / params.channels / params.out_w / params.out_h;

    // The window's part inside the picture, which is never empty.
    let top = i32(oy * params.stride_h) - i32(params.pad_top);
    let left = i32(ox * params.stride_w) - i32(params.pad_left);
    let first_y = u32(max(top, 0));
    let first_x = u32(max(left, 0));
    let end_y = min(u32(top + i32(params.kernel_h)), params.in_h);
    let end_x = min(u32(left + i32(params.kernel_w)), params.in_w);

    let picture = n * params.in_h;
    if AVERAGE == 1u {
        var sum = value(0.0);
        for (var iy = first_y; iy < end_y; iy++) {
            for (var ix = first_x; ix < end_x; ix++) {
                sum += load(picture + iy, ix, c);
            }
        }
        y[i] = element(sum / f32((end_y - first_y) * (end_x - first_x)));
    } else {
        var largest = load(picture + first_y, first_x, c);
        for (var iy = first_y; iy < end_y; iy++) {
            for (var ix = first_x; ix < end_x; ix++) {
                let pixel = load(picture + iy, ix, c);
                largest = select(largest, pixel, (pixel > largest) | is_nan(pixel));
            }
        }
        y[i] = element(largest);
    }
}
