// Channels 4·f4 to 4·f4 + 3 of the pixel's residual.
fn load_residual(pixel: u32, f4: u32) -> vec4<f32> {
    return vec4<f32>(residual[pixel * (params.out_c >> 2u) + f4]);
}
