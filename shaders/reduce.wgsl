// Sums, means and variances, the copy to read, of x seen as [outer, n, inner]:
//   y[o, i] = Σ_j x[o, j, i], or that divided by n, or the mean of (x[o, j, i] - mean)²
// One invocation owns one element of y, or four.
#import scalar
#import lanes
#import index
#import reduce_params

const BLOCK = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read_write> y: array<element>;

// By blocks: a long sum errs by its length, one of blocks by the blocks' length and their number.
fn sum_of(first: u32, centre: value, squares: bool) -> value {
    var sum = value(0.0);
    for (var block = 0u; block < params.n; block += BLOCK) {
        var part = value(0.0);
        for (var j = block; j < min(block + BLOCK, params.n); j++) {
            let deviation = value(x[first + j * params.inner]) - centre;
            part += select(deviation, deviation * deviation, squares);
        }
        sum += part;
    }
    return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.outer * params.inner {
        return;
    }
    let first = i / params.inner * params.n * params.inner + i % params.inner;
    var result = sum_of(first, value(0.0), false);
    if params.kind > 0u {
        result /= f32(params.n);
    }
    if params.kind == 2u {
        result = sum_of(first, result, true) / f32(params.n);
    }
    y[i] = element(result);
}
