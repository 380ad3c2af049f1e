// Functions of one number, after Keras. No step overflows to NaN for a finite x, and NaN gives NaN.
// How far each may err: cnn-cpu, reference/accuracy.rs, whose formulas these are.
//
// FUNCTION is a constant of the kernel, so a pipeline holds one of them: software drivers compute all cases of a switch
// for every element (on SwiftShader 5 times slower), and a model needs two or three. The arguments, which
// kernels/elementwise.rs explains, are given at run time.

const LINEAR = 0u;
const RELU = 1u;
const LEAKY_RELU = 2u;
const ELU = 3u;
const SELU = 4u;
const GELU = 5u;
const GELU_TANH = 6u;
const SIGMOID = 7u;
const HARD_SIGMOID = 8u;
const TANH = 9u;
const SILU = 10u;
const HARD_SILU = 11u;
const SOFTPLUS = 12u;
const SOFTSIGN = 13u;
const EXPONENTIAL = 14u;
const MISH = 15u;
const SQRT = 16u;
const INVERSE_SQRT = 17u;
const AFFINE = 18u;
const LOG = 19u;
const SIN = 20u;
const COS = 21u;
const FLOOR = 22u;

fn at_most(x: value, high: f32) -> value {
    return select(x, value(high), x > value(high));
}

fn at_least(x: value, low: f32) -> value {
    return select(x, value(low), x < value(low));
}

fn sigmoid(x: value) -> value {
    let t = exp(-abs(x));
    return select(t, value(1.0), x >= value(0.0)) / (1.0 + t);
}

fn hard_sigmoid(x: value) -> value {
    return at_most(at_least(x * (1.0 / 6.0) + 0.5, 0.0), 1.0);
}

// WGSL's own tanh is good to 1e-5 alone, and may overflow.
fn tanh_by_exp(x: value) -> value {
    let t = exp(-2.0 * abs(x));
    let y = (1.0 - t) / (1.0 + t);
    return select(-y, y, x >= value(0.0));
}

// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: off by 1.5e-7 at most.
fn erf(x: value) -> value {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x));
    let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    let y = 1.0 - p * exp(-(x * x));
    return select(-y, y, x >= value(0.0));
}

// tanh(log(1 + e)) = n / (n + 2) with n = e·(e + 2) and e = exp(x); for x ≥ 0 both are taken times exp(-2x).
fn mish(x: value) -> value {
    let t = exp(-abs(x));
    let positive = x >= value(0.0);
    let n = select(t * (t + 2.0), 1.0 + 2.0 * t, positive);
    let d = select(value(2.0), 2.0 * (t * t), positive);
    return x * (n / (n + d));
}

// WGSL's sin and cos are good to 2^-11 alone. With f the turns' distance to a whole number, the sine of 2π·(1/4 - |f|) by the
// first terms of its series, which leave out 7e-10.
fn cos_of_turns(turns: value) -> value {
    let f = turns - floor(turns + 0.5);
    let r = 6.283185307179586 * (0.25 - abs(f));
    let s = r * r;
    let low = ((s / 6227020800.0 - 1.0 / 39916800.0) * s + 1.0 / 362880.0) * s - 1.0 / 5040.0;
    return r * (((low * s + 1.0 / 120.0) * s - 1.0 / 6.0) * s + 1.0);
}

fn function(f: vec4<f32>, x: value) -> value {
    switch FUNCTION {
        case RELU: {
            return select(at_most(x, f.x), value(0.0), x <= value(f.y));
        }
        case LEAKY_RELU: {
            return select(f.z * (x - f.y), at_most(x, f.x), x > value(f.y));
        }
        case ELU: {
            return select(f.x * (exp(x) - 1.0), x, x >= value(0.0));
        }
        case SELU: {
            return select(1.7580993408473766 * (exp(x) - 1.0), 1.0507009873554805 * x, x >= value(0.0));
        }
        case GELU: {
            return 0.5 * x * (1.0 + erf(x * 0.7071067811865476));
        }
        case GELU_TANH: {
            return 0.5 * x * (1.0 + tanh_by_exp(0.7978845608028654 * (x + 0.044715 * (x * x * x))));
        }
        case SIGMOID: {
            return sigmoid(x);
        }
        case HARD_SIGMOID: {
            return hard_sigmoid(x);
        }
        case TANH: {
            return tanh_by_exp(x);
        }
        case SILU: {
            return x * sigmoid(x);
        }
        case HARD_SILU: {
            return x * hard_sigmoid(x);
        }
        case SOFTPLUS: {
            return max(x, value(0.0)) + log(1.0 + exp(-abs(x)));
        }
        case SOFTSIGN: {
            return x / (1.0 + abs(x));
        }
        case EXPONENTIAL: {
            return exp(x);
        }
        case MISH: {
            return mish(x);
        }
        case SQRT: {
            return sqrt(x);
        }
        case INVERSE_SQRT: {
            return inverseSqrt(x);
        }
        case AFFINE: {
            return f.x * x + f.y;
        }
        case LOG: {
            return log(x);
        }
        case SIN: {
            return cos_of_turns(x * 0.15915494309189535 - 0.25);
        }
        case COS: {
            return cos_of_turns(x * 0.15915494309189535);
        }
        case FLOOR: {
            return floor(x);
        }
        default: {
            return x;
        }
    }
}

fn apply(arguments: vec4<f32>, x: value) -> value {
    return select(function(arguments, x), x, is_nan(x));
}
