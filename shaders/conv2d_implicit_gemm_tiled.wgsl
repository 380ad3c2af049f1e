// The implicit GEMM of conv2d_implicit_gemm.wgsl for GPUs with fast workgroup memory:
//   y[pixel, f] = clamp(Σ_{tap, c} x[input pixel of (pixel, tap), c] · w[tap, c, f] + bias[f] + residual[pixel, f])
// A workgroup of 16 x 16 invocations owns 64·QUADS pixels and 64·COLUMNS channels. It goes through the products 16 at a
// time: four vectors of input channels, counted through all taps, so few channels waste nothing. Both slices lie in
// workgroup memory, the input's transposed, so that an invocation reads its 4·QUADS pixels as vectors. An invocation owns
// these pixels and COLUMNS vectors of channels, 16 vectors apart, so that neighbours read neighbours.
// Tiling: Volkov and Demmel, "Benchmarking GPUs to tune dense linear algebra", SC 2008.
#import scalar
#import conv2d_params
@group(0) @binding(0) var<uniform> params: Params;
#import x
#import y

// [product of 16][vector of four pixels], [product of 16][vector of four channels]
var<workgroup> x_tile: array<vec4<f32>, 16u * 16u * QUADS>;
var<workgroup> w_tile: array<vec4<f32>, 16u * 16u * COLUMNS>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let pixels = params.batch * params.out_h * params.out_w;
    let row_tiles = (pixels + 64u * QUADS - 1u) / (64u * QUADS);
    let f4_count = (params.out_c + 3u) / 4u;
    let i = group.y * workgroups.x + group.x;
    let first_pixel = i % row_tiles * (64u * QUADS);
    let first_f4 = i / row_tiles * (16u * COLUMNS);
    let c4_count = (params.in_c + 3u) / 4u;
    let last_c = params.in_c - 1u;
    let vectors = params.kernel_h * params.kernel_w * c4_count;

    // Of the input's slice this invocation fetches vector local % 4 of QUADS pixels, 64 apart; past the end the last
    // pixel stands in. Of the filter's it fetches COLUMNS vectors of row local / 16.
    #unroll q in 0..QUADS {
        let fetched$q = min(first_pixel + local / 4u + 64u * $qu, pixels - 1u);
        let oy$q = fetched$q / params.out_w;
        let top$q = i32(oy$q % params.out_h * params.stride_h) - i32(params.pad_top);
        let left$q = i32(fetched$q % params.out_w * params.stride_w) - i32(params.pad_left);
        let picture$q = oy$q / params.out_h * params.in_h;
    }
    #unroll q in 0..QUADS {
        #unroll l in 0..4 {
            #unroll j in 0..COLUMNS {
                var sum$q_$l_$j = vec4<f32>();
            }
        }
    }

    let row = local / 16u;
    let column = local % 16u;
    for (var slice = 0u; slice < vectors; slice += 4u) {
        let vector = slice + local % 4u;
        let tap = vector / c4_count;
        let c4 = vector % c4_count;
        let ky = tap / params.kernel_w * params.dilation_h;
        let kx = tap % params.kernel_w * params.dilation_w;
        #unroll q in 0..QUADS {
            let iy$q = top$q + i32(ky);
            let ix$q = left$q + i32(kx);
            let inside$q = vector < vectors && iy$q >= 0 && iy$q < i32(params.in_h) && ix$q >= 0 && ix$q < i32(params.in_w);
            var value$q = vec4<f32>();
            if inside$q {
                value$q = load_x(((picture$q + u32(iy$q)) * params.in_w + u32(ix$q)) * params.in_c, c4);
            }
            let m$q = local / 4u + 64u * $qu;
            #unroll k in 0..4 {
                x_tile[(local % 4u * 4u + $ku) * (16u * QUADS) + m$q / 4u][m$q % 4u] = value$q[$k];
            }
        }
        // Products past the end meet zeros of the input; of the filter the last row stands in.
        let w_vector = min(slice + row / 4u, vectors - 1u);
        let w_row = w_vector / c4_count * params.in_c + min(w_vector % c4_count * 4u + row % 4u, last_c);
        #unroll j in 0..COLUMNS {
            w_tile[row * (16u * COLUMNS) + column + 16u * $ju] = load_w(w_row, min(first_f4 + column + 16u * $ju, f4_count - 1u));
        }
        workgroupBarrier();
        for (var k = 0u; k < 16u; k++) {
            #unroll j in 0..COLUMNS {
                let b$j = w_tile[k * (16u * COLUMNS) + column + 16u * $ju];
            }
            #unroll q in 0..QUADS {
                let a$q = x_tile[k * (16u * QUADS) + row * QUADS + $qu];
                #unroll l in 0..4 {
                    #unroll j in 0..COLUMNS {
                        sum$q_$l_$j += a$q[$l] * b$j;
                    }
                }
            }
        }
        workgroupBarrier();
    }

    #unroll j in 0..COLUMNS {
        let f$j = first_f4 + column + 16u * $ju;
        if f$j < f4_count {
            let bias$j = load_bias(f$j);
            #unroll q in 0..QUADS {
                #unroll l in 0..4 {
                    let pixel$q_$l_$j = first_pixel + (row * QUADS + $qu) * 4u + $lu;
                    if pixel$q_$l_$j < pixels {
                        store_y(pixel$q_$l_$j, f$j, sum$q_$l_$j + bias$j);
                    }
                }
            }
        }
    }
}
