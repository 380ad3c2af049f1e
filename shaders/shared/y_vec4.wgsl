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

// Bias, residual and clamp, then the store of output channels 4·f4 to 4·f4 + 3 of a pixel.
fn store_y(pixel: u32, f4: u32, sum: vec4<f32>) {
    let at = pixel * (params.out_c >> 2u) + f4;
    var value = sum;
    if params.has_bias != 0u {
        value += vec4<f32>(bias[f4]);
    }
    if params.has_residual != 0u {
        value += vec4<f32>(residual[at]);
    }
    y[at] = vec4s(clamp4_keep_nan(value, params.low, params.high));
}
