#import function
// The slopes of the functions of function.wgsl; at a kink TensorFlow's. FUNCTION and the arguments are the same.

// With t = exp(-|x|): t / (1 + t)².
fn sigmoid_slope(x: value) -> value {
    let t = exp(-abs(x));
    return t / ((1.0 + t) * (1.0 + t));
}

fn hard_sigmoid_slope(x: value) -> value {
    return select(value(0.0), value(1.0 / 6.0), abs(x) < value(3.0));
}

// With t = exp(-2·|x|): 4t / (1 + t)².
fn tanh_slope(x: value) -> value {
    let t = exp(-2.0 * abs(x));
    return 4.0 * t / ((1.0 + t) * (1.0 + t));
}

// As in mish: tanh(softplus(x)) = n / (n + d), and 1 minus its square is d·(2n + d) / (n + d)².
fn mish_slope(x: value) -> value {
    let t = exp(-abs(x));
    let positive = x >= value(0.0);
    let n = select(t * (t + 2.0), 1.0 + 2.0 * t, positive);
    let d = select(value(2.0), 2.0 * (t * t), positive);
    let sum = n + d;
    return n / sum + x * sigmoid(x) * (d * (2.0 * n + d) / (sum * sum));
}

fn gelu_tanh_slope(x: value) -> value {
    let inner = 0.7978845608028654 * (x + 0.044715 * (x * x * x));
    let slope = 0.7978845608028654 * (1.0 + 0.134145 * (x * x));
    return 0.5 * (1.0 + tanh_by_exp(inner)) + 0.5 * x * (tanh_slope(inner) * slope);
}

fn function_slope(f: vec4<f32>, x: value) -> value {
    switch FUNCTION {
        case RELU, LEAKY_RELU: {
            return select(value(f.z), select(value(0.0), value(1.0), x < value(f.x)), x > value(f.y));
        }
        case ELU: {
            return select(f.x * exp(x), value(1.0), x > value(0.0));
        }
        case SELU: {
            return select(1.7580993408473766 * exp(x), value(1.0507009873554805), x > value(0.0));
        }
        case GELU: {
            let normal = exp(-(0.5 * (x * x))) * 0.3989422804014327;
            return 0.5 * (1.0 + erf(x * 0.7071067811865476)) + x * normal;
        }
        case GELU_TANH: {
            return gelu_tanh_slope(x);
        }
        case SIGMOID: {
            return sigmoid_slope(x);
        }
        case HARD_SIGMOID: {
            return hard_sigmoid_slope(x);
        }
        case TANH: {
            return tanh_slope(x);
        }
        case SILU: {
            return sigmoid(x) + x * sigmoid_slope(x);
        }
        case HARD_SILU: {
            return hard_sigmoid(x) + x * hard_sigmoid_slope(x);
        }
        case SOFTPLUS: {
            return sigmoid(x);
        }
        case SOFTSIGN: {
            return 1.0 / ((1.0 + abs(x)) * (1.0 + abs(x)));
        }
        case EXPONENTIAL: {
            return exp(x);
        }
        case MISH: {
            return mish_slope(x);
        }
        case SQRT: {
            return 0.5 * inverseSqrt(x);
        }
        case INVERSE_SQRT: {
            let y = inverseSqrt(x);
            return -(0.5 * (y * (y * y)));
        }
        case SIN: {
            return cos_of_turns(x * 0.15915494309189535);
        }
        case COS: {
            return -cos_of_turns(x * 0.15915494309189535 - 0.25);
        }
        case FLOOR: {
            return value(0.0);
        }
        case LOG: {
            return 1.0 / x;
        }
        case AFFINE: {
            return value(f.x);
        }
        default: {
            return value(1.0);
        }
    }
}

fn slope(arguments: vec4<f32>, x: value) -> value {
    return select(function_slope(arguments, x), x, is_nan(x));
}
