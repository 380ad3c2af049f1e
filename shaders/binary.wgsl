// A function of two elements, row-major, with NumPy's broadcasting:
//   y[i] = activation(op(a[i], b[i]))
// The axes that both operands step through alike are merged before (kernels/elementwise.rs): operands of one shape have one
// axis, [.., C] with [C] two, and only what is left costs divisions.
// One invocation owns one element of y, or four that lie side by side in a, b and y. OP and FUNCTION are constants of
// the kernel: see shared/function.wgsl.
#import scalar
#import lanes
#import index
#import function

// In Rust: kernels/elementwise.rs, BinaryParams.
struct Params {
    // Of the function.
    arguments: vec4<f32>,
    count: u32,
    rank: u32,
    pad_0: u32,
    pad_1: u32,
    // For each axis its size, the steps in a and in b (0 where it stretches), in elements of the buffers; and 0.
    axes: array<vec4<u32>, 6>,
}

const ADD = 0u;
const SUBTRACT = 1u;
const MULTIPLY = 2u;
const DIVIDE = 3u;
const MAXIMUM = 4u;
const MINIMUM = 5u;
const PRELU = 6u;
const GREATER_EQUAL = 7u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<element>;
@group(0) @binding(2) var<storage, read> b: array<element>;
@group(0) @binding(3) var<storage, read_write> y: array<element>;

// Maximum and minimum are NaN where either operand is.
fn combine(a: value, b: value) -> value {
    switch OP {
        case SUBTRACT: {
            return a - b;
        }
        case MULTIPLY: {
            return a * b;
        }
        case DIVIDE: {
            return a / b;
        }
        case MAXIMUM: {
            return select(a, b, (b > a) | is_nan(b));
        }
        case MINIMUM: {
            return select(a, b, (b < a) | is_nan(b));
        }
        case PRELU: {
            return select(a * b, a, a > value(0.0));
        }
        case GREATER_EQUAL: {
            // A compiler may take it that numbers are finite, and turn the comparison round.
            return select(select(value(0.0), value(1.0), a >= b), value(0.0), is_nan(a) | is_nan(b));
        }
        default: {
            return a + b;
        }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    var rest = i;
    var at_a = 0u;
    var at_b = 0u;
    for (var axis = params.rank - 1u; axis > 0u; axis--) {
        let steps = params.axes[axis];
        let at = rest % steps.x;
        rest /= steps.x;
        at_a += at * steps.y;
        at_b += at * steps.z;
    }
    at_a += rest * params.axes[0].y;
    at_b += rest * params.axes[0].z;
    let combined = combine(value(a[at_a]), value(b[at_b]));
    y[i] = element(apply(params.arguments, combined));
}
