// Layer normalisation of rows of n elements:
//   y[row, j] = (x[row, j] - mean(x[row])) / √(variance(x[row]) + epsilon) · gamma[j] + beta[j]
// Ba, Kiros and Hinton, arXiv 1607.06450. Two passes: the mean, then the mean of the squared deviations, which cannot
// cancel. PARTS invocations own a row; invocation p of them every PARTS-th element from p on.
#import scalar
#import row

// In Rust: kernels/normalization.rs, LayerNormParams.
struct Params {
    rows: u32,
    n: u32,
    epsilon: f32,
    has_scale: u32,
    has_center: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read> gamma: array<scalar>;
@group(0) @binding(3) var<storage, read> beta: array<scalar>;
@group(0) @binding(4) var<storage, read_write> y: array<scalar>;

@compute @workgroup_size(ROWS * PARTS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let wanted = (group.y * workgroups.x + group.x) * ROWS + local / PARTS;
    // Past the end the last row is computed again, and not stored: barriers want all invocations.
    let first = min(wanted, params.rows - 1u) * params.n;
    let part = local % PARTS;

    var sum = 0.0;
    for (var j = part; j < params.n; j += PARTS) {
        sum += f32(x[first + j]);
    }
    let mean = row_sum(local, sum) / f32(params.n);
    var squares = 0.0;
    for (var j = part; j < params.n; j += PARTS) {
        let deviation = f32(x[first + j]) - mean;
        squares += deviation * deviation;
    }
    let variance = row_sum(local, squares) / f32(params.n);
    let scale = inverseSqrt(variance + params.epsilon);
    if wanted >= params.rows {
        return;
    }
    for (var j = part; j < params.n; j += PARTS) {
        var normalised = (f32(x[first + j]) - mean) * scale;
        if params.has_scale != 0u {
            normalised *= f32(gamma[j]);
        }
        if params.has_center != 0u {
            normalised += f32(beta[j]);
        }
        y[first + j] = scalar(normalised);
    }
}
