// Rows shared out among invocations. A workgroup owns ROWS rows; PARTS invocations, a power of two, share each.
// With one part there is no barrier and no workgroup memory in use.
var<workgroup> parts: array<f32, ROWS * PARTS>;

// The sum of x over the invocations of a row, in each of them. All invocations of the workgroup have to call it.
fn row_sum(local: u32, x: f32) -> f32 {
    if PARTS == 1u {
        return x;
    }
    parts[local] = x;
    workgroupBarrier();
    for (var step = PARTS / 2u; step > 0u; step /= 2u) {
        if local % PARTS < step {
            parts[local] += parts[local + step];
        }
        workgroupBarrier();
    }
    let sum = parts[local / PARTS * PARTS];
    workgroupBarrier();
    return sum;
}

// The largest x, likewise.
fn row_max(local: u32, x: f32) -> f32 {
    if PARTS == 1u {
        return x;
    }
    parts[local] = x;
    workgroupBarrier();
    for (var step = PARTS / 2u; step > 0u; step /= 2u) {
        if local % PARTS < step {
            parts[local] = max(parts[local], parts[local + step]);
        }
        workgroupBarrier();
    }
    let largest = parts[local / PARTS * PARTS];
    workgroupBarrier();
    return largest;
}
