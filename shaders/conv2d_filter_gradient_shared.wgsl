// The gradient of a convolution by its filter over many pixels; what conv2d_filter_gradient.wgsl computes, the sums shared out:
//   dw[ky, kx, c, f] = Σ_{n, oy, ox} x[n, oy·s - p + ky·d, ox·s - p + kx·d, g·C + c] · dy[n, oy, ox, f]
// x and dy are NHWC, dw is HWIO with C = in_c / groups input channels, f belongs to group g = f / (out_c / groups).
// A workgroup owns COLUMNS elements of dw side by side. Its PARTS · COLUMNS invocations each take every PARTS-th pixel of dy;
// then the parts are added up in workgroup memory, always in one order: no atomics, so runs agree to the bit.
#import scalar
#import conv2d_filter_gradient_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> dy: array<scalar>;
@group(0) @binding(3) var<storage, read_write> dw: array<scalar>;

var<workgroup> parts: array<f32, PARTS * COLUMNS>;

@compute @workgroup_size(PARTS * COLUMNS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group_c = params.in_c / params.groups;
    let count = params.kernel_h * params.kernel_w * group_c * params.out_c;
    let wanted = (group.y * workgroups.x + group.x) * COLUMNS + local % COLUMNS;
    // Past the end the last element is computed again, and not stored: barriers want all invocations.
    let i = min(wanted, count - 1u);
    let part = local / COLUMNS;
    let f = i % params.out_c;
    let c = f / (params.out_c / params.groups) * group_c + i / params.out_c % group_c;
    let kx = i / params.out_c / group_c % params.kernel_w;
    let ky = i / params.out_c / group_c / params.kernel_w;

    var sum = 0.0;
    for (var pixel = params.first_row * params.out_w + part; pixel < params.end_row * params.out_w; pixel += PARTS) {
        let ox = pixel % params.out_w;
        let oy = pixel / params.out_w % params.out_h;
        let n = pixel / params.out_w / params.out_h;
        let iy = i32(oy * params.stride_h + ky * params.dilation_h) - i32(params.pad_top);
        let ix = i32(ox * params.stride_w + kx * params.dilation_w) - i32(params.pad_left);
        if iy >= 0 && iy < i32(params.in_h) && ix >= 0 && ix < i32(params.in_w) {
            let from_x = ((n * params.in_h + u32(iy)) * params.in_w + u32(ix)) * params.in_c + c;
            sum += f32(x[from_x]) * f32(dy[pixel * params.out_c + f]);
        }
    }
    parts[local] = sum;
    workgroupBarrier();
    if part != 0u || wanted >= count {
        return;
    }
    for (var other = 1u; other < PARTS; other++) {
        sum += parts[other * COLUMNS + local];
    }
    if params.first_row > 0u {
        sum += f32(dw[i]);
    }
    dw[i] = scalar(sum);
}
