// Matrix product of few rows, n a multiple of 4, bound by reading b once:
//   y[m, n] = clamp(Σ_k a[m, k] · b[k, n] + bias[n] + residual[m, n])
// A workgroup owns 4·COLUMNS·WIDTH columns of one row of y. Its PARTS · COLUMNS invocations each sum every PARTS-th k for
// WIDTH times four columns, COLUMNS vectors apart; then the parts are added up in workgroup memory.
#import scalar
#import index
#import clamp_keep_nan
#import gemm_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<scalar>;
@group(0) @binding(2) var<storage, read> b: array<vec4s>;
@group(0) @binding(3) var<storage, read> bias: array<vec4s>;
@group(0) @binding(4) var<storage, read> residual: array<vec4s>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4s>;

var<workgroup> parts: array<vec4<f32>, PARTS * COLUMNS * WIDTH>;

@compute @workgroup_size(PARTS * COLUMNS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n4_count = params.n / 4u;
    let tiles = (n4_count + COLUMNS * WIDTH - 1u) / (COLUMNS * WIDTH);
    let tile = group.y * workgroups.x + group.x;
    let row = min(tile / tiles, params.m - 1u);
    let part = local / COLUMNS;

    // Past the end the last column stands in.
    #unroll j in 0..WIDTH {
        let column$j = tile % tiles * (COLUMNS * WIDTH) + $ju * COLUMNS + local % COLUMNS;
        let n$j = min(column$j, n4_count - 1u);
        var sum$j = vec4<f32>();
    }
    for (var k = part; k < params.k; k += PARTS) {
        let element = f32(a[row * params.k + k]);
        #unroll j in 0..WIDTH {
            sum$j += element * vec4<f32>(b[k * n4_count + n$j]);
        }
    }
    if PARTS > 1u {
        #unroll j in 0..WIDTH {
            parts[$ju * PARTS * COLUMNS + local] = sum$j;
        }
        workgroupBarrier();
    }

    if part == 0u && tile < params.m * tiles {
        #unroll j in 0..WIDTH {
            if column$j < n4_count {
                for (var other = 1u; other < PARTS; other++) {
                    sum$j += parts[($ju * PARTS + other) * COLUMNS + local];
                }
                let at$j = row * n4_count + n$j;
                if params.has_bias != 0u {
                    sum$j += vec4<f32>(bias[n$j]);
                }
                if params.has_residual != 0u {
                    sum$j += vec4<f32>(residual[at$j]);
                }
                y[at$j] = vec4s(clamp4_keep_nan(sum$j, params.low, params.high));
            }
        }
    }
}
