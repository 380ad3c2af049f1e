// NHWC pictures, each seen through its own projective map a0 a1 a2 b0 b1 b2 c0 c1: pixel (column x, row y) of the output reads
// the input at column (a0·x + a1·y + a2) / k and row (b0·x + b1·y + b2) / k, k = c0·x + c1·y + 1, and is the fill value where k
// is 0. Where pixels have moves, those are added to column and row. Without c0 and c1 nothing is divided, so that flips and whole translations are exact. Rules are TensorFlow's
// (ImageProjectiveTransformV3); cnn-core, ops/warp.rs, has them in words.
// One invocation owns one channel of one output pixel, or four.
#import scalar
#import lanes
#import index

// In Rust: kernels/warp.rs, Params. Channels count elements of the buffers.
struct Params {
    batch: u32,
    in_h: u32,
    in_w: u32,
    channels: u32,
    out_h: u32,
    out_w: u32,
    bilinear: u32,
    fill_mode: u32,
    fill_value: f32,
    moved: u32,
    pad_0: u32,
    pad_1: u32,
}

const CONSTANT = 0u;
const NEAREST = 1u;
const REFLECT = 2u;
const WRAP = 3u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<element>;
@group(0) @binding(2) var<storage, read> transforms: array<scalar>;
@group(0) @binding(3) var<storage, read> moves: array<scalar>;
@group(0) @binding(4) var<storage, read_write> y: array<element>;

// The whole part of a / b for a ≥ 0 and a whole b ≥ 1; a division may err by 2.5 ULP, so that it is put right behind it.
fn quotient(a: f32, b: f32) -> f32 {
    let q = floor(a / b);
    let rest = a - q * b;
    return select(select(q, q - 1.0, rest < 0.0), q + 1.0, rest >= b);
}

// Where a position along an axis of n pixels is read.
fn source(p: f32, n: f32) -> f32 {
    var q = p;
    switch params.fill_mode {
        case CONSTANT: {
            return p;
        }
        case REFLECT: {
            if p < 0.0 {
                let r = p + 2.0 * n * quotient(-p, 2.0 * n);
                q = select(-r - 1.0, r + 2.0 * n, r < -n);
            } else if p > n - 1.0 {
                let r = p - 2.0 * n * quotient(p, 2.0 * n);
                q = select(r, 2.0 * n - r - 1.0, r >= n);
            }
        }
        case WRAP: {
            // With one pixel all is clamped to it below.
            let period = max(n - 1.0, 1.0);
            if p < 0.0 {
                q = p + n * (quotient(-p, period) + 1.0);
            } else if p > n - 1.0 {
                q = p - n * quotient(p, period);
            }
        }
        default: {}
    }
    return clamp(q, 0.0, n - 1.0);
}

// To the nearest whole number, halves away from 0; WGSL's round takes halves to the even one.
fn rounded(p: f32) -> f32 {
    let a = abs(p);
    let whole = floor(a);
    let r = select(whole, whole + 1.0, a - whole >= 0.5);
    return select(r, -r, p < 0.0);
}

fn load(picture: u32, row: f32, column: f32, c: u32) -> value {
    let inside = row >= 0.0 && column >= 0.0 && row < f32(params.in_h) && column < f32(params.in_w);
    if !inside {
        return value(params.fill_value);
    }
    return value(x[((picture * params.in_h + u32(row)) * params.in_w + u32(column)) * params.channels + c]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.batch * params.out_h * params.out_w * params.channels {
        return;
    }
    let c = i % params.channels;
    let ox = f32(i / params.channels % params.out_w);
    let oy = f32(i / params.channels / params.out_w % params.out_h);
    let picture = i / params.channels / params.out_w / params.out_h;

    let m = 8u * picture;
    let c0 = f32(transforms[m + 6u]);
    let c1 = f32(transforms[m + 7u]);
    var column = f32(transforms[m]) * ox + f32(transforms[m + 1u]) * oy + f32(transforms[m + 2u]);
    var row = f32(transforms[m + 3u]) * ox + f32(transforms[m + 4u]) * oy + f32(transforms[m + 5u]);
    if c0 != 0.0 || c1 != 0.0 {
        let k = c0 * ox + c1 * oy + 1.0;
        if k == 0.0 {
            y[i] = element(value(params.fill_value));
            return;
        }
        column /= k;
        row /= k;
    }
    if params.moved == 1u {
        let pixel = 2u * (i / params.channels);
        column += f32(moves[pixel]);
        row += f32(moves[pixel + 1u]);
    }
    column = source(column, f32(params.in_w));
    row = source(row, f32(params.in_h));
    if params.bilinear == 0u {
        y[i] = element(load(picture, rounded(row), rounded(column), c));
        return;
    }
    let top = floor(row);
    let left = floor(column);
    let down = row - top;
    let across = column - left;
    let above = load(picture, top, left, c) * (1.0 - across) + load(picture, top, left + 1.0, c) * across;
    let below = load(picture, top + 1.0, left, c) * (1.0 - across) + load(picture, top + 1.0, left + 1.0, c) * across;
    y[i] = element(above * (1.0 - down) + below * down);
}
