// Sums and means of many elements; what reduce.wgsl computes, the sums shared out:
//   y[o, i] = Σ_j x[o, j, i], or that divided by n
// A workgroup owns COLUMNS elements of y side by side. Its PARTS · COLUMNS invocations each take every PARTS-th j; then the
// parts are added up in workgroup memory.
#import scalar
#import lanes
#import reduce_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read_write> y: array<element>;

var<workgroup> parts: array<value, PARTS * COLUMNS>;

@compute @workgroup_size(PARTS * COLUMNS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tiles = (params.inner + COLUMNS - 1u) / COLUMNS;
    let tile = group.y * workgroups.x + group.x;
    // Past the end the last row and column stand in: barriers want all invocations.
    let row = min(tile / tiles, params.outer - 1u);
    let column = tile % tiles * COLUMNS + local % COLUMNS;
    let i = min(column, params.inner - 1u);
    let part = local / COLUMNS;

    var sum = value(0.0);
    for (var j = part; j < params.n; j += PARTS) {
        sum += value(x[(row * params.n + j) * params.inner + i]);
    }
    parts[local] = sum;
    workgroupBarrier();
    if part != 0u || tile >= params.outer * tiles || column >= params.inner {
        return;
    }
    for (var other = 1u; other < PARTS; other++) {
        sum += parts[other * COLUMNS + local];
    }
    if params.mean != 0u {
        sum /= f32(params.n);
    }
    y[row * params.inner + i] = element(sum);
}
