// No residual is added.
fn load_residual(pixel: u32, f4: u32) -> vec4<f32> {
    return vec4<f32>();
}
