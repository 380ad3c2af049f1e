// The input of a convolution, three channels.
@group(0) @binding(1) var<storage, read> x: array<scalar>;

// All channels of the pixel that starts at element `pixel`; c4 is 0.
fn load_x(pixel: u32, c4: u32) -> vec4<f32> {
    return vec4<f32>(f32(x[pixel]), f32(x[pixel + 1u]), f32(x[pixel + 2u]), 0.0);
}
