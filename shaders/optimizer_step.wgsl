// A weight and its optimizer's state after one step. Where they lie, and where the new ones go, `variables` says: in tensors of
// their own and stacked (shared/variables_stacked.wgsl), or both in the variables (shared/variables_0.wgsl to variables_3.wgsl).
// The rules and their arguments stand in cnn-core, ops/optimizer_step.rs; RULE is a constant of the kernel, so a pipeline holds
// one of them. One invocation owns one element of the weight and its states, or four.
#import scalar
#import lanes
#import index

const SGD = 0u;
const SGD_MOMENTUM = 1u;
const SGD_NESTEROV = 2u;
const ADAM = 3u;
const ADAM_AMSGRAD = 4u;
const RMSPROP = 5u;
const RMSPROP_MOMENTUM = 6u;
const RMSPROP_CENTERED = 7u;
const RMSPROP_CENTERED_MOMENTUM = 8u;
const ADAGRAD = 9u;
const ADADELTA = 10u;
const ADAMAX = 11u;
const NADAM = 12u;
const LION = 13u;
const FTRL = 14u;
const FTRL_POWER = 15u;

// In Rust: kernels/optimizer_step.rs, Params.
struct Params {
    // Of the rule: what kernels/optimizer_step.rs lists.
    arguments: vec4<f32>,
    more_arguments: vec4<f32>,
    // Elements of the weight, in lanes.
    count: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> settings: array<scalar>;
@group(0) @binding(2) var<storage, read> gradient: array<element>;

// A weight and its states in the order of the rule; those that it does not have are 0.
struct Updated {
    w: value,
    a: value,
    b: value,
    c: value,
}

#import variables

fn power(x: value, exponent: f32) -> value {
    if RULE == FTRL {
        return sqrt(x);
    }
    return exp(exponent * log(x));
}

fn signum(x: value) -> value {
    return select(select(value(0.0), value(-1.0), x < value(0.0)), value(1.0), x > value(0.0));
}

fn next(g: value, old: value, a: value, b: value, c: value) -> Updated {
    let p = params.arguments;
    let q = params.more_arguments;
    let rate = f32(settings[0]);
    let w = old - old * f32(settings[3]);
    switch RULE {
        case SGD_MOMENTUM: {
            let m = p.x * a - rate * g;
            return Updated(w + m, m, value(), value());
        }
        case SGD_NESTEROV: {
            let m = p.x * a - rate * g;
            return Updated(w + (p.x * m - rate * g), m, value(), value());
        }
        case ADAM, ADAM_AMSGRAD: {
            let m = a + (g - a) * p.x;
            let v = b + (g * g - b) * p.y;
            var largest = v;
            if RULE == ADAM_AMSGRAD {
                largest = select(v, c, c > v);
            }
            return Updated(w - m * rate / (sqrt(largest) + p.z), m, v, largest);
        }
        case RMSPROP, RMSPROP_MOMENTUM: {
            let v = p.x * a + p.y * (g * g);
            let increment = rate * g * inverseSqrt(v + p.z);
            if RULE == RMSPROP {
                return Updated(w - increment, v, value(), value());
            }
            let m = p.w * b + increment;
            return Updated(w - m, v, m, value());
        }
        case RMSPROP_CENTERED, RMSPROP_CENTERED_MOMENTUM: {
            let v = p.x * a + p.y * (g * g);
            let mean = p.x * b + p.y * g;
            let increment = rate * g * inverseSqrt((v - mean * mean) + p.z);
            if RULE == RMSPROP_CENTERED {
                return Updated(w - increment, v, mean, value());
            }
            let m = p.w * c + increment;
            return Updated(w - m, v, mean, m);
        }
        case ADAGRAD: {
            let sum = a + g * g;
            return Updated(w - rate * g * inverseSqrt(sum + p.x), sum, value(), value());
        }
        case ADADELTA: {
            let mean = p.x * a + p.y * (g * g);
            let d = -(sqrt(b + p.z) * g * inverseSqrt(mean + p.z));
            return Updated(w + rate * d, mean, p.x * b + p.y * (d * d), value());
        }
        case ADAMAX: {
            let m = a + (g - a) * p.x;
            let decayed = p.y * b;
            let u = select(decayed, abs(g), abs(g) > decayed);
            return Updated(w - rate * m / (u + p.z), m, u, value());
        }
        case NADAM: {
            let m = a + (g - a) * p.x;
            let v = b + (g * g - b) * p.y;
            let moved = rate * m + f32(settings[1]) * g;
            return Updated(w - moved / (sqrt(v * f32(settings[2])) + p.z), m, v, value());
        }
        case LION: {
            let sign = signum(p.x * a + p.y * g);
            return Updated(w - rate * sign, p.z * a + p.w * g, value(), value());
        }
        case FTRL, FTRL_POWER: {
            let sum = a + g * g;
            let new_power = power(sum, p.x);
            let shrunk = g + q.x * w;
            let z = b + (shrunk - (new_power - power(a, p.x)) / rate * w);
            let clipped = min(max(z, value(-p.y)), value(p.y));
            return Updated((clipped - z) / ((new_power + p.w) / rate + p.z), sum, z, value());
        }
        default: {
            return Updated(w - rate * g, value(), value(), value());
        }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    var updated = load(i);
    // Not by a product with 0: where a step is left out, the gradient may be no number.
    if f32(settings[4]) != 0.0 {
        updated = next(value(gradient[i]), updated.w, updated.a, updated.b, updated.c);
    }
    store(i, updated);
}
