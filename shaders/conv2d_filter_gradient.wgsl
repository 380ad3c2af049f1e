// The gradient of a convolution by its filter, the copy to read:
//   dw[ky, kx, c, f] = Σ_{n, oy, ox} x[n, oy·s - p + ky·d, ox·s - p + kx·d, g·C + c] · dy[n, oy, ox, f]
// x and dy are NHWC, dw is HWIO with C = in_c / groups input channels, f belongs to group g = f / (out_c / groups).
// One invocation owns one element of dw.
#import scalar
#import index
#import conv2d_filter_gradient_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> dy: array<scalar>;
@group(0) @binding(3) var<storage, read_write> dw: array<scalar>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    let group_c = params.in_c / params.groups;
    if i >= params.kernel_h * params.kernel_w * group_c * params.out_c {
        return;
    }
    let f = i % params.out_c;
    let c = f / (params.out_c / params.groups) * group_c + i / params.out_c % group_c;
    let kx = i / params.out_c / group_c % params.kernel_w;
    let ky = i / params.out_c / group_c / params.kernel_w;

    var sum = 0.0;
    for (var row = params.first_row; row < params.end_row; row++) {
        let iy = i32(row % params.out_h * params.stride_h + ky * params.dilation_h) - i32(params.pad_top);
        if iy < 0 || iy >= i32(params.in_h) {
            continue;
        }
        let in_row = (row / params.out_h * params.in_h + u32(iy)) * params.in_w;
        // Rows apart: shorter sums err less.
        var part = 0.0;
        for (var ox = 0u; ox < params.out_w; ox++) {
            let ix = i32(ox * params.stride_w + kx * params.dilation_w) - i32(params.pad_left);
            if ix >= 0 && ix < i32(params.in_w) {
                part += f32(x[(in_row + u32(ix)) * params.in_c + c]) * f32(dy[(row * params.out_w + ox) * params.out_c + f]);
            }
        }
        sum += part;
    }
    if params.first_row > 0u {
        sum += f32(dw[i]);
    }
    dw[i] = scalar(sum);
}
