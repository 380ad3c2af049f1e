// One element at a time: what a buffer holds (element), and what is computed with (value).
alias element = scalar;
alias value = f32;

fn lane_sum(x: value) -> f32 {
    return x;
}
