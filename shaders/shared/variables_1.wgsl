// The weight and its state, in their places.
@group(0) @binding(3) var<storage, read_write> weight: array<element>;
@group(0) @binding(4) var<storage, read_write> first: array<element>;

fn load(i: u32) -> Updated {
    return Updated(value(weight[i]), value(first[i]), value(), value());
}

fn store(i: u32, updated: Updated) {
    weight[i] = element(updated.w);
    first[i] = element(updated.a);
}
