// One number for each invocation. A dispatch of more than 65,535 workgroups is folded into rows of workgroups (y),
// so the last row may reach beyond the end: every kernel compares with its own count.
fn linear_index(id: vec3<u32>, workgroups: vec3<u32>, size: u32) -> u32 {
    return id.y * workgroups.x * size + id.x;
}
