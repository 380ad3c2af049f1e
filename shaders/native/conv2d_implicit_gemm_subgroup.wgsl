// The implicit GEMM of conv2d_implicit_gemm.wgsl for drivers that run a subgroup as the lanes of one vector and fetch
// each lane's element on its own (lavapipe): what all lanes need of the filter is loaded once, each lane another part,
// and handed round by subgroupBroadcast.
//   y[pixel, f] = clamp(Σ_{tap, c} x[input pixel of (pixel, tap), c] · w[tap, c, f] + bias[f] + residual[pixel, f])
// A workgroup is one subgroup of LANES invocations. It owns LANES·ROWS output pixels, ROWS of them in each invocation,
// and 4·LANES·GROUPS output channels in named accumulators. Every lane stays in the loop to its end. DEPTH is the number of
// input channels that a step takes: 4, or 3 for pictures of three.
#import scalar
#import conv2d_params
@group(0) @binding(0) var<uniform> params: Params;
#import x
#import y

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let pixels = params.batch * params.out_h * params.out_w;
    let row_tiles = (pixels + LANES * ROWS - 1u) / (LANES * ROWS);
    let f4_count = (params.out_c + 3u) / 4u;
    let i = group.y * workgroups.x + group.x;
    let first_pixel = i % row_tiles * (LANES * ROWS) + lane * ROWS;
    let first_f4 = i / row_tiles * (LANES * GROUPS);

    // Top left corner of each pixel's window, and the picture it lies in; past the end the last pixel stands in.
    #unroll r in 0..ROWS {
        let pixel$r = min(first_pixel + $ru, pixels - 1u);
        let oy$r = pixel$r / params.out_w;
        let top$r = i32(oy$r % params.out_h * params.stride_h) - i32(params.pad_top);
        let left$r = i32(pixel$r % params.out_w * params.stride_w) - i32(params.pad_left);
        let picture$r = oy$r / params.out_h * params.in_h;
    }
    // The columns of the filter that this lane loads for all; past the end the last one stands in. Sums begin with the
    // bias, which lanes share as well.
    #unroll g in 0..GROUPS {
        let own$g = min(first_f4 + $gu * LANES + lane, f4_count - 1u);
        let own_bias$g = load_bias(own$g);
        #unroll l in 0..LANES {
            let bias$g_$l = subgroupBroadcast(own_bias$g, $lu);
            #unroll r in 0..ROWS {
                var sum$r_$g_$l = bias$g_$l;
            }
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
                // An accumulator takes its DEPTH products at once: it comes out of memory and goes back one time.
                #unroll g in 0..GROUPS {
                    #unroll k in 0..DEPTH {
                        let b$k_$g = load_w(first_row + min(4u * c4 + $ku, last_c), own$g);
                    }
                    #unroll l in 0..LANES {
                        #unroll k in 0..DEPTH {
                            let b$k_$g_$l = subgroupBroadcast(b$k_$g, $lu);
                        }
                        #unroll r in 0..ROWS {
                            #unroll k in 0..DEPTH {
                                sum$r_$g_$l += a$r[$k] * b$k_$g_$l;
                            }
                        }
                    }
                }
            }
        }
    }

    // Each round takes the last row and moves the others towards it: the compiler sees the stores of one row alone.
    for (var rows = ROWS; rows > 0u; rows--) {
        let pixel = first_pixel + rows - 1u;
        #unroll g in 0..GROUPS {
            #unroll l in 0..LANES {
                var last$g_$l = sum0_$g_$l;
                #unroll r in 0..ROWS {
                    let moved$r_$g_$l = sum$r_$g_$l;
                    sum$r_$g_$l = last$g_$l;
                    last$g_$l = moved$r_$g_$l;
                }
                let f$g_$l = first_f4 + $gu * LANES + $lu;
                if pixel < pixels && f$g_$l < f4_count {
                    store_y(pixel, f$g_$l, last$g_$l);
                }
            }
        }
    }
}
