// Pooling by large windows, such as whole pictures; what pool2d.wgsl computes, the window shared out:
//   y[n, oy, ox, c] = max or mean of x[n, iy, ix, c] over oy·s - p ≤ iy < oy·s - p + k inside the picture, ix alike
// A workgroup owns COLUMNS elements of the channels of one output pixel. Its PARTS · COLUMNS invocations each take every
// PARTS-th pixel of the window; then the parts are put together in workgroup memory.
#import scalar
#import lanes
#import pool2d_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read_write> y: array<element>;

var<workgroup> parts: array<value, PARTS * COLUMNS>;

// NaN stays NaN.
fn larger(a: value, b: value) -> value {
    return select(a, b, (b > a) | is_nan(b));
}

@compute @workgroup_size(PARTS * COLUMNS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tiles = (params.channels + COLUMNS - 1u) / COLUMNS;
    let pixels = params.batch * params.out_h * params.out_w;
    let tile = group.y * workgroups.x + group.x;
    // Past the end the last pixel and channel stand in: barriers want all invocations.
    let pixel = min(tile / tiles, pixels - 1u);
    let channel = tile % tiles * COLUMNS + local % COLUMNS;
    let c = min(channel, params.channels - 1u);
    let part = local / COLUMNS;

    // The window's part inside the picture, which is never empty.
    let ox = pixel % params.out_w;
    let oy = pixel / params.out_w % params.out_h;
    let n = pixel / params.out_w / params.out_h;
    let top = i32(oy * params.stride_h) - i32(params.pad_top);
    let left = i32(ox * params.stride_w) - i32(params.pad_left);
    let first_y = u32(max(top, 0));
    let first_x = u32(max(left, 0));
    let rows = min(u32(top + i32(params.kernel_h)), params.in_h) - first_y;
    let columns = min(u32(left + i32(params.kernel_w)), params.in_w) - first_x;
    let corner = (n * params.in_h + first_y) * params.in_w + first_x;

    var result = value(0.0);
    if AVERAGE == 0u {
        result = value(x[corner * params.channels + c]);
    }
    for (var i = part; i < rows * columns; i += PARTS) {
        let element_of_window = value(x[(corner + i / columns * params.in_w + i % columns) * params.channels + c]);
        if AVERAGE == 1u {
            result += element_of_window;
        } else {
            result = larger(result, element_of_window);
        }
    }
    parts[local] = result;
    workgroupBarrier();
    if part != 0u || tile >= pixels * tiles || channel >= params.channels {
        return;
    }
    for (var other = 1u; other < PARTS; other++) {
        if AVERAGE == 1u {
            result += parts[other * COLUMNS + local];
        } else {
            result = larger(result, parts[other * COLUMNS + local]);
        }
    }
    if AVERAGE == 1u {
        result /= f32(rows * columns);
    }
    y[pixel * params.channels + c] = element(result);
}
