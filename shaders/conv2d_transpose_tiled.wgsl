// Transposed convolution (groups = 1, input channels a multiple of 4); what conv2d_transpose.wgsl computes.
//
// Outputs are taken phase by phase: those of one remainder by the strides are reached by the same taps, so no tap is tried in
// vain. One invocation owns ROWS output pixels of a phase and COLUMNS channels in named accumulators: each loaded vector is
// used COLUMNS or ROWS times. Neighbours own the next ROWS pixels of the same channels.
#import scalar
#import index
#import clamp_keep_nan
#import conv2d_transpose_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4s>;
@group(0) @binding(2) var<storage, read> w: array<vec4s>;
@group(0) @binding(3) var<storage, read> bias: array<scalar>;
@group(0) @binding(4) var<storage, read> residual: array<scalar>;
@group(0) @binding(5) var<storage, read_write> y: array<scalar>;

// Bias, residual and clamp, then the store of one channel of a pixel.
fn store(pixel: u32, f: u32, sum: f32) {
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

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    // Pixels of a phase: some lie past the end where the strides do not divide the output.
    let rows = (params.out_h + params.stride_h - 1u) / params.stride_h;
    let columns = (params.out_w + params.stride_w - 1u) / params.stride_w;
    let pixels = params.batch * rows * columns;
    let row_tiles = (pixels + ROWS - 1u) / ROWS;
    let all_tiles = row_tiles * params.stride_h * params.stride_w;
    let column_tiles = (params.out_c + COLUMNS - 1u) / COLUMNS;
    let i = linear_index(id, workgroups, LANES);
    if i >= all_tiles * column_tiles {
        return;
    }
    let first_f = i / all_tiles * COLUMNS;
    let phase = i % all_tiles / row_tiles;
    let phase_y = phase / params.stride_w;
    let phase_x = phase % params.stride_w;
    let first = i % row_tiles * ROWS;

    #unroll r in 0..ROWS {
        let pixel$r = min(first + $ru, pixels - 1u);
        let qx$r = pixel$r % columns;
        let qy$r = pixel$r / columns % rows;
        let n$r = pixel$r / columns / rows;
    }
    // Past the end the last channel stands in.
    let c4_count = params.in_c;
    #unroll j in 0..COLUMNS {
        let f$j = min(first_f + $ju, params.out_c - 1u);
        let row$j = f$j * c4_count;
    }
    #unroll r in 0..ROWS {
        #unroll j in 0..COLUMNS {
            var sum$r_$j = 0.0;
        }
    }
    // So many pixels are added and taken off again that no position is negative, whose remainder drivers may get wrong.
    let shift_y = params.kernel_h * params.dilation_h;
    let shift_x = params.kernel_w * params.dilation_w;
    for (var ky = 0u; ky < params.kernel_h; ky++) {
        let from_y = phase_y + params.before_h + shift_y * params.stride_h - ky * params.dilation_h;
        if from_y % params.stride_h != 0u {
            continue;
        }
        for (var kx = 0u; kx < params.kernel_w; kx++) {
            let from_x = phase_x + params.before_w + shift_x * params.stride_w - kx * params.dilation_w;
            if from_x % params.stride_w != 0u {
                continue;
            }
            #unroll r in 0..ROWS {
                let iy$r = i32(qy$r + from_y / params.stride_h) - i32(shift_y);
                let ix$r = i32(qx$r + from_x / params.stride_w) - i32(shift_x);
                let inside$r = iy$r >= 0 && iy$r < i32(params.in_h) && ix$r >= 0 && ix$r < i32(params.in_w);
                let source$r = select(0u, ((n$r * params.in_h + u32(iy$r)) * params.in_w + u32(ix$r)) * c4_count, inside$r);
            }
            let tap = (ky * params.kernel_w + kx) * params.out_c * c4_count;
            for (var c = 0u; c < c4_count; c++) {
                #unroll r in 0..ROWS {
                    let a$r = select(vec4<f32>(), vec4<f32>(x[source$r + c]), inside$r);
                }
                #unroll j in 0..COLUMNS {
                    let b$j = vec4<f32>(w[tap + row$j + c]);
                    #unroll r in 0..ROWS {
                        sum$r_$j += dot(a$r, b$j);
                    }
                }
            }
        }
    }
    #unroll r in 0..ROWS {
        let oy$r = qy$r * params.stride_h + phase_y;
        let ox$r = qx$r * params.stride_w + phase_x;
        if first + $ru < pixels && oy$r < params.out_h && ox$r < params.out_w {
            let at$r = (n$r * params.out_h + oy$r) * params.out_w + ox$r;
            #unroll j in 0..COLUMNS {
                if first_f + $ju < params.out_c {
                    store(at$r, f$j, sum$r_$j);
                }
            }
        }
    }
}
