// The input of a convolution, any number of channels; those past the end read as 0.
@group(0) @binding(1) var<storage, read> x: array<scalar>;

// Channels 4·c4 to 4·c4 + 3 of the pixel that starts at element `pixel`.
fn load_x(pixel: u32, c4: u32) -> vec4<f32> {
    let c = 4u * c4;
    let at = pixel + c;
    let left = params.in_c - c;
    return vec4<f32>(
        f32(x[at]),
        select(0.0, f32(x[at + select(0u, 1u, left > 1u)]), left > 1u),
        select(0.0, f32(x[at + select(0u, 2u, left > 2u)]), left > 2u),
        select(0.0, f32(x[at + select(0u, 3u, left > 3u)]), left > 3u),
    );
}
