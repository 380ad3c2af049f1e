// The gradient of resampling by its input, gathered, for the positions of resize.wgsl:
//   dx[iy, ix] = Σ dy[oy, ox] · (row(oy, iy) · column(ox, ix)), the weights with which pixel iy, ix goes into oy, ox
// One invocation owns one channel of one input pixel, or four. It goes over the outputs that may have read the pixel, and
// some next to them, whose weights are 0.
#import scalar
#import lanes
#import index
#import resize_params

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<element>;
@group(0) @binding(2) var<storage, read_write> dx: array<element>;

// With which weight input `i` of `size` goes into output `o` of `out`; below 0 if it does not at all.
fn weight(i: u32, size: u32, o: u32, out: u32) -> f32 {
    let unit = 2u * out;
    let centre = (2u * o + 1u) * size;
    if params.bilinear == 0u {
        return select(-1.0, 1.0, centre / unit == i);
    }
    let at = max(centre, out) - out;
    let first = at / unit;
    let second = min(first + 1u, size - 1u);
    let t = f32(at % unit) / f32(unit);
    if first == i {
        return select(1.0 - t, (1.0 - t) + t, second == i);
    }
    return select(-1.0, t, second == i);
}

// The first output that may read input `i`, and the one behind the last.
fn first_reader(i: u32, size: u32, out: u32) -> u32 {
    return max((max(2u * i, 1u) - 1u) * out / (2u * size), 1u) - 1u;
}

fn end_reader(i: u32, size: u32, out: u32) -> u32 {
    return min((2u * i + 3u) * out / (2u * size) + 1u, out);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = linear_index(id, workgroups, 64u);
    if i >= params.batch * params.in_h * params.in_w * params.channels {
        return;
    }
    let c = i % params.channels;
    let ix = i / params.channels % params.in_w;
    let iy = i / params.channels / params.in_w % params.in_h;
    let picture = i / params.channels / params.in_w / params.in_h * params.out_h;

    let end_y = end_reader(iy, params.in_h, params.out_h);
    let end_x = end_reader(ix, params.in_w, params.out_w);
    var sum = value(0.0);
    for (var oy = first_reader(iy, params.in_h, params.out_h); oy < end_y; oy++) {
        let row = weight(iy, params.in_h, oy, params.out_h);
        if row < 0.0 {
            continue;
        }
        for (var ox = first_reader(ix, params.in_w, params.out_w); ox < end_x; ox++) {
            let column = weight(ix, params.in_w, ox, params.out_w);
            if column >= 0.0 {
                sum += value(dy[((picture + oy) * params.out_w + ox) * params.channels + c]) * (row * column);
            }
        }
    }
    dx[i] = element(sum);
}
