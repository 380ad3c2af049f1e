// Weight and states are read where they are; the new ones are stacked: y = [w, states..]. STATES is a constant of the kernel.
@group(0) @binding(3) var<storage, read> weight: array<element>;
// Those that the rule does not keep are the weight again.
@group(0) @binding(4) var<storage, read> first: array<element>;
@group(0) @binding(5) var<storage, read> second: array<element>;
@group(0) @binding(6) var<storage, read> third: array<element>;
@group(0) @binding(7) var<storage, read_write> y: array<element>;

fn load(i: u32) -> Updated {
    return Updated(value(weight[i]), value(first[i]), value(second[i]), value(third[i]));
}

fn store(i: u32, updated: Updated) {
    y[i] = element(updated.w);
    if STATES > 0u {
        y[params.count + i] = element(updated.a);
    }
    if STATES > 1u {
        y[2u * params.count + i] = element(updated.b);
    }
    if STATES > 2u {
        y[3u * params.count + i] = element(updated.c);
    }
}
