// Matrix product of few rows, bound by reading b once:
//   y[m, n] = clamp(Σ_k a[m, k] · b[k, n] + bias[n] + residual[m, n])
// A workgroup owns COLUMNS·WIDTH elements, of one or four columns, of one row of y. Its PARTS · COLUMNS invocations each
// sum every PARTS-th k for WIDTH elements, COLUMNS apart; then the parts are added up in workgroup memory.
#import scalar
#import lanes
#import gemm_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<scalar>;
@group(0) @binding(2) var<storage, read> b: array<element>;
@group(0) @binding(3) var<storage, read> bias: array<element>;
@group(0) @binding(4) var<storage, read> residual: array<element>;
@group(0) @binding(5) var<storage, read_write> y: array<element>;

var<workgroup> parts: array<value, PARTS * COLUMNS * WIDTH>;

@compute @workgroup_size(PARTS * COLUMNS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n_count = params.n / LANES;
    let tiles = (n_count + COLUMNS * WIDTH - 1u) / (COLUMNS * WIDTH);
    let tile = group.y * workgroups.x + group.x;
    let row = min(tile / tiles, params.m - 1u);
    let part = local / COLUMNS;

    // Past the end the last column stands in.
    #unroll j in 0..WIDTH {
        let column$j = tile % tiles * (COLUMNS * WIDTH) + $ju * COLUMNS + local % COLUMNS;
        let n$j = min(column$j, n_count - 1u);
        var sum$j = value();
    }
    for (var k = part; k < params.k; k += PARTS) {
        let factor = f32(a[row * params.k + k]);
        #unroll j in 0..WIDTH {
            sum$j += factor * value(b[k * n_count + n$j]);
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
            if column$j < n_count {
                for (var other = 1u; other < PARTS; other++) {
                    sum$j += parts[($ju * PARTS + other) * COLUMNS + local];
                }
                let at$j = row * n_count + n$j;
                if params.has_bias != 0u {
                    sum$j += value(bias[n$j]);
                }
                if params.has_residual != 0u {
                    sum$j += value(residual[at$j]);
                }
                let clamped$j = min(max(sum$j, value(params.low)), value(params.high));
                y[at$j] = element(select(clamped$j, sum$j, is_nan(sum$j)));
            }
        }
    }
}
