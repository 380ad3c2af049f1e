// How many pixels of each picture of x [N, H, W, C] lie in each of BINS bins, y [N, BINS, C]: a pixel's whole part is its bin,
// what lies outside counts in the first or the last.
// A workgroup owns one channel of one picture and counts in its own memory.
#import scalar

// In Rust: kernels/histogram.rs, HistogramParams.
struct Params {
    batch: u32,
    pixels: u32,
    channels: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<scalar>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;

var<workgroup> counts: array<atomic<u32>, BINS>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
) {
    let index = workgroup.y * workgroups.x + workgroup.x;
    let picture = index / params.channels;
    let channel = index % params.channels;
    // The last row of workgroups may reach beyond the end.
    let inside = picture < params.batch;
    for (var bin = own; bin < BINS; bin += 64u) {
        atomicStore(&counts[bin], 0u);
    }
    workgroupBarrier();
    if inside {
        for (var i = own; i < params.pixels; i += 64u) {
            let value = f32(x[(picture * params.pixels + i) * params.channels + channel]);
            atomicAdd(&counts[u32(clamp(value, 0.0, f32(BINS - 1u)))], 1u);
        }
    }
    workgroupBarrier();
    if inside {
        for (var bin = own; bin < BINS; bin += 64u) {
            y[(picture * BINS + bin) * params.channels + channel] = scalar(f32(atomicLoad(&counts[bin])));
        }
    }
}
