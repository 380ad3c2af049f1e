// Pooling: of each window of an NHWC picture the largest element, or the mean; pixels outside count for neither:
//   y[n, oy, ox, c] = max or mean of x[n, iy, ix, c] over oy·s - p ≤ iy < oy·s - p + k inside the picture, ix alike
// NaN in a window gives NaN. One invocation owns one channel of one output pixel, or four.
#import scalar
#import lanes
#import index

// In Rust: kernels/pool2d.rs, Params. Channels count elements of the buffers.
struct Params {
    batch: u32,
    in_h: u32,
    in_w: u32,
    channels: u32,
    out_h: u32,
    out_w: u32,
    kernel_h: u32,
    kernel_w: u32,
    stride_h: u32,
    stride_w: u32,
    pad_top: u32,
    pad_left: u32,
    average: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read_write> y: array<element>;

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
    var largest = value(x[((picture + first_y) * params.in_w + first_x) * params.channels + c]);
    var sum = value(0.0);
    for (var iy = first_y; iy < end_y; iy++) {
        for (var ix = first_x; ix < end_x; ix++) {
            let pixel = value(x[((picture + iy) * params.in_w + ix) * params.channels + c]);
            largest = select(largest, pixel, (pixel > largest) | (pixel != pixel));
            sum += pixel;
        }
    }
    let mean = sum / f32((end_y - first_y) * (end_x - first_x));
    if params.average != 0u {
        y[i] = element(mean);
    } else {
        y[i] = element(largest);
    }
}
