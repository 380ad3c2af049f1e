// The weight and its two states, in their places.
@group(0) @binding(3) var<storage, read_write> weight: array<element>;
@group(0) @binding(4) var<storage, read_write> first: array<element>;
@group(0) @binding(5) var<storage, read_write> second: array<element>;

fn load(i: u32) -> Updated {
    return Updated(value(weight[i]), value(first[i]), value(second[i]), value());
}

fn store(i: u32, updated: Updated) {
    weight[i] = element(updated.w);
    first[i] = element(updated.a);
    second[i] = element(updated.b);
}
