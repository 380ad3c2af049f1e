#import clamp_keep_nan
// Filter, bias, residual and output for any number of output channels.
@group(0) @binding(2) var<storage, read> w: array<scalar>;
@group(0) @binding(3) var<storage, read> bias: array<scalar>;
@group(0) @binding(4) var<storage, read> residual: array<scalar>;
@group(0) @binding(5) var<storage, read_write> y: array<scalar>;

// Output channels 4·f4 to 4·f4 + 3 of the filter's row; past the end the last one is read, and not stored.
fn load_w(row: u32, f4: u32) -> vec4<f32> {
    let at = row * params.out_c;
    let last = params.out_c - 1u;
    let f = 4u * f4;
    return vec4<f32>(
        f32(w[at + min(f, last)]),
        f32(w[at + min(f + 1u, last)]),
        f32(w[at + min(f + 2u, last)]),
        f32(w[at + min(f + 3u, last)]),
    );
}

fn store_one(pixel: u32, f: u32, sum: f32) {
    if f >= params.out_c {
        return;
    }
    let at = pixel * params.out_c + f;
    var value = sum;
    if params.has_bias != 0u {
        value += f32(bias[f]);
    }
    if params.has_residual != 0u {
        value += f32(residual[at]);
    }
    y[at] = scalar(clamp_keep_nan(value, params.low, params.high));
}

// Bias, residual and clamp, then the store of output channels 4·f4 to 4·f4 + 3 of a pixel.
fn store_y(pixel: u32, f4: u32, sum: vec4<f32>) {
    let f = 4u * f4;
    store_one(pixel, f, sum.x);
    store_one(pixel, f + 1u, sum.y);
    store_one(pixel, f + 2u, sum.z);
    store_one(pixel, f + 3u, sum.w);
}
