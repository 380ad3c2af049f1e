#import clamp_keep_nan
// Filter, bias, residual and output four output channels at a time: filters are a multiple of 4.
@group(0) @binding(2) var<storage, read> w: array<vec4s>;
@group(0) @binding(3) var<storage, read> bias: array<vec4s>;
@group(0) @binding(4) var<storage, read> residual: array<vec4s>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4s>;

// Output channels 4·f4 to 4·f4 + 3 of the filter's row.
fn load_w(row: u32, f4: u32) -> vec4<f32> {
    return vec4<f32>(w[row * (params.out_c >> 2u) + f4]);
}

#import residual

// Channels 4·f4 to 4·f4 + 3 of the bias, 0 where there is none.
fn load_bias(f4: u32) -> vec4<f32> {
    return select(vec4<f32>(), vec4<f32>(bias[f4]), params.has_bias != 0u);
}

// Residual and clamp, then the store of output channels 4·f4 to 4·f4 + 3 of a pixel.
fn store_y(pixel: u32, f4: u32, sum: vec4<f32>) {
    let value = clamp4_keep_nan(sum + load_residual(pixel, f4), params.low, params.high);
    y[pixel * (params.out_c >> 2u) + f4] = vec4s(value);
}
