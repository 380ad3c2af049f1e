// Channels 4·f4 to 4·f4 + 3 of the pixel's residual; past the end the last one is read, and not stored.
fn load_residual(pixel: u32, f4: u32) -> vec4<f32> {
    let at = pixel * params.out_c;
    let last = params.out_c - 1u;
    let f = 4u * f4;
    return vec4<f32>(
        f32(residual[at + min(f, last)]),
        f32(residual[at + min(f + 1u, last)]),
        f32(residual[at + min(f + 2u, last)]),
        f32(residual[at + min(f + 3u, last)]),
    );
}
