// Four elements at a time: what a buffer holds (element), and what is computed with (value).
const LANES = 4u;
alias element = vec4s;
alias value = vec4<f32>;

fn lane_sum(x: value) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

// By its bits: compilers may take x != x for false, and min, max and select for one another.
fn is_nan(x: value) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
}
