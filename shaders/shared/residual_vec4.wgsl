// Channels 4·f4 to 4·f4 + 3 of the pixel's residual, 0 where there is none.
fn load_residual(pixel: u32, f4: u32) -> vec4<f32> {
    if params.has_residual == 0u {
        return vec4<f32>();
    }
    return vec4<f32>(residual[pixel * (params.out_c >> 2u) + f4]);
}
