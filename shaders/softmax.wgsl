// Softmax along the middle axis of x seen as [outer, n, inner], or its logarithm:
//   y[o, j, k] = exp(x[o, j, k] - m) / s, or (x[o, j, k] - m) - log(s), m = max_j x[o, j, k], s = Σ_j exp(x[o, j, k] - m)
// PARTS invocations own a row (o, k); invocation p of them every PARTS-th j from p on.
#import scalar
#import row

// In Rust: kernels/softmax.rs, Params.
struct Params {
    rows: u32,
    n: u32,
    inner: u32,
    log: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(ROWS * PARTS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let wanted = (group.y * workgroups.x + group.x) * ROWS + local / PARTS;
    // Past the end the last row is computed again, and not stored: barriers want all invocations.
    let row = min(wanted, params.rows - 1u);
    let first = row / params.inner * params.n * params.inner + row % params.inner;
    let part = local % PARTS;

    var largest = f32(x[first]);
    for (var j = part; j < params.n; j += PARTS) {
        largest = max(largest, f32(x[first + j * params.inner]));
    }
    largest = row_max(local, largest);
    var terms = 0.0;
    for (var j = part; j < params.n; j += PARTS) {
        terms += exp(f32(x[first + j * params.inner]) - largest);
    }
    let sum = row_sum(local, terms);
    if wanted >= params.rows {
        return;
    }
    let log_sum = log(sum);
    for (var j = part; j < params.n; j += PARTS) {
        let at = first + j * params.inner;
        let shifted = f32(x[at]) - largest;
        if params.log != 0u {
            y[at] = scalar(shifted - log_sum);
        } else {
            y[at] = scalar(exp(shifted) / sum);
        }
    }
}
