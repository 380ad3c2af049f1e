// Transposed convolution, gathered:
//   y[n, oy, ox, f] = clamp(Σ x[n, iy, ix, c] · w[ky, kx, f % (F / groups), c] + bias[f] + residual)
//   over the c of f's group and all taps with iy·s + ky·d - before = oy for an iy inside the picture, columns alike
// x is NHWC, w is [KH, KW, F / groups, C]. Dumoulin and Visin, arXiv 1603.07285, chapter 4.
// One invocation owns four channels of one output pixel; it reads c one at a time, or four.
#import scalar
#import lanes
#import index
#import clamp_keep_nan
#import conv2d_transpose_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read> w: array<element>;
@group(0) @binding(3) var<storage, read> bias: array<scalar>;
@group(0) @binding(4) var<storage, read> residual: array<scalar>;
@group(0) @binding(5) var<storage, read_write> y: array<scalar>;

// Bias, residual and clamp, then the store of one channel of a pixel.
fn store(pixel: u32, f: u32, sum: f32) {
    if f >= params.out_c {
        return;
    }
    let at = pixel * params.out_c + f;
    var result = sum;
    if params.has_bias != 0u {
        result += f32(bias[f]);
    }
    if params.has_residual != 0u {
        result += f32(residual[at]);
    }
    y[at] = scalar(clamp_keep_nan(result, params.low, params.high));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    let f4_count = (params.out_c + 3u) / 4u;
    if i >= params.batch * params.out_h * params.out_w * f4_count {
        return;
    }
    let f = i % f4_count * 4u;
    let pixel = i / f4_count;
    let ox = pixel % params.out_w;
    let oy = pixel / params.out_w % params.out_h;
    let n = pixel / params.out_w / params.out_h;

    // Rows of the filter, of one channel of y each, and the first channel of its group; past the end the last one is read,
    // and not stored.
    let last_f = params.out_c - 1u;
    let group_f = params.out_c / params.groups;
    let group_c = params.in_c / params.groups;
    #unroll k in 0..4 {
        let f$k = min(f + $ku, last_f);
        let first$k = f$k / group_f * group_c;
        let row$k = f$k % group_f * params.in_c + first$k;
        var sum$k = value(0.0);
    }
    for (var ky = 0u; ky < params.kernel_h; ky++) {
        // Left of the picture this wraps around to a number that no picture is as high as.
        let from_y = oy + params.before_h - ky * params.dilation_h;
        let iy = from_y / params.stride_h;
        if from_y % params.stride_h != 0u || iy >= params.in_h {
            continue;
        }
        for (var kx = 0u; kx < params.kernel_w; kx++) {
            let from_x = ox + params.before_w - kx * params.dilation_w;
            let ix = from_x / params.stride_w;
            if from_x % params.stride_w != 0u || ix >= params.in_w {
                continue;
            }
            let source = ((n * params.in_h + iy) * params.in_w + ix) * params.in_c;
            let tap = (ky * params.kernel_w + kx) * group_f * params.in_c;
            if first0 == first3 {
                for (var c = 0u; c < group_c; c++) {
                    let a = value(x[source + first0 + c]);
                    #unroll k in 0..4 {
                        sum$k += a * value(w[tap + row$k + c]);
                    }
                }
            } else {
                for (var c = 0u; c < group_c; c++) {
                    #unroll k in 0..4 {
                        sum$k += value(x[source + first$k + c]) * value(w[tap + row$k + c]);
                    }
                }
            }
        }
    }
    #unroll k in 0..4 {
        store(pixel, f + $ku, lane_sum(sum$k));
    }
}
