// Uniform random numbers in [0, 1), multiples of 2^-24, by pcg4d of (index, stream, seed): Jarzynski and Olano, "Hash Functions
// for GPU Rendering", JCGT 9(3), 2020. Any device gives the same numbers.
// One invocation owns one element of y.
#import scalar
#import index

// In Rust: kernels/random.rs, Params.
struct Params {
    count: u32,
    stream: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// Two whole numbers below 2^24.
@group(0) @binding(1) var<storage, read> seed: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

fn mix(v: vec4<u32>) -> vec4<u32> {
    let x = v.x + v.y * v.w;
    let y = v.y + v.z * x;
    let z = v.z + x * y;
    return vec4<u32>(x, y, z, v.w + y * z);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.count {
        return;
    }
    let seeds = vec2<u32>(u32(i32(f32(seed[0]))), u32(i32(f32(seed[1]))));
    var v = vec4<u32>(i, params.stream, seeds.x, seeds.y) * 1664525u + 1013904223u;
    v = mix(v);
    v ^= v >> vec4<u32>(16u);
    v = mix(v);
    y[i] = scalar(f32(v.x >> 8u) / 16777216.0);
}
