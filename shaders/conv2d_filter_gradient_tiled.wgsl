// The gradient of a convolution (groups = 1, filters a multiple of 4) by its filter; what
// conv2d_filter_gradient.wgsl computes, as a sum of outer products over pixels:
//   dw[tap, c, f] = Σ_pixel x[input pixel of (pixel, tap), c] · dy[pixel, f]
// One invocation owns 4·ROWS channels and 4·COLUMNS filters of one tap in named accumulators, and goes over all pixels in one
// order: no workgroup memory and no atomics. Neighbours own the next filters of the same channels.
#import scalar
#import index
#import conv2d_filter_gradient_params

@group(0) @binding(0) var<uniform> params: Params;
#import x
@group(0) @binding(2) var<storage, read> dy: array<vec4s>;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4s>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let c4_count = (params.in_c + 3u) / 4u;
    let f4_count = params.out_c / 4u;
    let c_tiles = (c4_count + ROWS - 1u) / ROWS;
    let f_tiles = (f4_count + COLUMNS - 1u) / COLUMNS;
    let i = linear_index(id, workgroups, LANES);
    if i >= params.kernel_h * params.kernel_w * c_tiles * f_tiles {
        return;
    }
    let first_f4 = i % f_tiles * COLUMNS;
    let first_c4 = i / f_tiles % c_tiles * ROWS;
    let tap = i / f_tiles / c_tiles;
    let left = i32(tap % params.kernel_w * params.dilation_w) - i32(params.pad_left);
    let top = i32(tap / params.kernel_w * params.dilation_h) - i32(params.pad_top);

    // Past the end the last vector stands in.
    #unroll r in 0..ROWS {
        let c$r = min(first_c4 + $ru, c4_count - 1u);
        #unroll k in 0..4 {
            #unroll j in 0..COLUMNS {
                var sum$r_$k_$j = vec4<f32>();
            }
        }
    }
    #unroll j in 0..COLUMNS {
        let f$j = min(first_f4 + $ju, f4_count - 1u);
    }
    for (var row = params.first_row; row < params.end_row; row++) {
        let iy = i32(row % params.out_h * params.stride_h) + top;
        if iy < 0 || iy >= i32(params.in_h) {
            continue;
        }
        let in_row = (row / params.out_h * params.in_h + u32(iy)) * params.in_w;
        for (var ox = 0u; ox < params.out_w; ox++) {
            let ix = i32(ox * params.stride_w) + left;
            if ix >= 0 && ix < i32(params.in_w) {
                let from_x = (in_row + u32(ix)) * params.in_c;
                let from_dy = (row * params.out_w + ox) * f4_count;
                #unroll j in 0..COLUMNS {
                    let d$j = vec4<f32>(dy[from_dy + f$j]);
                }
                #unroll r in 0..ROWS {
                    let a$r = load_x(from_x, c$r);
                    #unroll k in 0..4 {
                        #unroll j in 0..COLUMNS {
                            sum$r_$k_$j += a$r[$k] * d$j;
                        }
                    }
                }
            }
        }
    }
    #unroll r in 0..ROWS {
        #unroll k in 0..4 {
            let channel$r_$k = 4u * (first_c4 + $ru) + $ku;
            if channel$r_$k < params.in_c {
                #unroll j in 0..COLUMNS {
                    if first_f4 + $ju < f4_count {
                        let at = (tap * params.in_c + channel$r_$k) * f4_count + f$j;
                        if params.first_row > 0u {
                            sum$r_$k_$j += vec4<f32>(dw[at]);
                        }
                        dw[at] = vec4s(sum$r_$k_$j);
                    }
                }
            }
        }
    }
}
