// The weight alone, in its place.
@group(0) @binding(3) var<storage, read_write> weight: array<element>;

fn load(i: u32) -> Updated {
    return Updated(value(weight[i]), value(), value(), value());
}

fn store(i: u32, updated: Updated) {
    weight[i] = element(updated.w);
}
