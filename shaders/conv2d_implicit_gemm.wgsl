// Convolution (groups = 1) as a matrix product whose left matrix is never written: its rows are output pixels, its
// columns taps and input channels.
//   y[pixel, f] = clamp(Σ_{tap, c} x[input pixel of (pixel, tap), c] · w[tap, c, f] + bias[f] + residual[pixel, f])
// A matrix product itself is the case of a 1x1 window over `batch` pictures of one pixel.
//
// One invocation owns ROWS output pixels and 4·COLUMNS output channels in named accumulators: no workgroup memory, each
// loaded vector is used ROWS or 4·COLUMNS times. That is what software drivers like best, which run a workgroup as the
// lanes of one vector. Neighbours own the next ROWS pixels of the same channels.
#import scalar
#import index
#import conv2d_params
@group(0) @binding(0) var<uniform> params: Params;
#import x
#import y

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let pixels = params.batch * params.out_h * params.out_w;
    let row_tiles = (pixels + ROWS - 1u) / ROWS;
    let f4_count = (params.out_c + 3u) / 4u;
    let column_tiles = (f4_count + COLUMNS - 1u) / COLUMNS;
    let i = linear_index(id, workgroups, LANES);
    if i >= row_tiles * column_tiles {
        return;
    }
    let first_pixel = i % row_tiles * ROWS;
    let first_f4 = i / row_tiles * COLUMNS;

    // Top left corner of each pixel's window, and the picture it lies in; past the end the last pixel stands in.
    #unroll r in 0..ROWS {
        let pixel$r = min(first_pixel + $ru, pixels - 1u);
        let oy$r = pixel$r / params.out_w;
        let top$r = i32(oy$r % params.out_h * params.stride_h) - i32(params.pad_top);
        let left$r = i32(pixel$r % params.out_w * params.stride_w) - i32(params.pad_left);
        let picture$r = oy$r / params.out_h * params.in_h;
    }
    // Columns of the filter; past the end the last one stands in.
    #unroll j in 0..COLUMNS {
        let f$j = min(first_f4 + $ju, f4_count - 1u);
    }
    #unroll r in 0..ROWS {
        #unroll j in 0..COLUMNS {
            var sum$r_$j = vec4<f32>();
        }
    }

    let c4_count = (params.in_c + 3u) / 4u;
    let last_c = params.in_c - 1u;
    for (var ky = 0u; ky < params.kernel_h; ky++) {
        for (var kx = 0u; kx < params.kernel_w; kx++) {
            #unroll r in 0..ROWS {
                let iy$r = top$r + i32(ky * params.dilation_h);
                let ix$r = left$r + i32(kx * params.dilation_w);
                let inside$r = iy$r >= 0 && iy$r < i32(params.in_h) && ix$r >= 0 && ix$r < i32(params.in_w);
                let from$r = select(0u, ((picture$r + u32(iy$r)) * params.in_w + u32(ix$r)) * params.in_c, inside$r);
            }
            let first_row = (ky * params.kernel_w + kx) * params.in_c;
            for (var c4 = 0u; c4 < c4_count; c4++) {
                #unroll r in 0..ROWS {
                    let a$r = select(vec4<f32>(), load_x(from$r, c4), inside$r);
                }
                #unroll k in 0..4 {
                    let row$k = first_row + min(4u * c4 + $ku, last_c);
                    #unroll j in 0..COLUMNS {
                        let b$k_$j = load_w(row$k, f$j);
                        #unroll r in 0..ROWS {
                            sum$r_$j += a$r[$k] * b$k_$j;
                        }
                    }
                }
            }
        }
    }

    #unroll j in 0..COLUMNS {
        if first_f4 + $ju < f4_count {
            let bias$j = load_bias(f$j);
            #unroll r in 0..ROWS {
                if first_pixel + $ru < pixels {
                    store_y(pixel$r, f$j, sum$r_$j + bias$j);
                }
            }
        }
    }
}
