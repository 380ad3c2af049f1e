// Convolution, the copy to read:
//   y[n, oy, ox, f] = clamp(Σ_{ky, kx, c} x[n, oy·s - p + ky·d, ox·s - p + kx·d, g·C + c] · w[ky, kx, c, f] + bias[f] + residual)
// x is NHWC, w is HWIO with C = in_c / groups input channels, f belongs to group g = f / (out_c / groups).
// Dumoulin and Visin, arXiv 1603.07285. One invocation owns one element of y.
#import scalar
#import index
#import conv2d_params
#import clamp_keep_nan

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> w: array<scalar>;
@group(0) @binding(3) var<storage, read> bias: array<scalar>;
@group(0) @binding(4) var<storage, read> residual: array<scalar>;
@group(0) @binding(5) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.batch * params.out_h * params.out_w * params.out_c {
        return;
    }
    let f = i % params.out_c;
    let ox = i / params.out_c % params.out_w;
    let oy = i / params.out_c / params.out_w % params.out_h;
    let n = i / params.out_c / params.out_w / params.out_h;
    let group_c = params.in_c / params.groups;
    let first_c = f / (params.out_c / params.groups) * group_c;

    var sum = 0.0;
    for (var ky = 0u; ky < params.kernel_h; ky++) {
        let iy = i32(oy * params.stride_h + ky * params.dilation_h) - i32(params.pad_top);
        if iy < 0 || iy >= i32(params.in_h) {
            continue;
        }
        for (var kx = 0u; kx < params.kernel_w; kx++) {
            let ix = i32(ox * params.stride_w + kx * params.dilation_w) - i32(params.pad_left);
            if ix < 0 || ix >= i32(params.in_w) {
                continue;
            }
            let pixel = ((n * params.in_h + u32(iy)) * params.in_w + u32(ix)) * params.in_c + first_c;
            let row = (ky * params.kernel_w + kx) * group_c;
            for (var c = 0u; c < group_c; c++) {
                sum += f32(x[pixel + c]) * f32(w[(row + c) * params.out_c + f]);
            }
        }
    }
    if params.has_bias != 0u {
        sum += f32(bias[f]);
    }
    if params.has_residual != 0u {
        sum += f32(residual[i]);
    }
    y[i] = scalar(clamp_keep_nan(sum, params.low, params.high));
}
