// The input of a convolution, read four channels at a time: channels are a multiple of 4.
@group(0) @binding(1) var<storage, read> x: array<vec4s>;

// Channels 4·c4 to 4·c4 + 3 of the pixel that starts at element `pixel`.
fn load_x(pixel: u32, c4: u32) -> vec4<f32> {
    return vec4<f32>(x[(pixel >> 2u) + c4]);
}
