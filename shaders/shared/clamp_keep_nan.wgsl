// min(max(x, low), high) that hands on NaN, which WGSL's clamp may swallow. NaN is told by its bits: compilers may take
// x != x for false, and a select between x and a bound for min or max.
fn clamp_keep_nan(x: f32, low: f32, high: f32) -> f32 {
    return select(min(max(x, low), high), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}

fn clamp4_keep_nan(x: vec4<f32>, low: f32, high: f32) -> vec4<f32> {
    let is_nan = (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
    return select(min(max(x, vec4<f32>(low)), vec4<f32>(high)), x, is_nan);
}
