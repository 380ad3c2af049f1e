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

#import residual

// Channels 4·f4 to 4·f4 + 3 of the bias, 0 where there is none.
fn load_bias(f4: u32) -> vec4<f32> {
    let last = params.out_c - 1u;
    let f = 4u * f4;
    let value = vec4<f32>(
        f32(bias[min(f, last)]),
        f32(bias[min(f + 1u, last)]),
        f32(bias[min(f + 2u, last)]),
        f32(bias[min(f + 3u, last)]),
    );
    return select(vec4<f32>(), value, params.has_bias != 0u);
}

// Residual and clamp, then the store of those of output channels 4·f4 to 4·f4 + 3 of a pixel that there are.
fn store_y(pixel: u32, f4: u32, sum: vec4<f32>) {
    let value = vec4s(clamp4_keep_nan(sum + load_residual(pixel, f4), params.low, params.high));
    let f = 4u * f4;
    let at = pixel * params.out_c + f;
    y[at] = value.x;
    if f + 1u < params.out_c {
        y[at + 1u] = value.y;
    }
    if f + 2u < params.out_c {
        y[at + 2u] = value.z;
    }
    if f + 3u < params.out_c {
        y[at + 3u] = value.w;
    }
}
