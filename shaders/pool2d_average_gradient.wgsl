// The gradient of average pooling by its input, gathered:
//   dx[n, iy, ix, c] = Σ dy[n, oy, ox, c] / (pixels of window oy, ox inside the picture) over the windows that hold the pixel
// One invocation owns one channel of one input pixel, or four.
#import scalar
#import lanes
#import index
#import pool2d_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<element>;
@group(0) @binding(2) var<storage, read_write> dx: array<element>;

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
    let y = iy + params.pad_top;
    let x = ix + params.pad_left;
    let first_oy = (max(y + 1u, params.kernel_h) - params.kernel_h + params.stride_h - 1u) / params.stride_h;
    let first_ox = (max(x + 1u, params.kernel_w) - params.kernel_w + params.stride_w - 1u) / params.stride_w;
    let end_oy = min(y / params.stride_h + 1u, params.out_h);
    let end_ox = min(x / params.stride_w + 1u, params.out_w);

    var sum = value(0.0);
    for (var oy = first_oy; oy < end_oy; oy++) {
        for (var ox = first_ox; ox < end_ox; ox++) {
            let top = i32(oy * params.stride_h) - i32(params.pad_top);
            let left = i32(ox * params.stride_w) - i32(params.pad_left);
            let first_y = u32(max(top, 0));
            let first_x = u32(max(left, 0));
            let end_y = min(u32(top + i32(params.kernel_h)), params.in_h);
            let end_x = min(u32(left + i32(params.kernel_w)), params.in_w);
            let gradient = value(dy[((n * params.out_h + oy) * params.out_w + ox) * params.channels + c]);
            sum += gradient / f32((end_y - first_y) * (end_x - first_x));
        }
    }
    dx[i] = element(sum);
}
