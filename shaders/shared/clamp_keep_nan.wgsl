// min(max(x, low), high) that hands on NaN, which WGSL's clamp may swallow.
fn clamp_keep_nan(x: f32, low: f32, high: f32) -> f32 {
    return select(select(x, low, x < low), high, x > high);
}

fn clamp4_keep_nan(x: vec4<f32>, low: f32, high: f32) -> vec4<f32> {
    let l = select(x, vec4<f32>(low), x < vec4<f32>(low));
    return select(l, vec4<f32>(high), x > vec4<f32>(high));
}
