// One element at a time: what a buffer holds (element), and what is computed with (value).
const LANES = 1u;
alias element = scalar;
alias value = f32;

fn lane_sum(x: value) -> f32 {
    return x;
}

// By its bits: compilers may take x != x for false, and min, max and select for one another.
fn is_nan(x: value) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
