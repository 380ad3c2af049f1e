// Matrix product of few rows, n a multiple of 4, bound by reading b once:
//   y[m, n] = clamp(Σ_k a[m, k] · b[k, n] + bias[n] + residual[m, n])
// A workgroup owns 4·COLUMNS columns of one row of y. Its PARTS · COLUMNS invocations each sum every PARTS-th k for four
// columns; then the parts are added up in workgroup memory.
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

var<workgroup> parts: array<vec4<f32>, PARTS * COLUMNS>;

@compute @workgroup_size(PARTS * COLUMNS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n4_count = params.n / 4u;
    let tiles = (n4_count + COLUMNS - 1u) / COLUMNS;
    let tile = group.y * workgroups.x + group.x;
    let row = min(tile / tiles, params.m - 1u);
    let n4 = tile % tiles * COLUMNS + local % COLUMNS;
    let part = local / COLUMNS;

    var sum = vec4<f32>();
    if n4 < n4_count {
        for (var k = part; k < params.k; k += PARTS) {
            sum += f32(a[row * params.k + k]) * vec4<f32>(b[k * n4_count + n4]);
        }
    }
    parts[local] = sum;
    workgroupBarrier();

    if part == 0u && n4 < n4_count && tile < params.m * tiles {
        for (var other = 1u; other < PARTS; other++) {
            sum += parts[other * COLUMNS + local];
        }
        let at = row * n4_count + n4;
        if params.has_bias != 0u {
            sum += vec4<f32>(bias[n4]);
        }
        if params.has_residual != 0u {
            sum += vec4<f32>(residual[at]);
        }
        y[at] = vec4s(clamp4_keep_nan(sum, params.low, params.high));
    }
}
