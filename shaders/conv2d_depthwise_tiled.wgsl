// The depthwise convolution of conv2d_depthwise.wgsl for square windows of TAPS x TAPS that move by STRIDE, not dilated:
//   y[n, oy, ox, c] = clamp(Σ_{ky, kx} x[n, oy·s - p + ky, ox·s - p + kx, c] · w[ky, kx, 0, c] + bias[c] + residual)
// One invocation owns four channels of ROWS x COLUMNS output pixels, whose windows overlap: the pixels of the input under
// them, IN_ROWS x IN_COLUMNS, and the filter's AREA taps are loaded once. All indices of its arrays are constants.
// Neighbours own the next four channels.
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
    let tile_rows = (params.out_h + ROWS - 1u) / ROWS;
    let tile_columns = (params.out_w + COLUMNS - 1u) / COLUMNS;
    if i >= params.batch * tile_rows * tile_columns * c4_count {
        return;
    }
    let c4 = i % c4_count;
    let tile = i / c4_count;
    let first_ox = tile % tile_columns * COLUMNS;
    let first_oy = tile / tile_columns % tile_rows * ROWS;
    let n = tile / tile_columns / tile_rows;

    let top = i32(first_oy * STRIDE) - i32(params.pad_top);
    let left = i32(first_ox * STRIDE) - i32(params.pad_left);
    #unroll kx in 0..IN_COLUMNS {
        let ix$kx = left + $kx;
        let in_columns$kx = ix$kx >= 0 && ix$kx < i32(params.in_w);
        let column$kx = u32(clamp(ix$kx, 0, i32(params.in_w) - 1));
    }
    var under: array<vec4<f32>, IN_ROWS * IN_COLUMNS>;
    #unroll ky in 0..IN_ROWS {
        let iy$ky = top + $ky;
        let in_rows$ky = iy$ky >= 0 && iy$ky < i32(params.in_h);
        let row$ky = (n * params.in_h + u32(clamp(iy$ky, 0, i32(params.in_h) - 1))) * params.in_w;
        #unroll kx in 0..IN_COLUMNS {
            let pixel$ky_$kx = load_x((row$ky + column$kx) * params.in_c, c4);
            under[$kyu * IN_COLUMNS + $kxu] = select(vec4<f32>(), pixel$ky_$kx, in_rows$ky && in_columns$kx);
        }
    }
    var taps: array<vec4<f32>, AREA>;
    #unroll k in 0..AREA {
        taps[$k] = load_w($ku, c4);
    }

    let bias4 = load_bias(c4);
    #unroll r in 0..ROWS {
        #unroll c in 0..COLUMNS {
            var sum$r_$c = bias4;
            #unroll ky in 0..TAPS {
                #unroll kx in 0..TAPS {
                    sum$r_$c += under[($ru * STRIDE + $kyu) * IN_COLUMNS + $cu * STRIDE + $kxu] * taps[$kyu * TAPS + $kxu];
                }
            }
            if first_oy + $ru < params.out_h && first_ox + $cu < params.out_w {
                store_y((n * params.out_h + first_oy + $ru) * params.out_w + first_ox + $cu, c4, sum$r_$c);
            }
        }
    }
}
