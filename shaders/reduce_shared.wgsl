// Sums, means and variances of many elements; what reduce.wgsl computes, the sums shared out:
//   y[o, i] = Σ_j x[o, j, i], or that divided by n, or the mean of (x[o, j, i] - mean)²
// A workgroup owns COLUMNS elements of y side by side. Its PARTS · COLUMNS invocations each take every PARTS-th j; then the
// parts are added up in workgroup memory.
#import scalar
#import lanes
#import reduce_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read_write> y: array<element>;

var<workgroup> parts: array<value, PARTS * COLUMNS>;

// The sum over all parts, in each of them. All invocations of the workgroup have to call it.
fn sum_of(first: u32, local: u32, centre: value, squares: bool) -> value {
    var sum = value(0.0);
    for (var j = local / COLUMNS; j < params.n; j += PARTS) {
        let deviation = value(x[first + j * params.inner]) - centre;
        sum += select(deviation, deviation * deviation, squares);
    }
    parts[local] = sum;
    workgroupBarrier();
    sum = parts[local % COLUMNS];
    for (var other = 1u; other < PARTS; other++) {
        sum += parts[other * COLUMNS + local % COLUMNS];
    }
    workgroupBarrier();
    return sum;
}

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
    let first = row * params.n * params.inner + i;

    var result = sum_of(first, local, value(0.0), false);
    if params.kind > 0u {
        result /= f32(params.n);
    }
    if params.kind == 2u {
        result = sum_of(first, local, result, true) / f32(params.n);
    }
    if local < COLUMNS && tile < params.outer * tiles && column < params.inner {
        y[row * params.inner + i] = element(result);
    }
}
