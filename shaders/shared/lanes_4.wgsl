// Four elements at a time: what a buffer holds (element), and what is computed with (value).
alias element = vec4s;
alias value = vec4<f32>;

fn lane_sum(x: value) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}
