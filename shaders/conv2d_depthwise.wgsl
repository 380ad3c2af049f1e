// Depthwise convolution with one filter for each channel (groups = in_c = out_c, a multiple of 4):
//   y[n, oy, ox, c] = clamp(Σ_{ky, kx} x[n, oy·s - p + ky·d, ox·s - p + kx·d, c] · w[ky, kx, 0, c] + bias[c] + residual)
// One invocation owns four channels of one output pixel; neighbours own the next four channels.
#import scalar
#import index
#import conv2d_params
@group(0) @binding(0) var<uniform> params: Params;
#import x_vec4
#import y_vec4

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    let c4_count = params.out_c >> 2u;
    if i >= params.batch * params.out_h * params.out_w * c4_count {
        return;
    }
    let c4 = i % c4_count;
    let pixel = i / c4_count;
    let ox = pixel % params.out_w;
    let oy = pixel / params.out_w % params.out_h;
    let n = pixel / params.out_w / params.out_h;

    var sum = vec4<f32>();
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
            let first = ((n * params.in_h + u32(iy)) * params.in_w + u32(ix)) * params.in_c;
            sum += load_x(first, c4) * load_w(ky * params.kernel_w + kx, c4);
        }
    }
    store_y(pixel, c4, sum + load_bias(c4));
}
